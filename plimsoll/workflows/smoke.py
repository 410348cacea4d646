"""The smoke test: each route answers as the settings say, as users would ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.domain.release import SmokeResult
from plimsoll.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plimsoll.domain.project import SmokeCheck
    from plimsoll.ports import Clock, Http, HttpAnswer, Stop

# One answer may take this long (seconds): a page that needs longer is not up.
ANSWER_TIMEOUT = 5.0
PAUSE = 0.25
# What a proxy says while the address of a pod that just became ready spreads; tolerated for this many seconds only.
GATEWAY_ERRORS = frozenset({502, 503, 504})
GATEWAY_PATIENCE = 5.0


def smoke(
    url: str, checks: Sequence[SmokeCheck], *, http: Http, clock: Clock, timeout: float, stop: Stop
) -> tuple[SmokeResult, ...]:
    """Return the result of every check against `url`, all within `timeout` seconds.

    No answer at all is tried again while there is time, a gateway's error for a few seconds; a wrong answer is final.
    """
    started = clock.monotonic()
    return tuple(_checked(url, check, http=http, clock=clock, until=started + timeout, stop=stop) for check in checks)


def require_passed(results: Sequence[SmokeResult], url: str, *, report: object = None) -> None:
    """Raise Failed, carrying `report`, naming every check that did not pass."""
    failed = [result for result in results if not result.passed]
    if failed:
        lines = "; ".join(f"{result.name} ({result.path}): {result.detail}" for result in failed)
        raise Failed(
            f"the smoke test failed: {lines}",
            where=url,
            now="ask it yourself: `inv smoke`, and read what the service says: `inv logs`",
            code="smoke-failed",
            report=report,
        )


def _checked(url: str, check: SmokeCheck, *, http: Http, clock: Clock, until: float, stop: Stop) -> SmokeResult:
    address = url.rstrip("/") + check.path
    begun = clock.monotonic()
    while True:
        stop.check()
        asked = clock.monotonic()
        answer = http.get(address, timeout=max(0.1, min(ANSWER_TIMEOUT, until - asked)))
        seconds = clock.monotonic() - asked
        detail = judge(check, answer)
        waiting = clock.monotonic() - begun
        hopeful = answer.status is None or (answer.status in GATEWAY_ERRORS and waiting < GATEWAY_PATIENCE)
        if not detail or not hopeful or clock.monotonic() + PAUSE >= until:
            return SmokeResult(
                name=check.name, path=check.path, passed=not detail, status=answer.status, seconds=seconds, detail=detail
            )
        clock.sleep(PAUSE)


def judge(check: SmokeCheck, answer: HttpAnswer) -> str:
    """Return what is wrong with an answer, empty when it is as the check wants it."""
    if answer.status is None:
        return f"no answer: {answer.error}"
    if answer.status != check.status:
        return f"answered {answer.status}, expected {check.status}"
    if check.contains is not None and check.contains not in answer.body:
        return f"the answer does not contain {check.contains!r}"
    return ""
