"""One sentence more for refusals that a program can do something about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

from cometconn._account.retrying import add_sentence
from cometconn.errors import ApiError

__all__ = ["HINTS", "with_hint"]

T = TypeVar("T")

_WRONG_PASSWORD: Final = "Give the group's password: join(guid, password=...)."  # noqa: S105 - an advice
_NOT_JOINED: Final = "Only members may do that: groups.join(guid) makes the user one, if the group allows it."
_NO_RIGHTS: Final = (
    "The group's owner, an admin or, for most changes, a moderator must do that: groups.get(guid).scope is the user's."
)
HINTS: Final[Mapping[str, str]] = {
    "ERR_WRONG_GROUP_PASS": _WRONG_PASSWORD,
    "ERR_EMPTY_GROUP_PASS": _WRONG_PASSWORD,
    "ERR_GROUP_JOIN_NOT_ALLOWED": (
        "A private group is joined by being added to it, and a group with a password with join(guid, password=...)."
    ),
    "ERR_BANNED_GROUPMEMBER": "The user is banned: an admin or a moderator can lift that with groups.unban(guid, uid).",
    "ERR_ALREADY_JOINED": "The user is a member already, so there is nothing left to do.",
    "ERR_GROUP_NOT_JOINED": _NOT_JOINED,
    "ERR_NOT_A_MEMBER": "groups.members(guid) has the members, and groups.banned(guid) the banned users.",
    "ERR_NOT_A_BANNED_USER": "groups.banned(guid) has the banned users.",
    "ERR_OWNER_EXIT_FORBIDDEN": "The owner must give the group to another member first, or delete it.",
    "ERR_GUID_NOT_FOUND": "groups.list() has the groups that the user can see.",
    "ERR_GUID_ALREADY_EXISTS": "Choose another guid, or use that group: groups.get(guid).",
    "ERR_UID_NOT_FOUND": "users.list() has the users that the user can see.",
    "ERR_MESSAGE_ID_NOT_FOUND": "Only messages of the user's own conversations can be read.",
    "ERR_PERMISSION_DENIED": _NO_RIGHTS,
    "ERR_GROUP_NO_MODERATOR_SCOPE": _NO_RIGHTS,
    "ERR_GROUP_NO_ADMIN_SCOPE": _NO_RIGHTS,
    "ERR_GROUP_NO_SCOPE_CLEARANCE": _NO_RIGHTS,
    "ERR_GROUP_NO_CLEARANCE": _NO_RIGHTS,
}
"""What to do, by CometChat's error code."""


async def with_hint(wait: Callable[[], Awaitable[T]]) -> T:
    """Await *wait*. An `ApiError` gets the sentence for its code."""
    try:
        return await wait()
    except ApiError as error:
        hint = HINTS.get(error.code)
        if hint is not None:
            add_sentence(error, hint)
        raise
