"""Changing the one line of plimsoll.toml that says which cluster an environment means."""

from __future__ import annotations

import tomllib

import pytest

from plimsoll.domain.trust import trusting
from plimsoll.errors import Misconfigured

SERVER, UID = "https://api.example.com:6443", "0a1b-2c"
HEAD = '# what we run\n[environments.staging]\nnamespace = "shop"   # and more\n'
TAIL = '\n[environments.production]\nremote = { context = "live", server = "https://live", uid = "9" }\n'


def edited(line: str) -> str:
    """Return what becomes of a line in the middle of a file, after the rest was found unchanged."""
    found = trusting(f"{HEAD}{line}{TAIL}", "staging", server=SERVER, uid=UID)
    assert (found.text, found.line, found.before) == (f"{HEAD}{found.after}{TAIL}", 4, line)
    parsed = tomllib.loads(found.text)["environments"]
    assert (parsed["staging"]["remote"]["server"], parsed["staging"]["remote"]["uid"]) == (SERVER, UID)
    assert parsed["production"]["remote"]["uid"] == "9"
    return found.after


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ('remote = { context = "s" }', f'remote = {{ context = "s", server = "{SERVER}", uid = "{UID}" }}'),
        ('remote = {context="s"}  # ours', f'remote = {{context="s", server = "{SERVER}", uid = "{UID}" }}  # ours'),
        (
            '  remote={ uid  = "old",server="https://old",  context = "s" , pull_secret = \'a, "b" = {\' }   # why',
            f'  remote={{ uid  = "{UID}",server="{SERVER}",  context = "s" , pull_secret = \'a, "b" = {{\' }}   # why',
        ),
        (
            'remote = { "server" = "x", context = "a \\" server = \\"b\\" # }" }',
            f'remote = {{ "server" = "{SERVER}", context = "a \\" server = \\"b\\" # }}", uid = "{UID}" }}',
        ),
        (
            f'remote = {{ context = "s", server = "{SERVER}", uid = "{UID}" }}',
            f'remote = {{ context = "s", server = "{SERVER}", uid = "{UID}" }}',
        ),
    ],
)
def test_the_line_says_it_and_nothing_else_has_changed(line: str, after: str) -> None:
    assert edited(line) == after


def test_line_endings_stay_as_they_are() -> None:
    text = f'{HEAD}remote = {{ context = "s" }}{TAIL}'.replace("\n", "\r\n")
    found = trusting(text, "staging", server=SERVER, uid=UID)
    assert found.text.count("\r\n") == text.count("\r\n") == found.text.count("\n")


def test_a_dotted_key_is_an_inline_table_too() -> None:
    text = '[environments]\nstaging.namespace = "shop"\nstaging.remote = { context = "s" }\n'
    assert trusting(text, "staging", server=SERVER, uid=UID).line == 3


@pytest.mark.parametrize(
    "layout",
    [
        '[environments.staging.remote]\ncontext = "s"\n',
        '[environments.staging]\nremote.context = "s"\n',
        '[environments]\nstaging = { remote = { context = "s" } }\n',
        'note = """\n[environments.staging]\nremote = { context = "s" }\n"""\n[environments.staging.remote]\ncontext = "s"\n',
    ],
)
def test_another_layout_is_refused_with_the_line_to_paste(layout: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        trusting(layout, "staging", server=SERVER, uid=UID)
    assert refused.value.code == "settings-layout"
    line = refused.value.now.partition(": ")[2]
    assert tomllib.loads(line) == {"remote": {"context": "s", "server": SERVER, "uid": UID}}
