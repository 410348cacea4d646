"""A namespace of its own in a real cluster, for contract tests; deleted at the end.

PLIMSOLL_TEST_KUBECONFIG names a cluster for tests. Without it the integration tests' own is brought up; they take it down again.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from plimsoll.adapters.kube import KubeCluster
from tests.integration.clone import make
from tests.needs import missing

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "PLIMSOLL_TEST_KUBECONFIG"
# The service account of a namespace comes from a controller; pods are refused until it is there.
ACCOUNT_WITHIN = 30


@cache
def kubeconfig_for_tests() -> str:
    """Return the kubeconfig of the cluster for tests; skip (or fail, with CI=true) where there can be none."""
    if named := os.environ.get(VARIABLE):
        return named
    if subprocess.run(("docker", "info"), capture_output=True, check=False).returncode != 0:
        missing(f"a container engine for a cluster (or {VARIABLE})")
    # Test processes that run side by side share the one cluster; the first makes it.
    with (Path(tempfile.gettempdir()) / "plimsoll-contract.lock").open("w") as lock, tempfile.TemporaryDirectory() as folder:
        fcntl.flock(lock, fcntl.LOCK_EX)
        clone = make(Path(folder) / "repository")
        if clone.inv("cluster.up", timeout=2400).code != 0:
            clone.ok("cluster.up", "--recreate", timeout=2400)
        return str(clone.ok("cluster.status", "--json").json["kubeconfig"])


def connect() -> KubeCluster:
    """Return the cluster for tests."""
    kubeconfig = kubeconfig_for_tests()
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
