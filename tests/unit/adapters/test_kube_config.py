"""Reading one context of one kubeconfig, and nothing else."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.adapters.kube_config import access
from plimsoll.errors import EnvironmentLacks, Misconfigured

if TYPE_CHECKING:
    from pathlib import Path

    from plimsoll.adapters.kube_config import Access

SERVER = "http://127.0.0.1:6443"


def read(
    folder: Path, *, cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, context: str = "here"
) -> Access:
    path = folder / "kubeconfig"
    path.write_text(
        # JSON is YAML.
        json.dumps(
            {
                "current-context": "elsewhere",
                "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": SERVER, **(cluster or {})}}],
                "users": [{"name": "u", "user": user or {}}],
            }
        )
    )
    return access(path, context)


def test_a_token_is_sent_as_it_stands(tmp_path: Path) -> None:
    assert read(tmp_path, user={"token": "secret"}).authorization() == "Bearer secret"


def test_a_token_file_is_read_for_every_request(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\n")
    found = read(tmp_path, user={"tokenFile": "token"})
    assert found.authorization() == "Bearer first"
    (tmp_path / "token").write_text("second\n")
    assert found.authorization() == "Bearer second"
    (tmp_path / "token").unlink()
    with pytest.raises(Misconfigured, match="token cannot be read"):
        found.authorization()


def test_name_and_password_are_sent_as_basic_credentials(tmp_path: Path) -> None:
    expected = base64.b64encode(b"me:pass").decode()
    assert read(tmp_path, user={"username": "me", "password": "pass"}).authorization() == f"Basic {expected}"


def test_a_user_without_credentials_sends_none(tmp_path: Path) -> None:
    assert read(tmp_path).authorization() is None


def test_an_unknown_context_names_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        read(tmp_path, context="prod")
    assert caught.value.now == "known: here"


def test_a_kubeconfig_that_is_not_there_is_a_lack(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacks) as caught:
        access(tmp_path / "none", "here")
    assert caught.value.code == "no-kubeconfig"


@pytest.mark.parametrize(
    ("cluster", "user", "word"),
    [
        ({"insecure-skip-tls-verify": True}, {}, "insecure-skip-tls-verify"),
        ({"server": "http://api.test"}, {}, "TLS"),
        ({"certificate-authority-data": "%%%"}, {}, "base64"),
        (
            {"server": "https://api.test", "certificate-authority-data": base64.b64encode(b"no certificate").decode()},
            {},
            "certificates do not load",
        ),
        ({"certificate-authority": "nowhere.pem"}, {}, "certificates do not load"),
        (
            {"server": "https://api.test"},
            {"client-certificate-data": "eA==", "client-key-data": "eA=="},
            "certificates do not load",
        ),
    ],
)
def test_what_cannot_be_trusted_or_read_is_refused_in_words(
    tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any], word: str
) -> None:
    with pytest.raises(Misconfigured) as caught:
        read(tmp_path, cluster=cluster, user=user)
    assert word in f"{caught.value.what} {caught.value.now}"


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("a: [")
    with pytest.raises(Misconfigured, match="not YAML"):
        access(path, "here")


def test_two_servers_never_share_what_is_remembered(tmp_path: Path) -> None:
    first = read(tmp_path).fingerprint
    assert first == read(tmp_path).fingerprint
    assert first != read(tmp_path, cluster={"server": "http://localhost:6443"}).fingerprint


def test_the_proxy_of_the_kubeconfig_or_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("no_proxy", "quiet.test")
    assert read(tmp_path, cluster={"server": "https://api.test"}).proxy == "http://proxy.test:3128"
    assert read(tmp_path, cluster={"proxy-url": "http://mine.test"}).proxy == "http://mine.test"
    assert read(tmp_path, cluster={"server": "https://quiet.test"}).proxy is None
    assert read(tmp_path, cluster={"server": "https://127.0.0.1:6443"}).proxy is None
