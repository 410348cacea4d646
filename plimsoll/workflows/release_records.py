"""Reading recorded releases: one as a whole, two against each other, one as a file. Nothing is written to the cluster."""

from __future__ import annotations

import difflib
import hashlib
from typing import TYPE_CHECKING

from plimsoll.domain.concealed import concealed
from plimsoll.domain.promotion import environment_of
from plimsoll.domain.release_archive import archive
from plimsoll.domain.release_diff import compare
from plimsoll.domain.release_report import Exported, ReleaseReport
from plimsoll.errors import Failed, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plimsoll.domain.ledger import History
    from plimsoll.domain.project import Environment
    from plimsoll.domain.release import Release
    from plimsoll.domain.release_diff import ReleaseDiff
    from plimsoll.workflows.ledger import Ledger
    from plimsoll.workflows.site import Site

# How many names a message suggests.
SUGGESTIONS = 3


class Records:
    """The recorded releases of all environments of a project; `site_of` connects to one of them."""

    def __init__(self, environments: Mapping[str, Environment], site_of: Callable[[Environment], Site]) -> None:
        self._environments = environments
        self._site_of = site_of

    def show(self, name: str) -> ReleaseReport:
        """Return everything that is recorded of a release. Raise Misconfigured for one that does not exist."""
        ledger, release = self._found(name)
        return _report(ledger, release)

    def diff(self, before: str, after: str) -> ReleaseDiff:
        """Return how release `after` differs from release `before`. Raise Failed when one of them is no longer whole."""
        old_ledger, old = self._found(before)
        new_ledger, new = self._found(after)
        return compare(old, new, old_ledger.manifests(old), new_ledger.manifests(new))

    def export(self, name: str, file: str, write: Callable[[bytes], None]) -> Exported:
        """Hand the bytes of a release's archive to `write`, which keeps them as `file`. Raise Failed when it is not whole."""
        ledger, release = self._found(name)
        report = _report(ledger, release)
        if report.problem:
            ledger.manifests(release)
        content = archive(name, report.to_json(), report.manifests)
        write(content)
        return Exported(
            release=name,
            file=file,
            octets=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            objects=len(report.manifests),
            hidden=report.hidden,
        )

    def _found(self, name: str) -> tuple[Ledger, Release]:
        environment = environment_of(name, self._environments)
        if environment is None:
            known = ", ".join(sorted(self._environments))
            near = difflib.get_close_matches(name.rpartition("-")[0] or name, list(self._environments), n=1)
            hint = f"did you mean a release of {near[0]!r}?" if near else f"environments: {known}"
            raise Misconfigured(
                f"{name!r} is no release of this repository",
                where="the release's name",
                now=f"name one as `inv history` lists it, such as {near[0] if near else 'staging'}-12; {hint}",
                code="unknown-release",
            )
        site = self._site_of(environment)
        site.guard()
        ledger = site.ledger
        history = ledger.history()
        release = history.named(name)
        if release is None:
            raise _unknown(name, environment.name, history)
        return ledger, release


def _unknown(name: str, environment: str, history: History) -> Failed | Misconfigured:
    if any(damaged.endswith(f"-{name}") for damaged in history.damaged):
        return Failed(
            f"the record of {name} cannot be read",
            where=f"the ledger of {environment}",
            now=f"the others can: `inv history --env {environment}`",
            code="record-damaged",
        )
    names = [release.name for release in reversed(history.releases)]
    near = difflib.get_close_matches(name, names, n=SUGGESTIONS) or names[:SUGGESTIONS]
    return Misconfigured(
        f"there is no release {name!r}",
        where=f"the ledger of {environment}",
        now=f"did you mean {', '.join(near)}?" if near else f"{environment} has no release yet: `inv build deploy`",
        code="unknown-release",
    )


def _report(ledger: Ledger, release: Release) -> ReleaseReport:
    try:
        manifests, hidden = concealed(ledger.manifests(release))
    except Failed as error:
        if error.code != "record-damaged":
            raise
        return ReleaseReport(release=release, problem=error.what)
    return ReleaseReport(release=release, manifests=manifests, hidden=hidden)
