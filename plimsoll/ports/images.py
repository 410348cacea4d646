"""Sources, base images, images and registries, and what judges them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from plimsoll.domain.bases import BaseImage, BaseState, Recorded
    from plimsoll.domain.build import BuildPlan, Built, ContextFile
    from plimsoll.domain.images import Digest, Image
    from plimsoll.domain.project import Base
    from plimsoll.domain.publish import PushResult
    from plimsoll.domain.scan import Database, ScanReport
    from plimsoll.domain.source import Change, Commit
    from plimsoll.ports.process import Reporter


class Source(Protocol):
    """The version control of the repository. Paths are relative to its root."""

    def head(self) -> Commit:
        """Return the commit that is checked out. Raise Misconfigured without one, or in a shallow clone."""

    def history(self, paths: Sequence[str]) -> Iterator[Change]:
        """Yield the commits that touched any of `paths`, newest first. Raise Misconfigured in a shallow clone."""

    def show(self, revision: str, path: str) -> str | None:
        """Return a file's text as it was at `revision` (`REVISION^`: before it), None when it was not there."""

    def changed(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Return the files under `paths` that differ from the commit, untracked ones included (ignored ones not)."""

    def files(self, path: str) -> tuple[str, ...]:
        """Return the files under `path` that a clone would have, or would have once committed: no ignored ones."""

    def actor(self) -> str:
        """Return who is at work: the CI system's actor, otherwise the user configured in git, otherwise the login name."""


class WorkTree(Protocol):
    """The files of the repository as they lie there now. Paths are relative to its root."""

    def text(self, path: str) -> str | None:
        """Return a file's text, None when it is not there."""

    def write(self, path: str, text: str) -> None:
        """Write a file, whole or not at all."""

    def context(self, folder: str, paths: Sequence[str]) -> tuple[ContextFile, ...]:
        """Return those of `paths` that are files or links, by their paths inside `folder`, with the hashes of their contents."""


class ImageRegistry(Protocol):
    """A container registry. References are `host/path:tag` or `host/path@sha256:...`.

    Every method raises EnvironmentLacks when the registry does not answer, Misconfigured when it does not let us in.
    """

    def digest(self, reference: str) -> Digest | None:
        """Return the digest that `reference` stands for, or None."""

    def find(self, service: str, reference: str) -> Built | None:
        """Return the image under `reference` with its labels and sizes, or None; its layers are not fetched."""

    def fetch(self, image: Image, folder: Path) -> None:
        """Write the image's OCI layout into `folder`."""

    def push(self, image: Image, folder: Path) -> PushResult:
        """Move what is missing of the image whose OCI layout is `folder`. Raise Misconfigured rather than move a tag."""


class ImageStore(Protocol):
    """The images that this machine keeps, by service and tag."""

    def find(self, service: str, tag: str) -> Built | None:
        """Return the image, or None."""

    def folder(self, image: Image) -> Path | None:
        """Return the OCI layout of the image, or None when only its description is kept."""

    def keep(self, built: Built, fill: Callable[[Path], None] | None = None) -> None:
        """Keep an image's description; `fill` writes its OCI layout into the folder it is given. Whole or not at all."""


class ImageBuilder(Protocol):
    """What turns a plan into an image. Several may build at once, each in its own thread."""

    def build(self, plan: BuildPlan, bases: Mapping[str, BaseImage], *, cache: bool = True) -> Built:
        """Build, and keep the image in the store; without `cache` every step is run anew.

        Raise Failed with the failing step's last lines and the Dockerfile's line, EnvironmentLacks when the engine goes away or a
        disk is full.
        """

    def require(self) -> None:
        """Raise EnvironmentLacks when nothing can be built on this machine."""

    def stop(self) -> None:
        """End the builds that are under way, before the caller leaves."""


class PackageMirror(Protocol):
    """Where packages of base images come from."""

    def resolve(self, base: Base, wished: Recorded | None, *, reporter: Reporter) -> Recorded:
        """Return every package of `base` with the version to take: the wished one where the mirror has it, else the newest.

        Raise EnvironmentLacks when the mirror does not answer, Misconfigured when the packages do not fit together.
        """


class BaseStore(Protocol):
    """The base images that this machine has made, and what it took where recorded versions had gone."""

    def find(self, state: BaseState) -> BaseImage | None:
        """Return the base in this state, or None when it has to be made. A pulled one is asked for at its registry."""

    def make(self, state: BaseState, *, reporter: Reporter) -> BaseImage:
        """Make the base in exactly this state, or raise EnvironmentLacks."""

    def taken(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what this machine took where recorded versions had gone (`domain.bases.recorded_state`)."""

    def take(self, base: str, instead_of: str, recorded: Recorded) -> None:
        """Remember what was taken for the recorded state with the key `instead_of`."""


class Scanner(Protocol):
    """A vulnerability scanner with its database."""

    def database(self) -> Database:
        """Return the newest database that can be had; when there is none, its `reason` says why. Never raises for that."""

    def scan(self, layout: str) -> ScanReport:
        """Return what is known of the image in an OCI layout. Raise EnvironmentLacks when the scanner cannot run or read it."""


class ScanMemory(Protocol):
    """What earlier scans found, by digest and database: a verdict is reused while both are unchanged."""

    def recall(self, digest: str, database: Database) -> ScanReport | None:
        """Return the report of an earlier scan, or None."""

    def keep(self, digest: str, database: Database, report: ScanReport) -> None:
        """Keep a report for the next time."""
