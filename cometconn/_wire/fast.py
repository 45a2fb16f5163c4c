"""The fast decoder: the frames that come often, straight into the event classes.

It is generated when this module is imported, from the table that the reference reads, as attrs generates `__init__`:
for each frame a msgspec type, and for each kind a function that fills an event. Everything else (rare kinds and rare
attributes; unreadable, unknown and odd frames; echoes; answers) is left to the reference, which decides. A differential
test holds the two equal.

msgspec passes over an unknown key, and over a `Raw` value, without looking closely, and an event must not be made of a
frame that is not JSON. So every key that is known to come is in the types, also where no attribute reads it; a frame with
another key is parsed once more, whole; and the entities of a message, which are `Raw` because the same few come again
and again, must stand in it once.
"""

from __future__ import annotations

import datetime
import functools
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs
import msgspec

from cometconn._json.json_depth import may_be_too_deep
from cometconn.events import Event, Group, Message, User

from .kinds import (
    KINDS,
    LATER,
    MOST_OBJECTS,
    OTHERS,
    OWN_KEY,
    Choice,
    JsonPath,
    Kind,
    choices,
    parse_paths,
    paths_of,
    types_of,
)
from .read_only import NOTHING, read_only

__all__ = ["KnownPeople", "NotFastPathError", "first_events"]

_BIT_64: Final = 2**63
_MOST_DIGITS: Final = 18
"""Any integer of at most so many digits fits in 64 bits."""
_MILLISECONDS: Final = 10**11
_LONGEST: Final = 16 * 1024
"""Characters: a longer text may hold more than may be read, which the reference counts first."""
_LONGEST_KNOWN: Final = 2048  # bytes, and
_MOST_KNOWN: Final = 512  # pieces of JSON, and
_MOST_BYTES: Final = 128 * 1024  # of them together, in each connection
_anything: Final = msgspec.json.Decoder().decode


class NotFastPathError(Exception):
    """This is for the reference to decide."""


# The msgspec types: trees of keys, whose leaves are the types of attributes.

_ENTITIES: Final[JsonPath] = ("data", "entities")
_QUOTE: Final[JsonPath] = ("quotedMessage",)
_GUID: Final = str | msgspec.UnsetType  # an object with a guid, though it be null, is no user
_Tree: typing.TypeAlias = dict[str, Any]
_LEAVES: Final[Mapping[Any, Any]] = {
    int: int | str | None,
    int | None: int | str | None,
    datetime.datetime | None: int | None,
    Mapping[str, Any]: dict[str, Any] | None,
    tuple[str, ...]: tuple[str, ...] | None,
    **{kind: kind for kind in (Any, _GUID, msgspec.Raw)},
    **{kind: kind | None for kind in (str, str | None, bool)},
}
"""What is decoded for an attribute; for those that are not here, only null. What msgspec refuses goes to the reference."""


def _grow(tree: _Tree, path: JsonPath, leaf: Any) -> None:
    """Put a leaf into a tree, unless one is on the way: what is inside a leaf is part of it."""
    *way, last = path
    for key in way:
        tree = tree.setdefault(key, {})
        if not isinstance(tree, dict):
            return
    tree.setdefault(last, leaf)


def _tree_of(*kinds: Any, strict: bool) -> _Tree:
    tree: _Tree = {}
    for kind in kinds:
        for name, paths in paths_of(kind).items():
            leaf = None if name in LATER else types_of(kind)[name]
            for path in paths[:1] if leaf is User else paths:
                inside_list = OWN_KEY in path or "0" in path
                if path[0] != "^" and path[:2] != _ENTITIES and not (inside_list or (strict and name in LATER)):
                    _grow(tree, path, str if leaf == User | Group else leaf)
    return tree


def _type(name: str, leaf: Any, *, strict: bool) -> Any:
    if isinstance(leaf, dict):
        return _struct(name, leaf, strict=strict) | None
    item = _item(leaf)
    if item is not None and item is not User:
        return list[_struct(name, _tree_of(item, strict=strict), strict=strict)] | None  # type: ignore[misc]
    if leaf is User or item is User:
        return _person(strict) | None if leaf is User else dict[str, _person(strict)] | None  # type: ignore[misc]
    return _LEAVES.get(leaf)


