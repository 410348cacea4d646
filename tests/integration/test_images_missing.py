"""Images that the registry does not have: from the start, and from after the check."""

from __future__ import annotations

import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from plimsoll.adapters.kube import KubeCluster
from tests.integration.test_deploy import expect_old_release

if TYPE_CHECKING:
    from tests.integration.clone import Clone

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


def forget(digest: str) -> None:
    """Delete an image from the test's own registry."""
    url = f"http://127.0.0.1:5091/v2/check-in-test/backend/manifests/{digest}"
    urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=5).close()


def changed_backend(clone: Clone, word: str) -> str:
    """Build and push a backend that no node has seen; return its digest."""
    path = "backend/checkin/__init__.py"
    clone.write(path, (clone.folder / path).read_text() + f"\nPLANTED = {word!r}\n")
    digest = str(clone.ok("build", "--json").json["images"]["backend"]["digest"])
    clone.ok("image.push", "--env", "staging")
    return digest


def test_a_release_whose_image_is_gone_is_refused_before_the_first_write(staging: Clone) -> None:
    changed_backend(staging, "gone from the start")
    released = staging.ok("deploy", "--env", "staging", "--json").json
    staging.restore()
    staging.ok("build", "deploy", "--env", "staging")
    before = staging.history()
    forget(released["images"]["backend"]["digest"])
    said = staging.inv("deploy", "--env", "local", "--version", released["release"])
    assert said.code == 1
    assert "does not have" in said.stderr
    assert staging.history() == before


def test_an_image_that_vanishes_after_the_check_fails_fast_and_the_old_release_serves(staging: Clone) -> None:
    before = staging.status()
    digest = changed_backend(staging, "gone after the check")
    kubeconfig = Path(staging.ok("cluster.status", "--json").json["kubeconfig"])
    cluster = KubeCluster.connect(kubeconfig, yaml.safe_load(kubeconfig.read_text())["current-context"])
    done = threading.Event()
    vanisher = threading.Thread(target=forget_once_recorded, args=(cluster, digest, done))
    vanisher.start()
    said = staging.inv("deploy", "--env", "staging")
    done.set()
    vanisher.join()
    expect_old_release(staging, before, said)
    assert "image" in said.stderr.lower()


def forget_once_recorded(cluster: KubeCluster, digest: str, done: threading.Event) -> None:
    """Delete the image as soon as the deploy has written its record: after the check, before a pod asks for the image."""

    def records() -> int:
        return len(cluster.list("v1/ConfigMap", "plimsoll"))

    known, deadline = records(), time.monotonic() + 60
    while records() == known and not done.is_set() and time.monotonic() < deadline:
        time.sleep(0.02)
    forget(digest)
