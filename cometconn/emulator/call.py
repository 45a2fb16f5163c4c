"""One REST request taken apart, and the shapes of its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from cometconn.environment import Response

from .jsontext import Json, render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .people import Person
    from .world import World

__all__ = ["Call", "Refusal", "error_response", "json_response", "listing"]


class Refusal(Exception):  # noqa: N818 - an answer, not a failure of the server
    """The request is answered with an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@attrs.frozen
class Call:
    """One request, taken apart.

    Attributes:
        world: where it is to be answered.
        path: the segments of the route's pattern in braces, by name.
        query: the URL's parameters.
        headers: names in lower case.
        body: the JSON object; empty when none was sent.
    """

    world: World
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: Json = attrs.field(repr=False)

    @property
    def device_id(self) -> str:
        """The session id of the client that asks; empty when it does not say."""
        return self.headers.get("resource", "")

    def token(self) -> str:
        """Give the auth token, which must be known."""
        token = self.headers.get("authtoken", "")
        if self.world.sessions.user_of_token(token) is None:
            raise Refusal(401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND", "The auth token is unknown: log in again.")
        return token

    def person(self) -> Person:
        """Give the user who asks."""
        return self.world.people[self.world.sessions.user_of_token(self.token()) or ""]

    def text(self, name: str) -> str:
        """Give a field of the body that must be a text and not empty."""
        value = self.body.get(name)
        if not isinstance(value, str) or not value:
            raise Refusal(400, "ERR_BAD_REQUEST", f"The field {name} must be a text and not empty.")
        return value

    def searches(self, name: str) -> bool:
        """Tell whether the URL's `searchKey` lets this name through."""
        return self.query.get("searchKey", "").lower() in name.lower()

    def texts(self, name: str) -> list[str]:
        """Give a field of the body that may be left out, or must be a list of texts."""
        value = self.body.get(name) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise Refusal(400, "ERR_BAD_REQUEST", f"The field {name} must be a list of texts.")
        return value


def listing(items: list[Json]) -> Json:
    """Answer with a list that fits on one page."""
    pages = {
        "total": len(items),
        "count": len(items),
        "per_page": max(1, len(items)),
        "current_page": 1,
        "total_pages": 1,
    }
    return {"data": items, "meta": {"pagination": pages, "cursor": {}}}


def error_response(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Make CometChat's error JSON."""
    error = {"code": code, "message": message, "devMessage": message, "source": "cometconn-emulator"}
    return json_response(status, {"error": error}, headers or {})


def json_response(status: int, body: Json, headers: Mapping[str, str] | None = None) -> Response:
    """Make a JSON answer."""
    return Response(status, {"content-type": "application/json", **(headers or {})}, render(body).encode())
