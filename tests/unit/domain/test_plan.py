"""The plan of a deploy, decided from what was observed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.domain.inventory import inventory_id
from plimsoll.domain.ledger import History
from plimsoll.domain.manifests import content_hash, marked, prepare, ref, unlisted
from plimsoll.domain.plan import Observed, decide, schema_of
from plimsoll.domain.project import SecretSpec
from plimsoll.domain.pruning import Pruning, holds_data, prunes
from plimsoll.domain.release import State
from tests.fake_site import STAGING, Overlay, images, record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plimsoll.domain.manifests import Manifest, Ref
    from plimsoll.domain.plan import DeployPlan
    from plimsoll.domain.release import Release

SECRETS = (SecretSpec(name="hello-secrets", keys={"store-password": 32}),)
COMPLETE = {"hello-secrets": frozenset({"store-password"})}


def objects(web: str = "1", overlay: Overlay | None = None) -> tuple[Manifest, ...]:
    references = {name: image.reference for name, image in images(web).items()}
    rendered = (overlay or Overlay()).render(STAGING, references)
    inventory = inventory_id("hello", "staging")
    return prepare(rendered, namespace="hello-staging", part_of="hello", inventory=inventory)


def verified(wanted: Sequence[Manifest], **changes: Any) -> Release:  # noqa: ANN401 -- the fields of a Release
    inventory = tuple(str(ref(each)) for each in wanted)
    schema = schema_of(images())
    return record(
        name="staging-1", number=1, state=State.VERIFIED, content=content_hash(wanted), inventory=inventory, schema=schema,
        migrated="uid-1", once_verified=True, **changes,
    )  # fmt: skip


def seen(live: Sequence[Manifest], answers: Sequence[Manifest], **changes: Any) -> Observed:  # noqa: ANN401 -- its fields
    running = {ref(each): marked(each, "staging-1") for each in live}
    owned = frozenset(running)
    found = Observed(
        namespace_uid="uid-1",
        live=running,
        answers={ref(each): marked(each, "staging-1") for each in answers},
        owned=owned,
        secret_keys=COMPLETE,
    )
    return replace(found, **changes)


def planned(wanted: Sequence[Manifest], observed: Observed, history: History, web: str = "1") -> DeployPlan:
    return decide(wanted, observed, history, environment=STAGING, images=images(web), secrets=SECRETS)


def wave(plan: DeployPlan, name: str) -> dict[str, list[str]]:
    found = next((each for each in plan.waves if each.name == name), None)
    return {"applies": [r.short for r in found.applies], "waits": [r.short for r in found.waits]} if found else {}


def first() -> DeployPlan:
    return planned(objects(), Observed(), History())


def unchanged() -> DeployPlan:
    return planned(objects(), seen(objects(), objects()), History((verified(objects()),)))


def test_a_first_deploy_creates_everything_and_says_so() -> None:
    plan = first()
    assert plan.release == "staging-1"
    assert plan.live is None
    assert len(plan.creates) == len(objects())
    assert plan.changes == ()
    assert plan.secrets == ("hello-secrets/store-password",)
    assert not plan.nothing_to_do


def test_the_order_is_configuration_then_data_then_migration_then_workloads() -> None:
    plan = first()
    assert [each.name for each in plan.waves] == ["foundation", "data", "migration", "workloads"]
    assert {"Namespace/hello-staging", "ServiceAccount/web"} < set(wave(plan, "foundation")["applies"])
    assert set(wave(plan, "data")["applies"]) == {"StatefulSet/store", "Service/store"}
    assert wave(plan, "data")["waits"] == ["StatefulSet/store"]
    assert wave(plan, "workloads")["waits"] == ["Deployment/web", "Deployment/worker", "HorizontalPodAutoscaler/web"]
    assert "Service/web" in wave(plan, "workloads")["applies"]


def test_an_unchanged_verified_release_leaves_nothing_to_do() -> None:
    plan = unchanged()
    assert plan.nothing_to_do
    assert plan.rolled == ()
    assert plan.unchanged == len(objects()) - 1  # the migration Job does not count: it does not run


def test_workloads_are_waited_for_even_when_nothing_of_them_is_applied() -> None:
    waits = ["Deployment/web", "Deployment/worker", "HorizontalPodAutoscaler/web"]
    assert wave(unchanged(), "workloads") == {"applies": [], "waits": waits}


def test_drift_is_something_to_do_though_the_content_is_the_verified_one() -> None:
    drifted = list(objects())
    drifted[0] = {**drifted[0], "spec": {**drifted[0]["spec"], "paused": True}}
    plan = planned(objects(), seen(drifted, objects()), History((verified(objects()),)))
    assert not plan.nothing_to_do
    assert [change.fields[0].path for change in plan.changes] == ["spec.paused"]
    assert plan.rolled == ()


def test_a_changed_image_rolls_that_workload_alone_and_marks_it_with_the_new_release() -> None:
    plan = planned(objects("2"), seen(objects(), objects("2")), History((verified(objects()),)), web="2")
    assert plan.release == "staging-2"
    assert plan.rolled == ("Deployment/web",)
    by_name = {ref(each).short: each for each in plan.objects}
    assert by_name["Deployment/web"] == marked(by_name["Deployment/web"], "staging-2")
    assert by_name["Deployment/worker"] == marked(by_name["Deployment/worker"], "staging-1")


def test_a_workload_keeps_the_release_that_last_changed_it_across_others() -> None:
    running = {
        ref(each): marked(each, "staging-1" if each["metadata"]["name"] == "worker" else "staging-4") for each in objects()
    }
    observed = replace(seen(objects(), objects()), live=running, answers=dict(running))
    plan = planned(objects(), observed, History((verified(objects()),)))
    workers = [each for each in plan.objects if ref(each).short == "Deployment/worker"]
    assert workers == [marked(each, "staging-1") for each in workers]


def test_the_migration_runs_when_the_database_has_not_reached_the_schema() -> None:
    plan = first()
    assert plan.migration.run
    assert "has not reached" in plan.migration.why
    assert wave(plan, "migration")["waits"] == wave(plan, "migration")["applies"] != []


def test_the_migration_does_not_run_again_for_a_schema_that_was_reached() -> None:
    plan = planned(objects("2"), seen(objects(), objects("2")), History((verified(objects()),)), web="2")
    assert not plan.migration.run
    assert "reached" in plan.migration.why
    assert not any(each.kind == "Job" for each in plan.creates)


def test_the_migration_runs_again_when_the_namespace_is_another_one() -> None:
    observed = seen(objects(), objects(), namespace_uid="uid-2")
    assert planned(objects(), observed, History((verified(objects()),))).migration.run


def test_a_migration_that_failed_runs_again() -> None:
    failed = replace(verified(objects()), state=State.FAILED, migrated=None, once_verified=False)
    assert planned(objects(), seen(objects(), objects()), History((failed,))).migration.run


def test_a_missing_key_of_a_secret_is_something_to_do() -> None:
    observed = seen(objects(), objects(), secret_keys={"hello-secrets": frozenset()})
    plan = planned(objects(), observed, History((verified(objects()),)))
    assert plan.secrets == ("hello-secrets/store-password",)
    assert not plan.nothing_to_do


def test_what_left_the_overlay_is_pruned_and_what_is_not_ours_is_not() -> None:
    before = objects()
    after = tuple(each for each in before if ref(each).short != "Deployment/worker")
    foreign = ref({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": "hello-staging"}})
    observed = seen(before, after)
    observed = replace(observed, owned=observed.owned | {foreign})
    plan = planned(after, observed, History((verified(before),)))
    assert [each.short for each in plan.prunes] == ["Deployment/worker"]
    assert not plan.nothing_to_do


def test_data_and_namespaces_are_never_pruned() -> None:
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "hello-staging"}}
    before = (*objects(), claim)
    assert prunes((), frozenset(map(ref, before)), History((verified(before),))) != ()
    kinds = {each.kind for each in prunes((), frozenset(map(ref, before)), History((verified(before),)))}
    assert kinds.isdisjoint({"PersistentVolumeClaim", "Namespace"})


def generations(count: int) -> tuple[list[Ref], History]:
    """Return the hash-suffixed configuration of `count` releases, oldest first, and their history."""
    found, releases = [], []
    for number in range(1, count + 1):
        wanted = objects(overlay=Overlay(settings=f"greeting={number}"))
        found.append(next(ref(each) for each in wanted if each["kind"] == "ConfigMap"))
        inventory = tuple(str(ref(each)) for each in wanted)
        releases.append(record(name=f"staging-{number}", number=number, inventory=inventory, once_verified=True))
    return found, History(tuple(releases))


def test_configuration_of_the_last_five_releases_outlives_them() -> None:
    configurations, history = generations(8)
    gone = prunes((), frozenset(configurations), history)
    assert set(gone) == set(configurations[:3])


def test_stale_configuration_alone_is_nothing_to_do() -> None:
    configurations, history = generations(8)
    live = replace(verified(objects()), number=9, name="staging-9")
    observed = seen(objects(), objects())
    observed = replace(observed, owned=observed.owned | set(configurations))
    plan = planned(objects(), observed, History((*history.releases, live)))
    assert plan.prunes != ()
    assert plan.nothing_to_do


def test_the_plan_says_how_small_the_environment_is_made() -> None:
    small = replace(STAGING, components=("small-cluster",))
    plan = decide(objects(), Observed(), History(), environment=small, images=images())
    assert plan.notes == ("sized by small-cluster: requests of 10m CPU a container, 2-3 replicas",)
    assert first().notes == ()


def test_equal_observations_give_equal_plans_and_others_do_not() -> None:
    assert first().digest == first().digest
    assert first().digest != unchanged().digest


def test_the_printed_plan_is_json_and_holds_everything_that_would_happen() -> None:
    told = json.loads(json.dumps(first().to_json()))
    assert set(told) == {
        "release", "live", "nothing_to_do", "images", "creates", "changes", "unchanged", "waves", "migration", "rolled",
        "secrets", "prunes", "refusals", "notes",
    }  # fmt: skip


def test_services_without_migrations_have_no_schema_and_their_order_does_not_matter() -> None:
    assert schema_of({name: replace(image, schema=None) for name, image in images().items()}) is None
    assert schema_of(images()) == schema_of(dict(reversed(images().items())))
    assert schema_of(images()) != schema_of(images(schema="schema-2"))


def test_the_inventorys_label_is_no_change_and_alone_nothing_to_do() -> None:
    before = [unlisted(each) for each in objects()]
    plan = planned(objects(), seen(before, objects()), History((verified(before),)))
    assert plan.nothing_to_do
    assert plan.changes == ()
    assert plan.rolled == ()


def test_what_an_earlier_version_applied_is_listed_by_the_next_release() -> None:
    before = [unlisted(each) for each in objects()]
    plan = planned(objects("2"), seen(before, objects("2")), History((verified(before),)), web="2")
    assert [change.ref.short for change in plan.changes] == ["Deployment/web"]
    assert {"Deployment/worker", "Service/web"} < set(wave(plan, "workloads")["applies"])
    assert plan.rolled == ("Deployment/web",)


def test_a_wave_comes_once_per_level_of_what_its_objects_say_of_each_other() -> None:
    wanted = objects()
    web = next(each for each in wanted if ref(each).short == "Deployment/web")
    web["metadata"]["annotations"] = {"plimsoll.dev/after": "Deployment/worker"}
    plan = planned(wanted, Observed(), History())
    levels = [[r.short for r in each.waits] for each in plan.waves if each.name == "workloads"]
    assert levels[-1] == ["Deployment/web"]
    assert "Deployment/worker" in levels[0]


CLAIM = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "hello-staging"}}


def test_a_claim_that_left_the_overlay_stays_and_the_plan_says_so() -> None:
    before = (*objects(), CLAIM)
    plan = planned(objects(), seen(before, before), History((verified(before),)))
    assert plan.prunes == ()
    assert plan.notes == ("PersistentVolumeClaim/data is no part of it any more and stays, for it holds data",)


def test_a_claim_goes_when_the_loss_of_its_data_is_allowed() -> None:
    before = (*objects(), CLAIM)
    found = decide(
        objects(),
        seen(before, before),
        History((verified(before),)),
        environment=STAGING,
        images=images(),
        secrets=SECRETS,
        pruning=Pruning(data_loss=True),
    )
    assert [each.short for each in found.prunes] == ["PersistentVolumeClaim/data"]
    assert found.notes == ()
    assert not found.nothing_to_do


def test_a_store_whose_claims_would_be_deleted_with_it_holds_data() -> None:
    store = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "s"}, "spec": {}}
    assert not holds_data(store)
    assert not holds_data({**store, "spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain"}}})
    assert holds_data({**store, "spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}})
    assert holds_data(CLAIM)
    before = objects()
    after = tuple(each for each in before if ref(each).short != "StatefulSet/store")
    data = frozenset(ref(each) for each in before if each["kind"] == "StatefulSet")
    owned, history = frozenset(map(ref, before)), History((verified(before),))
    assert prunes(after, owned, history, data=data) == ()
    assert [each.short for each in prunes(after, owned, history)] == ["StatefulSet/store"]


@pytest.mark.parametrize(("keep", "gone"), [(0, 8), (2, 6), (9, 0)])
def test_how_long_configuration_outlives_its_release_is_a_setting(keep: int, gone: int) -> None:
    configurations, history = generations(8)
    assert set(prunes((), frozenset(configurations), history, pruning=Pruning(keep=keep))) == set(configurations[:gone])
