"""A request for one page of messages that is made until it succeeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._lifecycle.backoff import retry_delay
from cometconn.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cometconn._account.pages import MessagePage
    from cometconn.settings import Timing

__all__ = ["PageRequest"]

_CLIENT_ERRORS = 400


@attrs.define(eq=False)
class PageRequest:
    """Asks for one page. After a transient failure it waits as the client waits before it reconnects.

    Attributes:
        fetch: asks once. Whatever it raises is a failure.
        timing: `retry_base` and `retry_cap` bound the waiting.
        random: a number from 0 to 1, for the jitter.
        failure: the last one.
        refused: asking again does not help.
    """

    fetch: Callable[[], Awaitable[MessagePage]]
    timing: Timing
    random: Callable[[], float]
    failure: Exception | None = attrs.field(default=None, init=False)
    refused: bool = attrs.field(default=False, init=False)
    _not_before: float = attrs.field(factory=trio.current_time, init=False)
    _retries: int = attrs.field(default=0, init=False)

    async def attempt(self) -> MessagePage | None:
        """Ask once, as soon as the last failure allows. Return `None` if that failed.

        A checkpoint. If cancelled, the next attempt begins anew, and not before this one was allowed.
        """
        await trio.sleep_until(self._not_before)
        try:
            return await self.fetch()
        except Exception as error:  # noqa: BLE001 - whatever a request raises becomes the cause of a gap
            self.failure = error
        self.refused = not _is_transient(self.failure)
        if not self.refused:
            asked = self.failure.retry_after if isinstance(self.failure, ApiError) else None
            base, cap = self.timing.retry_base, self.timing.retry_cap
            delay = retry_delay(self._retries, self.random(), base=base, cap=cap, retry_after=asked or 0.0)
            self._not_before, self._retries = trio.current_time() + delay, self._retries + 1
        return None


def _is_transient(error: Exception) -> bool:
    """Return whether another attempt may succeed: also when the answer was no list, or was cut off."""
    if not isinstance(error, ApiError):
        return False
    no_list = error.code == "INVALID_RESPONSE" and error.status is not None and error.status < _CLIENT_ERRORS
    return error.worth_retrying or no_list
