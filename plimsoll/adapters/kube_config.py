"""How to reach one cluster: server, trust and credentials, from one context of one kubeconfig file and from nowhere else.

Certificates and tokens in the file are read here. Login plugins and token providers are left to the Kubernetes SDK, which is
imported only for them: it takes a second, more than a whole deploy that changes nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import ssl
import tempfile
import urllib.request
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from plimsoll.errors import EnvironmentLacks, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

# libyaml, where it is built in, reads a kubeconfig of many clusters ten times as fast.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A user entry with one of these needs the SDK.
PLUGINS = ("exec", "auth-provider")


@dataclass(frozen=True, kw_only=True)
class Access:
    """One API server and how it lets us in. `authorization` is asked before each request, for tokens expire."""

    server: str
    tls: ssl.SSLContext | None
    authorization: Callable[[], str | None]
    proxy: str | None = None
    tls_server_name: str | None = None
    kubeconfig: Path
    context: str
    fingerprint: str


def access(kubeconfig: Path, context: str) -> Access:
    """Return how `context` of the file `kubeconfig` is reached.

    Raise EnvironmentLacks when there is no such file, Misconfigured when the context is not in it or not usable.
    """
    entries = _read(kubeconfig)
    chosen = _named(entries, "contexts", "context", context, kubeconfig)
    cluster = _named(entries, "clusters", "cluster", str(chosen.get("cluster", "")), kubeconfig)
    user = _named(entries, "users", "user", str(chosen["user"]), kubeconfig) if chosen.get("user") else {}
    server = str(cluster.get("server", "")).rstrip("/")
    secure = server.startswith("https://")
    where = f"context {context!r} of {kubeconfig}"
    if not secure and not server.startswith(("http://127.0.0.1:", "http://localhost:")):
        raise Misconfigured(f"the API server {server!r} is not reached over TLS", where=where, now="write an https:// address")
    if cluster.get("insecure-skip-tls-verify"):
        raise Misconfigured(
            "the kubeconfig turns off the check of the API server's certificate, so that any server could pose as it",
            where=where,
            now="take insecure-skip-tls-verify out and name the cluster's certificate-authority",
        )
    try:
        authority = _material(cluster, "certificate-authority", kubeconfig)
        # Without TLS (only on this machine) the system's authorities need not be read, which takes its time.
        tls = ssl.create_default_context(cadata=authority.decode() if authority else None) if secure else None
        authorization = _authorization(user, tls, kubeconfig=kubeconfig, context=context)
    except (ssl.SSLError, ValueError, OSError) as error:
        raise Misconfigured(f"the certificates do not load: {error}", where=where, now="fetch the kubeconfig anew") from error
    return Access(
        server=server,
        tls=tls,
        authorization=authorization,
        proxy=cluster.get("proxy-url") or _proxy(server),
        tls_server_name=cluster.get("tls-server-name"),
        kubeconfig=kubeconfig,
        context=context,
        fingerprint=hashlib.sha256(f"{server}\n".encode() + (authority or b"")).hexdigest()[:16],
    )


def _read(kubeconfig: Path) -> Mapping[str, Any]:
    try:
        text = kubeconfig.read_text(encoding="utf-8")
    except OSError as error:
        raise EnvironmentLacks(
            f"the kubeconfig cannot be read: {error.strerror}",
            where=str(kubeconfig),
            now="bring the cluster up with `./inv cluster.up`, or name the right context in plimsoll.toml",
            code="no-kubeconfig",
        ) from error
    try:
        # The loader is a safe one in both cases; see LOADER.
        entries = yaml.load(text, Loader=LOADER)  # noqa: S506 -- CSafeLoader or SafeLoader
    except yaml.YAMLError as error:
        raise Misconfigured(f"the kubeconfig is not YAML: {error}", where=str(kubeconfig), now="fetch it anew") from error
    return entries if isinstance(entries, dict) else {}


def _named(entries: Mapping[str, Any], listing: str, key: str, name: str, kubeconfig: Path) -> Mapping[str, Any]:
    for entry in entries.get(listing) or ():
        if entry.get("name") == name:
            return dict(entry.get(key) or {})
    known = ", ".join(sorted(str(entry.get("name")) for entry in entries.get(listing) or ())) or "none"
    raise Misconfigured(f"there is no {key} {name!r}", where=str(kubeconfig), now=f"known: {known}", code=f"unknown-{key}")


def _material(entry: Mapping[str, Any], key: str, kubeconfig: Path) -> bytes | None:
    """Return a certificate or key that stands in the file, or in another one that it names (relative to itself)."""
    if entry.get(f"{key}-data"):
        try:
            return base64.b64decode(entry[f"{key}-data"], validate=True)
        except binascii.Error as error:
            raise Misconfigured(f"{key}-data is not base64", where=str(kubeconfig), now="fetch the kubeconfig anew") from error
    if entry.get(key):
        return (kubeconfig.parent / str(entry[key])).read_bytes()
    return None


def _authorization(
    user: Mapping[str, Any], tls: ssl.SSLContext | None, *, kubeconfig: Path, context: str
) -> Callable[[], str | None]:
    if any(user.get(key) for key in PLUGINS):
        return _by_plugin(tls, kubeconfig=kubeconfig, context=context)
    certificate, key = _material(user, "client-certificate", kubeconfig), _material(user, "client-key", kubeconfig)
    if certificate and key and tls:
        _present(tls, certificate, key)
    if user.get("tokenFile"):
        return partial(_token_in, kubeconfig.parent / str(user["tokenFile"]))
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password', '')}".encode()
        return lambda: f"Basic {base64.b64encode(pair).decode()}"
    token = user.get("token")
    return lambda: f"Bearer {token}" if token else None


def _token_in(path: Path) -> str:
    """Return the header for a token that is read for each request: those of service accounts are renewed in place."""
    try:
        return f"Bearer {path.read_text(encoding='utf-8').strip()}"
    except OSError as error:
        raise Misconfigured(
            f"the token cannot be read: {error.strerror}", where=str(path), now="see that the kubeconfig names the right file"
        ) from error


def _present(tls: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Let the connection present a client certificate; Python reads those from files only, so one exists for an instant."""
    with tempfile.NamedTemporaryFile(prefix="plimsoll-", suffix=".pem") as file:
        file.write(certificate + b"\n" + key)
        file.flush()
        tls.load_cert_chain(file.name)


