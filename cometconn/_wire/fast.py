"""The fast decoder: the frames that come often, straight into the event classes.

It is generated when this module is imported, from the table that the reference reads, as attrs generates `__init__`:
for each frame a msgspec type, and for each kind a function that fills an event. Everything else (rare kinds and rare
attributes; unreadable, unknown and odd frames; echoes; answers) is left to the reference, which decides. A differential
test holds the two equal.

msgspec passes over the value of an unknown key, and over a `Raw` value (the entities of a message, because the same few
come again and again). It finds everything in them that is not JSON, but for numbers and halves of surrogate pairs that the
reference accepts, too. It does not find that they are nested too deeply. So every key that is known to come is in strict
types, also where no attribute reads it, and a frame with another key is decoded a second time, if it has few brackets.
"""

from __future__ import annotations

import datetime
import functools
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs
import msgspec

from cometconn._json.signs import may_be_too_deep
from cometconn.events import Event, Group, User

from .kinds import KINDS, MOST_OBJECTS, OWN_KEY, Dispatch, JsonPath, Kind, choices, parse_paths, paths_of, types_of
from .read_only import NOTHING, read_only

__all__ = ["KnownPeople", "NotFastPathError", "first_events"]

_BIT_64: Final = 2**63
_OTHERS: Final = (
    "^appId or ^deviceId or ^messageSender or ^receiver or ^receiverType or ^sender or "
    "data.resource or receiver or receiverType or resource or sender or uid"
)
"""Keys that come in such frames, beside those that an attribute has."""
_CHANGES: Final = (
    "deleted_at deleted_by delivered_at delivered_to_me_at edited_at edited_by moderation_status pinned_at pinned_by "
    "reactions read_at read_by_me_at reply_count saved_at thread_subscribed unread_replies_count"
)
_LATER: Final = frozenset(_CHANGES.split())
"""Attributes that a message has only after something has happened to it: a new one comes without."""
_MOST_DIGITS: Final = 18
"""Any integer of at most so many digits fits in 64 bits."""
_MILLISECONDS: Final = 10**11
_LONGEST: Final = 16 * 1024
"""Characters: a longer text may hold more than may be read, which the reference counts first."""
_LONGEST_KNOWN: Final = 2048  # bytes, and
_MOST_KNOWN: Final = 512  # pieces of JSON, and
_MOST_BYTES: Final = 128 * 1024  # of them together, in each connection
_CONTAINERS: Final = frozenset({dict, list})
flat: Final = _CONTAINERS.isdisjoint
"""Return whether there is no array and no object among these types: most metadata needs no more than this one call."""


class NotFastPathError(Exception):
    """This is for the reference to decide."""


# The msgspec types: trees of keys, whose leaves are the types of attributes.

_ENTITIES: Final[JsonPath] = ("data", "entities")
_QUOTE: Final[JsonPath] = ("quotedMessage",)
_KEYS: Final = (
    "appId id conversationId sender receiverType receiver category type data text metadata entities sentAt muid"
)
_ORDER: Final = {key: place for place, key in enumerate(_KEYS.split())}
"""As CometChat writes them: msgspec looks for a key first behind the last one that it found."""
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
            leaf = None if name in _LATER else types_of(kind)[name]
            for path in paths[:1] if leaf is User else paths:
                inside_list = OWN_KEY in path or "0" in path
                if path[0] != "^" and path[:2] != _ENTITIES and not (inside_list or (strict and name in _LATER)):
                    _grow(tree, path, str if leaf == User | Group else leaf)
    return tree


def _type(name: str, leaf: Any, *, strict: bool) -> Any:
    if isinstance(leaf, dict):
        return _struct(name, leaf, strict=strict) | None
    item = _item(leaf)
    if User in (leaf, item):
        return _person(strict) | None if leaf is User else dict[str, _person(strict)] | None  # type: ignore[misc]
    if item is not None:
        return list[_struct(name, _tree_of(item, strict=strict), strict=strict)] | None  # type: ignore[misc]
    return _LEAVES.get(leaf)


def _item(annotation: Any) -> Any:
    """Return the class of the objects that an attribute has several of; `None` for another attribute."""
    item, *_ = typing.get_args(annotation) or (None,)
    return item if typing.get_origin(annotation) is tuple and attrs.has(item) else None


def _struct(name: str, tree: _Tree, *, strict: bool, **options: Any) -> Any:
    fields = [
        (key, _type(key, tree[key], strict=strict), msgspec.UNSET if tree[key] == _GUID else None)
        for key in sorted(tree, key=lambda key: _ORDER.get(key, len(_ORDER)))
    ]
    return msgspec.defstruct(name, fields, forbid_unknown_fields=strict, gc=False, **options)


