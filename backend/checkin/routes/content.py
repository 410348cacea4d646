"""What a body has to be before anyone reads it."""

from __future__ import annotations

from email.message import Message

from starlette.requests import Request

from checkin.problems import Problem


async def require_json(request: Request) -> None:
    """Refuse a body that does not say it is JSON: a form that another site makes a browser send cannot say so."""
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    if header.get_content_type() != "application/json":
        raise Problem(415, "Send the body as application/json.", headers={"accept": "application/json"})
