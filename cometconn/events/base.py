"""The root of all events, and who they are from and to."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import attrs
import msgspec

__all__ = ["Event", "Group", "User"]


class _LazyRaw:
    """Parses `raw` when it is first asked for: nearly nobody asks, and it costs as much as all the rest.

    Until then the frame's text stands in `_text` and the slot of `raw` is empty. Whoever
    fills `_text` has seen that it is JSON.
    """

    __slots__ = ("_text",)

    if not TYPE_CHECKING:  # or every attribute there is not would have a type

        def __getattr__(self, name: str) -> Any:
            """Called for what is not there."""
            if name != "raw":
                return object.__getattribute__(self, name)  # which raises
            try:
                text = object.__getattribute__(self, "_text")
            except AttributeError:
                # There is no `raw`; or another thread came first, and now there is.
                return object.__getattribute__(self, name)
            raw = msgspec.json.decode(text)
            object.__setattr__(self, "raw", raw)
            with contextlib.suppress(AttributeError):
                object.__delattr__(self, "_text")
            return raw


@attrs.frozen
class Event(_LazyRaw):
    """Anything that can stand in an event stream. `events()` with a class names its subclasses too."""


@attrs.frozen
class User:
    """A CometChat user, as far as the server described them.

    Only `uid` is always there. No token is ever in here. What the server did not send is
    `None`, empty or `False`.

    Attributes:
        uid: the user's id.
        name: the name to show.
        role: the role's name.
        avatar: where the picture is.
        status: `"online"`, `"offline"`, ...: what the server said last, at the time of the event.
        metadata: the app's own data about the user.
        link: the user's page.
        last_active_at: when they were last seen, UTC.
        tags: the user's tags.
        has_blocked_me: they blocked the logged-in user.
        blocked_by_me: the logged-in user blocked them.
        created_at: when the user was made, UTC.
        deactivated_at: when the user was deactivated, UTC.
    """

    receiver_type: ClassVar[Literal["user", "group"]] = "user"
    uid: str
    name: str | None = None
    role: str | None = None
    avatar: str | None = None
    status: str | None = None
    metadata: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    link: str | None = None
    last_active_at: datetime.datetime | None = None
    tags: tuple[str, ...] = ()
    has_blocked_me: bool = False
    blocked_by_me: bool = False
    created_at: datetime.datetime | None = None
    deactivated_at: datetime.datetime | None = None

    @property
    def id(self) -> str:
        """The `uid`: what to name this user by as a receiver."""
        return self.uid


@attrs.frozen
class Group:
    """A CometChat group, as far as the server described it.

    Only `guid` is always there. What the server did not send is `None`, empty or `False`.

    Attributes:
        guid: the group's id.
        name: the name to show.
        type: `"public"`, `"private"` or `"password"`.
        owner: the owner's uid.
        icon: where the picture is.
        description: the group's own words.
        members_count: how many members it has.
        scope: the logged-in user's scope in it (`"participant"`, `"admin"`, ...).
        has_joined: whether the logged-in user is a member.
        metadata: the app's own data about the group.
        tags: the group's tags.
        created_at: when the group was made, UTC.
    """

    receiver_type: ClassVar[Literal["user", "group"]] = "group"
    guid: str
    name: str | None = None
    type: str | None = None
    owner: str | None = None
    icon: str | None = None
    description: str | None = None
    members_count: int | None = None
    scope: str | None = None
    has_joined: bool = False
    metadata: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    tags: tuple[str, ...] = ()
    created_at: datetime.datetime | None = None

    @property
    def id(self) -> str:
        """The `guid`: what to name this group by as a receiver."""
        return self.guid
