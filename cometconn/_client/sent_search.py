"""Looks for a message in its conversation, because no usable answer came when it was sent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs

from cometconn._rest.request_call import segments
from cometconn._wire.message_key import body_id
from cometconn.errors import ApiError
from cometconn.events import Message, UnreadableFrame

from .message_sender import decoded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .message_sender import OutgoingMessage
    from .requester import Requester

__all__ = ["SentSearch"]

_PER_PAGE = 100
_MOST_PAGES = 100
_MARGIN = 60.0  # seconds: the clocks of the servers that stamp messages may differ, and they stamp whole seconds
_MILLISECONDS = (
    10.0**11
)  # so many seconds after 1970 is the year 5138: a number that is not smaller counts milliseconds


@attrs.define(eq=False)
class SentSearch:
    """Reads the conversation backwards, from the newest message to those that are older than the message can be.

    Only the server's own times are compared: the newest message of the conversation is not newer than now, so the message
    is at most as much older than that one as time has passed since it was sent. No clock of this machine needs to be
    right, and no time of the server needs to be known from before.

    Attributes:
        requester: makes the requests.
        outgoing: the message.
        boot_time: the clock on which `outgoing.begun_at` is.
        on_unread: is called with what could not be read of the message.
    """

    requester: Requester
    outgoing: OutgoingMessage
    boot_time: Callable[[], float]
    on_unread: Callable[[Sequence[str] | UnreadableFrame], None]

    async def find(self) -> Message | None:
        """Return the message; `None` if it is not there.

        Raises:
            ApiError: it could not be looked for, or not far enough.
        """
        path, latest, before = segments(*self.outgoing.listed_at), None, None
        for _ in range(_MOST_PAGES):
            page = await self._page(path, before)
            found = self._found_in(page)
            by_id = {number: each for each in page if (number := body_id(each)) is not None}
            if found is not None or set(by_id) <= {
                before
            }:  # a server may include the bound, and then nothing else is left
                return found
            oldest = min(by_id)
            if before is not None and oldest >= before:
                message = f"GET {path}: the list of messages does not continue before its own first message."
                raise ApiError(message, code="INVALID_LIST", status=200)
            latest = _sent_at(by_id[max(by_id)]) if latest is None else latest
            if self._is_older(_sent_at(by_id[oldest]), latest):
                return None
            before = oldest
        message = f"GET {path}: more than {_MOST_PAGES * _PER_PAGE:,} messages came since the message was sent."
        raise ApiError(message, code="INVALID_LIST", status=200)

    async def _page(self, path: str, before: int | None) -> list[Any]:
        query: dict[str, str | int] = {"per_page": _PER_PAGE, "affix": "prepend"}
        if before is not None:
            query["id"] = before
        page = (await self.requester.request("resend()", "GET", path, query=query, retry_for=0.0)())["data"]
        if not isinstance(page, list):
            message = f"GET {path}: the answer is no list of messages."
            raise ApiError(message, code="INVALID_RESPONSE", status=200)
        return page

    def _is_older(self, sent_at: float | None, latest: float | None) -> bool:
        """Return whether what was sent at that time is older than the message that is looked for."""
        if sent_at is None or latest is None:
            return False
        return latest - sent_at > self.boot_time() - self.outgoing.begun_at + _MARGIN

    def _found_in(self, page: list[Any]) -> Message | None:
        for each in page:
            if isinstance(each, dict) and each.get("muid") == self.outgoing.muid:
                event = decoded(each, self.outgoing.uid, self.on_unread)
                if isinstance(event, Message) and event.sender.uid != self.outgoing.uid:
                    continue  # another user's program has chosen the same muid
                if isinstance(event, self.outgoing.kind):
                    return event
                message = f"The message was sent, but the server returns it as no {self.outgoing.kind.__name__}."
                raise ApiError(message, code="INVALID_RESPONSE", status=200)
        return None


def _sent_at(message: Mapping[str, Any]) -> float | None:
    """Return when the server got a message, in seconds since 1970; `None` if that cannot be read."""
    try:
        seconds = float(message["sentAt"])
    except (LookupError, TypeError, ValueError, OverflowError):
        return None
    if not math.isfinite(seconds):
        return None
    return seconds / 1000 if seconds >= _MILLISECONDS else seconds
