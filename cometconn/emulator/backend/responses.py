"""The HTTP responses of the REST API: JSON, pages of it, and CometChat's error JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from cometconn._environment import Response
from cometconn.emulator.jsontext import Json, render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cometconn.emulator.world.messages import Page

__all__ = ["Refusal", "error_response", "json_response", "listing", "page_body"]


class Refusal(Exception):  # noqa: N818 - an HTTP error for the client, not a failure of the server
    """The request is answered with an error."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers: Mapping[str, str] = headers or {}

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """Return the HTTP response."""
        return error_response(self.status, self.code, self.message, {**self.headers, **(headers or {})})


def error_response(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with CometChat's error JSON."""
    error = {"code": code, "message": message, "devMessage": message, "source": "cometconn-emulator"}
    return json_response(status, {"error": error}, headers)


def json_response(status: int, body: Json, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response."""
    return Response(status, {"content-type": "application/json", **(headers or {})}, render(body).encode())


def listing(items: Sequence[Json], *, page: int, per_page: int) -> Json:
    """Return the body of one page of a list, by its number from 1; one beyond the last page is empty."""
    first = (page - 1) * per_page
    body = _body(list(items[first : first + per_page]), total=len(items), per_page=per_page, cursor={})
    body["meta"]["pagination"]["current_page"] = page
    return body


def page_body(page: Page) -> Json:
    """Return the body of a page of messages. Its cursor holds what the next request must name."""
    request = page.request
    cursor: dict[str, Any] = {"affix": request.affix}
    if page.messages:
        edge = page.messages[-1 if request.affix == "append" else 0]
        cursor["id"] = edge["id"]
        if request.sent_at is not None:
            cursor["sentAt"] = edge["sentAt"]
        if request.updated_at is not None:
            cursor["updatedAt"] = edge["updatedAt"]
    return _body(page.messages, total=page.total, per_page=request.per_page, cursor=cursor)


def _body(items: list[Json], *, total: int, per_page: int, cursor: Json) -> Json:
    pagination = {
        "total": total,
        "count": len(items),
        "per_page": per_page,
        "current_page": 1,
        "total_pages": max(1, math.ceil(total / per_page)),
    }
    return {"data": items, "meta": {"pagination": pagination, "cursor": cursor}}
