"""What definitions in the cluster declare about their custom resources: when one is ready, and when it has failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.domain.rollout_declared import declared_in
from plimsoll.domain.rollout_limits import is_custom
from plimsoll.domain.rollout_observed import group_kind
from plimsoll.errors import Misconfigured, PlimsollError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plimsoll.domain.manifests import Ref
    from plimsoll.domain.rollout_declared import Declared
    from plimsoll.ports import Cluster, Reporter

DEFINITION = "apiextensions.k8s.io/v1/CustomResourceDefinition"


def declarations(
    cluster: Cluster, objects: Iterable[Ref], reporter: Reporter, *, besides: frozenset[str] = frozenset()
) -> dict[str, Declared]:
    """Return group and kind -> what its definition declares, for the custom resources among `objects`.

    Without any, nothing is asked of the cluster. Who may not read definitions goes without. Raise Misconfigured for a declaration
    that cannot be read; definitions named in `besides` are left out, because they are about to be replaced.
    """
    wanted = {kind for each in objects if is_custom(kind := group_kind({"apiVersion": each.api, "kind": each.kind}))}
    if not wanted:
        return {}
    try:
        definitions = cluster.list(DEFINITION)
    except PlimsollError as error:
        reporter.detail(f"custom resources are judged by their conditions alone: {error.what}")
        return {}
    found = {}
    for each in definitions:
        spec, metadata = each["spec"], each["metadata"]
        kind = f"{spec['group']}/{spec['names']['kind']}"
        if kind in wanted and metadata["name"] not in besides:
            try:
                found[kind] = declared_in(metadata.get("annotations") or {})
            except ValueError as error:
                raise Misconfigured(
                    str(error),
                    where=f"CustomResourceDefinition/{metadata['name']} in the cluster, metadata.annotations",
                    now="correct the annotation where the definition comes from, or take it out",
                    code="invalid",
                ) from error
    return {kind: declared for kind, declared in found.items() if declared}
