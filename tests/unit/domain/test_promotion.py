"""What may be released where."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plimsoll.domain.gate import Terms
from plimsoll.domain.gate_rules import unverified
from plimsoll.domain.ledger import History
from plimsoll.domain.manifests import Conflict, Ref
from plimsoll.domain.plan import Observed
from plimsoll.domain.promotion import Candidate, Refusal, environment_of, invalid, judge, objections, proving_environment, refuse
from plimsoll.errors import Failed, Misconfigured
from tests.fake_site import PRODUCTION, PROJECT, REVISION, STAGING, image, images, record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.domain.images import Image
    from plimsoll.domain.project import Environment

WEB = Ref("apps/v1", "Deployment", "hello-staging", "web")
PROVEN = History((record(once_verified=True),))


def judged(
    environment: Environment,
    released: Mapping[str, Image],
    *,
    dirty: bool = False,
    proven: History | None = None,
    terms: Terms | None = None,
) -> tuple[Refusal, ...]:
    candidate = Candidate(images=released, git_revision=REVISION, dirty=dirty)
    return judge(environment, candidate, proven=proven, terms=terms or Terms())


def codes(*refusals: Refusal) -> list[str]:
    return [refusal.code for refusal in refusals]


def test_uncommitted_changes_go_to_staging_and_not_to_production() -> None:
    assert judged(STAGING, images(), dirty=True) == ()
    assert codes(*judged(PRODUCTION, images(), dirty=True, proven=PROVEN)) == ["dirty"]


def test_broken_glass_passes_the_gate_and_not_a_tag_that_can_move() -> None:
    terms = Terms(broken="the site is down")
    assert judged(PRODUCTION, images(web="2"), dirty=True, proven=PROVEN, terms=terms) == ()
    moving = {"web": image("web", tag="latest")}
    assert codes(*judged(PRODUCTION, moving, proven=PROVEN, terms=terms)) == ["moving-tag"]


def test_a_verdict_that_the_settings_require_is_asked_for_once_there_can_be_one() -> None:
    terms = Terms(required=frozenset({"scanned"}))
    unscanned = {name: replace(each, scan=None) for name, each in images().items()}
    assert judged(PRODUCTION, unscanned, proven=PROVEN, terms=terms) == ()
    one = {**images(), "web": unscanned["web"]}
    assert codes(*judged(PRODUCTION, one, proven=PROVEN, terms=terms)) == ["evidence-missing"]


@pytest.mark.parametrize("tag", ["latest", "main", "stable", "1", "feature-x"])
def test_a_tag_that_can_move_is_refused(tag: str) -> None:
    found = judged(STAGING, {"web": image("web", tag=tag)})
    assert codes(*found) == ["moving-tag"]
    assert f"web:{tag}" in found[0].what


@pytest.mark.parametrize("tag", ["0123456789abcdef", "0123456789abcdef-dirty", "1.2.3", "v1.2.3-rc.1"])
def test_hashes_and_semantic_versions_are_accepted(tag: str) -> None:
    assert judged(STAGING, {"web": image("web", tag=tag)}) == ()


def test_production_takes_digests_that_staging_verified() -> None:
    assert judged(PRODUCTION, images(), proven=PROVEN) == ()
    found = judged(PRODUCTION, images(web="2"), proven=PROVEN)
    assert codes(*found) == ["not-proven"]
    assert found[0].exit_code == 2
    assert "digest not verified in staging: web" in found[0].what


def test_a_release_of_staging_that_never_was_verified_proves_nothing() -> None:
    assert unverified(images(), History((record(once_verified=False),))) == ("store", "web", "worker")


def test_a_release_that_staging_has_left_behind_still_proves_its_digests() -> None:
    later = record(number=4, name="staging-4", images=images(web="2"), once_verified=True)
    assert unverified(images(), History((*PROVEN.releases, later))) == ()


def test_only_protected_environments_need_proof_and_staging_gives_it() -> None:
    assert proving_environment(PROJECT, STAGING) is None
    found = proving_environment(PROJECT, PRODUCTION)
    assert found is not None
    assert found.name == "staging"


def test_a_project_without_staging_is_asked_for_no_proof() -> None:
    alone = replace(PROJECT, environments={"production": PRODUCTION})
    assert proving_environment(alone, PRODUCTION) is None


def test_conflicts_are_objections_unless_they_are_taken_over() -> None:
    observed = Observed(conflicts={WEB: Conflict("Deployment/web", [(".spec.paused", "kubectl-edit")])})
    (found,) = objections(observed, take_over=False)
    assert found.code == "conflict"
    assert found.exit_code == 1
    assert objections(observed, take_over=True) == ()


def test_what_the_api_server_refuses_keeps_its_exit_code() -> None:
    refused = Misconfigured("Deployment/web is invalid: spec.selector", code="refused")
    (found,) = objections(Observed(refused={WEB: refused}), take_over=True)
    assert (found.code, found.exit_code) == ("refused", 2)
    assert "hello-staging" in found.where


def test_what_the_schemas_do_not_know_is_named_with_its_path() -> None:
    (found,) = invalid(WEB, [("spec.replica", "is not a field", "did you mean replicas?")])
    assert "spec.replica is not a field" in found.what
    assert found.exit_code == 2


def test_a_release_is_named_after_its_environment() -> None:
    environments = {"staging": STAGING, "staging-2": STAGING}
    assert environment_of("staging-12", environments) is STAGING
    assert environment_of("staging-2-3", environments) is STAGING
    assert environment_of("nowhere-1", environments) is None
    assert environment_of("staging", environments) is None


def refusal(code: str, exit_code: int) -> Refusal:
    return Refusal(code=code, what=f"{code}!", where="here", now="mend it", exit_code=exit_code)


def test_no_refusal_lets_the_deploy_go_on() -> None:
    assert refuse(()) is None


def test_all_refusals_are_told_and_a_failure_wins_over_a_misconfiguration() -> None:
    with pytest.raises(Failed, match="conflict!") as failed:
        refuse([refusal("dirty", 2), refusal("conflict", 1)])
    assert "also: dirty!" in failed.value.what


def test_a_misconfiguration_alone_is_one() -> None:
    with pytest.raises(Misconfigured, match="dirty!") as refused:
        refuse([refusal("dirty", 2)])
    assert refused.value.now == "mend it"


def test_a_refusal_prints_what_where_and_now() -> None:
    assert refusal("dirty", 2).to_json() == {"code": "dirty", "what": "dirty!", "where": "here", "now": "mend it"}
