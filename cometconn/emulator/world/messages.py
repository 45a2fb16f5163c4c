"""The stored messages, and the pages in which clients fetch them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

from cometconn.emulator.jsontext import Json
from cometconn.emulator.limits import DEFAULT_LIMITS

from .reactions import Reactions
from .receipts import Receipts

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DEFAULT_PER_PAGE", "HAVING", "MessageStore", "Page", "PageRequest", "is_number"]

DEFAULT_PER_PAGE = 30
_DIGITS = 19
_LINK = re.compile(r"https?://\S|www\.\S", re.IGNORECASE)

HAVING: Final[dict[str, Callable[[Json], bool]]] = {
    "hasLinks": lambda message: _LINK.search(str(message["data"].get("text", ""))) is not None,
    "hasAttachments": lambda message: bool(message["data"].get("attachments")),
    "hasMentions": lambda message: bool(message["data"].get("mentions")),
    "pinned": lambda message: "pinnedAt" in message,
}
"""Filters of messages by what they have, by the name of the URL's parameter."""

_Key: TypeAlias = tuple[float, float]


@attrs.frozen(kw_only=True)
class PageRequest:
    """Which messages a client wants to have.

    Without a bound, `append` begins with the oldest message and `prepend` ends with the
    newest. A bound is exclusive; a time bound together with an id means "that message",
    which is how a client pages through several messages of one second.

    Attributes:
        affix: `append` goes towards newer messages, `prepend` towards older ones.
        per_page: how many at most.
        id: the message to go on from.
        sent_at: the time to go on from, in seconds since 1970.
        updated_at: the same for the time of the last change, and pages are in its order.
        only_updates: only messages that were changed since they were sent.
        categories: only these, unless empty.
        types: only these, unless empty.
        search: only messages whose text contains it, whether in capital or small letters.
        tags: only messages with one of these, unless empty.
        hide_replies: leave out replies in threads.
        hide_deleted: leave out messages that were deleted.
        hide_quoted: leave out messages that quote another.
        mentioned: only messages that mention one of these uids, unless empty.
        attachment_types: only messages with an attachment of one of these types (`image`, `video`, `audio`, `file`),
            unless empty.
        having: only messages that have all of these, which are names of `HAVING`.
    """

    affix: str = "append"
    per_page: int = DEFAULT_PER_PAGE
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
    hide_quoted: bool = False
    mentioned: frozenset[str] = frozenset()
    attachment_types: frozenset[str] = frozenset()
    having: frozenset[str] = frozenset()

    def key(self, message: Json) -> _Key:
        """Return the sort key of a message in this listing."""
        name = "updatedAt" if self.updated_at is not None else "sentAt"
        by_time = self.updated_at is not None or self.sent_at is not None
        return (message[name] if by_time else 0, int(message["id"]))

    def bound(self) -> _Key | None:
        """Return the sort key to go on from; `None` for no bound."""
        time = self.updated_at if self.updated_at is not None else self.sent_at
        if time is None and self.id is None:
            return None
        beyond = math.inf if self.affix == "append" else -math.inf
        return (time or 0, self.id if self.id is not None else beyond)

    def wants(self, message: Json) -> bool:
        """Whether this message passes all filters."""
        return (
            (not self.categories or message["category"] in self.categories)
            and (not self.types or message["type"] in self.types)
            and (not self.tags or not self.tags.isdisjoint(message.get("tags", ())))
            and (not self.hide_replies or "parentId" not in message)
            and (not self.hide_deleted or "deletedAt" not in message)
            and (not self.hide_quoted or "quotedMessageId" not in message)
            and (not self.mentioned or not self.mentioned.isdisjoint(message["data"].get("mentions", ())))
            and (not self.attachment_types or not self.attachment_types.isdisjoint(_attachment_types(message)))
            and (not self.only_updates or message["updatedAt"] > message["sentAt"])
            and all(HAVING[name](message) for name in self.having)
            and self.search.lower() in str(message["data"].get("text", "")).lower()
        )


def _attachment_types(message: Json) -> set[str]:
    kinds = {str(each.get("mimeType", "")).partition("/")[0] for each in message["data"].get("attachments") or ()}
    return {kind if kind in {"image", "video", "audio"} else "file" for kind in kinds}


@attrs.frozen
class Page:
    """One page, oldest message first.

    Attributes:
        messages: the message bodies.
        total: how many messages there are in this direction, those of the page included.
        request: the request for this page.
    """

    messages: list[Json]
    total: int
    request: PageRequest


class MessageStore:
    """Messages by id, in the order in which they were sent.

    Attributes:
        reactions: to these messages.
        receipts: of these messages.
        saved: when a user saved a message, in seconds since 1970, by the user's uid and the message's id.
        subscriptions: whether a user is subscribed to the thread of a message, by the same.
    """

    def __init__(self, *, limit: int = DEFAULT_LIMITS.messages) -> None:
        self.reactions: Reactions = Reactions()
        self.receipts: Receipts = Receipts()
        self.saved: dict[tuple[str, str], int] = {}
        self.subscriptions: dict[tuple[str, str], bool] = {}
        self._limit = limit
        self._messages: dict[int, Json] = {}
        self._last_id = 0
        self._last_sent_at = 0

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[Json]:
        return iter(self._messages.values())

    def add(self, body: Json, *, now: int) -> Json:
        """Store a message; return it with its id and times. Times never go backwards."""
        self._last_id += 1
        self._last_sent_at = max(self._last_sent_at, now)
        message = {"id": str(self._last_id), **body, "sentAt": self._last_sent_at, "updatedAt": self._last_sent_at}
        self._messages[self._last_id] = message
        if len(self._messages) > self._limit:
            del self._messages[next(iter(self._messages))]
        return message

    def get(self, identifier: str) -> Json | None:
        """Find a message by its id."""
        return self._messages.get(int(identifier)) if is_number(identifier) else None

    def up_to(self, message: Json) -> Iterator[Json]:
        """Iterate over the messages of its conversation that are not newer than this one, newest first."""
        for number, other in reversed(self._messages.items()):
            if number <= int(message["id"]) and other["conversationId"] == message["conversationId"]:
                yield other

    def last_for(self, uid: str, conversation: str) -> Json | None:
        """Find the newest message of a conversation that another user than *uid* wrote."""
        for message in reversed(self._messages.values()):
            by_another = message["category"] != "action" and message["sender"] != uid
            if by_another and message["conversationId"] == conversation:
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


def is_number(text: str) -> bool:
    """Whether this is a whole number that fits in 64 bits, as ids and times do."""
    return text.isascii() and text.isdecimal() and len(text) <= _DIGITS
