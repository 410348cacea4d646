"""What network policies mean: may this pod open a connection to that one?

A pure reading of `networking.k8s.io/v1` NetworkPolicy, for clusters whose network does not enforce policies and for tests that
need every answer. A connection passes when the source's egress and the target's ingress both allow it; a direction of a pod that
no policy selects is open. What the model leaves out: a node may always reach the pods that run on it (the kubelet's probes).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from plimsoll.domain.manifests import containers, pod_template

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NAMESPACE_NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One end of a connection: a pod, or with `namespace` None an address outside of the cluster.

    `ports` maps the names of a pod's ports to (number, protocol). `address` is what address blocks are compared with.
    """

    name: str
    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    address: str | None = None


@dataclass(frozen=True)
class Verdict:
    """Whether a connection passes, and which policy (or lack of one) says so."""

    allowed: bool
    reason: str


def pod(name: str, namespace: str, labels: Mapping[str, str], *, address: str | None = None) -> Peer:
    """Return a pod of another namespace, whose only label of its own is the name that Kubernetes gives it."""
    return Peer(name=name, namespace=namespace, labels=labels, namespace_labels={NAMESPACE_NAME: namespace}, address=address)


def pods(objects: Iterable[Mapping[str, Any]]) -> dict[str, Peer]:
    """Return one pod per workload among `objects`, by the workload's name."""
    objects = tuple(objects)
    spaces = [each["metadata"] for each in objects if each["kind"] == "Namespace"]
    namespaces = {each["name"]: each.get("labels") or {} for each in spaces}
    found = {}
    for each in objects:
        template = pod_template(each)
        if template is None:
            continue
        namespace = each["metadata"].get("namespace") or "default"
        ports = [port for container in containers(each) for port in container.get("ports") or ()]
        found[each["metadata"]["name"]] = Peer(
            name=each["metadata"]["name"],
            namespace=namespace,
            labels=template.get("metadata", {}).get("labels") or {},
            namespace_labels={**namespaces.get(namespace, {}), NAMESPACE_NAME: namespace},
            ports={port["name"]: (port["containerPort"], port.get("protocol", "TCP")) for port in ports if "name" in port},
        )
    return found


def judge(objects: Iterable[Mapping[str, Any]], source: Peer, target: Peer, port: int, protocol: str = "TCP") -> Verdict:
    """Return whether `source` may open a connection to `port` of `target` under the NetworkPolicies among `objects`.

    Raise ValueError for a label selector with an operator that Kubernetes does not know.
    """
    policies = [each for each in objects if each["kind"] == "NetworkPolicy"]
    connection = _Connection(source, target, port, protocol)
    leaving = _direction(policies, connection, "Egress")
    return _direction(policies, connection, "Ingress") if leaving.allowed else leaving


@dataclass(frozen=True)
class _Connection:
    source: Peer
    target: Peer
    port: int
    protocol: str


def _direction(policies: Sequence[Mapping[str, Any]], connection: _Connection, direction: str) -> Verdict:
    inward = direction == "Ingress"
    subject, other = (connection.target, connection.source) if inward else (connection.source, connection.target)
    selecting = [policy for policy in policies if _selects(policy, subject, direction)]
    if not selecting:
        return Verdict(allowed=True, reason=f"no policy restricts the {direction.lower()} of {subject.name}")
    for policy in selecting:
        namespace = policy["metadata"].get("namespace") or "default"
        for rule in policy["spec"].get(direction.lower()) or ():
            peers, ports = rule.get("from" if inward else "to"), rule.get("ports")
            who = not peers or any(_is_peer(peer, other, namespace) for peer in peers)
            if who and (not ports or any(_is_port(wanted, connection) for wanted in ports)):
                return Verdict(allowed=True, reason=f"{direction.lower()} by {policy['metadata']['name']}")
    names = ", ".join(sorted(policy["metadata"]["name"] for policy in selecting))
    return Verdict(allowed=False, reason=f"no {direction.lower()} rule of {names} allows it")


def _selects(policy: Mapping[str, Any], subject: Peer, direction: str) -> bool:
    if subject.namespace is None or (policy["metadata"].get("namespace") or "default") != subject.namespace:
        return False
    spec = policy["spec"]
    # Where policyTypes is absent, ingress is always meant, and egress when there is a rule for it.
    types = spec.get("policyTypes") or (["Ingress", "Egress"] if "egress" in spec else ["Ingress"])
    return direction in types and selects(spec.get("podSelector") or {}, subject.labels)


def _is_peer(peer: Mapping[str, Any], other: Peer, namespace: str) -> bool:
    if block := peer.get("ipBlock"):
        if other.address is None:
            return False
        address = ip_address(other.address)
        return address in ip_network(block["cidr"]) and not any(address in ip_network(hole) for hole in block.get("except") or ())
    if other.namespace is None:
        return False
    there = peer.get("namespaceSelector")
    in_namespace = other.namespace == namespace if there is None else selects(there, other.namespace_labels)
    return in_namespace and selects(peer.get("podSelector") or {}, other.labels)


def _is_port(wanted: Mapping[str, Any], connection: _Connection) -> bool:
    if wanted.get("protocol", "TCP") != connection.protocol:
        return False
    first = wanted.get("port")
    if isinstance(first, str):
        return connection.target.ports.get(first) == (connection.port, connection.protocol)
    return first is None or bool(first <= connection.port <= wanted.get("endPort", first))


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Tell whether a label selector matches `labels`; an empty one matches everything.

    Raise ValueError for an operator that Kubernetes does not know.
    """
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_holds(each, labels) for each in selector.get("matchExpressions") or ())


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, operator, values = expression["key"], expression["operator"], expression.get("values") or ()
    if operator == "In":
        return any(labels.get(key) == value for value in values)
    if operator == "NotIn":
        return all(labels.get(key) != value for value in values)
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    msg = f"label selectors know no operator {operator!r}"
    raise ValueError(msg)
