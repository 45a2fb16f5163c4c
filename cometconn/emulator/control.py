"""Control over HTTP: the emulator's levers for people and programs in other languages."""

# ruff: noqa: EM101, EM102, TRY003, TRY301 - a refusal is an answer, not a traceback

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any, TypeAlias

from cometconn.errors import SettingsError

from .call import Refusal, error_response, json_response
from .jsontext import Json, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cometconn.environment import Request, Response

    from .log import Entry
    from .running import Emulator

__all__ = ["answer_control", "is_control"]

_PREFIX = "/control/"
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_FAULTS = (
    "pong",
    "auth",
    "auth_close",
    "upgrade",
    "rest",
    "rest_delay",
    "retry_after",
    "retry_after_as",
    "date",
    "mode",
)

_Query: TypeAlias = "Mapping[str, str]"


def is_control(url: str) -> bool:
    """Tell whether a request is for the control interface."""
    return urllib.parse.urlsplit(url).path.startswith(_PREFIX)


def answer_control(emulator: Emulator, request: Request) -> Response:
    """Do what the request says. Whatever makes no sense is answered with 400 and a reason."""
    parts = urllib.parse.urlsplit(request.url)
    try:
        _check_origin(request.headers)
        method, deed = _DEEDS.get(parts.path.removeprefix(_PREFIX), (None, None))
        if deed is None:
            raise Refusal(404, "ERR_NO_CONTROL", f"There is no {parts.path}: there are {', '.join(_DEEDS)}.")
        if request.method != method:
            raise Refusal(405, "ERR_METHOD_NOT_ALLOWED", f"{parts.path} answers {method} only.")
        query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        return json_response(200, {"data": deed(emulator, query, request.body or b"")})
    except SettingsError as error:
        return error_response(400, "ERR_BAD_CONTROL", error.message)
    except Refusal as refusal:
        return error_response(refusal.status, refusal.code, refusal.message)


def _check_origin(headers: Mapping[str, str]) -> None:
    """Refuse web pages from elsewhere: a browser on this machine reaches the loopback port too."""
    named = {name.lower(): value for name, value in headers.items()}
    for url in (named.get("origin"), f"http://{named.get('host', 'localhost')}"):
        if url is not None and urllib.parse.urlsplit(url).hostname not in _LOCAL:
            raise Refusal(403, "ERR_NOT_LOCAL", "The control interface is for this machine only.")


def _push(emulator: Emulator, query: _Query, body: bytes) -> Json:
    uid = _only(query, "uid")["uid"]
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise _bad("The body, which is the frame to send, must be UTF-8.") from error
    return {"sockets": emulator.push(uid, text)}


def _message(emulator: Emulator, query: _Query, body: bytes) -> Json:
    _only(query)
    given = _object(body, "sender", "receiver", "group", "text")
    for name, value in given.items():
        if not isinstance(value, str) or not value:
            raise _bad(f"The field {name} must be a text and not empty.")
    if not {"sender", "text"} <= set(given):
        raise _bad("The body must have sender, text, and receiver or group.")
    return emulator.say(given["sender"], given["text"], receiver=given.get("receiver"), group=given.get("group"))


def _drop(emulator: Emulator, query: _Query, body: bytes) -> Json:
    _empty(body)
    given = _only(query, "uid", how="close", code="1011")
    if not (given["code"].isascii() and given["code"].isdecimal()):
        raise _bad(f"code must be a close code such as 1011, not {given['code']!r}.")
    return {"sockets": emulator.drop(given["uid"], given["how"], code=int(given["code"]))}


def _set(emulator: Emulator, query: _Query, body: bytes) -> Json:
    _only(query)
    given = _object(body, *_FAULTS)
    if None in given.values():
        raise _bad("A fault that is not to change is left out, not null.")
    emulator.set(**given)
    return {name: getattr(emulator.world.faults, name) for name in _FAULTS}


def _log(emulator: Emulator, query: _Query, body: bytes) -> Any:
    _empty(body)
    since = _only(query, since="0")["since"]
    if not (since.isascii() and since.isdecimal()):
        raise _bad(f"since must be the number of an entry, not {since!r}.")
    return [_entry(entry) for entry in emulator.log if entry.number >= int(since)]


def _entry(entry: Entry) -> Json:
    return {
        "number": entry.number,
        "at": entry.at,
        "kind": entry.kind.value,
        "connection": entry.connection,
        "uid": entry.uid,
        **entry.detail,
    }


def _only(query: _Query, *needed: str, **optional: str) -> Json:
    """Give these parameters of the URL; others, and missing ones, are refused."""
    unknown, missing = set(query) - {*needed, *optional}, set(needed) - set(query)
    if unknown or missing:
        wanted = ", ".join([*needed, *(f"{name} (optional)" for name in optional)]) or "none"
        raise _bad(f"The parameters of the URL must be: {wanted}; not {', '.join(query) or 'none'}.")
    return optional | dict(query)


def _object(body: bytes, *known: str) -> Json:
    given = parse(body)
    if given is None:
        raise _bad("The body must be a JSON object.")
    if unknown := set(given) - set(known):
        raise _bad(f"The body has {', '.join(sorted(unknown))}; known are {', '.join(known)}.")
    return given


def _empty(body: bytes) -> None:
    if body:
        raise _bad("There must be no body.")


def _bad(message: str) -> Refusal:
    return Refusal(400, "ERR_BAD_CONTROL", message)


_DEEDS: dict[str, tuple[str, Callable[[Emulator, _Query, bytes], Any]]] = {
    "push": ("POST", _push),
    "message": ("POST", _message),
    "drop": ("POST", _drop),
    "set": ("POST", _set),
    "log": ("GET", _log),
}
