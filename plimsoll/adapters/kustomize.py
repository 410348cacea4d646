"""Overlays into objects, by `kubectl kustomize` (port Renderer).

What an environment adds to its overlay - namespace, components, image digests, node port, pull secret - stands in an overlay
of its own that lives in a temporary folder for the length of one render. A deploy therefore never changes a tracked file.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from plimsoll.adapters import process
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plimsoll.domain.project import Environment

# Rendering reads a few dozen small files; more than this means that something hangs.
TIMEOUT = 60
COMPONENTS = "../../components"
# The label by which an overlay marks the Service whose port `node_port` sets (components/node-port).
PUBLISHED = "plimsoll/published=true"
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class KustomizeRenderer:
    """Renders overlays of the repository at `root` with the kubectl that `kubectl()` returns."""

    def __init__(self, root: Path, kubectl: Callable[[], Path]) -> None:
        """Prepare; `kubectl` is asked when something is rendered, so that a tool is installed only where it is needed."""
        self._root = root.resolve()
        self._kubectl = kubectl

    def render(self, environment: Environment, images: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
        """Return the environment's objects, each image pinned to the given reference (service name -> repository@digest).

        With an empty `images` the names stay bare. Raise Misconfigured with kustomize's own words when it does not render.
        """
        for folder in self._folders(environment):
            if not (folder / "kustomization.yaml").is_file():
                raise Misconfigured(
                    f"environment {environment.name!r} needs {folder.relative_to(self._root)}, which holds no kustomization.yaml",
                    where=f"plimsoll.toml, [environments.{environment.name}]",
                    now="correct `overlay` or `components`",
                    code="overlay-missing",
                )
        with tempfile.TemporaryDirectory(prefix="plimsoll-overlay-") as made:
            # Kustomize accepts relative paths only, and follows them from the real place of the folder.
            folder = Path(made).resolve()
            overlay = yaml.safe_dump(self._overlay(environment, images, folder))
            (folder / "kustomization.yaml").write_text(overlay, encoding="utf-8")
            try:
                done = process.run((self._kubectl(), "kustomize", folder), timeout=TIMEOUT, title="kubectl kustomize")
            except process.CommandFailed as error:
                raise self._broken(environment, error.finished.stderr, folder) from error
        return tuple(each for each in yaml.load_all(done.stdout, Loader=LOADER) if each)

    def _folders(self, environment: Environment) -> list[Path]:
        overlay = self._root / environment.overlay
        return [overlay, *(Path(os.path.normpath(overlay / COMPONENTS / name)) for name in environment.components)]

    def _overlay(self, environment: Environment, images: Mapping[str, str], folder: Path) -> dict[str, Any]:
        overlay, *components = (os.path.relpath(path, folder) for path in self._folders(environment))
        return {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": environment.namespace,
            "resources": [overlay],
            "components": components,
            "images": [_pinned(service, reference) for service, reference in sorted(images.items())],
            "patches": _patches(environment),
        }

    def _broken(self, environment: Environment, said: str, folder: Path) -> Misconfigured:
        # The temporary folder is gone when the user reads this: only the repository's own paths help.
        # Kustomize wraps the cause in one sentence per folder that it came through; the innermost one says it.
        words = said.strip().removeprefix("error: ").rpartition("recursed accumulation of path ")[2]
        for place in (f"{os.path.relpath(self._root, folder)}/", f"{self._root}/"):
            words = words.replace(place, "")
        words = words.replace(str(folder), "the overlay that the render composes")
        return Misconfigured(
            f"the overlay of environment {environment.name!r} does not render:\n  {words}",
            where=environment.overlay,
            now=f"correct it; `inv kube.render --env {environment.name}` tries again",
            code="overlay-broken",
        )


def _pinned(service: str, reference: str) -> dict[str, str]:
    repository, _, digest = reference.partition("@")
    return {"name": service, "newName": repository, "digest": digest}


def _patches(environment: Environment) -> list[dict[str, Any]]:
    patches = []
    if environment.node_port is not None:
        patch = [{"op": "add", "path": "/spec/ports/0/nodePort", "value": environment.node_port}]
        patches.append({"target": {"kind": "Service", "labelSelector": PUBLISHED}, "patch": yaml.safe_dump(patch)})
    if environment.remote and environment.remote.pull_secret:
        secret = [{"op": "add", "path": "/imagePullSecrets", "value": [{"name": environment.remote.pull_secret}]}]
        patches.append({"target": {"kind": "ServiceAccount"}, "patch": yaml.safe_dump(secret)})
    return patches
