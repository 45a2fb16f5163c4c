"""Who a frame speaks of: users and groups, from shapes and from pieces of JSON that come again and again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from cometconn._nesting import DEEPEST
from cometconn.events import Group, User

from .opened import OddError, moment, number, opened, seal
from .shapes import ABSENT, Body, Entity, Party, loose

__all__ = ["inside", "sender_and_receiver", "user", "user_of"]

S = TypeVar("S")

_LONGEST_KNOWN = 1024  # bytes, and
_MOST_KNOWN = 512  # pieces of JSON: what is remembered is bounded
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
    made.metadata = who.metadata or {}
    made.link = who.link
    made.last_active_at = moment(who.last_active_at) if who.last_active_at else None
    made.tags = who.tags or _NO_TAGS
    made.has_blocked_me = who.has_blocked_me or False
    made.blocked_by_me = who.blocked_by_me or False
    made.created_at = moment(who.created_at) if who.created_at else None
    made.deactivated_at = moment(who.deactivated_at) if who.deactivated_at else None
    made.__class__ = User
    sealed: User = made
    return sealed


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
    made.metadata = who.metadata or {}
    made.tags = who.tags or _NO_TAGS
    made.created_at = moment(who.created_at)
    return seal(made, Group)


def _decoders(kind: type[S]) -> tuple[Callable[[Any], S], Callable[[Any], S]]:
    return msgspec.json.Decoder(kind).decode, msgspec.json.Decoder(loose(kind)).decode


_PARTY, _ENTITY = _decoders(Party), _decoders(Entity)


def _user(json: bytes) -> User:
    return user(inside(json, *_PARTY)[0])


def _user_in(json: bytes) -> User:
    return user(inside(json, *_ENTITY)[0].entity)


def _party_in(json: bytes) -> User | Group:
    return _party(inside(json, *_ENTITY)[0].entity)


# There are few people, and many messages: what is made of the same JSON is the same object.
_known_user = functools.lru_cache(_MOST_KNOWN)(_user)
_known_user_in = functools.lru_cache(_MOST_KNOWN)(_user_in)
_known_party_in = functools.lru_cache(_MOST_KNOWN)(_party_in)


def user_of(json: msgspec.Raw) -> User:
    """Return the user that a piece of JSON describes."""
    whole = bytes(json)
    return _known_user(whole) if len(whole) <= _LONGEST_KNOWN else _user(whole)


def sender_and_receiver(body: Body) -> tuple[User, User | Group]:
    """Return who sent a message, and to whom; of an action, who did it, and where. Never two of either."""
    entities = body.data.entities
    if entities.by is ABSENT and entities.for_ is ABSENT:
        sender, receiver = bytes(entities.sender), bytes(entities.receiver)
    else:
        if entities.sender is not ABSENT or entities.receiver is not ABSENT:
            raise OddError
        sender, receiver = bytes(entities.by), bytes(entities.for_)
    return (
        _known_user_in(sender) if len(sender) <= _LONGEST_KNOWN else _user_in(sender),
        _known_party_in(receiver) if len(receiver) <= _LONGEST_KNOWN else _party_in(receiver),
    )
