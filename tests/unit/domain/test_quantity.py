from __future__ import annotations

from decimal import Decimal

import pytest

from plimsoll.domain.quantity import amount


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("250m", Decimal("0.25")),
        ("1", Decimal(1)),
        (2, Decimal(2)),
        (0.5, Decimal("0.5")),
        (".5", Decimal("0.5")),
        ("512Mi", Decimal(512 * 1024**2)),
        ("1Gi", Decimal(1024**3)),
        ("1M", Decimal(10**6)),
        ("3k", Decimal(3000)),
        ("100n", Decimal("0.0000001")),
    ],
)
def test_a_quantity_is_read_as_kubernetes_reads_it(written: object, meant: Decimal) -> None:
    assert amount(written) == meant


@pytest.mark.parametrize("written", ["", "much", "1 Gi", "-1", "5MB", None, "1.2.3"])
def test_anything_else_is_refused_with_an_example(written: object) -> None:
    with pytest.raises(ValueError, match="write for instance 250m"):
        amount(written)
