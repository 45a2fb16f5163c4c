"""The server's controls over HTTP, below `/control/`: for people, and for programs in other languages."""

# ruff: noqa: EM101, EM102, TRY003, TRY301 - a refusal is an HTTP response, not a traceback

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from cometconn.errors import SettingsError

from .backend.query import split_url
from .backend.responses import Refusal, json_response
from .faults import Faults
from .jsontext import Json, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cometconn.environment import Request, Response

    from .log import Entry
    from .server_controls import ServerControls

__all__ = ["answer_control", "is_control"]

_PREFIX = "/control/"
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_FAULTS = tuple(field.name for field in attrs.fields(Faults))

_Query: TypeAlias = "Mapping[str, str]"


def is_control(url: str) -> bool:
    """Whether a request is for the control API."""
    return split_url(url)[0].startswith(_PREFIX)


def answer_control(server: ServerControls, request: Request) -> Response:
    """Do what the request asks for. An invalid one is answered with an HTTP error and the reason."""
    path, query = split_url(request.url)
    try:
        _check_origin(request.headers)
        method, handler = _HANDLERS.get(path.removeprefix(_PREFIX), (None, None))
        if handler is None:
            raise Refusal(404, "ERR_NO_CONTROL", f"There is no {path}: there are {', '.join(_HANDLERS)}.")
        if request.method != method:
            raise Refusal(405, "ERR_METHOD_NOT_ALLOWED", f"{path} answers {method} only.")
        return json_response(200, {"data": handler(server, query, request.body or b"")})
    except SettingsError as error:
        return _bad(error.message).response()
    except Refusal as refusal:
        return refusal.response()


def _check_origin(headers: Mapping[str, str]) -> None:
    """Refuse web pages of other hosts: a browser on this machine can reach the loopback port, too."""
    named = {name.lower(): value for name, value in headers.items()}
    for url in (named.get("origin"), f"http://{named.get('host', 'localhost')}"):
        if url is not None and _host(url) not in _LOCAL:
            raise Refusal(403, "ERR_NOT_LOCAL", "The control interface is for this machine only.")


def _host(url: str) -> str | None:
    try:
        return urllib.parse.urlsplit(url).hostname
    except ValueError:  # an invalid IPv6 address
        return None


def _push(server: ServerControls, query: _Query, body: bytes) -> Json:
    uid = _parameters(query, "uid")["uid"]
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise _bad("The body, which is the frame to send, must be UTF-8.") from error
    return {"sockets": server.push(uid, text)}


def _message(server: ServerControls, query: _Query, body: bytes) -> Json:
    _parameters(query)
    given = _object(body, "sender", "receiver", "group", "text")
    for name, value in given.items():
        if not isinstance(value, str) or not value:
            raise _bad(f"The field {name} must be a text and not empty.")
    if not {"sender", "text"} <= set(given):
        raise _bad("The body must have sender, text, and receiver or group.")
    return server.say(given["sender"], given["text"], receiver=given.get("receiver"), group=given.get("group"))


def _drop(server: ServerControls, query: _Query, body: bytes) -> Json:
    _check_no_body(body)
    given = _parameters(query, "uid", how="close", code="1011")
    code = _number(given["code"], "code must be a close code such as 1011")
    return {"sockets": server.drop(given["uid"], given["how"], code=code)}


def _set(server: ServerControls, query: _Query, body: bytes) -> Json:
    _parameters(query)
    given = _object(body, *_FAULTS)
    if None in given.values():
        raise _bad("A fault that is not to change is left out, not null.")
    server.set(**given)
    return attrs.asdict(server.world.faults)


def _log(server: ServerControls, query: _Query, body: bytes) -> Any:
    _check_no_body(body)
    since = _number(_parameters(query, since="0")["since"], "since must be the number of an entry")
    return [_entry(entry) for entry in server.log if entry.number >= since]


def _entry(entry: Entry) -> Json:
    return {
        "number": entry.number,
        "at": entry.at,
        "kind": entry.kind.value,
        "connection": entry.connection,
        "uid": entry.uid,
        **entry.detail,
    }


def _parameters(query: _Query, *needed: str, **optional: str) -> Json:
    """Return these parameters of the URL, and the defaults of optional ones; refuse unknown and missing ones."""
    unknown, missing = set(query) - {*needed, *optional}, set(needed) - set(query)
    if unknown or missing:
        wanted = ", ".join([*needed, *(f"{name} (optional)" for name in optional)]) or "none"
        raise _bad(f"The parameters of the URL must be: {wanted}; not {', '.join(query) or 'none'}.")
    return optional | dict(query)


def _number(text: str, rule: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise _bad(f"{rule}, not {text!r}.")
    return int(text)


def _object(body: bytes, *known: str) -> Json:
    given = parse(body)
    if given is None:
        raise _bad("The body must be a JSON object.")
    if unknown := set(given) - set(known):
        raise _bad(f"The body has {', '.join(sorted(unknown))}; known are {', '.join(known)}.")
    return given


def _check_no_body(body: bytes) -> None:
    if body:
        raise _bad("There must be no body.")


def _bad(message: str) -> Refusal:
    return Refusal(400, "ERR_BAD_CONTROL", message)


_HANDLERS: dict[str, tuple[str, Callable[[ServerControls, _Query, bytes], Any]]] = {
    "push": ("POST", _push),
    "message": ("POST", _message),
    "drop": ("POST", _drop),
    "set": ("POST", _set),
    "log": ("GET", _log),
}