@functools.cache
def _person(strict: bool) -> Any:  # noqa: FBT001 - a key of the cache
    """A user or a group; a group if it has a guid."""
    tree = {**_tree_of(User, Group, strict=strict), "guid": _GUID, "updatedAt": int, "conversationId": str}
    return _struct("Person", tree, strict=strict)


def _frames(*, strict: bool) -> Any:
    """Return the union, tagged by `type`, of all frames that are decoded fast."""
    types = []
    for frame in _FRAMES:
        rows = [row for row in _ROWS if row.frames == [frame]]
        body = _tree_of(*(row.event for row in rows), strict=strict)
        envelope: _Tree = {"action": None, "body": body}  # another action would make it a pong
        for path in (*(paths[0] for row in rows for paths in row.words), *parse_paths(_OTHERS)):
            _grow(envelope, path[1:], str) if path[0] == "^" else _grow(body, path, str)
        if frame == "message":
            _grow(body, _ENTITIES, msgspec.Raw)
        methods = {"read": _namespace[f"read_{frame}"]}
        types.append(_struct(frame, envelope, strict=strict, tag_field="type", tag=frame, namespace=methods))
    return typing.Union[tuple(types)]  # noqa: UP007 - made at run time


_ROWS: Final = [row for row in KINDS if row.fast]
_FRAMES: Final = list(dict.fromkeys(row.frames[0] for row in _ROWS))


# The functions that fill events: their source, and what it calls.


def number(value: int | str) -> int:
    """Return a whole number of at most 64 bits. Digits as text are read without this call: see `_number()`."""
    if isinstance(value, str) or not -_BIT_64 <= value < _BIT_64:
        raise NotFastPathError
    return value


class _Moments(dict[int, datetime.datetime]):
    """The times so many seconds after 1970. Users and bursts repeat them: `functools.lru_cache` takes twice as long."""

    def __missing__(self, seconds: int) -> datetime.datetime:
        if not -_MILLISECONDS < seconds < _MILLISECONDS:
            raise NotFastPathError
        if len(self) >= _MOST_KNOWN:
            self.clear()
        self[seconds] = time = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
        return time


_moments: Final = _Moments()


def needed(text: str | None) -> str:
    """Return a text that must be there."""
    if text is None:
        raise NotFastPathError
    return text


def shallow(value: Any, depth: int = 8) -> Any:
    """Return a JSON value that is nested no more deeply than usual."""
    if value.__class__ in _CONTAINERS:
        if not depth:
            raise NotFastPathError
        for inner in value if value.__class__ is list else value.values():
            if inner.__class__ in _CONTAINERS:  # a call for each text or number would cost most of it
                shallow(inner, depth - 1)
    return value


def shared(metadata: Any) -> Any:
    """Return metadata that several events have: nothing can be changed in it."""
    return read_only(shallow(metadata)) if metadata else NOTHING


def few(objects: Any) -> Any:
    """Return objects of which there are no more than are read."""
    if len(objects) > MOST_OBJECTS:
        raise NotFastPathError
    return objects


def addressee(name: str | None, receiver_type: str | None) -> User | Group:
    """Return the receiver of a signal."""
    return (Group if receiver_type == Group.receiver_type else User)(needed(name or None))


def person(given: Any) -> User | Group:
    """Return a group if it has a guid, else a user."""
    made: User | Group = (_namespace["User_of"] if given.guid is msgspec.UNSET else _namespace["Group_of"])(given)
    return made


def builder(kind: type[Any]) -> type[Any]:
    """Return the twin of *kind* that is made without arguments, to be filled.

    The `__init__` that attrs writes for a frozen class assigns each attribute by `object.__setattr__`; for a message
    and its two users that is 3 us of 6. A twin, which has no slots of its own and so the same layout, is assigned to
    like any object, and becomes the real thing by its `__class__`. CPython and PyPy allow that; it is done here only.
    """
    # All three, or Python takes the slow way for the sake of the one that is left.
    plain = {name: getattr(object, name) for name in ("__init__", "__setattr__", "__delattr__")}
    return type(f"New{kind.__name__}", (kind,), {"__slots__": (), "__module__": __name__, **plain})


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


def _number(place: str) -> str:
    """Return the Python that makes a number of what is at *place*. The usual text takes no call, which would be a third."""
    digits = f"len(value) <= {_MOST_DIGITS} and value.isascii() and value.isdigit()"
    return f"int(value) if (value := {place}).__class__ is str and {digits} else number(value)"


