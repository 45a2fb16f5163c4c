"""Events while they are being made: open, until `seal()` closes them.

The `__init__` that attrs writes for a frozen class goes round the class's own lock with one
`object.__setattr__` an attribute; for a message and its two users that is 3 us. So each class has
a twin here, without slots of its own and so of the same layout, that can be assigned to like any
object, at a fifth of the price. A finished twin becomes the real thing by its `__class__`.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from cometconn import events
from cometconn._nesting import DEEPEST
from cometconn.events import Group, User

from .shapes import Body, File, Party, loose

__all__ = ["OddError", "attachment", "fill_message", "inside", "moment", "number", "opened", "seal", "user", "user_of"]

S = TypeVar("S")
T = TypeVar("T")

_BIT_64 = 2**63
_MOST_DIGITS = 18  # that surely fit
_LONGEST_KNOWN = 1024  # bytes: what is remembered is bounded
_NOBODY: tuple[User, ...] = ()
_NO_TAGS: tuple[str, ...] = ()


class OddError(Exception):
    """This is for the reference to decide."""


def opened(kind: type[T]) -> type[Any]:
    """Return the twin of *kind*: made with no arguments and no attributes, to be filled and sealed."""
    # All three, or Python goes the long way round for the sake of the one that is left.
    plain = {name: getattr(object, name) for name in ("__init__", "__setattr__", "__delattr__")}
    return type(f"Open{kind.__name__}", (kind,), {"__slots__": (), "__module__": __name__, **plain})


def seal(twin: Any, kind: type[T]) -> T:
    """Return *twin*, every attribute of which is set, as the *kind* it is the twin of."""
    twin.__class__ = kind
    sealed: T = twin
    return sealed


_shape: Callable[[Any], Party] = msgspec.json.Decoder(Party).decode
_loose_shape: Callable[[Any], Party] = msgspec.json.Decoder(loose(Party)).decode
_anything: Callable[[Any], Any] = msgspec.json.Decoder().decode

_OpenUser = opened(User)
_OpenGroup = opened(Group)
_OpenAttachment = opened(events.Attachment)


def number(value: int | str) -> int:
    """Return a whole number of at most 64 bits, also from text."""
    if isinstance(value, str):
        if len(value) <= _MOST_DIGITS and value.isascii() and value.isdigit():
            return int(value)
    elif -_BIT_64 <= value < _BIT_64:
        return value
    raise OddError


@functools.lru_cache(maxsize=512)  # users and bursts repeat them
def moment(seconds: int | None) -> datetime.datetime | None:
    """Return the time so many seconds after 1970; of 0, CometChat's "never", none."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC) if seconds else None


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


def user_of(json: msgspec.Raw) -> User:
    """Return the user in *json*. The same few come again and again: those of the same JSON are one object."""
    whole = bytes(json)
    return _known_user(whole) if len(whole) <= _LONGEST_KNOWN else _new_user(whole)


def party_of(json: msgspec.Raw) -> User | Group:
    """Return the group in *json* if it has a guid, else the user; as `user_of()` does."""
    whole = bytes(json)
    return _known_party(whole) if len(whole) <= _LONGEST_KNOWN else _new_party(whole)


def _new_user(json: bytes) -> User:
    return user(inside(json, _shape, _loose_shape)[0])


def _new_party(json: bytes) -> User | Group:
    return _party(inside(json, _shape, _loose_shape)[0])


_known_user = functools.lru_cache(maxsize=512)(_new_user)
_known_party = functools.lru_cache(maxsize=512)(_new_party)


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


def attachment(file: File) -> events.Attachment:
    """Return *file* as an attachment."""
    made = _OpenAttachment()
    made.url = file.url
    made.name = file.name
    made.extension = file.extension
    made.mime_type = file.mime_type
    made.size = None if file.size is None else number(file.size)
    return seal(made, events.Attachment)


def fill_message(made: Any, body: Body) -> None:
    """Set the attributes that every message has, but for `raw`. Sender and receiver must be among the entities."""
    data = body.data
    entities = data.entities
    sender, receiver = entities.sender or entities.by, entities.receiver or entities.for_
    if sender is None or receiver is None:
        raise OddError
    mentions = data.mentions
    made.id = number(body.id)
    made.sender = user_of(sender.entity)
    made.receiver = party_of(receiver.entity)
    made.conversation_id = body.conversation_id or ""
    made.sent_at = moment(body.sent_at)
    made.category = body.category
    made.type = body.type or ""
    made.muid = body.muid
    made.parent_message_id = None if body.parent_id is None else number(body.parent_id)
    made.metadata = data.metadata or {}
    made.tags = body.tags or _NO_TAGS
    made.mentions = tuple(map(user, mentions.values())) if mentions else _NOBODY
    made.quoted_message = None
    made.updated_at = moment(body.updated_at)
    made.edited_at = moment(body.edited_at) if body.edited_at else None
    made.edited_by = body.edited_by
    made.deleted_at = moment(body.deleted_at) if body.deleted_at else None
    made.deleted_by = body.deleted_by
    made.delivered_at = moment(body.delivered_at) if body.delivered_at else None
    made.read_at = moment(body.read_at) if body.read_at else None
