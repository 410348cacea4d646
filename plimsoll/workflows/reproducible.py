"""Prove that equal inputs give equal digests: build twice, from two clones at different places, running every step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.domain.build_compare import Reproduction, difference, unequal_layers
from plimsoll.workflows.build import build, layout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from plimsoll.domain.build import Built
    from plimsoll.ports import Clock
    from plimsoll.workflows.build_plan import Workshop

    Entries = Callable[[Path, int], Mapping[str, Sequence[object]]]


def check_reproducible(names: Sequence[str], shops: tuple[Workshop, Workshop], *, entries: Entries, clock: Clock) -> Reproduction:
    """Build the services called `names` in both workshops and return both digests of each, with what differs.

    The workshops are clones of one commit. `entries` reads the files of one layer of an OCI layout: path -> what is known of it.
    """
    started = clock.monotonic()
    results = []
    for count, shop in enumerate(shops, 1):
        with shop.reporter.step(f"build {count} of 2, every step anew"):
            results.append(build([shop.project.services[name] for name in names], shop, cache=False))
    first, second = results
    pairs = {service: (built, second.images[service]) for service, built in first.images.items()}
    differences = tuple(
        difference(pair[0], at, _both(pair, at, shops, entries)) for pair in pairs.values() for at in unequal_layers(*pair)
    )
    digests = {service: (str(one.image.digest), str(other.image.digest)) for service, (one, other) in pairs.items()}
    return Reproduction(digests=digests, differences=differences, seconds=clock.monotonic() - started)


def _both(
    pair: tuple[Built, Built], at: int, shops: tuple[Workshop, Workshop], entries: Entries
) -> tuple[Mapping[str, Sequence[object]], Mapping[str, Sequence[object]]]:
    one, other = (
        entries(layout(built.image, shop), at) if at < len(built.layers) else {} for built, shop in zip(pair, shops, strict=True)
    )
    return one, other
