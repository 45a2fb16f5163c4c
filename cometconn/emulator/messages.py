"""The stored messages, and the pages in which they are asked for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from .reactions import Reactions
from .receipts import Receipts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .jsontext import Json

__all__ = ["MESSAGE_LIMIT", "MessageStore", "Page", "PageRequest", "private_conversation"]

MESSAGE_LIMIT = 10_000
"""So many messages are kept; the oldest are dropped first."""

_MAX_PER_PAGE = 100
_DEFAULT_PER_PAGE = 30
_DIGITS = 19
"""Longer numbers than those of 64 bits are nobody's id or time."""

_Key: TypeAlias = tuple[float, float]


@attrs.frozen(kw_only=True)
class PageRequest:
    """The query of a message listing.

    Without a bound, `append` begins with the oldest message and `prepend` ends with the
    newest. A bound is exclusive; a time bound together with an id means "that message",
    which is how a client pages through several messages of one second.

    Attributes:
        affix: `append` goes towards newer messages, `prepend` towards older ones.
        per_page: how many; more than 100 are given as 100.
        id: the message to go on from.
        sent_at: the time to go on from, in seconds since 1970.
        updated_at: the same for the time of the last change, and pages are in its order.
        only_updates: only messages that were changed since they were sent.
        categories: only these, unless empty.
        types: only these, unless empty.
        search: only messages whose text contains it, in any case.
        tags: only messages with one of these, unless empty.
        hide_replies: leave out replies in threads.
        hide_deleted: leave out messages that were deleted.
    """

    affix: str = "append"
    per_page: int = _DEFAULT_PER_PAGE
    id: int | None = None
    sent_at: int | None = None
    updated_at: int | None = None
    only_updates: bool = False
    categories: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    search: str = ""
    tags: frozenset[str] = frozenset()
    hide_replies: bool = False
    hide_deleted: bool = False

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> PageRequest:
        """Read the parameters of a URL; others than those above are ignored.

        Raises `ValueError` naming the parameter that makes no sense.
        """
        affix = query.get("affix", "append")
        if affix not in {"append", "prepend"}:
            message = "affix must be append or prepend."
            raise ValueError(message)
        return cls(
            affix=affix,
            per_page=min(_number(query, "per_page", least=1) or _DEFAULT_PER_PAGE, _MAX_PER_PAGE),
            id=_number(query, "id"),
            sent_at=_number(query, "sentAt"),
            updated_at=_number(query, "updatedAt"),
            only_updates=_flag(query, "onlyUpdates"),
            categories=_names(query, "categories"),
            types=_names(query, "types"),
            search=query.get("searchKey", ""),
            tags=_names(query, "tags"),
            hide_replies=_flag(query, "hideReplies"),
            hide_deleted=_flag(query, "hideDeleted"),
        )

    def key(self, message: Json) -> _Key:
        """Place a message in the order of this listing."""
        name = "updatedAt" if self.updated_at is not None else "sentAt"
        by_time = self.updated_at is not None or self.sent_at is not None
        return (message[name] if by_time else 0, int(message["id"]))

    def bound(self) -> _Key | None:
        """Give the place to go on from; `None` for no bound."""
        time = self.updated_at if self.updated_at is not None else self.sent_at
        if time is None and self.id is None:
            return None
        beyond = math.inf if self.affix == "append" else -math.inf
        return (time or 0, self.id if self.id is not None else beyond)

    def wants(self, message: Json) -> bool:
        """Tell whether the filters let this message through."""
        return (
            (not self.categories or message["category"] in self.categories)
            and (not self.types or message["type"] in self.types)
            and (not self.tags or not self.tags.isdisjoint(message.get("tags", ())))
            and (not self.hide_replies or "parentId" not in message)
            and (not self.hide_deleted or "deletedAt" not in message)
            and (not self.only_updates or message["updatedAt"] > message["sentAt"])
            and self.search.lower() in str(message["data"].get("text", "")).lower()
        )


