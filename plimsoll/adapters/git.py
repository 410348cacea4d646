"""Git (port Source): what is committed, what is not, and who touched it."""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from plimsoll.adapters import process
from plimsoll.domain.source import Change, Commit
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# Commits looked at per call: most questions are answered by the newest few.
PAGE = 40
TIMEOUT = 60.0
# CI systems that name the person behind a run.
CI_ACTORS = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BITBUCKET_STEP_TRIGGERER_UUID", "BUILD_REQUESTEDFOR")


class Git:
    """The repository at `root`, as it is when it is first asked. Nothing is written: not even the index is refreshed."""

    def __init__(self, root: Path) -> None:
        """Look at the work tree whose top is `root`."""
        self._root = root
        self.show = cache(self._show)
        # One look at the whole tree answers for every service.
        self._all_files = cache(self._list)
        self._all_changed = cache(self._status)
        self._require_history = cache(self._check_history)

    def head(self) -> Commit:
        """Return the commit that is checked out. Raise Misconfigured without one, or in a shallow clone."""
        self._require_history()
        found = self._git("log", "-1", "--format=%H %ct", check=False)
        if found.code != 0 or not found.stdout.strip():
            raise Misconfigured("there is no commit yet", where=str(self._root), now="commit first: `git add . && git commit`")
        return _commit(found.stdout)

    def history(self, paths: Sequence[str]) -> Iterator[Change]:
        """Yield the commits that touched any of `paths`, newest first. Raise Misconfigured in a shallow clone."""
        self._require_history()
        seen = 0
        while True:
            page = self._git(
                "log", f"--skip={seen}", f"-{PAGE}", "--format=%x01%H %ct", "--name-only", "-z", "--no-renames",
                "--diff-merges=first-parent", "--relative", "--", *_literal(paths), check=False,
            )  # fmt: skip
            entries = page.stdout.split("\x01")[1:]
            for entry in entries:
                head, *names = entry.replace("\n", "\0").split("\0")
                yield Change(commit=_commit(head), paths=tuple(name for name in names if name))
            if len(entries) < PAGE:
                return
            seen += PAGE

    def _show(self, revision: str, path: str) -> str | None:
        """Return a file's text as it was at `revision` (`REVISION^`: before it), None when it was not there."""
        found = self._git("show", f"{revision}:./{path}", check=False)
        return found.stdout if found.code == 0 else None

    def changed(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Return the files under `paths` that differ from the commit, untracked ones included (ignored ones not)."""
        return tuple(name for name in self._all_changed() if _within(name, paths))

    def files(self, path: str) -> tuple[str, ...]:
        """Return the files under `path` that a clone would have, or would have once committed: no ignored ones."""
        return tuple(name for name in self._all_files() if _within(name, (path,)))

    def actor(self) -> str:
        """Return who is at work: the CI system's actor, otherwise the user configured in git, otherwise the login name."""
        for name in CI_ACTORS:
            if os.environ.get(name):
                return os.environ[name]
        return self._configured("user.email") or self._login()

    def identities(self) -> tuple[str, ...]:
        """Return every name by which who is at work may be known: to the CI system, to git, and to this machine."""
        found = [os.environ.get(name, "") for name in (*CI_ACTORS, "GITHUB_TRIGGERING_ACTOR")]
        found += [self._configured("user.email"), self._configured("user.name"), self._login()]
        return tuple(dict.fromkeys(name for name in found if name))

    def _configured(self, key: str) -> str:
        return self._git("config", "--get", key, check=False).stdout.strip()

    def _login(self) -> str:
        try:
            return getpass.getuser()
        except (KeyError, OSError):  # a container may run under a number that no name belongs to
            return f"uid {os.getuid()}"

    def branches(self, name: str, revision: str) -> dict[str, bool] | None:
        """Return the branches called `name`, ours and those of remotes, and whether each holds the commit `revision`.

        None when this clone does not know the commit.
        """
        if self._git("cat-file", "-e", f"{revision}^{{commit}}", check=False).code != 0:
            return None
        patterns = (f"refs/heads/{name}", f"refs/remotes/*/{name}")
        refs = self._git("for-each-ref", "--format=%(refname)", *patterns).stdout.split()
        return {ref.removeprefix("refs/heads/").removeprefix("refs/remotes/"): self._holds(ref, revision) for ref in refs}

    def _holds(self, ref: str, revision: str) -> bool:
        return self._git("merge-base", "--is-ancestor", revision, ref, check=False).code == 0

    def clone(self, target: Path) -> None:
        """Clone what is committed into `target`, with files of its own."""
        self._git("clone", "--quiet", "--no-hardlinks", str(self._root), str(target))

    def _list(self) -> tuple[str, ...]:
        self._require_history()
        listed = self._git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        return tuple(sorted({name for name in listed.stdout.split("\0") if name}))

    def _status(self) -> tuple[str, ...]:
        status = self._git("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=none")
        # Unlike all the others, this command speaks of paths from the top of the repository.
        prefix = self._require_history()
        names = (entry[3:] for entry in status.stdout.split("\0") if entry)
        return tuple(name.removeprefix(prefix) for name in names if name.startswith(prefix))

    def _check_history(self) -> str:
        """Return the way from the repository's top to `root`; empty where they are one."""
        answer = self._git("rev-parse", "--is-shallow-repository", "--show-prefix", check=False)
        if answer.code != 0:
            raise Misconfigured(
                "this is no git repository, and labels and tags come from its commits",
                where=str(self._root),
                now="run `git init` and commit, or clone the repository",
                code="no-git",
            )
        shallow, _, prefix = answer.stdout.partition("\n")
        if shallow.strip() == "true":
            raise Misconfigured(
                "this clone is shallow: it cannot say which commit last touched an image's sources",
                where=str(self._root),
                now="run `git fetch --unshallow` (in a CI checkout: fetch-depth: 0)",
                code="shallow-clone",
            )
        return prefix.strip()

    def _git(self, *words: str, check: bool = True) -> process.Finished:
        # quotePath would turn a file's name into escapes; optional locks would write the index.
        argv = ("git", "--no-optional-locks", "-c", "core.quotePath=false", "-C", str(self._root), *words)
        return process.run(argv, timeout=TIMEOUT, check=check, env={"LC_ALL": "C.UTF-8"})


def _within(name: str, paths: Sequence[str]) -> bool:
    return any(path in {".", "", name} or name.startswith(f"{path}/") for path in paths)


def _literal(paths: Sequence[str]) -> tuple[str, ...]:
    # A path with a `*` in it means itself; "." means everything.
    return tuple(f":(literal){path or '.'}" for path in paths)


def _commit(line: str) -> Commit:
    revision, seconds = line.split()
    return Commit(revision=revision, time=datetime.fromtimestamp(int(seconds), tz=UTC))
