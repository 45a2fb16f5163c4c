"""The root of all events, and who they are from and to."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeVar

import attrs
import msgspec

__all__ = ["Event", "Group", "User", "with_lazy_raw"]

E = TypeVar("E")


class _Text:
    """Holds the text of the frame that an event was made from, until somebody asks for its `raw`.

    Whoever fills it has seen that it is JSON, and leaves the slot of `raw` empty.
    """

    __slots__ = ("_text",)


def with_lazy_raw(kind: type[E]) -> type[E]:
    """Let `raw` of *kind*, and of its subclasses, be parsed when it is first asked for.

    Nearly nobody asks, and it costs as much as all the rest of an event. To the outside it is
    the attribute that attrs made: in the constructor, in `attrs.evolve()`, in a pickle.
    """
    slot = kind.__dict__["raw"]
    text_slot = _Text.__dict__["_text"]

    def raw(self: Any) -> Any:
        with contextlib.suppress(AttributeError):
            return slot.__get__(self)
        try:
            parsed = msgspec.json.decode(text_slot.__get__(self))
        except AttributeError:
            return slot.__get__(self)  # another thread was first
        slot.__set__(self, parsed)
        with contextlib.suppress(AttributeError):  # as above
            text_slot.__delete__(self)
        return parsed

    kind.raw = property(raw, slot.__set__)  # type: ignore[attr-defined]
    return kind


@attrs.frozen
class Event(_Text):
    """Anything that can stand in an event stream. `events()` with a class names its subclasses too."""


@attrs.frozen
class User:
    """A CometChat user, as far as the server described them.

    Only `uid` is always there. No token is ever in here. What the server did not send is
    `None`, empty or `False`. Events of one client may share one `User`: the `metadata`
    that came from the server cannot be changed (`TypeError`); `dict(user.metadata)` can.

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

    Only `guid` is always there. What the server did not send is `None`, empty or `False`. Events
    may share one `Group`, as they may a `User`.

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
