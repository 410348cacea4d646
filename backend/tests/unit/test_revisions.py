"""Which schemas a release works with."""

from __future__ import annotations

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from checkin.revisions import MIGRATIONS, known_revisions, schema_problem

KNOWN = ("0001", "0002", "0003")


def test_the_newest_known_schema_is_right() -> None:
    assert schema_problem("0003", KNOWN) is None


def test_a_newer_release_may_have_gone_ahead() -> None:
    assert schema_problem("0004", KNOWN) is None


@pytest.mark.parametrize(("current", "said"), [(None, "missing"), ("0001", "is at 0001, this release needs 0003")])
def test_a_missing_or_older_schema_is_named_with_its_remedy(current: str | None, said: str) -> None:
    problem = schema_problem(current, KNOWN)
    assert problem is not None
    assert said in problem
    assert "python -m checkin.migrate" in problem


def test_file_names_number_the_migrations_in_their_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    in_order = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    assert list(known_revisions()) == in_order
