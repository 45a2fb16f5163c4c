"""The root of all events, and the users and groups in them."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeVar

import attrs

from cometconn._json.values import parse

from .one_line import one_line

__all__ = ["Event", "Group", "User"]

E = TypeVar("E")


class _Text:
    """Holds the text of an event's frame until its `raw` is first read.

    The fast decoder stored it, and left the slot of `raw` empty. What msgspec passed over in it is perhaps not strictly
    valid, such as half a surrogate pair behind an unknown key, so it is parsed as the reference decoder parses it.
    """

    __slots__ = ("_text",)


def _with_lazy_raw(kind: type[E]) -> type[E]:
    """Let `raw` of *kind*, and of its subclasses, be parsed when it is first read.

    Few programs read it, and parsing it costs as much as the rest of an event. For everything else it is the attribute
    that attrs made: for the constructor, `attrs.evolve()` and pickling.
    """
    slot = kind.__dict__["raw"]
    text_slot = _Text.__dict__["_text"]

    def raw(self: Any) -> Any:
        with contextlib.suppress(AttributeError):
            return slot.__get__(self)
        try:
            parsed = parse(text_slot.__get__(self))
        except AttributeError:
            return slot.__get__(self)  # another thread has parsed it in the meantime
        slot.__set__(self, parsed)
        with contextlib.suppress(AttributeError):  # the same
            text_slot.__delete__(self)
        return parsed

    kind.raw = property(raw, slot.__set__)  # type: ignore[attr-defined]
    return kind


@attrs.frozen
class Event(_Text):
    """Anything that an event stream yields. A base class given to `events()` stands for all its subclasses.

    The `repr` is one line of at most 200 characters, for people: it leaves out defaults, and shortens what is long.
    """

    def __init_subclass__(cls) -> None:
        if "__repr__" in vars(cls):  # attrs writes one that shows everything
            cls.__repr__ = Event.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        return one_line(self)


@_with_lazy_raw
@attrs.frozen(kw_only=True)
class _ServerEvent(Event):
    """An event that a frame describes.

    Attributes:
        raw: the mapping that it was made from: the whole frame, if the subclass does not define it otherwise. It is
            neither in the `repr` nor compared.
    """

    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)


@attrs.frozen
class User:
    """A CometChat user, as far as the server described it.

    Only `uid` is always set. What the server did not send is `None`, empty or `False`. No token is in any attribute.
    Events of one client may share one `User`, so changing the `metadata` that the server sent raises `TypeError`;
    `dict(user.metadata)` is a copy that can be changed.

    Attributes:
        receiver_type: `"user"`.
        uid: the user's id.
        name: the name to display.
        role: the name of the user's role.
        avatar: the URL of the user's picture.
        status: the user's presence at the time of the event, according to the server: `"online"`, `"offline"`, ...
        metadata: the app's own data about the user.
        link: the URL of the user's page.
        last_active_at: when the user was last active, UTC.
        tags: the user's tags.
        has_blocked_me: whether the user blocked the logged-in user.
        blocked_by_me: whether the logged-in user blocked the user.
        created_at: when the user was created, UTC.
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

    def __repr__(self) -> str:
        return one_line(self)

    @property
    def mention(self) -> str:
        """What mentions this user in a text that is sent: `f"Ask {user.mention}."`. The receivers get `Message.mentions`.

        Source: `<@uid:amy-2>` in the texts of CometChat's UI kit.
        """
        return f"<@uid:{self.uid}>"

    @property
    def id(self) -> str:
        """The `uid`, under the name that a group's id has, too: the receiver's id when sending to this user."""
        return self.uid


@attrs.frozen
class Group:
    """A CometChat group, as far as the server described it.

    Only `guid` is always set. What the server did not send is `None`, empty or `False`. Events may share one `Group`,
    as they may share a `User`, with the same effect on its `metadata`.

    Attributes:
        receiver_type: `"group"`.
        guid: the group's id.
        name: the name to display.
        type: `"public"`, `"private"` or `"password"`.
        owner: the owner's uid.
        icon: the URL of the group's picture.
        description: the group's description.
        members_count: the number of members.
        scope: the logged-in user's scope in it (`"participant"`, `"admin"`, ...).
        has_joined: whether the logged-in user is a member.
        metadata: the app's own data about the group.
        tags: the group's tags.
        created_at: when the group was created, UTC.
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

    def __repr__(self) -> str:
        return one_line(self)

    @property
    def id(self) -> str:
        """The `guid`, under the name that a user's id has, too: the receiver's id when sending to this group."""
        return self.guid
