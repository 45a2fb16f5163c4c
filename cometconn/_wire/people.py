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

__all__ = ["inside", "receiver_of", "sender_of", "user", "user_of"]

S = TypeVar("S")
T = TypeVar("T")

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


def _remembering(make: Callable[[bytes], T]) -> Callable[[msgspec.Raw], T]:
    """Let what is made of the same JSON be the same object: there are few people, and many messages."""
    known = functools.lru_cache(_MOST_KNOWN)(make)

    def of(json: msgspec.Raw) -> T:
        whole = bytes(json)
        return known(whole) if len(whole) <= _LONGEST_KNOWN else make(whole)

    return of


_PARTY, _ENTITY = _decoders(Party), _decoders(Entity)

user_of = _remembering(lambda json: user(inside(json, *_PARTY)[0]))
"""Return the user that a piece of JSON describes."""
_user_in = _remembering(lambda json: user(inside(json, *_ENTITY)[0].entity))
_party_in = _remembering(lambda json: _party(inside(json, *_ENTITY)[0].entity))


def sender_of(body: Body) -> User:
    """Return who sent a message; of an action, who did it. Never two."""
    entities = body.data.entities
    if entities.by is ABSENT:
        return _user_in(entities.sender)
    if entities.sender is not ABSENT:
        raise OddError
    return _user_in(entities.by)


def receiver_of(body: Body) -> User | Group:
    """Return whom a message went to; of an action, where it was done. Never two."""
    entities = body.data.entities
    if entities.for_ is ABSENT:
        return _party_in(entities.receiver)
    if entities.receiver is not ABSENT:
        raise OddError
    return _party_in(entities.for_)
