"""How a registry is spoken to: addresses, certificates, logins, and what its refusals mean."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import docker.auth
import requests
from docker.errors import DockerException
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from plimsoll.errors import EnvironmentLacks, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

# Seconds to connect, and to wait for the next bytes.
TIMEOUT = (5, 120)
# What image references leave out, and the host that answers for it.
HUB, HUB_HOST = "docker.io", "registry-1.docker.io"
HUB_LOGIN = "https://index.docker.io/v1/"
LOCAL = re.compile(r"(localhost|127(\.\d+){3}|\[::1\])(:\d+)?")
CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
UNAUTHORIZED, FORBIDDEN, SERVER_ERROR = 401, 403, 500


@dataclass(frozen=True)
class Reference:
    """A parsed image reference: `version` is a tag or a digest; `repository` is what stood before it."""

    host: str
    path: str
    version: str
    repository: str

    def at(self, version: str) -> Reference:
        """Return the same image at another tag or digest."""
        return replace(self, version=version)


def parse(reference: str) -> Reference:
    """Read `host/path:tag` or `host/path@sha256:...`, with Docker's defaults for what is left out."""
    name, _, digest = reference.partition("@")
    head, slash, rest = name.partition("/")
    last = name.rpartition("/")[2]
    tag = last.partition(":")[2]
    repository = name.removesuffix(f":{tag}") if tag else name
    if not slash or not ("." in head or ":" in head or head == "localhost"):
        path = repository if slash else f"library/{repository}"
        return Reference(HUB_HOST, path, digest or tag or "latest", repository)
    path = rest.removesuffix(f":{tag}") if tag else rest
    return Reference(HUB_HOST if head == HUB else head, path, digest or tag or "latest", repository)


class RegistryHttp:
    """Requests to registries; a login is looked up only when one is asked for."""

    def __init__(self, *, ca: str | None, private_host: str) -> None:
        """Trust the PEM file `ca` for `private_host`."""
        self._ca, self._private_host = ca, private_host
        self._session = requests.Session()
        retry = Retry(total=3, backoff_factor=0.2, status_forcelist=(502, 503, 504), allowed_methods=("GET", "HEAD"))
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))
        self._tokens: dict[tuple[str, str], str] = {}

    def call(
        self,
        method: str,
        where: Reference,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: Any = None,  # noqa: ANN401 -- bytes or an open file
        accept: tuple[int, ...] = (200,),
        stream: bool = False,
        push: bool = False,
    ) -> requests.Response:
        """Return the answer when its status is in `accept`.

        `path` is below the repository, or a whole location that the registry named. Raise EnvironmentLacks when the registry does
        not answer or fails, Misconfigured when it does not let us in.
        """
        scheme = "http" if LOCAL.fullmatch(where.host) else "https"
        url = urljoin(f"{scheme}://{where.host}/v2/{where.path}/", path)
        scope = f"repository:{where.path}:{'pull,push' if push or method in {'POST', 'PUT', 'DELETE'} else 'pull'}"
        request = requests.Request(method, url, headers=dict(headers or {}), data=data, auth=_keep)
        answer = self._send(request, where, scope, stream=stream)
        if answer.status_code == UNAUTHORIZED and (where.host, scope) not in self._tokens:
            self._tokens[where.host, scope] = self._login(answer, where, scope)
            if data is not None and hasattr(data, "seek"):
                data.seek(0)
            answer = self._send(request, where, scope, stream=stream)
        if answer.status_code not in accept:
            raise _refusal(answer, where)
        return answer

    def _send(self, request: requests.Request, where: Reference, scope: str, *, stream: bool) -> requests.Response:
        token = self._tokens.get((where.host, scope))
        if token:
            request.headers["Authorization"] = token
        verify = self._ca if self._ca and where.host == self._private_host else True
        try:
            prepared = self._session.prepare_request(request)
            settings = self._session.merge_environment_settings(str(prepared.url), {}, stream, verify, None)
            return self._session.send(prepared, timeout=TIMEOUT, allow_redirects=True, **settings)
        except requests.exceptions.SSLError as error:
            raise EnvironmentLacks(
                f"the certificate of the registry {where.host} is not trusted: {error}",
                where=where.host,
                now="name its authority: `ca` in [registry] of plimsoll.toml",
                code="registry-certificate",
            ) from error
        except (requests.exceptions.RequestException, OSError) as error:
            start = "run `inv cluster.up`, which starts it" if LOCAL.fullmatch(where.host) else "check network and address"
            raise EnvironmentLacks(
                f"the registry {where.host} does not answer", where=request.url, now=start, code="registry-down"
            ) from error

    def _login(self, answer: requests.Response, where: Reference, scope: str) -> str:
        challenge = answer.headers.get("WWW-Authenticate", "")
        kind, _, rest = challenge.partition(" ")
        user, password, refresh = _docker_login(where.host)
        if kind.lower() == "basic":
            return str(requests.auth._basic_auth_str(user, password)) if user else ""  # noqa: SLF001 -- requests' own encoding
        fields = dict(CHALLENGE.findall(rest))
        if "realm" not in fields:
            raise _refusal(answer, where)
        question = {"service": fields.get("service", ""), "scope": fields.get("scope") or scope}
        try:
            if refresh:
                form = {**question, "grant_type": "refresh_token", "refresh_token": refresh, "client_id": "plimsoll"}
                found = self._session.post(fields["realm"], data=form, timeout=TIMEOUT)
            else:
                login = (user, password) if user else _keep
                found = self._session.get(fields["realm"], params=question, auth=login, timeout=TIMEOUT)
            body = found.json() if found.ok else {}
        except (requests.exceptions.RequestException, ValueError) as error:
            raise EnvironmentLacks(
                f"the login service of the registry {where.host} does not answer", where=fields["realm"], now="try again"
            ) from error
        token = body.get("token") or body.get("access_token")
        return f"Bearer {token}" if token else ""


