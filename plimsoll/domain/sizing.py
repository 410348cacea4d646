"""One line on how large an environment is made: what its containers request, and between which bounds it scales."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plimsoll.domain.manifests import containers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SMALL = "small-cluster"


def sizing(objects: Sequence[Mapping[str, Any]], components: Sequence[str]) -> tuple[str, ...]:
    """Return a note on the sizes of an environment that includes the component for small clusters; nothing otherwise."""
    if SMALL not in components:
        return ()
    cpus = sorted({milli for each in objects for c in containers(each) if (milli := _millicores(c)) is not None})
    scaled = [each["spec"] for each in objects if each["kind"] == "HorizontalPodAutoscaler"]
    parts = []
    if cpus:
        parts.append(f"requests of {_span(cpus[0], cpus[-1])}m CPU a container")
    if scaled:
        low = min(spec.get("minReplicas", 1) for spec in scaled)
        high = max(spec["maxReplicas"] for spec in scaled)
        parts.append(f"{_span(low, high)} replicas")
    return (f"sized by {SMALL}: {', '.join(parts)}",) if parts else ()


def _millicores(container: Mapping[str, Any]) -> int | None:
    asked = ((container.get("resources") or {}).get("requests") or {}).get("cpu")
    if asked is None:
        return None
    text = str(asked)
    return int(text[:-1]) if text.endswith("m") else round(float(text) * 1000)


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"
