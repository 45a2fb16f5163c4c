"""The table of all controls of the server, from which the HTTP interface, its page and its description are made."""

from __future__ import annotations

import inspect
import re
import typing
import urllib.parse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from cometconn._environment import Response

from . import views
from .backend.responses import Refusal, json_response
from .control import Control, Parameter, Preset, bad_control
from .faults import Faults
from .openapi import openapi_document

if TYPE_CHECKING:
    from .jsontext import Json
    from .log import Entry
    from .server_controls import Drop, ServerControls

__all__ = ["CONTROLS", "entry_json"]

_TEXT: Final[Json] = {"type": "string", "minLength": 1}
_UID: Final[Json] = {**_TEXT, "format": "uid"}
_GUID: Final[Json] = {**_TEXT, "format": "guid"}
_WHOLE: Final[Json] = {"type": "integer", "minimum": 0}
_SECONDS: Final[Json] = {"type": "number", "minimum": 0.1, "maximum": 600}
_TEN_YEARS: Final = 10 * 366 * 86_400

_STATUS: Final[Json] = {"type": "integer", "minimum": 400, "maximum": 599}
_OF_TYPE: Final[Mapping[type, Json]] = {
    float: {"type": "number", "minimum": 0, "maximum": 86_400},
    int: {**_WHOLE, "maximum": 1_000_000_000},
    bool: {"type": "boolean"},
}


def entry_json(entry: Entry) -> Json:
    """Return an entry of the log as JSON."""
    return {
        "number": entry.number,
        "at": entry.at,
        "kind": entry.kind.value,
        "connection": entry.connection,
        "uid": entry.uid,
        **entry.detail,
    }


# What the controls do


def _push(server: ServerControls, *, uid: str, text: str) -> Json:
    return {"sockets": server.push(uid, text)}


def _message(
    server: ServerControls, *, sender: str, text: str, receiver: str | None = None, group: str | None = None
) -> Json:
    return server.say(sender, text, receiver=receiver, group=group)


def _typing(
    server: ServerControls,
    *,
    sender: str,
    receiver: str | None = None,
    group: str | None = None,
    typing: bool,
) -> Json:
    send = server.start_typing if typing else server.end_typing
    send(sender, receiver=receiver, group=group)
    return {}


def _receipt(server: ServerControls, *, uid: str, message: int, mark: Literal["delivered", "read"]) -> Json:
    (server.mark_as_read if mark == "read" else server.mark_as_delivered)(uid, message)
    return {}


def _drop(
    server: ServerControls, *, how: Drop, code: int, uid: str | None = None, connection: int | None = None
) -> Json:
    if (uid is None) == (connection is None):
        message = "There must be a uid or a connection, and not both."
        raise bad_control(message)
    return {"sockets": server.drop(uid, how, code=code, connection=connection)}


def _restart(server: ServerControls) -> Json:
    return {"sockets": server.restart()}


def _refuse(server: ServerControls, *, seconds: float) -> Json:
    server.refuse_connections(seconds)
    return {}


def _accept(server: ServerControls) -> Json:
    server.accept_connections()
    return {}


def _set(server: ServerControls, **faults: Any) -> Json:
    server.set(**faults)
    return attrs.asdict(server.world.faults)


def _heal(server: ServerControls) -> Json:
    server.heal()
    return attrs.asdict(server.world.faults)


def _set_clock(server: ServerControls, *, ahead: float) -> Json:
    server.set_clock(ahead)
    return {}


def _expire_jwts(server: ServerControls) -> Json:
    server.expire_jwts()
    return {}


def _forget_tokens(server: ServerControls) -> Json:
    server.forget_tokens()
    return {}


def _log(server: ServerControls, *, since: int, connection: int | None = None, uid: str | None = None) -> list[Json]:
    return [
        entry_json(entry)
        for entry in server.log.since(since)
        if connection in {None, entry.connection} and uid in {None, entry.uid}
    ]


