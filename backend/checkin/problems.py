"""Errors as RFC 9457 problem details: every answer that is not a success is `application/problem+json`.

Problem                 what is wrong, with its HTTP status; raise it, and it becomes the answer
`- Unavailable          503: something that we need does not answer; the caller may try again
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from checkin.trace import current_trace_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import FastAPI
    from starlette.requests import Request

RETRY_AFTER_SECONDS = 2
MOST_ERRORS = 20  # a small request with thousands of wrong fields must not make a large answer


class Problem(Exception):  # noqa: N818 -- RFC 9457 calls it a problem
    """An answer that is not a success.

    `kind` becomes the `type` urn:problem-type:<kind>, which clients may rely on; without one the type is about:blank and the
    title is the status's own phrase. `members` are added to the document as they are.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str | None = None,
        title: str | None = None,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind
        self.title = title or HTTPStatus(status).phrase
        self.headers = headers
        self.members = members or {}


class Unavailable(Problem):
    """Something that this service needs does not answer; asking again in a moment may help."""

    def __init__(self, detail: str, *, members: Mapping[str, object] | None = None) -> None:
        super().__init__(503, detail, headers={"retry-after": str(RETRY_AFTER_SECONDS)}, members=members)


class ProblemResponse(Response):
    """A problem as an HTTP answer. Written in ASCII: what a caller sent may come back escaped, and never breaks the encoding."""

    media_type = "application/problem+json"

    def __init__(self, problem: Problem) -> None:
        document: dict[str, object] = {
            "type": f"urn:problem-type:{problem.kind}" if problem.kind else "about:blank",
            "title": problem.title,
            "status": problem.status,
            "detail": problem.detail,
        }
        trace_id = current_trace_id.get()
        if trace_id is not None:
            document["trace_id"] = trace_id
        document.update(problem.members)
        super().__init__(json.dumps(document), status_code=problem.status, headers=dict(problem.headers or {}))


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what the OpenAPI document says about these statuses; without any, about every answer it does not list."""
    content = {"application/problem+json": {"schema": _SCHEMA}}
    if not statuses:
        return {"default": {"description": "Any other problem", "content": content}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "about:blank, or urn:problem-type: and a word that clients may rely on"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "trace_id": {"type": "string", "description": "leads to the log lines of this request"},
        "errors": {
            "type": "array",
            "description": "for invalid input: where, and what is wrong there",
            "items": {
                "type": "object",
                "required": ["in", "name", "detail"],
                "properties": {"in": {"type": "string"}, "name": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
        "checks": {"type": "object", "description": "for readiness: each thing needed, and how it does"},
    },
}


def install_problem_handlers(app: FastAPI) -> None:
    """Make the application answer with problem documents, for our own errors, the framework's and invalid input."""
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)


async def _answer_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 -- registered for this type only
    return ProblemResponse(error)


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 -- registered for this type only
    detail = {
        400: "The body cannot be read as JSON.",
        # The path as received: `request.url` would read the Host header, which anyone can fill with what is no host.
        404: f"There is nothing at {request.scope['path']}.",
        405: f"{request.method} is not possible here.",
    }.get(error.status_code, error.detail)
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    route = getattr(request.scope.get("route"), "path", None)
    operations = request.app.openapi()["paths"].get(route)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and operations is not None:
        # The framework names the methods of the first route at this path only.
        headers["allow"] = ", ".join(sorted(method.upper() for method in operations))
    return ProblemResponse(Problem(error.status_code, detail, headers=headers))


async def _answer_validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 -- registered for this type only
    errors: Sequence[dict[str, Any]] = error.errors()
    for found in errors:
        if found["type"] == "json_invalid":
            reason = found["ctx"]["error"]
            return ProblemResponse(Problem(400, f"The body is not valid JSON: {reason} at character {found['loc'][-1]}."))
    members = {"errors": [_invalid_input(found) for found in errors[:MOST_ERRORS]]}
    detail = "The request is not valid: see `errors`."
    return ProblemResponse(Problem(422, detail, kind="invalid-input", title="Invalid input", members=members))


def _invalid_input(found: Mapping[str, Any]) -> dict[str, object]:
    """Say where and what, never repeat the value: it may be long, secret, or not expressible in JSON."""
    where, *path = found["loc"]
    return {"in": where, "name": ".".join(str(step) for step in path), "detail": found["msg"]}