def _item(annotation: Any) -> Any:
    """Return the class of the objects that an attribute has several of; `None` for another attribute."""
    item, *_ = typing.get_args(annotation) or (None,)
    return item if typing.get_origin(annotation) is tuple and attrs.has(item) else None


def _struct(name: str, tree: _Tree, *, strict: bool, **options: Any) -> Any:
    defaults = [msgspec.UNSET if leaf == _GUID else None for leaf in tree.values()]
    types = [_type(key, leaf, strict=strict) for key, leaf in tree.items()]
    fields = list(zip(tree, types, defaults, strict=True))
    return msgspec.defstruct(name, fields, forbid_unknown_fields=strict, gc=False, **options)


@functools.cache
def _person(strict: bool) -> Any:  # noqa: FBT001 - a key of the cache
    """A user or a group; a group if it has a guid."""
    tree = {**_tree_of(User, Group, strict=strict), "guid": _GUID, "updatedAt": int, "conversationId": str}
    return _struct("Person", tree, strict=strict)


def _frames(*, strict: bool) -> Any:
    """Return the type of all the frames that are read fast: told from one another by their `type`."""
    types = []
    for frame in _FRAMES:
        rows = [row for row in _ROWS if row.frames == [frame]]
        body = _tree_of(*(row.event for row in rows), strict=strict)
        envelope: _Tree = {"action": None, "body": body}  # another action would make it a pong
        for path in ("receiver",), ("receiverType",), *(paths[0] for row in rows for paths in row.words):
            _grow(body, path, str)
        for path in parse_paths(OTHERS):
            _grow(envelope, path[1:], str) if path[0] == "^" else _grow(body, path, str)
        if frame == "message":
            _grow(body, _ENTITIES, msgspec.Raw)
        types.append(_struct(frame, envelope, strict=strict, tag_field="type", tag=frame))
    return typing.Union[tuple(types)]  # noqa: UP007 - made at run time


_ROWS: Final = [row for row in KINDS if row.fast]
_FRAMES: Final = list(dict.fromkeys(row.frames[0] for row in _ROWS))


# The functions that fill events: their source, and what it calls.


def number(value: int | str) -> int:
    """Return a whole number of at most 64 bits, also from text."""
    if isinstance(value, str):
        if len(value) <= _MOST_DIGITS and value.isascii() and value.isdigit():
            return int(value)
    elif -_BIT_64 <= value < _BIT_64:
        return value
    raise NotFastPathError


@functools.lru_cache(maxsize=512)  # users and bursts repeat them
def moment(seconds: int) -> datetime.datetime:
    """Return the time so many seconds after 1970."""
    if not -_MILLISECONDS < seconds < _MILLISECONDS:
        raise NotFastPathError
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def needed(text: str | None) -> str:
    """Return a text that must be there."""
    if text is None:
        raise NotFastPathError
    return text


def shallow(value: Any, depth: int = 8) -> Any:
    """Return a JSON value that is nested no more deeply than usual."""
    if isinstance(value, dict | list):
        if not depth:
            raise NotFastPathError
        for inner in value.values() if isinstance(value, dict) else value:
            shallow(inner, depth - 1)
    return value


def few(objects: Any) -> Any:
    """Return objects of which there are no more than are read."""
    if len(objects) > MOST_OBJECTS:
        raise NotFastPathError
    return objects


def addressee(name: str | None, receiver_type: str | None) -> User | Group:
    """Return whom a signal went to."""
    return (Group if receiver_type == Group.receiver_type else User)(needed(name or None))


def person(who: Any) -> User | Group:
    """Return a group if it has a guid, else a user."""
    made: User | Group = (_namespace["User_of"] if who.guid is msgspec.UNSET else _namespace["Group_of"])(who)
    return made


def opened(kind: type[Any]) -> type[Any]:
    """Return the twin of *kind* that is made without arguments, to be filled.

    The `__init__` that attrs writes for a frozen class assigns each attribute by `object.__setattr__`; for a message
    and its two users that is 3 us of 6. A twin, which has no slots of its own and so the same layout, is assigned to
    like any object, and becomes the real thing by its `__class__`. CPython and PyPy allow that; it is done here only.
    """
    # All three, or Python takes the slow way for the sake of the one that is left.
    plain = {name: getattr(object, name) for name in ("__init__", "__setattr__", "__delattr__")}
    return type(f"Open{kind.__name__}", (kind,), {"__slots__": (), "__module__": __name__, **plain})


