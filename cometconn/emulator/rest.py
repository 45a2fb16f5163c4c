"""Answers REST requests: finds the route, lets it answer, and turns a refusal into CometChat's error JSON."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING

import attrs

from .advertised import API_VERSION
from .call import Call, Refusal, error_response, json_response
from .jsontext import Json, parse
from .routes import ROUTES, Handle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cometconn.environment import Request, Response

    from .world import World

__all__ = ["Answer", "answer"]


@attrs.frozen
class Answer:
    """What was answered, and what the log may say about it."""

    response: Response
    uid: str | None
    code: str | None


def answer(world: World, request: Request) -> Answer:
    """Answer one request, whatever it is."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    uid = world.sessions.user_of_token(headers.get("authtoken", ""))
    try:
        _check_mood(world, headers)
        handle, call = _find(world, request, headers)
        if uid is None and call.path.get("uid") in world.people:
            uid = call.path["uid"]  # who logs in
        return Answer(json_response(200, handle(call)), uid, None)
    except Refusal as refusal:
        extra = world.faults.headers(world.now()) if isinstance(world.faults.rest, int) else {}
        return Answer(error_response(refusal.status, refusal.code, refusal.message, extra), uid, refusal.code)


def _check_mood(world: World, headers: Mapping[str, str]) -> None:
    """Refuse before the request is looked at: on the test's wish, or because it is for another app."""
    if isinstance(world.faults.rest, int):
        raise Refusal(world.faults.rest, "ERR_INTERNAL_SERVER_ERROR", "The server was told to answer with an error.")
    if headers.get("appid", world.app_id) != world.app_id:
        raise Refusal(404, "ERR_APP_NOT_FOUND", "There is no app with this id here.")


def _find(world: World, request: Request, headers: Mapping[str, str]) -> tuple[Handle, Call]:
    parts = urllib.parse.urlsplit(request.url)
    segments = [urllib.parse.unquote(segment) for segment in parts.path.strip("/").split("/")]
    if segments[0] == API_VERSION:
        del segments[0]
    methods = set()
    for method, pattern, handle in ROUTES:
        path = _match(pattern.split("/"), segments)
        if path is not None and method == request.method:
            query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
            return handle, Call(world, path, query, headers, _read_body(request))
        if path is not None:
            methods.add(method)
    if methods:
        raise Refusal(405, "ERR_METHOD_NOT_ALLOWED", f"This path answers {', '.join(sorted(methods))} only.")
    raise Refusal(404, "ERR_API_NOT_FOUND", "There is nothing at this path.")


def _match(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    """Compare segment by segment; give what stands at the names in braces, or `None`."""
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
