"""Sending the details of a `ConsoleHook` to its server, in a task of the client's."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs
import trio

from cometconn._environment import Request
from cometconn._groups import open_nursery
from cometconn._lot import Lot
from cometconn.instrumentation.console import buffer_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable

    from cometconn._environment import Response
    from cometconn.instrumentation.console import ConsoleHook, TraceBuffer

__all__ = ["TraceSender", "sending"]

GATHER: Final = 0.1
"""Seconds between a detail and its request, so that the details of one moment go together."""

ATTEMPT_TIMEOUT: Final = 2.0
"""Seconds that one request may take."""

FIRST_DELAY, LONGEST_DELAY = 0.5, 10.0
"""Seconds until the next attempt while the server is away: doubled each time."""

LAST: Final = 0.5
"""Seconds in which the last details can be sent when the client is left."""

_REFUSED: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
_LOG = logging.getLogger("cometconn")

Post: TypeAlias = "Callable[[Request], Awaitable[Response]]"


@attrs.define(eq=False)
class TraceSender:
    """Sends the details of one hook while one client is open. Of several clients' tasks, one sends at a time.

    Attributes:
        url: where they are sent.
        buffer: has the details.
        post: makes a request.
    """

    url: str
    buffer: TraceBuffer = attrs.field(repr=False)
    post: Post = attrs.field(repr=False)
    _finished: trio.Event = attrs.field(factory=trio.Event, init=False, repr=False)
    _news: Lot = attrs.field(factory=Lot, init=False, repr=False)
    # The client's cancellation comes before its last details. `finish()` bounds the scope.
    _scope: trio.CancelScope = attrs.field(factory=lambda: trio.CancelScope(shield=True), init=False, repr=False)
    _delay: float = attrs.field(default=0.0, init=False)

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Send details until `finish()`, and then those that are left, for `LAST` seconds. Raises nothing."""
        with self._scope:
            self.buffer.attach(self._wake)
            try:
                while not self._is_over():
                    if not self._has_work():
                        await self._news.park()
                        continue
                    await self._pause(self._delay or (0 if self.buffer.has_full_batch else GATHER))
                    if not self._is_over():
                        await self._send()
            finally:
                self.buffer.detach(self._wake)

    def finish(self) -> None:
        """Note that the client was left: no further details come. Idempotent."""
        self._scope.deadline = min(self._scope.deadline, trio.current_time() + LAST)
        self._finished.set()
        self._wake()

    def _wake(self) -> None:
        self._news.unpark_all()

    def _has_work(self) -> bool:
        return self.buffer.waiting > 0 and self.buffer.is_turn(self._wake)

    def _is_over(self) -> bool:
        # What is left is not worth the wait for a server that was away a moment ago, and another client's task sends it.
        return self._finished.is_set() and (self._delay > 0 or not self._has_work())

    async def _pause(self, seconds: float) -> None:
        with trio.move_on_after(seconds):
            await self._finished.wait()

    async def _send(self) -> None:
        batch = self.buffer.next_batch()
        if batch is None:
            return
        number, text = batch
        headers = {"content-type": "application/x-ndjson"}
        request = Request("POST", f"{self.url}&batch={number}", headers, text.encode())
        status, failure = 0, "there was no answer"
        with trio.move_on_after(ATTEMPT_TIMEOUT):
            try:
                status = (await self.post(request)).status
                failure = f"HTTP status {status}"
            except (OSError, trio.BrokenResourceError) as error:
                failure = str(error)
        if status == HTTPStatus.OK:
            self._delay = 0.0
            self.buffer.note_taken()
        elif status in _REFUSED:
            self._delay = 0.0
            self.buffer.note_refused()
            _LOG.warning("%s refused details of a client: %s.", self.url, failure)
        else:
            level = logging.DEBUG if self._delay else logging.WARNING
            self._delay = min(2 * self._delay, LONGEST_DELAY) or FIRST_DELAY
            _LOG.log(level, "%s cannot be reached (%s). Details wait and are sent later.", self.url, failure)


@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def sending(hooks: Iterable[ConsoleHook], post: Callable[[ConsoleHook], Post]) -> AsyncGenerator[None, None]:
    """Send the details of these hooks during the block, and what is left of them at its end.

    Leaving the block takes at most `LAST` seconds, also when cancelled.
    """
    async with open_nursery() as nursery:
        senders = [TraceSender(hook.url, buffer_of(hook), post(hook)) for hook in hooks]
        for sender in senders:
            nursery.start_soon(sender.run, name="cometconn.console")
        try:
            yield
        finally:
            for sender in senders:
                sender.finish()