def _expression(path: JsonPath) -> str:
    """Return the Python that reads what a frame holds at *path*; nothing on the way may be missing, but a list."""
    if path[0] == "^":
        return f"frame.{path[1]}"
    place = ".".join(("body", *path)).replace("body.data.", "data.")
    several, inside, rest = place.partition(".0.")
    if inside:
        return f"({several}[0].{rest} if {several} else None)"
    several, own, _ = place.partition(f".{OWN_KEY}")
    return f"(known.own_uid in {several} if {several} else False)" if own else place


def _value(annotation: Any, default: Any, place: str) -> str:
    """Return the Python that makes an attribute of what is at *place*."""
    optional = {
        int: f"number({place}) if {place} is not None else {default!r}",
        datetime.datetime | None: f"moment({place}) if {place} else None",
        Mapping[str, Any]: f"shallow({place}) if {place} else {{}}",
        Any: f"shallow({place})",
        User: f"User_of({place})",
        str: f"{place} or {default!r}",
        bool: f"{place} or False",
        tuple[str, ...]: f"{place} or ()",
        str | None: place,
    }
    optional[int | None] = optional[int]
    if (item := _item(annotation)) is not None:
        several = f"few({place}.values())" if item is User else f"few({place})"
        optional[annotation] = f"tuple(map({item.__name__}_of, {several})) if {place} else ()"
    if default is attrs.NOTHING:
        optional |= {int: f"number({place})", str: f"needed({place})"}
    return optional.get(annotation, repr(default))


def _filler(kind: Any, row: Kind | None = None) -> Iterator[str]:
    """Write the function that fills an event from a frame; or a user or a group from an object."""
    yield f"def {kind.__name__}_of({'body' if row is None else 'frame, known, text'}):"
    yield f" made = open_{kind.__name__}()"
    if row is not None:
        yield " body, made._text = frame.body, text"
    if row is not None and row.frames == ["message"]:
        yield " data = body.data"
        yield " json = bytes(data.entities)"
        yield " made.sender, made.receiver = known.get(json) or known.remember(json)"
    for field in attrs.fields(kind):
        name, annotation, paths = field.name, types_of(kind)[field.name], paths_of(kind).get(field.name, ())
        if not paths or paths[0][:2] == _ENTITIES:
            continue
        words = () if row is None else row.words.get(paths, ())
        if len(words) == 1 or name in LATER:
            value = repr(words[0] if words else field.default)
        elif annotation == User | Group:
            receiver_type = " or ".join(map(_expression, parse_paths("receiverType or ^receiverType")))
            value = f"addressee({' or '.join(map(_expression, paths))}, {receiver_type})"
        else:
            first, *others = [path for path in paths if path == _QUOTE or path[:1] != _QUOTE]  # which is null here
            place = _expression(first)
            for other in () if annotation is User else others:
                place = f"({place} if {place} is not None else {_expression(other)})"
            value = _value(annotation, field.default, place)
        if row is None and name == "metadata":  # which several events share
            value = "read_only(shallow(body.metadata)) if body.metadata else NOTHING"
        yield f" made.{name} = {value}"
    yield f" made.__class__ = {kind.__name__}"
    yield " return made"


def _select(chosen: Choice | Sequence[Kind], depth: int) -> Iterator[str]:
    """Write what finds the kind of a frame, and fills it."""
    space = " " * depth
    if isinstance(chosen, Choice):
        yield f"{space}word = frame.body.{'.'.join(chosen.paths[0])}"
        for word, branch in chosen.branches.items():
            yield f"{space}if word == {word!r}:"
            yield from _select(branch, depth + 1)
        yield from _select(chosen.otherwise, depth)
    elif chosen and chosen[0].fast:
        yield f"{space}return {chosen[0].event.__name__}_of(frame, known, text)"
    else:
        yield f"{space}raise NotFastPathError"