def _value(annotation: Any, default: Any, place: str) -> str:
    """Return the Python that makes an attribute of what is at *place*."""
    value = "value if flat(map(type, value.values())) else shallow(value)"
    optional = {
        int: f"({_number(place)}) if {place} is not None else {default!r}",
        datetime.datetime | None: f"_moments[{place}] if {place} else None",
        Mapping[str, Any]: f"({value}) if (value := {place}) else {{}}",
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
        optional |= {int: _number(place), str: f"needed({place})"}
    return optional.get(annotation, repr(default))


def _filler(kind: Any, row: Kind | None = None) -> Iterator[str]:
    """Write the lines that fill an event from a frame; or a user or a group from an object, its `body`."""
    yield f" made = new_{kind.__name__}()"
    if row is not None:
        yield " body, made._text = frame.body, text"
    if row is not None and row.frames == ["message"]:
        yield " data = body.data"
        yield " made.sender, made.receiver = known[bytes(data.entities)]"
    for field in attrs.fields(kind):
        name, annotation, paths = field.name, types_of(kind)[field.name], paths_of(kind).get(field.name, ())
        if not paths or paths[0][:2] == _ENTITIES:
            continue
        words = () if row is None else row.words.get(paths, ())
        if len(words) == 1 or name in _LATER:
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
            value = "shared(body.metadata)"
        yield f" made.{name} = {value}"
    yield f" made.__class__ = {kind.__name__}"
    yield " return made"


def _select(chosen: Dispatch | Sequence[Kind], depth: int) -> Iterator[str]:
    """Write what finds the kind of a frame, and fills it."""
    space = " " * depth
    if isinstance(chosen, Dispatch):
        yield f"{space}word = frame.body.{'.'.join(chosen.paths[0])}"
        for word, branch in chosen.branches.items():
            yield f"{space}if word == {word!r}:"
            yield from _select(branch, depth + 1)
        yield from _select(chosen.otherwise, depth)
    elif chosen and chosen[0].fast:
        yield from (space + line[1:] for line in _filler(chosen[0].event, chosen[0]))
    else:
        yield f"{space}raise NotFastPathError"


def _generate() -> dict[str, Any]:
    """Write the module that fills events, and run it; return what is in it."""
    events: list[Any] = [row.event for row in _ROWS]
    items = {_item(kind) for event in events for name, kind in types_of(event).items() if name not in _LATER}
    objects = [User, Group, *sorted(items - {User, None}, key=str)]
    kinds = [*objects, *events]
    lines = [line for kind in objects for line in (f"def {kind.__name__}_of(body):", *_filler(kind))]
    for frame in _FRAMES:
        lines += [f"def read_{frame}(frame, known, text):", *_select(choices()[frame], 1)]
    namespace: dict[str, Any] = globals() | {kind.__name__: kind for kind in kinds}
    namespace |= {f"new_{kind.__name__}": builder(kind) for kind in kinds}
    exec(compile("\n".join(lines), f"<generated by {__name__}>", "exec"), namespace)  # noqa: S102 - as attrs does
    return namespace


_namespace: Final = _generate()
_ENTITY: Final[_Tree] = {"entity": User, "entityType": str}


def _decoders(types: Callable[..., Any]) -> tuple[Callable[[str | bytes], Any], Callable[[str], Any]]:
    """Return what decodes the strict *types*, and what decodes the loose ones, for a text with an unknown key.

    These are two, because a function around both would be a call more for each message: 2 % of a burst.
    """
    decode, decode_loosely = (msgspec.json.Decoder(types(strict=strict)).decode for strict in (True, False))

    def decode_shallow(text: str) -> Any:
        if may_be_too_deep(f"[[[{text}"):  # the entities have a frame, its body and its data around them
            raise NotFastPathError
        return decode_loosely(text)

    return decode, decode_shallow


_frame, _loose_frame = _decoders(_frames)
_entities, _loose_entities = _decoders(functools.partial(_struct, "Entities", {"sender": _ENTITY, "receiver": _ENTITY}))


class KnownPeople(dict[bytes, "tuple[User, User | Group]"]):
    """The sender and the receiver that the last few pieces of JSON describe. There are few people, and many messages.

    Each connection has one of its own: what one account is shown is never the object that another has. Within an
    account many events share a `User`, of which nothing can be changed: see `read_only`.
    """

    __slots__ = ("_bytes", "own_uid")

    def __init__(self, own_uid: str | None) -> None:
        super().__init__()
        self.own_uid = own_uid
        self._bytes = 0

    def __missing__(self, json: bytes) -> tuple[User, User | Group]:
        """Return the sender and the receiver of a message from the JSON of its entities, and keep both."""
        try:
            entities = _entities(json)
        except msgspec.ValidationError:
            entities = _loose_entities(json.decode())
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
                frame = _loose_frame(text)
            if frame.deviceId == session_id and session_id is not None:
                break  # an echo, most likely
            made.append(frame.read(known, text))
    except Exception:  # noqa: BLE001, S110 - whatever is odd about it, the reference decides, and never raises
        pass
    return made
