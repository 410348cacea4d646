"""Amounts of CPU and memory as Kubernetes writes them."""

from __future__ import annotations

import re
from decimal import Decimal

QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([numkMGTPE]|[KMGTPE]i)?")
FACTORS: dict[str | None, Decimal] = {
    None: Decimal(1),
    **{suffix: Decimal(1000) ** power for suffix, power in zip("num", (-3, -2, -1), strict=True)},
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}


def amount(quantity: object) -> Decimal:
    """Return a quantity such as `250m`, `0.5`, `1` or `512Mi` in cores or bytes; raise ValueError for anything else."""
    match = QUANTITY.fullmatch(str(quantity))
    if not match:
        msg = f"{quantity!r} is no quantity; write for instance 250m, 0.5 or 512Mi"
        raise ValueError(msg)
    return Decimal(match[1]) * FACTORS[match[2]]
