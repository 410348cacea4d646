"""The port Cluster: writing by version, deleting, listing, watching and what the table calls immutable, fake and real."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from plimsoll.domain import immutable
from plimsoll.domain.manifests import copied
from plimsoll.errors import Misconfigured
from tests.contract.cluster_site import DEPLOYMENT, JOB, LEASE, MAP, config_map, lease

if TYPE_CHECKING:
    from tests.contract.cluster_site import Fake, Real


def test_only_one_of_two_creates(site: Fake | Real, name: str) -> None:
    assert site.cluster.write(lease(site, name, "first"), create=True)["spec"]["holderIdentity"] == "first"
    assert site.cluster.write(lease(site, name, "second"), create=True) is None
    assert site.cluster.get(LEASE, name, site.namespace)["spec"]["holderIdentity"] == "first"


def test_only_the_version_that_was_seen_is_replaced(site: Fake | Real, name: str) -> None:
    seen = site.cluster.write(lease(site, name, "first"), create=True)["metadata"]["resourceVersion"]
    taken = site.cluster.write(lease(site, name, "second", seen))
    assert taken["spec"]["holderIdentity"] == "second"
    assert taken["metadata"]["resourceVersion"] != seen
    assert site.cluster.write(lease(site, name, "third", seen)) is None
    assert site.cluster.write(lease(site, name, "third", taken["metadata"]["resourceVersion"])) is not None


def test_what_is_gone_is_not_replaced(site: Fake | Real, name: str) -> None:
    seen = site.cluster.write(lease(site, name, "first"), create=True)["metadata"]
    site.cluster.delete(LEASE, name, site.namespace)
    again = lease(site, name, "second", seen["resourceVersion"])
    again["metadata"]["uid"] = seen["uid"]
    assert site.cluster.write(again) is None


def test_a_lease_that_is_gone_is_made_anew_unless_its_uid_is_named(site: Fake | Real, name: str) -> None:
    seen = site.cluster.write(lease(site, name, "first"), create=True)["metadata"]
    site.cluster.delete(LEASE, name, site.namespace)
    made = site.cluster.write(lease(site, name, "second", seen["resourceVersion"]))
    assert made["metadata"]["uid"] != seen["uid"]


def test_a_replacement_must_not_name_another_uid(site: Fake | Real, name: str) -> None:
    seen = site.cluster.write(lease(site, name, "first"), create=True)["metadata"]
    site.cluster.delete(LEASE, name, site.namespace)
    made = site.cluster.write(lease(site, name, "second"), create=True)["metadata"]
    again = lease(site, name, "third", made["resourceVersion"])
    again["metadata"]["uid"] = seen["uid"]
    assert site.cluster.write(again) is None


def test_of_many_writers_at_once_exactly_one_wins(site: Fake | Real, name: str) -> None:
    seen = site.cluster.write(lease(site, name, "nobody"), create=True)["metadata"]["resourceVersion"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: site.cluster.write(lease(site, name, f"w{number}", seen)), range(8)))
    winners = [answer["spec"]["holderIdentity"] for answer in answers if answer]
    assert winners == [site.cluster.get(LEASE, name, site.namespace)["spec"]["holderIdentity"]]


def test_deleting_twice_is_no_error(site: Fake | Real, name: str) -> None:
    site.cluster.apply(config_map(site, name, {"a": "1"}))
    site.cluster.delete(MAP, name, site.namespace)
    site.cluster.delete(MAP, name, site.namespace)
    assert site.cluster.get(MAP, name, site.namespace) is None


def test_only_the_very_object_that_is_named_by_its_uid_is_deleted(site: Fake | Real, name: str) -> None:
    first = site.cluster.apply(config_map(site, name, {"a": "1"}))["metadata"]["uid"]
    site.cluster.delete(MAP, name, site.namespace)
    second = site.cluster.apply(config_map(site, name, {"a": "2"}))["metadata"]["uid"]
    site.cluster.delete(MAP, name, site.namespace, uid=first)
    assert site.cluster.get(MAP, name, site.namespace)["metadata"]["uid"] == second
    site.cluster.delete(MAP, name, site.namespace, uid=second)
    assert site.cluster.get(MAP, name, site.namespace) is None


def test_what_belongs_to_a_deleted_object_goes_with_it(site: Fake | Real, name: str) -> None:
    owner = site.cluster.apply(config_map(site, name, {"a": "1"}))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": owner["metadata"]["uid"]}
    site.cluster.apply(config_map(site, f"{name}-child", {"a": "1"}, ownerReferences=[reference]))
    site.cluster.delete(MAP, name, site.namespace)
    deadline = time.monotonic() + 30
    while site.cluster.get(MAP, f"{name}-child", site.namespace) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_list_knows_its_kind_and_selects_by_labels(site: Fake | Real, name: str) -> None:
    for suffix, labels in (("a", {"of": name, "tier": "web"}), ("b", {"of": name, "tier": "data"}), ("c", {"of": name})):
        site.cluster.apply(config_map(site, f"{name}-{suffix}", {"a": "1"}, labels=labels))

    def chosen(labels: str) -> list[str]:
        found = site.cluster.list(MAP, site.namespace, labels=labels)
        assert {(each["apiVersion"], each["kind"]) for each in found} <= {("v1", "ConfigMap")}
        return sorted(each["metadata"]["name"].removeprefix(f"{name}-") for each in found)

    assert chosen(f"of={name}") == ["a", "b", "c"]
    assert chosen(f"of={name},tier=web") == ["a"]
    assert chosen(f"of={name},tier!=web") == ["b", "c"]
    assert chosen(f"of={name},tier") == ["a", "b"]
    everywhere = site.cluster.list(MAP, labels=f"of={name}")
    assert {each["metadata"]["namespace"] for each in everywhere} == {site.namespace}


def test_a_wave_is_applied_by_many_threads_at_once(site: Fake | Real, name: str) -> None:
    maps = [config_map(site, f"{name}-{number}", {"a": str(number)}, labels={"of": name}) for number in range(40)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(site.cluster.apply, maps))
    assert len(site.cluster.list(MAP, site.namespace, labels=f"of={name}")) == 40


def changes(site: Fake | Real, labels: str, count: int, *, timeout: float = 20) -> list[tuple[str, str]]:
    """Return the first `count` changes that a watch sees, as (event, name)."""
    found: list[tuple[str, str]] = []
    with closing(site.cluster.watch([MAP], site.namespace, timeout=timeout, labels=labels)) as news:
        for change in news:
            if change is not None:
                found.append((change[0], change[1].get("metadata", {}).get("name", "")))
            if len(found) == count:
                break
    return found


def test_a_watch_tells_what_is_there_then_what_changes(site: Fake | Real, name: str) -> None:
    site.cluster.apply(config_map(site, name, {"a": "1"}, labels={"of": name}))
    site.meanwhile(lambda: site.cluster.apply(config_map(site, name, {"a": "2"}, labels={"of": name})))
    assert changes(site, f"of={name}", 3) == [("MODIFIED", name), ("SYNCED", ""), ("MODIFIED", name)]


def test_a_watch_tells_what_is_new_and_what_is_gone(site: Fake | Real, name: str) -> None:
    def act() -> None:
        site.cluster.apply(config_map(site, name, {"a": "1"}, labels={"of": name}))
        site.cluster.apply(config_map(site, f"{name}-other", {"a": "1"}))
        site.cluster.delete(MAP, name, site.namespace)

    site.meanwhile(act)
    assert changes(site, f"of={name}", 3) == [("SYNCED", ""), ("MODIFIED", name), ("DELETED", name)]


def test_a_quiet_watch_ticks_every_second_and_ends_in_time(site: Fake | Real, name: str) -> None:
    ticks = [change for change in site.cluster.watch([MAP], site.namespace, timeout=3, labels=f"of={name}") if change is None]
    assert 2 <= len(ticks) <= 4


def test_a_watch_of_several_kinds_tells_when_each_is_known(site: Fake | Real) -> None:
    kinds = [MAP, DEPLOYMENT, JOB, "v1/Pod", "v1/Event"]
    synced = set()
    with closing(site.cluster.watch(kinds, site.namespace, timeout=20)) as news:
        for change in news:
            if change is not None and change[0] == "SYNCED":
                synced.add(f"{change[1]['apiVersion']}/{change[1]['kind']}")
            if len(synced) == len(kinds):
                break
    assert synced == set(kinds)


def test_a_pod_that_is_not_there_has_said_nothing(site: Fake | Real) -> None:
    assert site.logs.logs(site.namespace, "nobody", "main") == ""
    assert site.logs.events(site.namespace, "no-such-uid") == ()
    assert site.logs.kubectl()[0] == "kubectl"


CASES = {
    path.stem: yaml.safe_load(path.read_text()) for path in sorted((Path(__file__).parents[1] / "cases/immutable").glob("*.yaml"))
}
CLUSTER_WIDE = {"StorageClass", "PriorityClass", "IngressClass", "CustomResourceDefinition"}


def await_established(real: Real, kind: str, name: str) -> None:
    """Wait until a kind is served: before that the server lets all of it change."""
    deadline = time.monotonic() + 30
    while "Established" not in json.dumps((real.cluster.get(kind, name) or {}).get("status")):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.cluster
@pytest.mark.parametrize(
    "case", [case for case in CASES.values() if case["fields"]], ids=[n for n, c in CASES.items() if c["fields"]]
)
def test_what_the_table_calls_immutable_the_server_refuses(real: Real, case: dict[str, Any]) -> None:
    live, wanted = copied(case["live"]), copied(case["wanted"])
    for each in (live, wanted):
        if each["kind"] not in CLUSTER_WIDE:
            each["metadata"]["namespace"] = real.namespace
    kind, name = f"{live['apiVersion']}/{live['kind']}", live["metadata"]["name"]
    real.cluster.apply(live)
    try:
        if live["kind"] == "CustomResourceDefinition":
            await_established(real, kind, name)
        with pytest.raises(Misconfigured):
            real.cluster.apply(wanted, dry_run=True)
        found = real.cluster.get(kind, name, wanted["metadata"].get("namespace"))
        explained = immutable.explain(found, wanted)
        assert explained is not None
        assert all(field in explained.what for field in case["fields"])
    finally:
        real.cluster.delete(kind, name, wanted["metadata"].get("namespace"))
