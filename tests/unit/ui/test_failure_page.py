"""docs/failures.md shows what is really printed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from plimsoll.errors import Failed
from plimsoll.ui.errors import draw_error
from tests.fake_site import World, images

if TYPE_CHECKING:
    from pathlib import Path

SAID = """INFO starting release staging-2 with 2 workers
Traceback (most recent call last):
  File "/app/web/__main__.py", line 12, in <module>
    main()
  File "/app/web/settings.py", line 48, in load
    raise SettingsError(f"{key} is missing")
web.settings.SettingsError: GREETING_URL is missing: set it in the ConfigMap web-config
"""


def test_the_report_on_the_page_is_what_a_deploy_prints(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whether GitHub runs us is a fact of the process.
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    world = World()
    world.deploy()
    world.cluster.behaviour = lambda workload: "crash" if images(web="2")["web"].digest in str(workload) else "ready"
    world.cluster.said["web", "web", False] = SAID
    with pytest.raises(Failed) as failed:
        world.deploy(images(web="2"))
    draw_error(failed.value)
    assert _without_hashes(f"```text\n{capsys.readouterr().err}```") in _without_hashes(
        (root / "docs" / "failures.md").read_text()
    )


def _without_hashes(text: str) -> str:
    """Return a text without the hash of a pod's template: it changes with each line of the application's manifests."""
    return re.sub(r"web-[0-9a-f]{8}", "web", text)
