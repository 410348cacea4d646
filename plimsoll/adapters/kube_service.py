"""HTTP to a Service through the API server (port Http), for environments that no address leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from plimsoll.adapters.http import Answer
from plimsoll.adapters.kube_http import Request
from plimsoll.errors import PlimsollError

if TYPE_CHECKING:
    from plimsoll.adapters.kube import KubeCluster

# The label by which an overlay marks the Service that users reach.
PUBLISHED = "plimsoll/published=true"
# Whatever the Service says is an answer; 401 and 403 are what the API server itself says to us.
ANSWERS = frozenset({*range(300, 401), *range(404, 600)})


class ServiceHttp:
    """GET requests to the published Service of one namespace; of a URL (`service://hello/path`) only the path counts."""

    def __init__(self, cluster: KubeCluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    def get(self, url: str, *, timeout: float) -> Answer:
        """Return what the Service answers to the URL's path, as an address of its own would; no answer is status None."""
        try:
            services = self._cluster.list("v1/Service", self._namespace, labels=PUBLISHED)
            if not services:
                return Answer(None, "", f"no Service in {self._namespace} carries the label {PUBLISHED}")
            name, port = services[0]["metadata"]["name"], services[0]["spec"]["ports"][0]["port"]
            place = f"/api/v1/namespaces/{quote(self._namespace)}/services/{quote(name)}:{port}/proxy"
            target = f"Service/{name}"
            request = Request(
                method="GET", path=place + urlsplit(url).path, target=target, timeout=timeout, safe=True, passes=ANSWERS
            )
            answer = self._cluster.connection.send(request)
        except PlimsollError as error:
            return Answer(None, "", error.what)
        return Answer(answer.status, answer.body.decode(errors="replace"), "")
