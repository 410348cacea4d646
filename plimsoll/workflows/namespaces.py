"""Namespaces that are deleted under a release: waited for, and what was in them told as lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.errors import Failed

if TYPE_CHECKING:
    from plimsoll.domain.ledger import History
    from plimsoll.workflows.site import Site

NAMESPACE = "v1/Namespace"
# Seconds that the end of a namespace may take (pods are given 30 s to stop, volumes a while to detach), and how often to look.
ENDS_WITHIN = 180.0
LOOK_EVERY = 0.5


def uid_of(site: Site) -> str | None:
    """Return the UID of the environment's namespace, None where there is none, or one that is going."""
    found = site.cluster.get(NAMESPACE, site.environment.namespace)
    return None if found is None or found["metadata"].get("deletionTimestamp") else str(found["metadata"]["uid"])


def await_end(site: Site) -> None:
    """Return once no namespace of the environment is being deleted; raise Failed when one does not end."""
    name = site.environment.namespace
    found = site.cluster.get(NAMESPACE, name)
    if found is None or not found["metadata"].get("deletionTimestamp"):
        return
    deadline = site.clock.monotonic() + ENDS_WITHIN
    with site.reporter.step(f"waiting for the end of the namespace {name}, which is being deleted"):
        while site.clock.monotonic() < deadline:
            site.stop.check()
            found = site.cluster.get(NAMESPACE, name)
            if found is None or not found["metadata"].get("deletionTimestamp"):
                return
            site.clock.sleep(LOOK_EVERY)
    raise Failed(
        f"the namespace {name} is being deleted and did not end within {ENDS_WITHIN:.0f} s",
        where=site.environment.name,
        now=f"`kubectl get namespace {name} -o yaml` names what holds it under status.conditions; then deploy again",
        code="namespace-terminating",
    )


def tell_loss(site: Site, history: History) -> bool:
    """Warn that everything in the namespace is lost, when it was deleted under a release; return whether it was."""
    standing = history.standing
    if standing is None or uid_of(site) is not None:
        return False
    site.reporter.warn(
        f"the namespace {site.environment.namespace} was deleted under {standing.name}, and everything in it: database content "
        "is gone, and passwords are new; restore the content from a backup"
    )
    return True
