"""Version control and work tree: the same cases for the fake and for real git; then what only git can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from plimsoll.adapters.git import Git
from plimsoll.adapters.work_tree import FileTree
from plimsoll.errors import Failed, Misconfigured
from tests.fake_workshop import FakeRepository
from tests.git_repository import Repository, repository

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from plimsoll.domain.build import ContextFile
    from plimsoll.ports import Source, WorkTree

FILES = {"app/main.py": "one\n", "app/über uns.txt": "two\n", "docs/index.md": "three\n"}


class World(Protocol):
    """A repository that tests can change."""

    def commit(self, **files: str) -> str: ...
    def write(self, path: str, text: str) -> None: ...


class Both:
    """One repository, real or fake, and the ports onto it."""

    def __init__(self, root: Path, kind: str) -> None:
        self.kind = kind
        self.real: Repository | None = None
        if kind == "git":
            self.real = repository(root, FILES)
            self.world: World = self.real
        else:
            self.fake = FakeRepository()
            self.fake.commit(**FILES)
            self.world = self.fake

    @property
    def source(self) -> Source:
        return Git(self.real.root) if self.real else self.fake

    @property
    def tree(self) -> WorkTree:
        return FileTree(self.real.root) if self.real else self.fake

    def delete(self, path: str) -> None:
        if self.real:
            (self.real.root / path).unlink()
        else:
            del self.fake.work[path]

    def ignore(self, path: str, text: str) -> None:
        if self.real:
            (self.real.root / ".git" / "info").mkdir(exist_ok=True)
            (self.real.root / ".git" / "info" / "exclude").write_text(f"/{path}\n")
        else:
            self.fake.ignored.add(path)
        self.world.write(path, text)


@pytest.fixture(params=["fake", "git"])
def at(request: pytest.FixtureRequest, tmp_path: Path) -> Both:
    return Both(tmp_path / "source", request.param)


def touched(source: Source, *paths: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(change.commit.revision, change.paths) for change in source.history(paths)]


def test_the_head_is_the_last_commit_and_knows_its_time(at: Both) -> None:
    revision = at.world.commit(**{"docs/index.md": "changed\n"})
    head = at.source.head()
    assert (head.revision, head.time.isoformat()) == (revision, "2030-01-02T10:00:00+00:00")


def test_history_names_the_commits_that_touched_a_path_newest_first(at: Both) -> None:
    first = at.source.head().revision
    second = at.world.commit(**{"app/main.py": "changed\n", "docs/index.md": "changed\n"})
    at.world.commit(**{"docs/index.md": "again\n"})
    assert touched(at.source, "app") == [(second, ("app/main.py",)), (first, ("app/main.py", "app/über uns.txt"))]


def test_history_counts_a_deletion(at: Both) -> None:
    at.delete("app/main.py")
    commit = at.world.commit()
    assert touched(at.source, "app/main.py")[0] == (commit, ("app/main.py",))


def test_history_of_what_was_never_there_is_empty(at: Both) -> None:
    assert touched(at.source, "nowhere") == []


def test_a_file_is_shown_as_it_was(at: Both) -> None:
    revision = at.world.commit(**{"app/main.py": "changed\n"})
    source = at.source
    assert source.show(revision, "app/main.py") == "changed\n"
    assert source.show(f"{revision}^", "app/main.py") == "one\n"
    assert source.show("HEAD", "app/über uns.txt") == "two\n"
    assert source.show(revision, "nowhere") is None


def test_nothing_was_there_before_the_first_commit(at: Both) -> None:
    source = at.source
    assert source.show(f"{source.head().revision}^", "app/main.py") is None


def test_changes_are_those_that_a_commit_would_take(at: Both) -> None:
    assert at.source.changed((".",)) == ()
    at.world.write("app/main.py", "changed\n")
    at.world.write("app/new.py", "new\n")
    at.world.write("docs/new.md", "new\n")
    at.delete("app/über uns.txt")
    at.ignore("app/debug.log", "noise\n")
    assert sorted(at.source.changed(("app",))) == ["app/main.py", "app/new.py", "app/über uns.txt"]
    assert at.source.changed(("docs/index.md",)) == ()
    assert len(at.source.changed((".",))) == 4


def test_files_are_those_that_a_clone_would_have(at: Both) -> None:
    at.world.write("app/new.py", "new\n")
    at.ignore("app/debug.log", "noise\n")
    assert at.source.files("app") == ("app/main.py", "app/new.py", "app/über uns.txt")
    assert at.source.files("ap") == ()


def test_a_context_holds_the_files_that_are_there_by_their_paths_inside(at: Both) -> None:
    at.world.write("app/new.py", "new\n")
    found = {file.path for file in at.tree.context("app", ("app/main.py", "app/new.py", "app/gone.py"))}
    assert found == {"main.py", "new.py"}


def test_texts_are_read_and_written(at: Both) -> None:
    at.tree.write("docs/index.md", "rewritten\n")
    assert at.tree.text("docs/index.md") == "rewritten\n"
    assert at.tree.text("docs/nowhere.md") is None


@pytest.fixture
def real(tmp_path: Path) -> Repository:
    return repository(tmp_path / "source", FILES)


def test_a_shallow_clone_is_refused_naming_the_command(real: Repository, tmp_path: Path) -> None:
    real.commit(**{"app/main.py": "second\n"})
    real.git("clone", "--quiet", "--depth=1", f"file://{real.root}", str(tmp_path / "shallow"))
    with pytest.raises(Misconfigured, match="shallow") as raised:
        Git(tmp_path / "shallow").head()
    assert raised.value.exit_code == 2
    assert "git fetch --unshallow" in raised.value.now
    with pytest.raises(Misconfigured, match="shallow"):
        next(Git(tmp_path / "shallow").history(("app",)))


def test_a_folder_without_git_and_a_repository_without_commits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no git repository"):
        Git(tmp_path).files("app")
    empty = Repository(tmp_path / "empty")
    empty.root.mkdir()
    empty.git("init", "--quiet")
    with pytest.raises(Misconfigured, match="no commit yet"):
        Git(empty.root).head()


def test_a_merge_counts_for_what_it_brought(real: Repository) -> None:
    real.git("checkout", "--quiet", "-b", "side")
    side = real.commit(**{"app/main.py": "on the side\n"})
    real.git("checkout", "--quiet", "main")
    real.commit(**{"docs/index.md": "on main\n"})
    real.git("merge", "--quiet", "--no-ff", "-m", "merge", "side")
    assert touched(Git(real.root), "app")[0][0] in {side, real.git("rev-parse", "HEAD")}
    assert "app/main.py" in touched(Git(real.root), "app")[0][1]


def test_history_is_read_page_by_page(real: Repository) -> None:
    for number in range(45):
        real.git("commit", "--quiet", "--allow-empty", "-m", f"{number}")
        real.write("docs/index.md", f"{number}\n")
        real.git("add", ".")
        real.git("commit", "--quiet", "-m", f"change {number}")
    assert len(touched(Git(real.root), "docs")) == 46


def test_a_project_in_a_folder_of_its_repository_sees_its_own_paths(real: Repository) -> None:
    real.write("app/main.py", "changed\n")
    source = Git(real.root / "app")
    assert source.files(".") == ("main.py", "über uns.txt")
    assert source.changed((".",)) == ("main.py",)
    assert touched(source, "main.py")[0][1] == ("main.py",)
    assert source.show("HEAD", "main.py") == "one\n"


def test_nothing_in_the_repository_is_written(real: Repository) -> None:
    before = (real.root / ".git" / "index").read_bytes()
    (real.root / "app" / "main.py").touch()
    Git(real.root).changed((".",))
    assert (real.root / ".git" / "index").read_bytes() == before


@pytest.mark.parametrize(
    ("environment", "actor"),
    [({"GITHUB_ACTOR": "octocat"}, "octocat"), ({"GITLAB_USER_LOGIN": "tanuki"}, "tanuki"), ({}, "ada@example.org")],
)
def test_the_actor_is_the_person_behind_a_run(
    real: Repository, monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], actor: str
) -> None:
    for name in ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BITBUCKET_STEP_TRIGGERER_UUID", "BUILD_REQUESTEDFOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    real.git("config", "user.email", "ada@example.org")
    assert Git(real.root).actor() == actor


def test_a_clone_holds_what_is_committed(real: Repository, tmp_path: Path) -> None:
    real.write("app/main.py", "not committed\n")
    Git(real.root).clone(tmp_path / "clone")
    assert (tmp_path / "clone" / "app" / "main.py").read_text() == "one\n"


def staged(tree: FileTree, files: tuple[ContextFile, ...], target: Path) -> dict[str, str]:
    tree.stage("app", files, target)
    return {path.name: oct(path.lstat().st_mode) for path in sorted(target.rglob("*")) if path.is_file() or path.is_symlink()}


def test_rights_of_a_clone_do_not_show_in_a_context(real: Repository, tmp_path: Path) -> None:
    app = real.root / "app"
    (app / "run").write_text("#!/bin/sh\n")
    (app / "run").chmod(0o700)
    (app / "main.py").chmod(0o600)
    (app / "link").symlink_to("main.py")
    tree = FileTree(real.root)
    files = tree.context("app", tuple(f"app/{name}" for name in ("run", "main.py", "link")))
    assert [(file.path, file.executable, file.link) for file in files] == [
        ("run", True, False),
        ("main.py", False, False),
        ("link", False, True),
    ]
    modes = staged(tree, files, tmp_path / "context")
    assert (modes["run"], modes["main.py"]) == ("0o100755", "0o100644")
    assert (tmp_path / "context" / "link").readlink().name == "main.py"
    assert oct((tmp_path / "context").stat().st_mode) == "0o40755"


def test_a_file_that_changes_while_it_is_built_is_noticed(real: Repository, tmp_path: Path) -> None:
    tree = FileTree(real.root)
    files = tree.context("app", ("app/main.py",))
    real.write("app/main.py", "changed meanwhile\n")
    with pytest.raises(Failed, match="changed while"):
        staged(tree, files, tmp_path / "context")
