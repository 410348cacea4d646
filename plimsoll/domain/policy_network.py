"""Who may talk to whom, and how users come in (rows 24 and 25)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from plimsoll.domain.manifests import containers
from plimsoll.domain.netpol import selects
from plimsoll.domain.policy_terms import Breach, Policy, differs, pod_labels, selector, value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from plimsoll.domain.manifests import Manifest
    from plimsoll.domain.policy_terms import Rendered

DNS = 53
NGINX = "nginx.ingress.kubernetes.io"
# Row 25, per client address.
LIMITS = {f"{NGINX}/limit-rps": "100", f"{NGINX}/limit-connections": "50"}


def _default_deny(rendered: Rendered) -> Iterator[Breach]:
    for manifest in rendered.kind("NetworkPolicy"):
        spec = manifest["spec"]
        everybody = not spec.get("podSelector") and set(spec.get("policyTypes") or ()) == {"Ingress", "Egress"}
        if everybody and not spec.get("ingress") and not spec.get("egress"):
            return
    yield Breach(None, "NetworkPolicy", "none selects every pod, names both directions and allows nothing")


def _dns(rendered: Rendered) -> Iterator[Breach]:
    for manifest in rendered.kind("NetworkPolicy"):
        for index, rule in enumerate(manifest["spec"].get("egress") or ()):
            found = {port.get("protocol", "TCP") for port in rule.get("ports") or () if port.get("port") == DNS}
            if missing := {"UDP", "TCP"} - found if found else set():
                yield Breach(manifest, f"spec.egress.{index}.ports", f"allows DNS, but not over {missing.pop()}")


def _silent_stores(rendered: Rendered) -> Iterator[Breach]:
    stores = [(each["metadata"]["name"], pod_labels(each)) for each in rendered.kind("StatefulSet")]
    for manifest in rendered.kind("NetworkPolicy"):
        if not manifest["spec"].get("egress"):
            continue
        for name, labels in stores:
            if selects(manifest["spec"].get("podSelector") or {}, labels):
                yield Breach(manifest, "spec.egress", f"lets the data store {name} open connections")


def _services(rendered: Rendered) -> Iterator[Breach]:
    for manifest in rendered.kind("Service"):
        wanted = selector(manifest)
        behind = [each for each in rendered.workloads() if wanted and wanted.items() <= pod_labels(each).items()]
        if not behind:
            yield Breach(manifest, "spec.selector", "selects no pod of this environment")
            continue
        ports = manifest["spec"].get("ports") or []
        open_ports = {port.get("name") for each in behind for box in containers(each) for port in box.get("ports") or ()}
        for index, port in enumerate(ports):
            target = port.get("targetPort", port.get("port"))
            if isinstance(target, str) and target not in open_ports:
                yield Breach(manifest, f"spec.ports.{index}.targetPort", f"{target!r} is no port of its pods")
        # The schema accepts these; the API server refuses them.
        for (number, protocol), times in Counter((port["port"], port.get("protocol", "TCP")) for port in ports).items():
            if times > 1:
                yield Breach(manifest, "spec.ports", f"names port {number}/{protocol} {times} times")


def _published(rendered: Rendered) -> Iterator[Breach]:
    wanted = rendered.environment.node_port
    open_services = [each for each in rendered.kind("Service") if each["spec"].get("type", "ClusterIP") != "ClusterIP"]
    for manifest in open_services:
        if wanted is None or manifest["spec"]["type"] != "NodePort":
            yield Breach(manifest, "spec.type", f"is {manifest['spec']['type']}, which opens a way around the Ingress")
        else:
            yield from differs(manifest, "spec.ports.0.nodePort", wanted)
    if wanted is not None and not open_services:
        yield Breach(None, "Service", f"none is of type NodePort, for the environment's node_port {wanted}")


def _rules(ingress: Manifest) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for index, rule in enumerate(ingress["spec"].get("rules") or ()):
        yield f"spec.rules.{index}", rule


def _routes(rendered: Rendered) -> Iterator[Breach]:
    for manifest in rendered.kind("Ingress"):
        if not value(manifest, "spec.ingressClassName"):
            yield Breach(manifest, "spec.ingressClassName", "is not set: no controller, or any, would take it")
        for at, rule in _rules(manifest):
            paths = value(rule, "http.paths") or ()
            if not paths:
                yield Breach(manifest, f"{at}.http.paths", "routes nothing")
            for index, path in enumerate(paths):
                yield from _route(rendered, manifest, f"{at}.http.paths.{index}", path)


def _route(rendered: Rendered, manifest: Manifest, at: str, path: Mapping[str, Any]) -> Iterator[Breach]:
    if path.get("pathType") not in {"Prefix", "Exact"}:
        yield Breach(manifest, f"{at}.pathType", f"is {path.get('pathType')!r}, neither Prefix nor Exact")
    name, port = value(path, "backend.service.name"), value(path, "backend.service.port") or {}
    service = rendered.named("Service", name or "")
    ports = (value(service, "spec.ports") or ()) if service else ()
    if not any(port in ({"name": each.get("name")}, {"number": each.get("port")}) for each in ports):
        yield Breach(manifest, f"{at}.backend.service", f"{name!r} with port {port} is no Service of this environment")


def _tls(rendered: Rendered) -> Iterator[Breach]:
    for manifest in rendered.kind("Ingress"):
        certified = {host for entry in manifest["spec"].get("tls") or () for host in entry.get("hosts") or ()}
        for at, rule in _rules(manifest):
            if not rule.get("host") or rule["host"] not in certified:
                yield Breach(manifest, f"{at}.host", f"{rule.get('host')!r} is under no certificate of spec.tls")
        for index, entry in enumerate(manifest["spec"].get("tls") or ()):
            if not entry.get("secretName"):
                yield Breach(manifest, f"spec.tls.{index}.secretName", "is not set")
        if (value(manifest, "metadata.annotations") or {}).get(f"{NGINX}/ssl-redirect") != "true":
            yield Breach(manifest, f"metadata.annotations[{NGINX}/ssl-redirect]", "is not 'true': plain HTTP would be served")


def _limits(rendered: Rendered) -> Iterator[Breach]:
    for manifest in rendered.kind("Ingress"):
        annotations = value(manifest, "metadata.annotations") or {}
        for key, wanted in LIMITS.items():
            if annotations.get(key) != wanted:
                yield Breach(manifest, f"metadata.annotations[{key}]", f"is {annotations.get(key)!r}, not {wanted!r}")


def _origins(rendered: Rendered) -> Iterator[Breach]:
    for manifest in rendered.kind("Ingress"):
        annotations = value(manifest, "metadata.annotations") or {}
        own = {f"https://{rule.get('host')}" for _at, rule in _rules(manifest)}
        allowed = {origin.strip() for origin in annotations.get(f"{NGINX}/cors-allow-origin", "*").split(",")}
        if annotations.get(f"{NGINX}/enable-cors") == "true" and not allowed <= own:
            what = f"admits pages of {', '.join(sorted(allowed - own))}"
            yield Breach(manifest, f"metadata.annotations[{NGINX}/cors-allow-origin]", what)


POLICIES = (
    Policy(
        id="default-deny",
        row="24",
        sentence="What no policy allows is denied, in both directions.",
        remedy="add a NetworkPolicy with an empty podSelector, policyTypes Ingress and Egress, and no rule",
        check=_default_deny,
    ),
    Policy(
        id="dns-both-protocols",
        row="24, point 34",
        sentence="Whoever may look up names may do so over UDP and TCP.",
        remedy="allow port 53 for both protocols in the same rule",
        check=_dns,
    ),
    Policy(
        id="silent-data-stores",
        row="24",
        sentence="Data stores answer; they never call.",
        remedy="narrow the policy's podSelector so that it leaves out the data stores",
        check=_silent_stores,
    ),
    Policy(
        id="services-lead-somewhere",
        row="point 26",
        sentence="Every Service leads to a port of pods that are there, and names each port once.",
        remedy="correct selector, targetPort or the port that is doubled",
        check=_services,
    ),
    Policy(
        id="published-port",
        row="25",
        sentence="Users come in through the Ingress, or through the one node port that the environment's settings name.",
        remedy="add the component node-port and node_port together in plimsoll.toml, or make the Service a ClusterIP",
        check=_published,
    ),
    Policy(
        id="ingress-routes",
        row="25",
        sentence="The Ingress names its controller, and every path leads to a Service.",
        remedy="set ingressClassName, pathType, and a backend service with the name or number of its port",
        check=_routes,
    ),
    Policy(
        id="ingress-tls",
        row="25",
        sentence="Every host is served over TLS, and plain HTTP is redirected.",
        remedy=f"list the host under spec.tls with a secretName, and set {NGINX}/ssl-redirect",
        check=_tls,
    ),
    Policy(
        id="ingress-limits",
        row="25",
        sentence="One client gets 100 requests per second over 50 connections.",
        remedy=f"set {' and '.join(LIMITS)}",
        check=_limits,
    ),
    Policy(
        id="ingress-origins",
        row="25",
        sentence="Only pages of the Ingress's own hosts may call the API from a browser.",
        remedy=f"list own hosts in {NGINX}/cors-allow-origin",
        check=_origins,
    ),
)
