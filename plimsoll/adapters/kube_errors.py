"""What the API server answers when it will not, in our words: one translation for every request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from plimsoll.domain.manifests import Conflict
from plimsoll.errors import EnvironmentLacks, Failed, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.errors import PlimsollError

RIGHT = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]*)"'
    r'(?: in API group "(?P<group>[^"]*)")?(?: in the namespace "(?P<namespace>[^"]*)")?'
)
MANAGER = re.compile(r'conflict with "(?P<manager>[^"]*)"')
BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT, GONE = 400, 401, 403, 404, 409, 410
INVALID, TOO_MANY, BROKEN = 422, 429, 500
# Answers of a server (or of a proxy before it) that is not able to answer now.
UNABLE = frozenset({TOO_MANY, 502, 503, 504})
CHANGED_NOTHING = frozenset({BAD_REQUEST, INVALID})


def refusal(
    status: int, answer: Mapping[str, Any], *, target: str, server: str, context: str, dry_run: bool = False
) -> PlimsollError:
    """Return the error for an answer of 300 and more about `target` (`Deployment/backend`).

    Misconfigured: a redirect, credentials, a missing right, or an object found invalid in a dry run. EnvironmentLacks: the server
    is not able to answer. Conflict: fields of other managers. Failed: everything else, with the server's reason and the field's
    path.
    """
    if status < BAD_REQUEST:
        return Misconfigured(
            f"something answers that is no API server: it sends us elsewhere ({status}), and is not followed",
            where=f"{server}, context {context!r}",
            now="name the API server's own address in the kubeconfig; a proxy or a login page often answers like this",
            code="redirected",
        )
    message = " ".join(str(answer.get("message") or answer.get("reason") or f"status {status}").split())
    causes = (answer.get("details") or {}).get("causes") or ()
    if status == UNAUTHORIZED:
        return Misconfigured(
            "the API server does not accept our credentials",
            where=f"{server}, context {context!r}",
            now="renew the credentials of this context; for the local cluster, run `./inv cluster.up`",
            code="not-logged-in",
        )
    if status in UNABLE:
        return unreachable(server, f"it answers {status}: {message}")
    right = RIGHT.search(message) if status == FORBIDDEN else None
    if right:
        return _missing_right(right, server)
    contested = [cause for cause in causes if cause.get("reason") == "FieldManagerConflict"]
    if status == CONFLICT and contested:
        return Conflict(target, [(str(cause.get("field", "")), _manager(cause)) for cause in contested])
    fields = [f"{cause['field']}: {cause.get('message', '')}" for cause in causes if cause.get("field")]
    text = "; ".join(fields) or message
    kind = Misconfigured if dry_run and status in CHANGED_NOTHING else Failed
    return kind(
        f"the API server refuses {target}: {text}",
        where=f"{target} at {server}",
        now="correct the manifest; `./inv kube.validate` finds most of these before a cluster does",
        code="refused",
    )


def unreachable(server: str, why: str) -> EnvironmentLacks:
    """Return the error for an API server that does not answer."""
    return EnvironmentLacks(
        f"the API server does not answer: {why}",
        where=server,
        now="see how the cluster is with `./inv cluster.status`; `./inv cluster.up` brings a stopped local one back",
        code="cluster-unreachable",
    )


def untrusted(server: str, why: str) -> Misconfigured:
    """Return the error for a server whose certificate is not that of the cluster we know."""
    return Misconfigured(
        f"the server's certificate is not the one of this cluster: {why}",
        where=server,
        now="another cluster answers there, or this one was made anew: fetch its kubeconfig again",
        code="other-cluster",
    )


def _missing_right(right: re.Match[str], server: str) -> Misconfigured:
    resource = ".".join(filter(None, (right["resource"], right["group"])))
    place = f"in the namespace {right['namespace']}" if right["namespace"] else "in the whole cluster"
    return Misconfigured(
        f"{right['user']} may not {right['verb']} {resource} {place}",
        where=server,
        now=f"have a Role bound to {right['user']} that allows the verb {right['verb']!r} on {resource!r}",
        code="right-missing",
    )


def _manager(cause: Mapping[str, Any]) -> str:
    found = MANAGER.search(str(cause.get("message", "")))
    return found["manager"] if found else str(cause.get("message", "somebody"))
