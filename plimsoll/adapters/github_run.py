"""The run of GitHub Actions that we are in, by GitHub's REST API and the job's token (port RunReviews)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from plimsoll import __version__
from plimsoll.adapters.http import is_loopback
from plimsoll.domain.approval import Review
from plimsoll.errors import EnvironmentLacks, Misconfigured

if TYPE_CHECKING:
    from plimsoll.domain.secret import SecretText

# Seconds to connect, and to wait for the next bytes.
TIMEOUT = (5, 15)
TRIES = 3
OK = 200
# What GitHub answers a token that lacks a right: it does not tell a run that may not be seen from one that is not there.
NOT_LET_IN = frozenset({401, 403, 404})


class GithubRun:
    """One run; `api` is the API's address (GITHUB_API_URL), `repository` is `owner/name`."""

    def __init__(self, *, api: str, repository: str, run: str, token: SecretText) -> None:
        """Ask with `token`. Raise Misconfigured where it would travel unencrypted."""
        if urlsplit(api).scheme != "https" and not is_loopback(api):
            raise Misconfigured(
                f"the job's token is not sent to {api}: that is not https",
                where="GITHUB_API_URL",
                now="correct it",
                code="insecure",
            )
        self._url = f"{api.rstrip('/')}/repos/{quote(repository)}/actions/runs/{quote(run)}"
        self._token = token
        self._session = requests.Session()
        retry = Retry(total=TRIES, backoff_factor=0.3, status_forcelist=(429, 500, 502, 503, 504), raise_on_status=False)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))

    def reviews(self) -> tuple[Review, ...]:
        """Return the reviews of this run's environments; see ports.RunReviews."""
        found = self._get("/approvals")
        try:
            return tuple(
                Review(
                    state=str(each["state"]),
                    user=str((each["user"] or {}).get("login") or ""),
                    environments=frozenset(str(environment["name"]) for environment in each["environments"]),
                )
                for each in found
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise self._strange(f"{type(error).__name__}: {error}") from error

    def dispatchers(self) -> frozenset[str]:
        """Return who started the run, or started it again; see ports.RunReviews."""
        found = self._get("")
        if not isinstance(found, dict) or not isinstance(found.get("actor"), dict):
            raise self._strange("no actor")
        people = (found.get(key) or {} for key in ("actor", "triggering_actor"))
        return frozenset(str(each["login"]) for each in people if each.get("login"))

    def _get(self, path: str) -> Any:  # noqa: ANN401 -- any JSON value
        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": f"plimsoll/{__version__}",
        }
        try:
            answer = self._session.get(
                self._url + path, headers=headers, auth=self._authorize, timeout=TIMEOUT, allow_redirects=False
            )
        except requests.exceptions.RequestException as error:
            raise EnvironmentLacks(
                f"GitHub does not answer: {type(error).__name__}",
                where=self._url,
                now="run the job again",
                code="github-unreachable",
            ) from error
        if answer.status_code in NOT_LET_IN:
            raise Misconfigured(
                f"GitHub does not show this run to the job's token (status {answer.status_code})",
                where=self._url,
                now="give the job `permissions: {actions: read, contents: read}` and hand it GITHUB_TOKEN: ${{ github.token }}",
                code="unapproved",
            )
        if answer.status_code != OK:
            raise self._strange(f"status {answer.status_code}")
        try:
            return answer.json()
        except ValueError as error:
            raise self._strange("no JSON") from error

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # As a header alone, it would give way to what a .netrc has for this host.
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request

    def _strange(self, why: str) -> EnvironmentLacks:
        return EnvironmentLacks(
            f"GitHub's answer about this run cannot be used: {why}",
            where=self._url,
            now="run the job again",
            code="github-unreachable",
        )
