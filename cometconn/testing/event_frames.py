"""Converts an event back to the frame that a server would have sent for it."""

from __future__ import annotations

import copy
import datetime
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from cometconn._arguments import checked
from cometconn._wire.kinds import KINDS, OWN_KEY, JsonPath, Kind, parse_paths, paths_of
from cometconn.errors import SettingsError
from cometconn.events import Call, Group, Message, UnknownEvent, UnreadableFrame, User

if TYPE_CHECKING:
    from cometconn.events import Event

__all__ = ["to_frame", "words_of", "written_paths"]

Json: TypeAlias = dict[str, Any]

_APP: Final = "APP"
_ROWS: Final[Mapping[type[Any], Sequence[Kind]]] = {
    kind.event: [row for row in KINDS if row.event is kind.event] for kind in KINDS
}
_CATEGORY: Final = parse_paths("category")
_TYPE: Final = ("^", "type")
_FOR: Final = parse_paths("data.entities.for.entity or receiver or ^receiver")


@checked
def to_frame(event: Event) -> dict[str, Any] | str:
    """Return the frame that a server would send for *event*, and that a client decodes to an equal event.

    The decoded event is equal for all events of `cometconn.testing.strategies`. An event made by hand may have values
    that a frame cannot contain: a typing indicator has only the id of its receiver, a user who joins a group is also
    the user who acted, `has_mentioned_me` follows from `mentions`, and the `data` of an AI agent's message is the whole
    `data` of the frame.

    Args:
        event: any event that a server sends. Its `raw` is ignored, except for `UnknownEvent` and `UnreadableFrame`,
            which have no other content.

    Returns:
        The frame as JSON values; for an `UnreadableFrame` its text.

    Raises:
        SettingsError: a server sends no such event: it is one of the client's own markers, or a binary frame.
    """
    if isinstance(event, UnreadableFrame) and isinstance(event.raw, str):
        return event.raw
    if isinstance(event, UnknownEvent):
        return copy.deepcopy(dict(event.raw))
    if type(event) not in _ROWS:
        message = f"No server sends a {type(event).__name__} that is {event!r}."
        raise SettingsError(message)
    frame: Json = {}
    body = _object(event, frame)
    usual = {"appId": _APP, "type": _ROWS[type(event)][0].frames[0], "deviceId": "elsewhere", "sender": ""}
    return {**usual, **frame, "body": body}


@functools.cache
def written_paths(kind: Any) -> Mapping[str, JsonPath]:
    """Return the path at which each attribute of class *kind* is written.

    That is its first path that is not inside another attribute, or its first path if all are.
    """
    return {name: _place(name, paths_of(kind)) for name in paths_of(kind)}


def _place(name: str, paths: Mapping[str, Sequence[JsonPath]]) -> JsonPath:
    others = {alternatives[0] for other, alternatives in paths.items() if other != name}
    apart = (path for path in paths[name] if not any(path[:end] in others for end in range(1, len(path))))
    return next(apart, paths[name][0])


def words_of(row: Kind) -> Mapping[str, Sequence[str]]:
    """Return the attributes whose path selects the row, with the words that select it."""
    event: Any = row.event
    return {
        name: words
        for paths, words in row.words.items()
        for name, place in written_paths(event).items()
        if place in paths
    }


def _row(value: Any) -> Kind | None:
    """Return the row for *value*: the one whose words it has, if its class has several."""
    rows = _ROWS.get(type(value), [])
    fitting = (row for row in rows if all(getattr(value, name) in words for name, words in words_of(row).items()))
    return next(fitting, rows[0] if rows else None)


