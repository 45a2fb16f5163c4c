"""The members of groups, and group actions: what changes them."""

from __future__ import annotations

import datetime

import attrs

from .base import Group, User
from .messages import Message

__all__ = [
    "GroupAction",
    "GroupMember",
    "GroupMemberAdded",
    "GroupMemberBanned",
    "GroupMemberJoined",
    "GroupMemberKicked",
    "GroupMemberLeft",
    "GroupMemberScopeChanged",
    "GroupMemberUnbanned",
]


@attrs.frozen(kw_only=True)
class GroupMember:
    """A member of a group.

    Attributes:
        user: the member.
        scope: what the member may do in the group: `"participant"`, `"moderator"`, `"admin"` or `"owner"`; `None` for a
            banned user, and if the server did not send it.
        joined_at: when the user became a member, UTC.
    """

    user: User
    scope: str | None = None
    joined_at: datetime.datetime | None = None


@attrs.frozen(kw_only=True)
class GroupAction(Message):
    """The base class of group actions, each of which concerns one member.

    A group action is a message of the group's conversation: its `sender` is `by`, and its `receiver` is the group.

    Attributes:
        action: CometChat's name of the action.
        user: the member that it concerns.
        by: the user who acted; the member itself if it joined or left.
        group: the group after the action.
    """

    action: str
    user: User
    by: User
    group: Group


@attrs.frozen(kw_only=True)
class GroupMemberJoined(GroupAction):
    """`user` joined the group, by an invitation if `action` is `"invited"`."""


@attrs.frozen(kw_only=True)
class GroupMemberLeft(GroupAction):
    """`user` left the group."""


@attrs.frozen(kw_only=True)
class GroupMemberKicked(GroupAction):
    """`user` was removed from the group, and can join again."""


@attrs.frozen(kw_only=True)
class GroupMemberBanned(GroupAction):
    """`user` was removed from the group, and cannot join again."""


@attrs.frozen(kw_only=True)
class GroupMemberUnbanned(GroupAction):
    """`user` was banned from the group before, and can join again."""


@attrs.frozen(kw_only=True)
class GroupMemberAdded(GroupAction):
    """`user` was added to the group by another user (CometChat's `onMemberAddedToGroup`)."""


@attrs.frozen(kw_only=True)
class GroupMemberScopeChanged(GroupAction):
    """The scope of `user` in the group changed.

    Attributes:
        new_scope: the new scope (`"admin"`, `"moderator"`, `"participant"`).
        old_scope: the previous scope.
    """

    new_scope: str | None = None
    old_scope: str | None = None
