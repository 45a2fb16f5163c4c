"""One JSON object that holds an event, and what surrounds it."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import attrs

from cometconn.events import Event, Group, User

from .converter import missing, structure, wrong
from .places import Place, places

__all__ = ["Choice", "Reader", "Source"]

E = TypeVar("E")

_ENTITIES: Place = ("data", "entities")
_SENDERS = ((*_ENTITIES, "sender", "entity"), (*_ENTITIES, "by", "entity"))
_RECEIVERS = ((*_ENTITIES, "receiver", "entity"), (*_ENTITIES, "for", "entity"))


@attrs.frozen
class Source:
    """Where an event is read from.

    Attributes:
        raw: what becomes the event's `raw`.
        body: the object that holds the event.
        path: where *body* stands in the frame.
        envelope: the frame around the body; empty for a message inside another or from REST.
        own_uid: the logged-in user.
    """

    raw: Mapping[str, Any]
    body: Mapping[str, Any]
    path: Place
    envelope: Mapping[str, Any]
    own_uid: str | None

    def find(self, place: Place) -> Any:
        """Return what stands at *place* in the body; `None` if it, or an object on the way, is missing."""
        value: Any = self.body
        for depth, key in enumerate(place):
            if isinstance(value, dict):
                value = value.get(key)
            elif value is None or value == []:  # an empty object, as some servers write it
                return None
            else:
                raise wrong(dict, value, (*self.path, *place[:depth]))
        return value

    def text(self, place: Place) -> str | None:
        """Return the text at *place*; `None` if there is none."""
        value = self.find(place)
        return None if value is None else structure(value, str, (*self.path, *place))

    def time(self, place: Place) -> datetime.datetime | None:
        """Return the time at *place*; `None` if there is none."""
        kind: Any = datetime.datetime | None
        when: datetime.datetime | None = structure(self.find(place), kind, (*self.path, *place))
        return when

    def make(self, kind: type[E], **made: object) -> E:
        """Return a *kind*: attributes from *made*, the others from their places in the body."""
        values: dict[str, object] = {"raw": self.raw, **made}
        for name, place in places(kind).items():
            if name not in values and (value := self.find(place)) is not None:
                values[name] = value
        return structure(values, kind, self.path)

    def inside(self, place: Place) -> Source:
        """Return the object at *place* as a source of its own, for a message inside another event."""
        inner = self.find(place)
        path = (*self.path, *place)
        if inner is None:
            raise missing(path)
        if not isinstance(inner, dict):
            raise wrong(dict, inner, path)
        return Source(inner, inner, path, {}, self.own_uid)

    def sender(self) -> User:
        """Return who sent a message or did an action."""
        return self.person(*_SENDERS, plain=(("sender",),))

    def person(self, *objects: Place, plain: tuple[Place, ...] = ()) -> User:
        """Return the first user there is: an object, or a bare uid at *plain*, or the envelope's sender."""
        for place in objects:
            if (value := self.find(place)) is not None:
                return structure(value, User, (*self.path, *place))
        for place in plain:
            if uid := self.text(place):
                return User(uid)
        if uid := self.envelope_text("sender"):
            return User(uid)
        raise missing((*self.path, *objects[0]))

    def receiver(self) -> User | Group:
        """Return whom a message went to: an object among its entities, else the addressee."""
        for place in _RECEIVERS:
            if (value := self.find(place)) is not None:
                kind: Any = User | Group
                receiver: User | Group = structure(value, kind, (*self.path, *place))
                return receiver
        return self.addressee()

    def addressee(self) -> User | Group:
        """Return whom it went to, by a bare id in the body or the envelope; else it is ourselves.

        All that a signal has: what stands in its `data` is the sending app's own affair.
        """
        if name := self.text(("receiver",)) or self.envelope_text("receiver"):
            kind = self.text(("receiverType",)) or self.envelope_text("receiverType")
            return Group(name) if kind == Group.receiver_type else User(name)
        if self.own_uid is not None:  # it came to us, so it was sent to us
            return User(self.own_uid)
        raise missing((*self.path, "receiver"))

    def envelope_text(self, key: str) -> str | None:
        """Return the text at *key* of the envelope; `None` if there is none."""
        value = self.envelope.get(key)
        return None if value is None else structure(value, str, (key,))


Reader: TypeAlias = Callable[[Source], Event | None]
"""Makes an event of a source; `None` if there is no class for what the source says."""


@attrs.frozen
class Choice:
    """A reader that leaves the reading to others, by a word in the body.

    Attributes:
        place: where the word stands.
        readers: a reader for each word.
        otherwise: the reader for any other word, or none. Without it, the word must be there.
    """

    place: Place
    readers: Mapping[str, Reader]
    otherwise: Reader | None = None

    def __call__(self, source: Source) -> Event | None:
        """Read with the reader that the word names."""
        word = source.text(self.place)
        if word is None and self.otherwise is None:
            raise missing((*source.path, *self.place))
        reader = self.readers.get(word or "", self.otherwise)
        return reader(source) if reader else None
