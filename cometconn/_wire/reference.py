"""The reference decoder: from JSON values to events, one row of `kinds` at a time.

What identifies an event (its kind, its id, its sender) must be there and be readable. An optional attribute that
cannot be read is its default, and is noted; `raw` keeps what was there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

import attrs

from cometconn._json.values import finite
from cometconn.events import Call, Event, Group, Message, User

from .converter import UnfitError, converter, fit
from .kinds import OWN_KEY, Dispatch, JsonPath, Kind, choices, parse_paths, paths_of, types_of
from .read_only import read_only

__all__ = ["Notes", "read_body", "read_frame", "reading"]

_PERSONS: Final[Mapping[Any, tuple[type[Any], ...]]] = {
    User: (User,),
    User | None: (User,),
    Group: (Group,),
    User | Group: (User, Group),
}
_RECEIVER_TYPE: Final = parse_paths("receiverType or ^receiverType")
_NO_ENVELOPE: Final[Mapping[str, Any]] = {}


@attrs.define(eq=False)
class Notes:
    """What is known about a frame while it is read, and what is found out.

    Attributes:
        own_uid: the logged-in user.
        finite: `Parsed.finite` of the frame.
        unread: the optional attributes that could not be read: the class that has one, and where it stands in that.
    """

    own_uid: str | None = None
    finite: Mapping[int, Any] | None = None
    unread: list[tuple[type[Any], JsonPath]] = attrs.field(factory=list)


_notes: Final[ContextVar[Notes]] = ContextVar("notes")  # cattrs hands its hooks no argument for it


@contextmanager
def reading(notes: Notes) -> Iterator[None]:
    """Read with these notes inside the block."""
    token = _notes.set(notes)
    try:
        yield
    finally:
        _notes.reset(token)


class _NoClassError(Exception):
    """There is no class for the message that is needed inside an event."""


class _Attribute(NamedTuple):
    """What is to be known about one attribute of a class, looked up once."""

    owner: type[Any]
    name: str
    paths: Sequence[JsonPath]
    kind: Any
    default: Any
    structure: Callable[[Any, Any], Any]
    persons: tuple[type[Any], ...]
    key: str | None  # an optional attribute is not looked for in an object without this key


def _attribute(owner: type[Any], name: str, paths: Sequence[JsonPath], kind: Any, default: Any) -> _Attribute:
    key = paths[0][0] if default is not attrs.NOTHING and [len(path) for path in paths] == [1] else None
    return _Attribute(
        owner, name, paths, kind, default, converter.get_structure_hook(kind), _PERSONS.get(kind, ()), key
    )


@functools.cache
def _attributes(kind: Any) -> Sequence[_Attribute]:
    types, paths = types_of(kind), paths_of(kind)
    fields = [field for field in attrs.fields(kind) if field.name in paths]
    return [_attribute(kind, field.name, paths[field.name], types[field.name], field.default) for field in fields]


_WORD: Final = _attribute(Event, "", (), str, None)


@attrs.frozen
class _BodyReader:
    """A JSON object that attributes are read from, and the envelope around it, where there is one."""

    body: Any
    notes: Notes
    envelope: Mapping[str, Any] = _NO_ENVELOPE

    def find(self, path: JsonPath) -> Any:
        """Return what stands at *path*; `None` if it, or an object on the way, is not there."""
        value, way = (self.envelope, path[1:]) if path and path[0] == "^" else (self.body, path)
        for depth, key in enumerate(way):
            if key == OWN_KEY:
                return isinstance(value, dict) and self.notes.own_uid in value
            if value.__class__ is dict:
                value = value.get(key)
            elif value is None or value == []:  # an empty object, as some servers write it
                return None
            elif isinstance(value, list) and key.isdigit():
                value = value[int(key)]
            else:
                raise UnfitError.for_a(dict, value, way[:depth])
        return value

    def first(self, wanted: _Attribute, paths: Sequence[JsonPath]) -> tuple[Any, UnfitError | None]:
        """Return what the first of *paths* holds that can be read, and what was wrong with one before it."""
        fault = None
        for path in paths:
            try:
                value = self.find(path)
                if value is not None and not (value == "" and wanted.persons):
                    return self._structure(value, wanted, path), fault
            except UnfitError as error:
                self.notes.unread.append((wanted.owner, path))
                fault = fault or error
            except _NoClassError:
                if wanted.default is attrs.NOTHING:
                    raise
        return None, fault

    def word(self, paths: Sequence[JsonPath]) -> tuple[Any, UnfitError | None]:
        """Return the word at the first of *paths* where there is one."""
        return self.first(_WORD, paths)

    def _structure(self, value: Any, wanted: _Attribute, path: JsonPath) -> Any:
        if wanted.persons and isinstance(value, str):  # a bare id
            receiver_type, _ = self.word(_RECEIVER_TYPE)
            person = Group if receiver_type == Group.receiver_type and Group in wanted.persons else User
            if person not in wanted.persons:
                raise UnfitError.for_a(dict, value, path)
            return person(value)
        before = len(self.notes.unread)
        try:
            made = wanted.structure(value, wanted.kind)
        except UnfitError as error:
            del self.notes.unread[before:]
            raise error.under(path) from None
        return made if self.notes.finite is None else finite(made, self.notes.finite)


def make(kind: Any, source: _BodyReader, inner: Mapping[str, Mapping[str, str]] = _NO_ENVELOPE, **given: Any) -> Any:
    """Return a *kind*, whose attributes *source* has, but for those *given*. Raises `UnfitError`, or `_NoClassError`."""
    for wanted in _attributes(kind):
        if wanted.key is not None and wanted.key not in source.body:
            continue
        value, fault = source.first(wanted, wanted.paths)
        if value is None and len(wanted.persons) > 1 and source.notes.own_uid is not None:
            value = User(source.notes.own_uid)  # it came to us, so it was sent to us
        if wanted.name in inner and value is not None:
            value = attrs.evolve(value, **_inside(inner[wanted.name], source))
        if value is not None:
            given[wanted.name] = value
        elif wanted.default is attrs.NOTHING:
            raise fault or UnfitError.missing(wanted.paths[0])
    return kind(**given)


def _inside(inner: Mapping[str, str], source: _BodyReader) -> dict[str, Any]:
    """Return the attributes of a user that the frame has elsewhere, or that follow from its kind."""
    given: dict[str, Any] = {}
    for wanted in _attributes(User):
        paths = inner.get(wanted.name, "")
        value = paths[1:] if paths.startswith("=") else source.first(wanted, parse_paths(paths))[0] if paths else None
        if value is not None:
            given[wanted.name] = value
    return given


def read_frame(frame: Mapping[str, Any]) -> Event | None:
    """Return the event of a whole frame; `None` if there is no class for it. Raises `UnfitError`."""
    return _read(frame["type"], _BodyReader(frame.get("body"), _notes.get(), frame), frame)


def read_body(body: Mapping[str, Any]) -> Event | None:
    """Return the event of the body of a message; `None` if there is no class for it. Raises `UnfitError`."""
    return _read("message", _BodyReader(body, _notes.get()), body)


def _read(frame: str, source: _BodyReader, raw: Mapping[str, Any]) -> Event | None:
    chosen = choices().get(frame, ())
    if chosen and source.body is None:
        raise UnfitError.missing()
    if chosen:
        fit(dict, source.body)
    while isinstance(chosen, Dispatch):
        word, fault = source.word(chosen.paths)
        if word is None and not chosen.otherwise:
            raise fault or UnfitError.missing(chosen.paths[0])
        chosen = chosen.branches.get(word, chosen.otherwise)
    kind = next((kind for kind in chosen if _is_for_us(kind, source)), None)
    try:
        return None if kind is None else make(kind.event, source, kind.inner, raw=raw)
    except _NoClassError:
        return None


def _is_for_us(kind: Kind, source: _BodyReader) -> bool:
    if kind.when is None:
        return True
    call = {wanted.name: wanted for wanted in _attributes(Call)}
    initiator, _ = source.first(call["initiator"], call["initiator"].paths)
    receiver, _ = source.first(call["receiver"], call["receiver"].paths)
    return kind.when(initiator is not None and initiator.uid == source.notes.own_uid, isinstance(receiver, Group))


def _to_object(value: Any, kind: type[Any]) -> Any:
    made = make(kind, _BodyReader(fit(dict, value), _notes.get()))
    if isinstance(made, User | Group):  # which the fast decoder lets several events share
        object.__setattr__(made, "metadata", read_only(made.metadata))
    return made


def _to_person(value: Any, _: Any) -> User | Group:
    kind: Any = Group if isinstance(value, dict) and "guid" in value else User
    person: User | Group = converter.structure(value, kind)
    return person


def _to_message(value: Any, _: Any) -> Message:
    event = read_body(fit(dict, value))
    if event is None:
        raise _NoClassError
    if not isinstance(event, Message):
        message = "must be a message, not what is done to one"
        raise UnfitError(message)
    return event


converter.register_structure_hook_func(attrs.has, _to_object)
converter.register_structure_hook(User | Group, _to_person)
converter.register_structure_hook(User | Group | None, _to_person)
converter.register_structure_hook_func(lambda kind: kind in (Message, Message | None), _to_message)
