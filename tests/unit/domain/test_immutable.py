"""Fields that never change: one case file per row of the table (tests/cases/immutable/*.yaml)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from plimsoll.domain import immutable
from plimsoll.domain.manifests import copied

CASES = {
    path.stem: yaml.safe_load(path.read_text()) for path in sorted((Path(__file__).parents[2] / "cases/immutable").glob("*.yaml"))
}


def live(case: dict[str, Any]) -> dict[str, Any]:
    """Return the live object of a case, with what the API server filled in."""
    found: dict[str, Any] = copied(case["live"])
    for part, fields in case.get("defaults", {}).items():
        found[part] = {**fields, **found[part]}
    return found


def judged(case: dict[str, Any]) -> tuple[str, str]:
    """Return (what, what now) of the explanation, empty without one."""
    found = immutable.explain(live(case), case["wanted"])
    return (found.what, found.now) if found else ("", "")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_refusal_is_explained_by_its_fields_and_the_safe_remedy(case: dict[str, Any]) -> None:
    what, now = judged(case)
    assert bool(what) == bool(case["fields"])
    assert all(field in what for field in case["fields"])
    assert case.get("remedy", "") in now


@pytest.mark.parametrize("index", range(len(immutable.RULES)))
def test_each_rule_has_a_case_that_misses_it(index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [judged(case) for case in CASES.values()]
    # The table is data of the module: to take a row out is the experiment.
    monkeypatch.setattr(immutable, "RULES", immutable.RULES[:index] + immutable.RULES[index + 1 :])
    assert [judged(case) for case in CASES.values()] != before


def test_a_field_that_an_earlier_apply_of_ours_said_and_this_one_leaves_out_is_named() -> None:
    case = CASES["stateful-set-service-name"]
    books = [{"manager": "plimsoll", "operation": "Apply", "fieldsV1": {"f:spec": {"f:serviceName": {}}}}]
    before, after = copied(case["live"]), copied(case["live"])
    before["metadata"]["managedFields"] = books
    del after["spec"]["serviceName"]
    found = immutable.explain(before, after)
    assert found is not None
    assert "spec.serviceName" in found.what