@attrs.frozen
class Page:
    """One page, oldest message first.

    Attributes:
        messages: the message bodies.
        total: how many there are in this direction, these included.
        request: what was asked.
    """

    messages: list[Json]
    total: int
    request: PageRequest

    def body(self) -> Json:
        """Give the JSON answer. Its cursor holds what the next request must name."""
        request = self.request
        cursor: dict[str, Any] = {"affix": request.affix}
        if self.messages:
            edge = self.messages[-1 if request.affix == "append" else 0]
            cursor["id"] = edge["id"]
            if request.sent_at is not None:
                cursor["sentAt"] = edge["sentAt"]
            if request.updated_at is not None:
                cursor["updatedAt"] = edge["updatedAt"]
        pagination = {
            "total": self.total,
            "count": len(self.messages),
            "per_page": request.per_page,
            "current_page": 1,
            "total_pages": max(1, math.ceil(self.total / request.per_page)),
        }
        return {"data": self.messages, "meta": {"pagination": pagination, "cursor": cursor}}


class MessageStore:
    """Messages by id, in the order in which they were sent.

    Attributes:
        reactions: to these messages.
        receipts: of these messages.
        saved: when a user saved a message, by the user's uid and the message's id.
    """

    def __init__(self, *, limit: int = MESSAGE_LIMIT) -> None:
        self.reactions: Reactions = Reactions()
        self.receipts: Receipts = Receipts()
        self.saved: dict[tuple[str, str], int] = {}
        self._limit = limit
        self._messages: dict[int, Json] = {}
        self._last_id = 0
        self._last_sent_at = 0

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[Json]:
        return iter(self._messages.values())

    def add(self, body: Json, *, now: int) -> Json:
        """Store a message; give it back with its id and times. Times never go backwards."""
        self._last_id += 1
        self._last_sent_at = max(self._last_sent_at, now)
        message = {"id": str(self._last_id), **body, "sentAt": self._last_sent_at, "updatedAt": self._last_sent_at}
        self._messages[self._last_id] = message
        if len(self._messages) > self._limit:
            del self._messages[next(iter(self._messages))]
        return message

    def get(self, identifier: str) -> Json | None:
        """Find a message by its id."""
        return self._messages.get(int(identifier)) if _is_number(identifier) else None

    def up_to(self, message: Json) -> Iterator[Json]:
        """Give the messages of its conversation that are not newer than this one, newest first."""
        for number, other in reversed(self._messages.items()):
            if number <= int(message["id"]) and other["conversationId"] == message["conversationId"]:
                yield other

    def last_for(self, uid: str, conversation: str) -> Json | None:
        """Find the newest message of a conversation that somebody else wrote."""
        for message in reversed(self._messages.values()):
            written = message["category"] != "action" and message["sender"] != uid
            if written and message["conversationId"] == conversation:
                return message
        return None

    def page(self, request: PageRequest, visible: Callable[[Json], bool]) -> Page:
        """Select a page of the messages for which *visible* is true."""
        found = [message for message in self._messages.values() if visible(message) and request.wants(message)]
        found.sort(key=request.key)
        bound = request.bound()
        if request.affix == "append":
            found = [message for message in found if bound is None or request.key(message) > bound]
            return Page(found[: request.per_page], len(found), request)
        found = [message for message in found if bound is None or request.key(message) < bound]
        return Page(found[-request.per_page :], len(found), request)


def private_conversation(one: str, other: str) -> str:
    """Give the id of the conversation of two users."""
    return "_user_".join(sorted((one, other)))


def _number(query: Mapping[str, str], name: str, *, least: int = 0) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (_is_number(text) and int(text) >= least):
        message = f"{name} must be a whole number, {least} or more."
        raise ValueError(message)
    return int(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _DIGITS


def _flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "0").lower() in {"1", "true"}


def _names(query: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(filter(None, query.get(name, "").split(",")))
