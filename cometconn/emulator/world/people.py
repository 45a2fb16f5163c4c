"""Users and groups, and the JSON in which the server shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json

__all__ = ["Group", "Person", "group_conversation", "private_conversation"]


def private_conversation(one: str, other: str) -> str:
    """Return the id of the conversation of two users."""
    return "_user_".join(sorted((one, other)))


def group_conversation(guid: str) -> str:
    """Return the id of a group's conversation."""
    return f"group_{guid}"


def _name_from(identifier: str) -> str:
    """Make a name out of an id: `zed-1` becomes `Zed 1`."""
    return identifier.replace("-", " ").replace("_", " ").title()


@attrs.define(eq=False)
class Person:
    """One user of the app.

    Attributes:
        uid: the user's id.
        role: for `presenceSubscription` `ROLES`.
        created_at: seconds since 1970.
        friends: uids, for `presenceSubscription` `FRIENDS`.
        name: shown to others; made from the uid unless given.
        last_active_at: when the last of the user's sockets ended, in seconds since 1970.
        blocked: uids whose messages are not delivered to this user.
        profile: more fields that others see: `avatar`, `link`, `metadata`, `statusMessage`, `tags`.
        preferences: of push notifications.
        muted: conversations whose notifications are muted, by type and id.
        timezone: for the schedule in the preferences.
    """

    uid: str
    role: str = "default"
    created_at: int = 0
    friends: set[str] = attrs.field(factory=set)
    name: str = attrs.field(default=attrs.Factory(lambda self: _name_from(self.uid), takes_self=True))
    last_active_at: int | None = None
    blocked: set[str] = attrs.field(factory=set)
    profile: Json = attrs.field(factory=dict)
    preferences: Json = attrs.field(factory=dict)
    muted: dict[tuple[str, str], Json] = attrs.field(factory=dict)
    timezone: str = "UTC"

    def public(self, *, online: bool) -> Json:
        """Return the user as others see it."""
        user: Json = {
            **self.profile,
            "uid": self.uid,
            "name": self.name,
            "role": self.role,
            "status": "online" if online else "offline",
            "createdAt": self.created_at,
        }
        if self.last_active_at is not None:
            user["lastActiveAt"] = self.last_active_at
        return user


@attrs.define(eq=False)
class Group:
    """One group. Its members are kept in the order in which they joined.

    Attributes:
        guid: the group's id.
        members: uid and scope (`owner`, `admin`, `moderator` or `participant`) of each.
        created_at: seconds since 1970.
        name: made from the guid unless given.
        banned: uids that cannot join.
        kind: `public`, `password`, or `private`: only the owner, admins and moderators can add members to a private one.
        password: of a group of that kind.
        profile: more fields that others see: `icon`, `description`, `metadata`, `tags`.
    """

    guid: str
    members: dict[str, str] = attrs.field(factory=dict)
    created_at: int = 0
    name: str = attrs.field(default=attrs.Factory(lambda self: _name_from(self.guid), takes_self=True))
    banned: set[str] = attrs.field(factory=set)
    kind: str = "public"
    password: str = attrs.field(default="", repr=False)
    profile: Json = attrs.field(factory=dict)

    @property
    def owner(self) -> str:
        """The uid of the owner; empty when there is none."""
        return next((uid for uid, scope in self.members.items() if scope == "owner"), "")

    def public(self, uid: str | None = None) -> Json:
        """Return the group as this user sees it, or as its members do."""
        joined = uid is None or uid in self.members
        return {
            **self.profile,
            "guid": self.guid,
            "name": self.name,
            "type": self.kind,
            "owner": self.owner,
            "membersCount": len(self.members),
            "hasJoined": joined,
            **({"scope": self.members[uid]} if uid in self.members and uid is not None else {}),
            "createdAt": self.created_at,
        }
