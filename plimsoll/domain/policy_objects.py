"""What objects are called, where they live, and what they must not hold (rows 23 and 52, points 8 and 32)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from plimsoll.domain.policy_terms import POD, Breach, Policy, numbered_containers, pod_labels, selector, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.domain.manifests import Manifest
    from plimsoll.domain.policy_terms import Rendered

APP = "app.kubernetes.io"
ENFORCE = "pod-security.kubernetes.io/enforce"
SELECTED_BY = {f"{APP}/name", f"{APP}/part-of"}
# Kinds that no namespace holds and that an environment may still bring along.
CLUSTER_KINDS = {"Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PriorityClass", "StorageClass"}
# What kustomize's generators append: ten characters of an alphabet without vowels, so that no word appears.
HASHED = re.compile(r".+-[bcdfghkmt2456789]{10}")
SECRET_WORDS = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|PRIVATE_KEY|API_KEY", re.IGNORECASE)


def _namespace(rendered: Rendered) -> Iterator[Breach]:
    manifest = rendered.named("Namespace", rendered.environment.namespace)
    if manifest is None:
        yield Breach(None, "Namespace", f"{rendered.environment.namespace} is not rendered")
    elif (manifest["metadata"].get("labels") or {}).get(ENFORCE) != "restricted":
        yield Breach(manifest, f"metadata.labels[{ENFORCE}]", "is not 'restricted'")


def _one_namespace(rendered: Rendered) -> Iterator[Breach]:
    wanted = rendered.environment.namespace
    for manifest in rendered.objects:
        if manifest["kind"] in CLUSTER_KINDS:
            continue
        found = manifest["metadata"].get("namespace")
        if found != wanted:
            yield Breach(manifest, "metadata.namespace", f"is {found!r}, not {wanted!r}")


def _labels(rendered: Rendered) -> Iterator[Breach]:
    for manifest in rendered.objects:
        labels = manifest["metadata"].get("labels") or {}
        if labels.get(f"{APP}/part-of") != rendered.part_of:
            yield Breach(manifest, f"metadata.labels[{APP}/part-of]", f"is not {rendered.part_of!r}")
    for manifest in rendered.workloads():
        for key in ("name", "component", "part-of"):
            if not pod_labels(manifest).get(f"{APP}/{key}"):
                yield Breach(manifest, f"spec.template.metadata.labels[{APP}/{key}]", "is not set")


def _selectors(rendered: Rendered) -> Iterator[Breach]:
    wanted = " and ".join(sorted(SELECTED_BY))
    for manifest in rendered.kind("Deployment", "StatefulSet", "Service", "PodDisruptionBudget"):
        found = selector(manifest)
        if found.keys() != SELECTED_BY:
            yield Breach(manifest, "spec.selector", f"uses {', '.join(sorted(found)) or 'nothing'}, not {wanted}")


def _config_names(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for at, container in numbered_containers(manifest):
        for index, source in enumerate(container.get("envFrom") or ()):
            if name := value(source, "configMapRef.name"):
                yield f"{at}.envFrom.{index}", name
    for at, entry in _variables(manifest):
        if name := value(entry, "valueFrom.configMapKeyRef.name"):
            yield at, name
    for index, volume in enumerate(value(manifest, f"{POD}.volumes") or ()):
        if name := value(volume, "configMap.name"):
            yield f"{POD}.volumes.{index}", name


def _configuration(rendered: Rendered) -> Iterator[Breach]:
    for manifest in rendered.workloads():
        for at, name in _config_names(manifest):
            if rendered.named("ConfigMap", name) is None:
                yield Breach(manifest, at, f"needs the ConfigMap {name!r}, which is not rendered")
            elif not HASHED.fullmatch(name):
                yield Breach(manifest, at, f"uses the ConfigMap {name!r}, whose name carries no hash of its content")


def _secret_values(rendered: Rendered) -> Iterator[Breach]:
    for manifest in rendered.kind("Secret"):
        for key in ("data", "stringData"):
            if manifest.get(key):
                yield Breach(manifest, key, "holds values, which would lie in git and in every record")
    for manifest in rendered.kind("ConfigMap"):
        for key in manifest.get("data") or {}:
            if SECRET_WORDS.search(key):
                yield Breach(manifest, f"data.{key}", "is a secret by its name, but anybody may read a ConfigMap")
    for manifest in rendered.workloads():
        for at, entry in _variables(manifest):
            if SECRET_WORDS.search(entry["name"]) and entry.get("value"):
                yield Breach(manifest, f"{at}.value", f"gives {entry['name']} in plain text")


def _variables(manifest: Manifest) -> Iterator[tuple[str, Manifest]]:
    for at, container in numbered_containers(manifest):
        for index, entry in enumerate(container.get("env") or ()):
            yield f"{at}.env.{index}", entry


def _secret_names(rendered: Rendered) -> Iterator[Breach]:
    for manifest in rendered.workloads():
        for at, entry in _variables(manifest):
            wanted = value(entry, "valueFrom.secretKeyRef")
            if wanted and wanted.get("key") not in rendered.secrets.get(wanted.get("name"), ()):
                what = f"needs key {wanted.get('key')!r} of Secret {wanted.get('name')!r}, which nobody generates"
                yield Breach(manifest, at, what)


POLICIES = (
    Policy(
        id="restricted-namespace",
        row="23",
        sentence="An environment brings its own namespace, in which the API server itself refuses pods that are not restricted.",
        remedy=f"render one Namespace with the label {ENFORCE}: restricted; its name is set from plimsoll.toml",
        check=_namespace,
    ),
    Policy(
        id="one-namespace",
        row="14",
        sentence="Everything lives in the environment's namespace.",
        remedy="leave metadata.namespace out of the manifests; it is set from plimsoll.toml",
        check=_one_namespace,
    ),
    Policy(
        id="labels",
        row="point 8",
        sentence="Every object says what it belongs to, and every pod also what it is.",
        remedy=f"set {APP}/part-of on every object, and name, component and part-of on pods",
        check=_labels,
    ),
    Policy(
        id="stable-selectors",
        row="point 8",
        sentence="Selectors can never be changed, so they use only labels that never will.",
        remedy=f"select by {APP}/name and {APP}/part-of, and nothing else",
        check=_selectors,
    ),
    Policy(
        id="hashed-configuration",
        row="32",
        sentence="Configuration lies under a name made from its content, so that old pods keep theirs and a rollback finds it.",
        remedy="make the ConfigMap with a configMapGenerator",
        check=_configuration,
    ),
    Policy(
        id="no-secret-values",
        row="52",
        sentence="No rendered object holds a secret.",
        remedy="name it under [secrets] in plimsoll.toml: values are generated in the cluster; refer to it by secretKeyRef",
        check=_secret_values,
    ),
    Policy(
        id="secrets-generated",
        row="52",
        sentence="Every secret that a container needs is one that the first deploy generates.",
        remedy="add Secret and key under [secrets] in plimsoll.toml",
        check=_secret_names,
    ),
)