def _object(value: Any, envelope: Json) -> Json:
    """Return *value* as a JSON object. Attributes that belong into the envelope of a frame are put there."""
    kind: Any = type(value)
    body, inner = Json(), Json()
    row = _row(value)
    acts = row is not None and row.words.get(_CATEGORY, [""])[0] in {"action", "call"}
    for paths, words in row.words.items() if row else ():
        _put(body, envelope, _TYPE if _TYPE in paths else paths[0], words[0])
    paths_here, places, absent = paths_of(kind), written_paths(kind), _defaults(kind)
    for name in sorted(places, key=lambda name: len(paths_here[name][0])):  # the outer one first
        item, place = getattr(value, name), places[name]
        if item is None or item == absent.get(name) or OWN_KEY in place:
            continue
        if isinstance(item, User | Group):
            _put_person(body, envelope, paths_here[name], item, acts=acts)
        elif place:
            _put(body, envelope, place, _plain(item, inner, name))
        else:
            body |= _object(item, inner)
        if row is not None:
            _put_what_follows(body, envelope, place, item, row.inner.get(name, {}))
    if isinstance(value, Call):
        _put(body, envelope, ("data", "entities", "on", "entityType"), "call")
    for key, item in inner.items():  # a part of the event fills the envelope where the event itself does not
        envelope.setdefault(key, item)
    return body


@functools.cache
def _defaults(kind: Any) -> Mapping[str, Any]:
    """Return the default of each attribute that has one."""
    fields = [field for field in attrs.fields(kind) if field.default is not attrs.NOTHING]
    return {field.name: getattr(field.default, "factory", lambda field=field: field.default)() for field in fields}


def _put_what_follows(body: Json, envelope: Json, place: JsonPath, item: Any, parts: Mapping[str, str]) -> None:
    """Put what the frame contains about an attribute in other places."""
    if isinstance(item, Message) and place[-1:] == ("entity",):
        _put(body, envelope, (*place[:-1], "entityType"), "message")
        body["type"] = "message"
        _put_person(body, envelope, _FOR, item.receiver, acts=True)
    for part, paths in parts.items():
        if not paths.startswith("=") and getattr(item, part) is not None:
            _put(body, envelope, parse_paths(paths)[0], _plain(getattr(item, part), {}, part))


def _put_person(body: Json, envelope: Json, paths: Sequence[JsonPath], person: User | Group, *, acts: bool) -> None:
    """Put the description of a user or group at its path, and its id at the paths that contain only the id."""
    entities = [path for path in paths if path[-1] == "entity"]
    described = next((path for path in entities if acts and path[-2] in {"by", "for"}), (entities or paths)[0])
    if described != ("receiver",):  # a signal does not describe its receiver, whose id is in the envelope
        _put(body, envelope, described, _object(person, {}))
    if entities:
        _put(body, envelope, (*described[:-1], "entityType"), person.receiver_type)
    for path in paths[1:]:
        if len(path) == 1 or path[0] == "^":
            _put(body, envelope, path, person.id)
            if path[-1] == "receiver":
                _put(body, envelope, (*path[:-1], "receiverType"), person.receiver_type)


def _put(body: Json, envelope: Json, path: JsonPath, value: object) -> None:
    way = path
    if path[0] == "^":
        body, way = envelope, path[1:]
    for key in way[:-1]:
        if not isinstance(body.get(key), dict):
            body[key] = {}
        body = body[key]
    body[way[-1]] = value


def _plain(value: Any, envelope: Json, name: str = "") -> Any:
    if isinstance(value, datetime.datetime):
        return round(value.timestamp() * 1000) if value.microsecond else int(value.timestamp())
    if isinstance(value, int) and (name == "id" or name.endswith("_id")):
        return str(value)  # CometChat writes the ids of messages as texts
    if isinstance(value, Mapping):
        return {key: _plain(item, envelope) for key, item in value.items()}
    if isinstance(value, tuple) and value and isinstance(value[0], User):
        return {user.uid: _object(user, envelope) for user in value}
    if isinstance(value, list | tuple):
        return [_plain(item, envelope) for item in value]
    return _object(value, envelope) if attrs.has(type(value)) else value
