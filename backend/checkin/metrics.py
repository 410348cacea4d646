"""The figures that Prometheus collects at /metrics. Labels come from small fixed sets, never from what a caller sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

if TYPE_CHECKING:
    from collections.abc import Callable

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"  # the route of a request that no route took

# Seconds. Alerts and canaries judge at 1 and 2 s, so both are edges.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """All figures of one application, in a registry of their own."""

    def __init__(self, *, release: str, revision: str) -> None:
        # A second series for every one, which nothing here reads.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # -- the library has no annotation for it
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        Info("checkin_build", "The release and revision that serve", registry=registry).info(
            {"release": release, "revision": revision}
        )
        self.requests = Counter("http_requests_total", "Requests answered", ["method", "route", "status"], registry=registry)
        self.durations = Histogram(
            "http_request_duration_seconds",
            "From the request's head to the end of the answer",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self.check_ins = Counter("checkin_check_ins_total", "Participants checked in", ["status"], registry=registry)
        self.refused = Counter(
            "checkin_check_ins_refused_total", "Check-ins that were not possible", ["reason"], registry=registry
        )
        self.page_lookups = Counter(
            "checkin_session_page_lookups_total", "Session pages looked up in the cache", ["result"], registry=registry
        )
        self._pool_in_use = Gauge("checkin_database_connections_in_use", "Connections busy with a request", registry=registry)
        self._pool_size = Gauge("checkin_database_connections_limit", "Connections that requests may use", registry=registry)
        self._declare_label_values()

    def watch_pool(self, in_use: Callable[[], int], limit: int) -> None:
        """Read the connection pool at every collection."""
        self._pool_in_use.set_function(in_use)
        self._pool_size.set(limit)

    def _declare_label_values(self) -> None:
        """Show counters as 0 before their first event: a series that appears at 1 hides that event from `increase()`."""
        for status in ("on_time", "late"):
            self.check_ins.labels(status)
        for reason in ("session_full", "unknown_session", "unknown_participant"):
            self.refused.labels(reason)
        for result in ("hit", "miss", "unavailable"):
            self.page_lookups.labels(result)
