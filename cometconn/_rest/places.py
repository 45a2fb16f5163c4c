"""The arguments that name a conversation, a message or a number of elements."""

from __future__ import annotations

from cometconn._arguments import refused
from cometconn.errors import SettingsError
from cometconn.events import Group, Message, User

from .request_call import segments

__all__ = ["conversation_path", "id_of", "message_id", "positive"]

_BIT_64 = 2**63


def id_of(where: str, value: str | User | Group) -> str:
    """Return the id of a user or a group, or the id itself, which must not be empty."""
    if not (found := value if isinstance(value, str) else value.id):
        raise refused(where, "an id that is not empty", value)
    return found


def conversation_path(call: str, user: str | User | None, group: str | Group | None, *more: str) -> str:
    """Return the path of what belongs to a conversation: `/users/amy-2/messages`.

    Args:
        call: the name of the public call, with its parentheses.
        user: the other user, or
        group: the group.
        more: the segments after the id.

    Raises:
        SettingsError: not exactly one of the two is given.
    """
    if (user is None) == (group is None):
        message = f"{call}: give user or group, and not both."
        raise SettingsError(message)
    if user is not None:
        return segments("users", id_of(f"{call}: user", user), *more)
    assert group is not None
    return segments("groups", id_of(f"{call}: group", group), *more)


def message_id(where: str, value: int | Message, *, least: int = 1) -> str:
    """Return the id of a message as text, for a path."""
    number = value.id if isinstance(value, Message) else value
    if not least <= number < _BIT_64:
        raise refused(where, f"an id of a message, {least} or more", value)
    return str(number)


def positive(where: str, value: int | None) -> None:
    """Raise `SettingsError` unless *value* is `None` or at least 1."""
    if value is not None and value < 1:
        raise refused(where, "1 or more, or None", value)