def _keep(request: requests.PreparedRequest) -> requests.PreparedRequest:
    # Without this, requests would take a login from ~/.netrc: Docker's configuration is the one place for them.
    return request


def _docker_login(host: str) -> tuple[str, str, str]:
    """Return user, password and refresh token from Docker's configuration or its credential helper; empty without a login."""
    try:
        config = docker.auth.load_config()
        found = config.resolve_authconfig(HUB_LOGIN if host == HUB_HOST else host) or {}
    except DockerException as error:
        raise EnvironmentLacks(
            f"Docker's credential helper failed: {error}",
            where="~/.docker/config.json",
            now=f"run `docker login {host}`",
            code="registry-login",
        ) from error
    # The SDK writes these names in capitals when a helper answered, and small when the file itself had the login.
    small = {str(key).lower(): value for key, value in found.items()}
    return small.get("username") or "", small.get("password") or "", small.get("identitytoken") or ""


def _refusal(answer: requests.Response, where: Reference) -> EnvironmentLacks | Misconfigured:
    try:
        said = "; ".join(str(each.get("message", "")) for each in answer.json().get("errors", ()))
    except (ValueError, AttributeError):
        said = ""
    told = f": {said}" if said else ""
    if answer.status_code in {UNAUTHORIZED, FORBIDDEN}:
        return Misconfigured(
            f"the registry {where.host} does not let us in (status {answer.status_code}{told})",
            where=where.repository,
            now=f"run `docker login {where.host}` with a login that may read and write there",
            code="registry-login",
        )
    what = "fails" if answer.status_code >= SERVER_ERROR else "refuses"
    full = " (is its disk full?)" if answer.status_code >= SERVER_ERROR else ""
    return EnvironmentLacks(
        f"the registry {where.host} {what}: status {answer.status_code}{told}{full}",
        where=answer.url,
        now="look at the registry's log, then run it again",
        code="registry-failed",
    )
