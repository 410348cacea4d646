"""The review of a run in GitHub Actions: what GitHub's API answers, and what counts as an approval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.adapters.github_run import GithubRun
from plimsoll.domain.secret import SecretText
from plimsoll.errors import EnvironmentLacks, Misconfigured
from plimsoll.workflows.approval import reviewed
from tests.contract.scripted_api import CUT, Reply, ScriptedApi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.contract.scripted_api import Asked

NOW = "2030-01-02T03:04:05Z"
TOKEN = "correct-horse"  # noqa: S105 -- a test's own
RUN = "/repos/shop/web/actions/runs/42"


def review(user: str | None, *environments: str, state: str = "approved") -> dict[str, Any]:
    """Return one review as GitHub's API gives it."""
    return {
        "state": state,
        "comment": "fine with me",
        "environments": [
            {"id": 161088068, "node_id": "EN_1", "name": name, "url": f"https://api/{name}", "created_at": NOW, "updated_at": NOW}
            for name in environments
        ],
        "user": None if user is None else {"login": user, "id": 1, "type": "User", "site_admin": False},
    }


def run_of(actor: str, again: str | None = None) -> dict[str, Any]:
    people = {"actor": {"login": actor, "id": 2}, "triggering_actor": {"login": again or actor, "id": 3}}
    return {"id": 42, "name": "deploy", "event": "workflow_dispatch", "status": "in_progress", "run_attempt": 1, **people}


class Github:
    """GitHub's API as far as a job asks it."""

    def __init__(self) -> None:
        self.reviews: Any = []
        self.run: Any = run_of("ada")
        self.fail: Callable[[Asked], Any] = lambda _asked: None
        self.api = ScriptedApi(self._answer)

    def _answer(self, asked: Asked) -> Any:  # noqa: ANN401 -- a Reply, or a cut
        failure = self.fail(asked)
        if failure is not None:
            return failure
        return Reply(body={RUN: self.run, f"{RUN}/approvals": self.reviews}[asked.path])

    def client(self) -> GithubRun:
        return GithubRun(api=self.api.url, repository="shop/web", run="42", token=SecretText(TOKEN))

    def approval(self, *starters: str) -> str:
        """Return who approved, or the code of the refusal."""
        try:
            return reviewed("production", self.client(), starters=starters, now=NOW).by
        except Misconfigured as error:
            return error.code


@pytest.fixture
def github() -> Iterator[Github]:
    made = Github()
    yield made
    made.api.close()


def test_the_reviewer_of_the_jobs_environment_is_the_approver(github: Github) -> None:
    github.reviews = [review("linus", "staging"), review("grace", "staging", "production")]
    found = reviewed("production", github.client(), starters=("ada",), now=NOW)
    assert (found.kind, found.by, found.at) == ("github-review", "grace", NOW)
    assert {asked.path for asked in github.api.asked} == {RUN, f"{RUN}/approvals"}


@pytest.mark.parametrize(
    ("reviews", "run", "answer"),
    [
        ([], run_of("ada"), "unapproved"),
        ([review("grace", "staging")], run_of("ada"), "unapproved"),
        ([review("grace", "production", state="rejected")], run_of("ada"), "unapproved"),
        ([review("grace", "production", state="pending")], run_of("ada"), "unapproved"),
        ([review("ada", "production")], run_of("ada"), "self-approved"),
        ([review("Ada", "Production")], run_of("ada"), "self-approved"),
        ([review("grace", "production")], run_of("ada", again="grace"), "self-approved"),
        ([review("linus", "production")], run_of("ada"), "self-approved"),
        ([review("ada", "production"), review("grace", "production")], run_of("ada"), "grace"),
        ([review(None, "production")], run_of("ada"), "unapproved"),
    ],
    ids=["nobody", "another-environment", "rejected", "pending", "who-dispatched", "in-other-letters", "who-ran-it-again",
         "who-the-runner-names", "somebody-else-too", "a-deleted-account"],
)  # fmt: skip
def test_only_another_persons_approval_of_this_environment_counts(
    github: Github, reviews: list[dict[str, Any]], run: dict[str, Any], answer: str
) -> None:
    github.reviews, github.run = reviews, run
    assert github.approval("linus") == answer


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_token_without_the_right_is_told_which_one_it_lacks(github: Github, status: int) -> None:
    github.fail = lambda _asked: Reply(status=status, body={"message": "Resource not accessible by integration"})
    with pytest.raises(Misconfigured, match=f"status {status}") as refused:
        github.client().reviews()
    assert "actions: read" in refused.value.now


@pytest.mark.parametrize(
    "answer",
    [CUT, Reply(status=500), Reply(status=302, headers={"Location": "/elsewhere"}), Reply(body=b"<html>"), Reply(body={"a": 1}),
     Reply(body=[{"state": "approved"}]), Reply(body=["approved"])],
    ids=["cut", "broken", "redirect", "a-page", "an-object", "half-a-review", "words"],
)  # fmt: skip
def test_an_answer_that_says_nothing_is_no_approval_and_no_traceback(github: Github, answer: object) -> None:
    github.fail = lambda _asked: answer
    with pytest.raises(EnvironmentLacks):
        github.client().reviews()


def test_a_server_that_stumbles_is_asked_again(github: Github) -> None:
    github.reviews = [review("grace", "production")]
    github.fail = lambda _asked: Reply(status=503) if len(github.api.asked) == 1 else None
    assert github.approval() == "grace"


def test_the_token_goes_along_and_is_in_no_message(github: Github) -> None:
    github.fail = lambda _asked: Reply(status=403)
    with pytest.raises(Misconfigured) as refused:
        github.client().reviews()
    assert TOKEN not in str(refused.value)
    assert github.api.headers[0]["Authorization"] == f"Bearer {TOKEN}"


def test_the_token_is_sent_over_https_only() -> None:
    with pytest.raises(Misconfigured, match="not https"):
        GithubRun(api="http://github.example.org", repository="shop/web", run="42", token=SecretText(TOKEN))