def _conversation(
    server: ServerControls, *, sender: str, receiver: str | None = None, group: str | None = None
) -> list[Json]:
    name, kind = server.check_addressee(sender, receiver, group)
    return views.conversation(server, sender, name, kind)


def _timeline(server: ServerControls, *, uid: str, seconds: int, width: int, styled: bool) -> Response:
    # Imported here: the details of clients and their pictures take a tenth of a second, and the server starts without.
    from cometconn.instrumentation.timeline.picture import draw_timeline  # noqa: PLC0415

    from .server_timeline import server_timeline, with_client  # noqa: PLC0415

    server.check_user(uid)
    now = server.log.now()
    entries = server.log.since(0)
    first = entries[0].at if entries else now
    offset = server.world.wall_time() - now
    timeline = server_timeline(uid, entries, began=max(now - seconds, first), now=now, offset=offset)
    both = with_client(uid, timeline, entries, server.world.traces)
    picture = draw_timeline(both, styled=styled, width=width)
    return Response(200, {"content-type": "image/svg+xml; charset=utf-8"}, picture.encode())


def _record(server: ServerControls, *, on: bool) -> Json:
    if on:
        server.world.record()
    else:
        server.world.stop_recording()
    return views.recording(server)


def _transcript(server: ServerControls, *, uid: str) -> Response:
    server.check_user(uid)
    recorded = server.world.recorded
    if recorded is None:
        raise Refusal(409, "ERR_NOT_RECORDED", "Nothing was recorded: POST /control/record first.")
    name = urllib.parse.quote(f"{uid}.jsonl", safe="")
    headers = {
        "content-type": "application/jsonl; charset=utf-8",
        "content-disposition": f"attachment; filename*=UTF-8''{name}",
    }
    return Response(200, headers, recorded.transcript(uid).encode())


def _traces(server: ServerControls, *, text: str, source: str | None = None, batch: int | None = None) -> Json:
    return server.world.traces.add(text, source, batch)


def _controls(server: ServerControls) -> list[Json]:
    del server
    return [control.described() for control in CONTROLS]


def _openapi(server: ServerControls) -> Response:
    from cometconn._client.version import __version__  # noqa: PLC0415 - with what makes a client's frames

    del server
    return json_response(200, openapi_document(CONTROLS, __version__))


# The faults, described by the class that has them


def _fault_parameters() -> tuple[Parameter, ...]:
    types, sentences = typing.get_type_hints(Faults), _attribute_sentences(Faults)
    return tuple(
        Parameter(field.name, sentences.get(field.name, ""), _fault_schema(types[field.name]))
        for field in attrs.fields(Faults)
    )


def _fault_schema(annotation: Any) -> Json:
    """Return the schema of a fault. A whole number beside words is an HTTP status; `None` is left out, not given."""
    if typing.get_origin(annotation) is Literal:
        return {"type": "string", "enum": list(typing.get_args(annotation))}
    parts = [part for part in typing.get_args(annotation) or (annotation,) if part is not type(None)]
    if len(parts) == 1:
        return _OF_TYPE[parts[0]]
    return {"anyOf": [_STATUS if part is int else _fault_schema(part) for part in parts]}


def _attribute_sentences(cls: type) -> dict[str, str]:
    """Return what the docstring of a class has about each attribute."""
    text = re.sub(r"\n\s{8,}", " ", (inspect.getdoc(cls) or "").partition("Attributes:\n")[2])
    return {name: about.replace("`", "") for name, about in re.findall(r"^\s{4}(\w+): (.*)$", text, re.MULTILINE)}


# The table

_TO: Final = (
    Parameter("receiver", "The user that it goes to.", _UID),
    Parameter("group", "Or the group.", _GUID),
)

