"""Draws the pictures of the documentation from the code itself: `python -m tests.pictures` writes docs/images/wait.svg.

The wait is a real one, over a scripted cluster whose seconds pass at once; the picture is its live table after twelve of them.
"""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from plimsoll.domain.manifests import Ref
from plimsoll.domain.rollout_rules import Limits
from plimsoll.ui.board import board
from plimsoll.workflows.wait import wait_for
from tests import fake_controllers
from tests.fake_cluster import FakeCluster
from tests.fakes import FakeClock, FakeReporter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plimsoll.domain.rollout_board import Standing

FILE = Path(__file__).parents[1] / "docs" / "images" / "wait.svg"
MOMENT = 12.0
NAMESPACE = "shop"
WORKLOADS = {
    name: Ref("apps/v1", "StatefulSet" if name == "store" else "Deployment", NAMESPACE, name)
    for name in ("store", "backend", "frontend", "worker")
}
CLAIM = Ref("v1", "PersistentVolumeClaim", NAMESPACE, "uploads")


class _Enough(Exception):
    """The picture can be drawn."""


class _Reporter(FakeReporter):
    """Remembers the last table, and when it was told."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self.last: tuple[Standing, ...] = ()
        self.at = 0.0

    def board(self, rows: Sequence[Standing], news: str = "") -> None:
        super().board(rows, news)
        if rows:
            self.last, self.at = tuple(rows), self._clock.passed


class _NoStop:
    def check(self) -> None:
        """Nobody asks."""


class _Cluster(FakeCluster):
    """Four workloads and a claim, of which some come up and some do not."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock, behaviour=lambda manifest: self.mood.get(manifest["metadata"]["name"], "unready"))
        self.mood: dict[str, str] = {}
        self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        for name, target in WORKLOADS.items():
            container = {"name": name, "image": f"registry.example.com/shop/{name}:3f9c"}
            template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
            self.apply(_manifest(target, {"replicas": 1 if name == "store" else 3, "template": template}))
        self.apply(_manifest(CLAIM, {}))
        self._waits("worker", "ContainerCreating")
        self._script()

    def _script(self) -> None:
        self.later(2, lambda: self._becomes(WORKLOADS["store"], "ready"))
        self.later(6, lambda: self._becomes(WORKLOADS["frontend"], "ready"))
        self.later(7, lambda: self._said("backend", "Readiness probe failed: HTTP probe failed with statuscode: 503"))
        self.later(9, lambda: self._waits("worker", "ImagePullBackOff", "dial tcp: i/o timeout"))
        self.later(MOMENT, _enough)

    def _becomes(self, target: Ref, mood: str) -> None:
        self.mood[target.name] = mood
        live = self.get(target.path, target.name, target.namespace)
        fake_controllers.react(self, live or {})

    def _said(self, name: str, message: str) -> None:
        self.happened(self._pod(name), "Unhealthy", message)

    def _waits(self, name: str, reason: str, message: str = "") -> None:
        pod = self._pod(name)
        pod["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": reason, "message": message}}
        self.put(pod, "kubelet")

    def _pod(self, name: str) -> dict[str, Any]:
        return next(each for each in self.list("v1/Pod", NAMESPACE) if each["metadata"]["name"].startswith(f"{name}-"))


def _manifest(target: Ref, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": target.name, "namespace": target.namespace}
    return {"apiVersion": target.api, "kind": target.kind, "metadata": metadata, "spec": spec}


def _enough() -> None:
    raise _Enough


def rows() -> tuple[Standing, ...]:
    """Return what the table shows at the moment of the picture."""
    clock = FakeClock()
    cluster, reporter = _Cluster(clock), _Reporter(clock)
    try:
        wait_for(
            [*WORKLOADS.values(), CLAIM],
            cluster=cluster,
            logs=cluster,
            clock=clock,
            reporter=reporter,
            stop=_NoStop(),
            timeout=60,
            limits=Limits(grace=60),
            environment="staging",
        )
    except _Enough:
        return tuple(row if row.done else replace(row, seconds=row.seconds + MOMENT - reporter.at) for row in reporter.last)
    raise AssertionError("the wait was over before the moment of the picture")


def drawn() -> str:
    """Return the picture as SVG."""
    console = Console(record=True, width=112, force_terminal=True, file=io.StringIO(), highlight=False)
    console.print(f"[cyan]⠼[/] rolling out workloads [dim]{MOMENT:.0f} s[/]")
    console.print(board(rows(), None))
    text = console.export_svg(title="inv deploy --env staging", unique_id="wait")
    # A picture asks nobody for fonts.
    text = re.sub(r"@font-face \{.*?\}|<!--.*?-->", "", text, flags=re.DOTALL)
    text = text.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip()) + "\n"


if __name__ == "__main__":
    FILE.write_text(drawn(), encoding="utf-8")
