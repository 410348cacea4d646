"""Login plugins of a kubeconfig, by way of the Kubernetes SDK: real programs that print credentials, or fail to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.adapters.kube_config import access
from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path

    from plimsoll.adapters.kube_config import Access

API = "client.authentication.k8s.io/v1"


def log_in(folder: Path, script: str) -> Access:
    plugin = folder / "login"
    plugin.write_text(f"#!/bin/sh\n{script}\n")
    plugin.chmod(0o755)
    user: dict[str, Any] = {"exec": {"apiVersion": API, "command": str(plugin), "interactiveMode": "Never"}}
    entries = {
        "apiVersion": "v1",
        "kind": "Config",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://api.test:6443"}}],
        "users": [{"name": "u", "user": user}],
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(entries))
    return access(path, "here")


def test_a_login_plugin_is_asked_for_its_token(tmp_path: Path) -> None:
    credential = {"apiVersion": API, "kind": "ExecCredential", "status": {"token": "fresh"}}
    assert log_in(tmp_path, f"echo '{json.dumps(credential)}'").authorization() == "Bearer fresh"


def test_a_token_that_has_expired_is_asked_for_again(tmp_path: Path) -> None:
    credential = {"apiVersion": API, "kind": "ExecCredential", "status": {"token": "t$n"}}
    credential["status"]["expirationTimestamp"] = "2001-02-03T04:05:06Z"
    count = f"n=$(cat {tmp_path}/count 2>/dev/null || echo 0); n=$((n+1)); echo $n >{tmp_path}/count"
    script = f"{count}\ncat <<END\n{json.dumps(credential)}\nEND"
    found = log_in(tmp_path, script)
    first = found.authorization()
    assert first != found.authorization()


def test_a_login_plugin_that_fails_is_told_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        log_in(tmp_path, "echo 'session expired' >&2; exit 1")
    assert caught.value.code == "login-failed"
    assert "session expired" in caught.value.what
