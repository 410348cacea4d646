"""A namespace of its own in a real cluster, for contract tests: named by PLIMSOLL_TEST_KUBECONFIG, deleted at the end."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from plimsoll.adapters.kube import KubeCluster
from tests.needs import missing

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "PLIMSOLL_TEST_KUBECONFIG"
# The service account of a namespace comes from a controller; pods are refused until it is there.
ACCOUNT_WITHIN = 30


def connect() -> KubeCluster:
    """Return the cluster for tests; skip (or fail, with CI=true) where none is named."""
    kubeconfig = os.environ.get(VARIABLE)
    if not kubeconfig or not Path(kubeconfig).is_file():
        missing(f"a cluster for tests ({VARIABLE})")
    context = yaml.safe_load(Path(kubeconfig).read_text())["current-context"]
    return KubeCluster.connect(Path(kubeconfig), context)


@contextmanager
def namespace(cluster: KubeCluster, suffix: str = "") -> Iterator[str]:
    """Make a namespace, yield its name once pods may be made in it, and delete it."""
    name = f"plimsoll-contract-{os.getpid()}{suffix}"
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    try:
        deadline = time.monotonic() + ACCOUNT_WITHIN
        while cluster.get("v1/ServiceAccount", "default", name) is None:
            assert time.monotonic() < deadline, "the namespace got no service account"
            time.sleep(0.1)
        yield name
    finally:
        cluster.delete("v1/Namespace", name)
