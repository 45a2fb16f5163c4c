"""Who a frame speaks of: users and groups, from shapes and from pieces of JSON that come again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from cometconn._nesting import DEEPEST
from cometconn.events import Group, User

from .opened import OddError, moment, number, opened, seal
from .read_only import NOTHING, read_only
from .shapes import Entities, Party, loose

__all__ = ["KnownPeople", "actors", "decoders", "inside", "receiver_of", "sender_of", "user"]

S = TypeVar("S")

_LONGEST_KNOWN = 2048  # bytes, and
_MOST_KNOWN = 512  # pieces of JSON, and
_MOST_BYTES = 128 * 1024  # of them together, in each connection
_NO_TAGS: tuple[str, ...] = ()

_OpenUser, _OpenGroup = opened(User), opened(Group)
_anything: Callable[[Any], Any] = msgspec.json.Decoder().decode


def inside(json: Any, strict: Callable[[Any], S], patient: Callable[[Any], S]) -> tuple[S, Any]:
    """Return what *json*, a piece of a frame, holds; and, if it has a key that is not known, that as a mapping."""
    try:
        return strict(json), None
    except msgspec.ValidationError as error:
        if "unknown field" not in str(error):
            raise
    whole = bytes(json)
    if whole.count(b"[") + whole.count(b"{") > DEEPEST // 2:  # of which the frame around it has a few, too
        raise OddError
    return patient(json), _anything(json)  # the latter also sees what is no JSON: see `shapes`


def user(who: Party) -> User:
    """Return *who* as a user."""
    if who.uid is None:
        raise OddError
    made = _OpenUser()
    made.uid = who.uid
    made.name = who.name
    made.role = who.role
    made.avatar = who.avatar
    made.status = who.status
    made.metadata = read_only(who.metadata) if who.metadata else NOTHING
    made.link = who.link
    made.last_active_at = moment(who.last_active_at) if who.last_active_at else None
    made.tags = who.tags or _NO_TAGS
    made.has_blocked_me = who.has_blocked_me or False
    made.blocked_by_me = who.blocked_by_me or False
    made.created_at = moment(who.created_at) if who.created_at else None
    made.deactivated_at = moment(who.deactivated_at) if who.deactivated_at else None
    return seal(made, User)


def _party(who: Party) -> User | Group:
    """Return *who* as a group if it has a guid, else as a user."""
    if who.guid is msgspec.UNSET:
        return user(who)
    made = _OpenGroup()
    made.guid = who.guid
    made.name = who.name
    made.type = who.type
    made.owner = who.owner
    made.icon = who.icon
    made.description = who.description
    made.members_count = None if who.members_count is None else number(who.members_count)
    made.scope = who.scope
    made.has_joined = who.has_joined or False
    made.metadata = read_only(who.metadata) if who.metadata else NOTHING
    made.tags = who.tags or _NO_TAGS
    made.created_at = moment(who.created_at)
    return seal(made, Group)


def decoders(kind: type[S]) -> tuple[Callable[[Any], S], Callable[[Any], S]]:
    """Return the two that `inside()` takes, for a *kind* of shape."""
    return msgspec.json.Decoder(kind).decode, msgspec.json.Decoder(loose(kind)).decode


_ENTITIES = decoders(Entities)


def actors(entities: msgspec.Raw) -> Entities:
    """Return the entities of an action. What it was done to (`on`) is JSON, and nothing but JSON."""
    _anything(entities)
    return inside(entities, *_ENTITIES)[0]


def sender_of(entities: Entities) -> User:
    """Return who sent a message; of an action, who did it."""
    entity = entities.sender or entities.by
    if entity is None:
        raise OddError
    return user(entity.entity)


def receiver_of(entities: Entities) -> User | Group:
    """Return whom a message went to; of an action, where it was done."""
    entity = entities.receiver or entities.for_
    if entity is None:
        raise OddError
    return _party(entity.entity)


def _sender_and_receiver(json: bytes) -> tuple[User, User | Group]:
    entities = inside(json, *_ENTITIES)[0]
    if entities.on is not None:  # which nobody would look at
        raise OddError
    return sender_of(entities), receiver_of(entities)


class KnownPeople(dict[bytes, "tuple[User, User | Group]"]):
    """The sender and the receiver that the last few pieces of JSON describe. There are few people, and many messages.

    Each connection has one of its own: what one account is shown is never the object that another has. Within an
    account many events share a `User`, of which nothing can be changed: see `read_only`.
    """

    _bytes = 0

    def remember(self, json: bytes) -> tuple[User, User | Group]:
        """Return who sent a message and to whom, from the JSON of its entities, and keep both."""
        both = _sender_and_receiver(json)
        if len(json) <= _LONGEST_KNOWN:
            if len(self) >= _MOST_KNOWN or self._bytes + len(json) > _MOST_BYTES:
                self.clear()
                self._bytes = 0
            self[json] = both
            self._bytes += len(json)
        return both
