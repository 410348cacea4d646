"""May we? Asked of the API server itself, which knows about every Role, group and webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.adapters.kube_http import Request

if TYPE_CHECKING:
    from plimsoll.adapters.kube_http import Connection
    from plimsoll.domain.rbac import Right

PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
TIMEOUT = 10.0


def may(connection: Connection, right: Right) -> bool:
    """Tell whether we have a right (SelfSubjectAccessReview); raise what every request does."""
    resource, _, part = right.resource.partition("/")
    attributes = {
        "namespace": right.namespace,
        "verb": right.verb,
        "group": right.group,
        "resource": resource,
        "subresource": part,
        "name": right.name,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
    }
    # A review is kept nowhere, so that asking twice does no harm.
    request = Request(method="POST", path=PATH, body=review, target="SelfSubjectAccessReview", timeout=TIMEOUT, safe=True)
    answer = connection.send(request).json()
    return bool((answer.get("status") or {}).get("allowed"))
