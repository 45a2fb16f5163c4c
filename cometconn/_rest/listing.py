"""What the calls for lists return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar, final

import trio

from cometconn._arguments import made_by

if TYPE_CHECKING:
    from .pager import Pager

__all__ = ["Listing"]

T_co = TypeVar("T_co", covariant=True)


@final
@made_by("the calls for lists, such as `chat.users.list()`")
class Listing(Generic[T_co]):
    """An async iterator over a list that the server returns page by page. Made by the calls for lists, not by you.

    `async for user in chat.users.list(): ...` fetches a page when the one before is used up, so one page is in memory, and
    what the loop does not want any more is not fetched. Nothing has to be closed when the loop is left early, and a
    further `async for` goes on where the last one stopped.

    An element that could not be read is left out; `statistics().frames_unreadable` counts it, and a WARNING has the reason.
    """

    def __init__(self, pager: Pager[T_co]) -> None:
        self._pager = pager

    def __aiter__(self) -> Listing[T_co]:
        """Return the iterator itself."""
        return self

    @trio.lowlevel.enable_ki_protection
    async def __anext__(self) -> T_co:
        """Return the next element; fetch the next page if there is no other.

        Raises:
            ApiError: the next page could not be fetched, although it was tried again for 30 s. The iterator stays where
                it is, so the next call tries again. With the code `INVALID_LIST` the server does not list on, and a
                retry does not help.
            NotLoggedInError: no user is logged in any more, another one is, or the client was left.
            RuntimeError: another task waits for the next page of this iterator.

        A checkpoint. If cancelled, no element is lost. At most 30 s and `request_timeout`, and three times
        `request_timeout` more with a new token.
        """
        await trio.lowlevel.checkpoint()
        while (found := self._pager.take()) is None:
            if self._pager.needs_page:
                await self._pager.fetch()()
            else:
                await trio.lowlevel.checkpoint()
        return found
