"""Messages on the fast path: what all of them have, and the files of some."""

from __future__ import annotations

from typing import Any

from cometconn.events import Attachment, User

from .opened import moment, number, opened, seal
from .people import sender_and_receiver, user
from .shapes import Body, File

__all__ = ["attachment", "fill_message"]

_NOBODY: tuple[User, ...] = ()
_NO_TAGS: tuple[str, ...] = ()

_OpenAttachment = opened(Attachment)


def attachment(file: File) -> Attachment:
    """Return *file* as an attachment."""
    made = _OpenAttachment()
    made.url = file.url
    made.name = file.name
    made.extension = file.extension
    made.mime_type = file.mime_type
    made.size = None if file.size is None else number(file.size)
    return seal(made, Attachment)


def fill_message(made: Any, body: Body) -> None:
    """Set the attributes that every message has, but for `raw`. Sender and receiver must be among the entities."""
    data = body.data
    mentions = data.mentions
    made.id = number(body.id)
    made.sender, made.receiver = sender_and_receiver(body)
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
