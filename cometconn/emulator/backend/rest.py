"""Answers REST requests: finds the route, runs its handler, and turns a refusal into CometChat's error JSON."""

from __future__ import annotations

import urllib.parse
from http import HTTPStatus
from typing import TYPE_CHECKING

import attrs

from cometconn.emulator.jsontext import Json, parse

from .call import Call, Handler
from .query import split_url
from .responses import Refusal, json_response
from .routes import ROUTES
from .settings_payload import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cometconn.emulator.faults import Faults
    from cometconn.emulator.world.chat_app import ChatApp
    from cometconn.environment import Request, Response

__all__ = ["Answer", "answer"]


@attrs.frozen
class Answer:
    """A response, and what the log records with it.

    Attributes:
        response: the HTTP response.
        uid: the user of the request, where known.
        code: the error code of a refusal.
    """

    response: Response
    uid: str | None
    code: str | None


def answer(app: ChatApp, request: Request, *, faults: Faults, settings: Callable[[], Json]) -> Answer:
    """Answer one request, whatever it is. *settings* makes the server's settings object."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    uid = app.sessions.user_of_token(headers.get("authtoken", ""))
    try:
        _check_faults(faults)
        _check_app(app, headers)
        handler, call = _find(app, request, headers, settings)
        if uid is None and call.path.get("uid") in app.people:
            uid = call.path["uid"]  # the user that logs in
        return Answer(json_response(200, handler(call)), uid, None)
    except Refusal as refusal:
        extra = faults.headers(app.now()) if isinstance(faults.rest, int) else {}
        return Answer(refusal.response(extra), uid, refusal.code)


def _check_faults(faults: Faults) -> None:
    if isinstance(faults.rest, int):
        code = "TOO_MANY_REQUEST" if faults.rest == HTTPStatus.TOO_MANY_REQUESTS else "ERR_INTERNAL_SERVER_ERROR"
        raise Refusal(faults.rest, code, "The server is set to answer with an error.")


def _check_app(app: ChatApp, headers: Mapping[str, str]) -> None:
    if headers.get("appid", app.app_id) != app.app_id:
        raise Refusal(404, "ERR_APP_NOT_FOUND", "There is no app with this id here.")


def _find(
    app: ChatApp, request: Request, headers: Mapping[str, str], settings: Callable[[], Json]
) -> tuple[Handler, Call]:
    """Find the handler of a request; 404 for an unknown path, 405 for a known one with another method."""
    url_path, query = split_url(request.url)
    segments = [urllib.parse.unquote(segment) for segment in url_path.strip("/").split("/")]
    if segments[0] == API_VERSION:
        del segments[0]
    methods = set()
    for method, pattern, handler in ROUTES:
        path = _match(pattern.split("/"), segments)
        if path is not None and method == request.method:
            return handler, Call(app, settings, path, query, headers, _read_body(request))
        if path is not None:
            methods.add(method)
    if methods:
        raise Refusal(405, "ERR_METHOD_NOT_ALLOWED", f"This path answers {', '.join(sorted(methods))} only.")
    raise Refusal(404, "ERR_API_NOT_FOUND", "There is nothing at this path.")


def _match(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    """Compare segment by segment; return the segments that the pattern names in braces, or `None`."""
    found: dict[str, str] = {}
    if len(pattern) != len(segments):
        return None
    for wanted, segment in zip(pattern, segments, strict=True):
        if wanted.startswith("{"):
            found[wanted.strip("{}")] = segment
        elif wanted != segment:
            return None
    return found


def _read_body(request: Request) -> Json:
    if not request.body:
        return {}
    body = parse(request.body)
    if body is None:
        raise Refusal(400, "ERR_BAD_REQUEST", "The body is not a JSON object.")
    return body
