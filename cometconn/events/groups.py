"""What happens to the members of a group."""

from __future__ import annotations

import attrs

from .base import Group, User
from .messages import Message

__all__ = [
    "GroupAction",
    "GroupMemberAdded",
    "GroupMemberBanned",
    "GroupMemberJoined",
    "GroupMemberKicked",
    "GroupMemberLeft",
    "GroupMemberScopeChanged",
    "GroupMemberUnbanned",
]


@attrs.frozen(kw_only=True)
class GroupAction(Message):
    """Something happened to a member of a group. Each kind is a subclass.

    It is a message of the group's conversation: its `sender` is `by`, its `receiver` the group.

    Attributes:
        action: CometChat's word for it.
        user: the member it happened to.
        by: who did it; the member themselves when they joined or left.
        group: the group, as it is now.
    """

    action: str
    user: User
    by: User
    group: Group


@attrs.frozen(kw_only=True)
class GroupMemberJoined(GroupAction):
    """`user` joined the group, or (`action` is `"invited"`) came by an invitation."""


@attrs.frozen(kw_only=True)
class GroupMemberLeft(GroupAction):
    """`user` left the group."""


@attrs.frozen(kw_only=True)
class GroupMemberKicked(GroupAction):
    """`user` was put out of the group, and may come back."""


@attrs.frozen(kw_only=True)
class GroupMemberBanned(GroupAction):
    """`user` was put out of the group, and may not come back."""


@attrs.frozen(kw_only=True)
class GroupMemberUnbanned(GroupAction):
    """`user` may come back to the group."""


@attrs.frozen(kw_only=True)
class GroupMemberAdded(GroupAction):
    """`user` was made a member (CometChat's `onMemberAddedToGroup`)."""


@attrs.frozen(kw_only=True)
class GroupMemberScopeChanged(GroupAction):
    """`user` has another scope in the group.

    Attributes:
        new_scope: the scope now (`"admin"`, `"moderator"`, `"participant"`).
        old_scope: the scope before.
    """

    new_scope: str | None = None
    old_scope: str | None = None
