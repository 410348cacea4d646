"""The order of applying: waves by kind, and inside a wave what objects say of each other."""

from __future__ import annotations

from typing import Any

import pytest

from plimsoll.domain.manifests import ref
from plimsoll.domain.waves import steps
from plimsoll.errors import Misconfigured

API = {"Deployment": "apps/v1", "StatefulSet": "apps/v1", "Job": "batch/v1", "ConfigMap": "v1"}


def thing(short: str, after: str = "") -> dict[str, Any]:
    kind, _, name = short.partition("/")
    annotations = {"annotations": {"plimsoll.dev/after": after}} if after else {}
    return {"apiVersion": API[kind], "kind": kind, "metadata": {"name": name, "namespace": "shop", **annotations}}


def order(*things: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [(wave, [ref(each).short for each in level]) for wave, level in steps(things)]


def test_without_a_word_a_wave_is_one_step() -> None:
    found = order(thing("Deployment/b"), thing("ConfigMap/c"), thing("Deployment/a"))
    assert found == [("foundation", ["ConfigMap/c"]), ("workloads", ["Deployment/a", "Deployment/b"])]


def test_an_object_is_held_back_until_what_it_names_stands() -> None:
    things = thing("Deployment/a", "Deployment/b, Deployment/c"), thing("Deployment/b", "Deployment/c"), thing("Deployment/c")
    assert [names for _wave, names in order(*things)] == [["Deployment/c"], ["Deployment/b"], ["Deployment/a"]]


def test_what_stands_in_an_earlier_wave_holds_nothing_back() -> None:
    found = order(thing("Deployment/a", "StatefulSet/store"), thing("Deployment/b"), thing("StatefulSet/store"))
    assert found == [("data", ["StatefulSet/store"]), ("workloads", ["Deployment/a", "Deployment/b"])]


def test_a_job_is_named_as_the_overlay_names_it() -> None:
    found = order(thing("Job/seed-0123456789", "Job/migrate"), thing("Job/migrate-abcdef0123"))
    assert [names for _wave, names in found] == [["Job/migrate-abcdef0123"], ["Job/seed-0123456789"]]


@pytest.mark.parametrize(
    ("things", "words"),
    [
        ((thing("Deployment/a", "b"),), "'b' is not of the form Kind/name"),
        ((thing("Deployment/a", "Deployment/b"),), "there is no Deployment/b in this release"),
        ((thing("ConfigMap/a", "Deployment/b"), thing("Deployment/b")), "applied later anyway, in the wave 'workloads'"),
        ((thing("Deployment/a", "Deployment/a"),), "Deployment/a after Deployment/a"),
        (
            (
                thing("Deployment/a", "Deployment/b"),
                thing("Deployment/b", "Deployment/c"),
                thing("Deployment/c", "Deployment/b"),
                thing("Deployment/d"),
            ),
            "Deployment/b after Deployment/c after Deployment/b",
        ),
    ],
    ids=["no-name", "not-there", "later-wave", "itself", "circle"],
)
def test_what_cannot_be_ordered_is_refused_with_the_objects_names(things: tuple[dict[str, Any], ...], words: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        order(*things)
    assert words in caught.value.what
    assert "plimsoll.dev/after" in caught.value.where
    assert caught.value.now
