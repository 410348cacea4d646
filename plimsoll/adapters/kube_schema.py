"""The Kubernetes API's own schemas, offline and strict: a field that the API does not know is an error (port Schemas).

The schema files come with the package kubernetes-validate; they are evaluated here, because its own function stops at the first
problem and reads megabytes anew for every object.
"""

from __future__ import annotations

import difflib
import json
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jsonschema.exceptions import ValidationError

PACKAGE = "kubernetes_validate"
# `policy.example.io/v1` is filed under `policy-v1`: only the group's first word counts.
GROUP = re.compile(r"^([^./]*)(?:\.[^/]*)?/")


class KubernetesSchemas:
    """The schemas of one minor version of Kubernetes, such as `1.34`."""

    def __init__(self, version: str) -> None:
        """Raise ValueError when the package brings no schemas of `version`."""
        self._folder = resources.files(PACKAGE) / "kubernetes-json-schema" / f"v{version}.0-local-strict"
        if not self._folder.is_dir():
            msg = f"{PACKAGE} has no schemas of Kubernetes {version}"
            raise ValueError(msg)
        self._validator = cache(self._load)

    def problems(self, manifest: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
        """Return (path, what, what now) for everything that the API would not take; empty when the object is fine.

        Kinds of other API groups (custom resources) have no schema here: the API server judges them when they are applied.
        """
        group = str(manifest.get("apiVersion")).rpartition("/")[0]
        if "." in group and not group.endswith(".k8s.io"):
            return ()
        validator = self._validator(str(manifest.get("kind")), str(manifest.get("apiVersion")))
        if validator is None:
            known = "use a kind of the Kubernetes API itself"
            return (("apiVersion", f"{manifest.get('apiVersion')!r} has no kind {manifest.get('kind')!r}", known),)
        found = [each for error in validator.iter_errors(manifest) for each in _leaves(error)]
        return tuple(sorted({(_path(error), _what(error), _now(error)) for error in found}))

    def _load(self, kind: str, api: str) -> Draft202012Validator | None:
        group = GROUP.sub(r"\1-", api)
        file = self._folder / f"{kind.lower()}-{group}.json"
        if not file.is_file():
            return None
        schema = json.loads(file.read_text(encoding="utf-8"))
        registry: Registry[Any] = Resource.from_contents(schema) @ (self._definitions() @ Registry())
        return Draft202012Validator(schema, registry=registry)

    @cache  # noqa: B019 -- one instance lives as long as its process
    def _definitions(self) -> Resource[Any]:
        return Resource.from_contents(json.loads((self._folder / "_definitions.json").read_text(encoding="utf-8")))


def _leaves(error: ValidationError) -> list[ValidationError]:
    """Return the errors that say something: those of the alternatives, where none of several fits."""
    return [leaf for each in error.context for leaf in _leaves(each)] if error.context else [error]


def _path(error: ValidationError) -> str:
    return ".".join(str(step) for step in error.absolute_path) or "the object"


def _what(error: ValidationError) -> str:
    if error.validator == "additionalProperties":
        return f"has {', '.join(repr(name) for name in _unknown(error))}, which the API does not know"
    return str(error.message)


def _now(error: ValidationError) -> str:
    if error.validator != "additionalProperties":
        return "correct the value"
    known = _known(error)
    near = [match for name in _unknown(error) for match in difflib.get_close_matches(name, known, n=1)]
    return f"did you mean {', '.join(near)}?" if near else f"known fields: {', '.join(sorted(known))}"


def _unknown(error: ValidationError) -> list[str]:
    return sorted({str(name) for name in _fields(error)} - _known(error))


def _fields(error: ValidationError) -> Iterable[object]:
    return error.instance if isinstance(error.instance, dict) else ()


def _known(error: ValidationError) -> set[str]:
    return set(error.schema["properties"]) if isinstance(error.schema, dict) else set()
