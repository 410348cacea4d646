"""Which branches hold a commit, asked of real git."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plimsoll.adapters.git import Git
from tests.git_repository import Repository, repository

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def at(tmp_path: Path) -> Repository:
    return repository(tmp_path / "source", {"a": "1\n"})


def test_a_commit_of_the_branch_and_its_newest_one_are_on_it(at: Repository) -> None:
    newest = at.commit(a="2\n")
    assert Git(at.root).branches("main", at.commits[0]) == {"main": True}
    assert Git(at.root).branches("main", newest) == {"main": True}


def test_a_commit_of_another_branch_is_not(at: Repository) -> None:
    at.git("switch", "--quiet", "--create", "feature")
    other = at.commit(a="2\n")
    assert Git(at.root).branches("main", other) == {"main": False}
    assert Git(at.root).branches("feature", other) == {"feature": True}


def test_branches_of_remotes_count_by_their_names(at: Repository) -> None:
    ours = Repository(at.root.parent / "clone", commits=list(at.commits))
    at.git("clone", "--quiet", str(at.root), str(ours.root))
    new = ours.commit(a="2\n")
    assert Git(ours.root).branches("main", new) == {"main": True, "origin/main": False}
    assert Git(ours.root).branches("main", at.commits[0]) == {"main": True, "origin/main": True}


def test_a_checkout_of_one_commit_finds_the_remote_branch(at: Repository) -> None:
    ours = Repository(at.root.parent / "clone")
    at.git("clone", "--quiet", str(at.root), str(ours.root))
    ours.git("checkout", "--quiet", "--detach")
    ours.git("branch", "--quiet", "--delete", "main")
    assert Git(ours.root).branches("main", at.commits[0]) == {"origin/main": True}


def test_a_branch_that_nobody_has_is_no_branch_and_a_like_named_one_is_another(at: Repository) -> None:
    at.git("branch", "feature/main")
    assert Git(at.root).branches("release", at.commits[0]) == {}
    assert Git(at.root).branches("main", at.commits[0]) == {"main": True}


@pytest.mark.parametrize("revision", ["f" * 40, "nonsense", ""])
def test_a_commit_that_is_not_here_is_not_known(at: Repository, revision: str) -> None:
    assert Git(at.root).branches("main", revision) is None