CONTROLS: Final[tuple[Control, ...]] = (
    Control(
        "message",
        "POST",
        "Sends a text message from a user to another user, or to a group.",
        _message,
        (
            Parameter("sender", "The user that it comes from.", _UID, required=True),
            *_TO,
            Parameter("text", "The text.", _TEXT, required=True),
        ),
        "json",
    ),
    Control(
        "typing",
        "POST",
        "Sends a typing indicator from a user to another user, or to a group.",
        _typing,
        (
            Parameter("sender", "The user that types.", _UID, required=True),
            *_TO,
            Parameter("typing", "Whether the user types, or has stopped.", {"type": "boolean", "default": True}),
        ),
        "json",
    ),
    Control(
        "receipt",
        "POST",
        "Sends and records that a user got a message, and those before it, or read them.",
        _receipt,
        (
            Parameter("uid", "The user that got or read it.", _UID, required=True),
            Parameter("message", "The id of the message.", {**_WHOLE, "format": "message"}, required=True),
            Parameter("mark", "How far.", {"type": "string", "enum": ["delivered", "read"], "default": "read"}),
        ),
        "json",
    ),
    Control(
        "push",
        "POST",
        "Sends the body, as it is, as a frame to every connection of a user.",
        _push,
        (Parameter("uid", "The user.", _UID, "query", required=True),),
        "text",
    ),
    Control(
        "drop",
        "POST",
        "Ends every connection of a user, or one connection.",
        _drop,
        (
            Parameter("uid", "The user.", _UID, "query"),
            Parameter("connection", "Or the number of the connection.", {**_WHOLE, "format": "connection"}, "query"),
            Parameter(
                "how",
                "With a close frame, with a TCP reset, or silently: the connection stays and is served no longer.",
                {"type": "string", "enum": ["close", "reset", "silent"], "default": "close"},
                "query",
            ),
            Parameter("code", "The code of the close frame.", {**_WHOLE, "default": 1011}, "query"),
        ),
        presets=(
            Preset("Close (1011)", {"how": "close", "code": 1011}),
            Preset("Close (1000)", {"how": "close", "code": 1000}),
            Preset("Reset", {"how": "reset"}),
            Preset("Silence", {"how": "silent"}),
        ),
    ),
    Control(
        "restart",
        "POST",
        "Announces a restart: closes every connection with code 1012.",
        _restart,
        presets=(Preset("Announce a restart"),),
    ),
    Control(
        "refuse",
        "POST",
        "Refuses new TCP connections for some seconds, as a lost network does. Open ones stay.",
        _refuse,
        (Parameter("seconds", "How long.", {**_SECONDS, "default": 5}),),
        "json",
        presets=(Preset("Refuse for 5 s", {"seconds": 5}),),
    ),
    Control("accept", "POST", "Accepts new TCP connections again.", _accept, presets=(Preset("Accept again"),)),
    Control(
        "set",
        "POST",
        "Changes how the server misbehaves; what is not named stays. Returns all faults.",
        _set,
        _fault_parameters(),
        "json",
        presets=(
            Preset("No pongs", {"pong": False}),
            Preset("Refuse tokens", {"auth": "refuse"}),
            Preset("Ignore auth frames", {"auth": "silent"}),
            Preset("Upgrades get 503", {"upgrade": 503}),
            Preset("Upgrades hang", {"upgrade": "hang"}),
            Preset("REST gets 429", {"rest": 429, "retry_after": 5}),
            Preset("REST gets 500", {"rest": 500}),
            Preset("REST hangs", {"rest": "hang"}),
            Preset("REST is cut", {"rest": "cut"}),
            Preset("REST is 2 s slow", {"rest_delay": 2}),
            Preset("10 requests a minute", {"rest_limit": 10, "rest_window": 60}),
        ),
    ),
    Control(
        "heal",
        "POST",
        "Ends all faults, and accepts connections again. Returns all faults.",
        _heal,
        presets=(Preset("End all faults"),),
    ),
    Control(
        "set_clock",
        "POST",
        "Sets the server's clock ahead of this machine's.",
        _set_clock,
        (
            Parameter(
                "ahead",
                "Seconds; below 0 it is behind.",
                {"type": "number", "minimum": -_TEN_YEARS, "maximum": _TEN_YEARS},
                required=True,
            ),
        ),
        "json",
        presets=(Preset("1 hour ahead", {"ahead": 3600}), Preset("Right again", {"ahead": 0})),
    ),
    Control(
        "expire_jwts",
        "POST",
        "Makes every JWT invalid. Open connections stay.",
        _expire_jwts,
        presets=(Preset("Expire JWTs"),),
    ),
    Control(
        "forget_tokens",
        "POST",
        "Makes every auth token and every JWT invalid. Open connections stay.",
        _forget_tokens,
        presets=(Preset("Forget all tokens"),),
    ),
    Control(
        "log",
        "GET",
        "Returns what the server received and did.",
        _log,
        (
            Parameter("since", "The number of the first entry.", {**_WHOLE, "default": 0}, "query"),
            Parameter("connection", "Only of this connection.", {**_WHOLE, "format": "connection"}, "query"),
            Parameter("uid", "Only of this user.", _UID, "query"),
        ),
    ),
    Control(
        "events",
        "GET",
        "Sends the log as server-sent events, as it grows. Resumes after Last-Event-ID.",
        None,
        (Parameter("since", "The number of the first entry; the end of the log unless given.", _WHOLE, "query"),),
        returns="text/event-stream",
    ),
    Control("state", "GET", "Returns users, groups, connections and faults.", views.state),
    Control(
        "conversation",
        "GET",
        "Returns the last 50 messages of a conversation, and whether they were delivered and read.",
        _conversation,
        (
            Parameter("sender", "A user of the conversation.", _UID, "query", required=True),
            Parameter("receiver", "The other user.", _UID, "query"),
            Parameter("group", "Or the group.", _GUID, "query"),
        ),
    ),
    Control(
        "timeline",
        "GET",
        "Draws what the connections of a user did, as the server saw it, and its client, if it reports.",
        _timeline,
        (
            Parameter("uid", "The user.", _UID, "query", required=True),
            Parameter(
                "seconds",
                "How far it goes back.",
                {"type": "integer", "minimum": 1, "maximum": 86_400, "default": 300},
                "query",
            ),
            Parameter(
                "width",
                "Its width in pixels.",
                {"type": "integer", "minimum": 400, "maximum": 4_000, "default": 1_200},
                "query",
            ),
            Parameter("styled", "With its own style sheet.", {"type": "boolean", "default": True}, "query"),
        ),
        returns="image/svg+xml",
    ),
    Control(
        "record",
        "POST",
        "Begins to record what clients send and receive, and forgets the recording before; or stops.",
        _record,
        (Parameter("on", "Whether to record.", {"type": "boolean", "default": True}),),
        "json",
        presets=(Preset("Record", {"on": True}), Preset("Stop recording", {"on": False})),
    ),
    Control(
        "transcript",
        "GET",
        "Returns the recording of one user, which cometconn.testing.open_replay() replays.",
        _transcript,
        (Parameter("uid", "The user.", _UID, "query", required=True),),
        returns="application/jsonl",
    ),
    Control(
        "traces",
        "POST",
        "Takes the lines of a client's trace, as a TraceFile has them, into the log.",
        _traces,
        (
            Parameter("source", "The program that they are from; each request is one unless given.", _TEXT, "query"),
            Parameter(
                "batch",
                "The number of this request among those of its source: one that came before is not taken again.",
                {**_WHOLE, "minimum": 1},
                "query",
            ),
        ),
        "text",
    ),
    Control("controls", "GET", "Returns this description of all controls.", _controls),
    Control("openapi.json", "GET", "Returns the same as an OpenAPI document.", _openapi),
)
"""All of them: those that change something first."""