def _generate() -> dict[str, Any]:
    """Write the module that fills events, and run it; return what is in it."""
    events: list[Any] = [row.event for row in _ROWS]
    items = {_item(kind) for event in events for name, kind in types_of(event).items() if name not in LATER}
    objects = [User, Group, *sorted(items - {User, None}, key=str)]
    kinds = [*objects, *events]
    lines = [line for kind in objects for line in _filler(kind)]
    lines += [line for row in _ROWS for line in _filler(row.event, row)]
    for frame in _FRAMES:
        lines += [f"def read_{frame}(frame, known, text):", *_select(choices()[frame], 1)]
    namespace: dict[str, Any] = {kind.__name__: kind for kind in kinds}
    namespace |= {f"open_{kind.__name__}": opened(kind) for kind in kinds}
    namespace |= {
        function.__name__: function for function in (number, moment, needed, shallow, few, addressee, read_only)
    }
    namespace |= {"NOTHING": NOTHING, "NotFastPathError": NotFastPathError}
    exec(compile("\n".join(lines), f"<generated by {__name__}>", "exec"), namespace)  # noqa: S102 - as attrs does
    return namespace


_namespace: Final = _generate()
_TYPES: Final = (_frames(strict=True), _frames(strict=False))
_frame, _loose_frame = (msgspec.json.Decoder(kind).decode for kind in _TYPES)
_ENTITY: Final[_Tree] = {"entity": User, "entityType": str}
_entities, _loose_entities = (
    msgspec.json.Decoder(_struct("Entities", {"sender": _ENTITY, "receiver": _ENTITY}, strict=strict)).decode
    for strict in (True, False)
)
_READERS: Final[Mapping[type[Any], Callable[[Any, KnownPeople, str], Event]]] = {
    kind: _namespace[f"read_{kind.__struct_config__.tag}"] for frames in _TYPES for kind in typing.get_args(frames)
}


class KnownPeople(dict[bytes, "tuple[User, User | Group]"]):
    """The sender and the receiver that the last few pieces of JSON describe. There are few people, and many messages.

    Each connection has one of its own: what one account is shown is never the object that another has. Within an
    account many events share a `User`, of which nothing can be changed: see `read_only`.
    """

    def __init__(self, own_uid: str | None) -> None:
        super().__init__()
        self.own_uid = own_uid
        self._bytes = 0

    def remember(self, json: bytes) -> tuple[User, User | Group]:
        """Return who sent a message and to whom, from the JSON of its entities, and keep both."""
        try:
            entities = _entities(json)
        except msgspec.ValidationError:
            if may_be_too_deep(f"[[[{json.decode()}"):  # a frame, its body and its data are around it
                raise NotFastPathError from None
            _anything(json)
            entities = _loose_entities(json)
        both = _namespace["User_of"](entities.sender.entity), person(entities.receiver.entity)
        if len(json) <= _LONGEST_KNOWN:
            if len(self) >= _MOST_KNOWN or self._bytes + len(json) > _MOST_BYTES:
                self.clear()
                self._bytes = 0
            self[json] = both
            self._bytes += len(json)
        return both


def first_events(texts: Sequence[str], *, session_id: str | None, known: KnownPeople) -> list[Event]:
    """Return the events that *texts* begin with, up to the first text that is left to the reference.

    *known* is what this connection remembers from one call to the next.
    """
    made: list[Event] = []
    try:
        for text in texts:
            if len(text) > _LONGEST:
                break
            try:
                frame = _frame(text)
            except msgspec.ValidationError:
                if may_be_too_deep(text):
                    break
                _anything(text)
                frame = _loose_frame(text)
            if frame.deviceId == session_id and session_id is not None:
                break  # an echo, most likely
            made.append(_READERS[type(frame)](frame, known, text))
    except Exception:  # noqa: BLE001, S110 - whatever is odd about it, the reference decides, and never raises
        pass
    messages = sum(isinstance(event, Message) for event in made)
    if made and _may_hide(texts[0] if len(made) == 1 else "".join(texts[: len(made)]), messages):
        for place, text in enumerate(texts[: len(made)]):
            if _may_hide(text, 1) and not _is_json(text):
                return made[:place]
    return made


def _may_hide(text: str, messages: int) -> bool:
    """Tell whether *text*, with so many messages in it, may hide what is not JSON: a message needs its entities once.

    When their key is there twice, one of the two values was passed over. One search through many texts costs half of
    one search in each.
    """
    return text.count('"entities"') > messages or ("\\" in text and "\\u00" in text)


def _is_json(text: str) -> bool:
    """Tell whether all of *text* is JSON."""
    try:
        _anything(text)
    except (msgspec.DecodeError, UnicodeError):
        return False
    return True
