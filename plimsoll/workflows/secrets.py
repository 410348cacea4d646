"""Secrets of an environment: generated once, kept in the cluster and nowhere else."""

from __future__ import annotations

import base64
import secrets
import string
from typing import TYPE_CHECKING, Any

from plimsoll.domain.manifests import MANAGER, OWNER_LABEL
from plimsoll.domain.secret import SecretText
from plimsoll.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from plimsoll.domain.project import SecretSpec
    from plimsoll.ports import Cluster

SECRET = "v1/Secret"  # noqa: S105 -- the kind of an object, not a secret
# Letters and digits only: such a value can stand in a URL or a connection string as it is. 24 of them are 142 bits.
ALPHABET = string.ascii_letters + string.digits
# Characters; generated values have 24 and more.
SHORTEST_HIDDEN = 4
# Somebody else may write the same Secret at the same time; more often than this is no coincidence.
ATTEMPTS = 3


def existing(cluster: Cluster, namespace: str, specs: Iterable[SecretSpec]) -> dict[str, frozenset[str]]:
    """Return Secret -> its keys, for those that exist."""
    found = {spec.name: cluster.get(SECRET, spec.name, namespace) for spec in specs}
    return {name: frozenset(secret.get("data") or {}) for name, secret in found.items() if secret is not None}


def ensure(cluster: Cluster, namespace: str, specs: Iterable[SecretSpec], *, part_of: str) -> tuple[str, ...]:
    """Generate what is missing and return the names of the new keys (`secret/key`). Values that exist are never touched."""
    made = []
    for spec in specs:
        for _ in range(ATTEMPTS):
            found = cluster.get(SECRET, spec.name, namespace)
            missing = [key for key in sorted(spec.keys) if key not in ((found or {}).get("data") or {})]
            if not missing or _add(cluster, namespace, spec, found, missing=missing, part_of=part_of):
                made += [f"{spec.name}/{key}" for key in missing]
                break
        else:
            raise Failed(
                f"the Secret {spec.name} could not be written: somebody else keeps changing it",
                where=f"namespace {namespace}",
                now="find out who does, and deploy again",
                code="secret-contested",
            )
    return tuple(made)


def hashes(cluster: Cluster, namespace: str, specs: Iterable[SecretSpec], salt: str) -> dict[str, str]:
    """Return `secret/key` -> salted hash of its present value."""
    found = {}
    for spec in specs:
        data = (cluster.get(SECRET, spec.name, namespace) or {}).get("data") or {}
        for key in sorted(spec.keys):
            if key in data:
                name = f"{spec.name}/{key}"
                found[name] = SecretText(str(data[key])).hash(salt, name)
    return found


def hider(cluster: Cluster, namespace: str, specs: Iterable[SecretSpec]) -> Callable[[str], str]:
    """Return a function that replaces the present secret values in a text: what a program printed may hold them.

    Values that somebody set by hand and that are shorter than `SHORTEST_HIDDEN` are left: they stand in half of all texts.
    """
    values = []
    for spec in specs:
        data = (cluster.get(SECRET, spec.name, namespace) or {}).get("data") or {}
        values += [base64.b64decode(data[key]).decode(errors="replace") for key in spec.keys if key in data]
    # A value may begin like a longer one, of which the rest would stay.
    hidden = sorted((value for value in values if len(value) >= SHORTEST_HIDDEN), key=len, reverse=True)

    def hide(text: str) -> str:
        for value in hidden:
            text = text.replace(value, str(SecretText(value)))
        return text

    return hide


def new_salt() -> str:
    """Return a salt for one record."""
    return secrets.token_hex(8)


def generate(length: int) -> SecretText:
    """Return a random value of `length` letters and digits."""
    return SecretText("".join(secrets.choice(ALPHABET) for _ in range(length)))


def _add(
    cluster: Cluster, namespace: str, spec: SecretSpec, found: dict[str, Any] | None, *, missing: list[str], part_of: str
) -> bool:
    values = {key: base64.b64encode(generate(spec.keys[key]).reveal().encode()).decode() for key in missing}
    if found is None:
        labels = {OWNER_LABEL: MANAGER, "app.kubernetes.io/part-of": part_of}
        metadata = {"name": spec.name, "namespace": namespace, "labels": labels}
        manifest = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": values}
    else:
        manifest = {**found, "data": {**(found.get("data") or {}), **values}}
    return cluster.write(manifest, create=found is None) is not None