class _Said(logging.Handler):
    """Keeps what the SDK logs instead of raising it: why a login plugin failed."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _by_plugin(tls: ssl.SSLContext | None, *, kubeconfig: Path, context: str) -> Callable[[], str | None]:
    from kubernetes.client import Configuration  # noqa: PLC0415 -- takes a second, and few need it
    from kubernetes.config import ConfigException, load_kube_config  # noqa: PLC0415 -- the same

    configuration, said = Configuration(), _Said()
    logging.getLogger().addHandler(said)
    try:
        load_kube_config(  # type: ignore[no-untyped-call]  # -- the SDK has types for its API only
            str(kubeconfig), context, client_configuration=configuration, persist_config=False
        )
    except (ConfigException, OSError) as error:
        said.lines.append(str(error))
    finally:
        logging.getLogger().removeHandler(said)
    if configuration.cert_file and tls:
        tls.load_cert_chain(configuration.cert_file, configuration.key_file)
    elif not configuration.cert_file and not configuration.api_key:
        raise Misconfigured(
            f"the login of the kubeconfig fails: {'; '.join(said.lines) or 'it gives no credentials'}",
            where=f"context {context!r} of {kubeconfig}",
            now="log in as the cluster's provider tells, and see that `kubectl` works with this context",
            code="login-failed",
        )

    def authorization() -> str | None:
        setting = configuration.auth_settings().get("BearerToken", {})
        return str(setting["value"]) if setting.get("value") else None

    return authorization


def _proxy(server: str) -> str | None:
    """Return the proxy that the environment names for this server; the machine's own addresses are reached directly."""
    address = urlsplit(server)
    host = address.hostname or ""
    if host in {"localhost", "127.0.0.1", "::1"} or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(address.scheme)
