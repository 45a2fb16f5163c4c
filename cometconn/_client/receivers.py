"""The `to` and `receiver` arguments of what the client sends: an id, a user, a group, or an event to reply to."""

from __future__ import annotations

from typing import Literal, TypeAlias

from cometconn._arguments import refused
from cometconn.errors import SettingsError
from cometconn.events import Event, Group, Message, User

__all__ = ["Receiver", "address", "message_of"]

Receiver: TypeAlias = str | User | Group | Event


def address(
    where: str, to: Receiver, receiver_type: Literal["user", "group"], own_uid: str | None
) -> tuple[str, Literal["user", "group"]]:
    """Return the id and the type of the receiver.

    Args:
        where: call and argument, for errors: `send_text(to=...)`.
        to: an id, a user, a group, or an event, which stands for its conversation: the group that it was sent to, or
            else the other user.
        receiver_type: what an id stands for. The others have a type of their own.
        own_uid: the logged-in user, who is never the other one.

    Raises:
        SettingsError: the id is empty, the event belongs to no conversation, or a user is given as a group.
    """
    if isinstance(to, str):
        if not to:
            raise refused(where, "a uid or a guid, a user, a group or an event", to)
        return to, receiver_type
    other = to if isinstance(to, User | Group) else _other_side(to, own_uid)
    if other is None:
        message = f"{where}: {type(to).__name__} belongs to no conversation. Give a uid or a guid, a user or a group."
        raise SettingsError(message)
    if receiver_type == "group" and isinstance(other, User):
        message = f'{where} is the user {other.uid!r}: leave receiver_type="group" out.'
        raise SettingsError(message)
    return other.id, other.receiver_type


def message_of(where: str, event: Event) -> tuple[int, int]:
    """Return the id of the message that *event* is or is about, and of the one that begins its thread.

    That is the message itself if it is in no thread: a reply to it begins one.

    Args:
        where: call and argument, for errors.
        event: a message, or an event about one, such as an edit or a reaction.

    Raises:
        SettingsError: the event is about no message.
    """
    said = getattr(event, "message", event)
    number: int | None = said.id if isinstance(said, Message) else getattr(event, "message_id", None)
    if number is None:
        message = f"{where} needs a message, or an event about one, and {type(event).__name__} is none."
        raise SettingsError(message)
    parent: int | None = getattr(said, "parent_message_id", None)
    return number, number if parent is None else parent


def _other_side(event: Event, own_uid: str | None) -> User | Group | None:
    said = getattr(event, "message", event)  # edits, deletions and pins contain the message
    receiver: User | Group | None = getattr(said, "receiver", None)
    if isinstance(receiver, Group):
        return receiver
    for name in ("sender", "reacted_by", "user"):
        user: User | None = getattr(said, name, None)
        if isinstance(user, User):
            return receiver if user.uid == own_uid else user
    return receiver
