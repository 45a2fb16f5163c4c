"""Calling the hooks with details, in a task of its own."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._lot import Lot
from cometconn.instrumentation.lease import DetailsDropped

if TYPE_CHECKING:
    from cometconn.instrumentation.detail import Detail, Hook

__all__ = ["HookDispatcher", "call_hook"]

_LOG = logging.getLogger("cometconn")
_BOUND = 10_000  # details that wait: so many steps without a checkpoint are a mistake in the application


@attrs.define(eq=False)
class HookDispatcher:
    """Calls the hooks with every detail: not inside the step that made the detail, but in a task soon after it.

    So a hook never finds a step half done, and what it calls is a step of its own.

    Attributes:
        hooks: the hooks, each called with every detail.
    """

    hooks: tuple[Hook, ...]
    _waiting: deque[Detail] = attrs.field(factory=deque, init=False, repr=False)
    _dropped: int = attrs.field(default=0, init=False)
    _arrived: Lot = attrs.field(factory=Lot, init=False, repr=False)
    _reported: set[int] = attrs.field(factory=set, init=False, repr=False)

    def put(self, detail: Detail) -> None:
        """Queue *detail*. Never calls a hook."""
        if len(self._waiting) >= _BOUND:
            self._waiting.popleft()
            self._dropped += 1
        self._waiting.append(detail)
        self._arrived.unpark_all()

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Call the hooks until cancelled. What is left then is for `__exit__()`."""
        while True:
            if not self._waiting:
                await self._arrived.park()
            self._deliver()
            # Details that the hooks themselves have caused wait for the next round: other tasks run in between.
            await trio.lowlevel.checkpoint()

    def __enter__(self) -> None:
        """Enter the block in which `run()` runs."""

    def __exit__(self, *_: object) -> None:
        """Deliver what is left. The client has been left by now, so calls that a hook makes to it have no effect."""
        while self._waiting:
            self._deliver()

    def _deliver(self) -> None:
        batch, self._waiting = self._waiting, deque()
        if self._dropped:
            first = batch[0]
            dropped, self._dropped = self._dropped, 0
            batch.appendleft(
                DetailsDropped(
                    connection_id=first.connection_id,
                    generation=first.generation,
                    at=first.at,
                    at_utc=first.at_utc,
                    dropped=dropped,
                )
            )
        for detail in batch:
            for hook in self.hooks:
                call_hook(hook, detail, self._reported)


def call_hook(hook: Hook, detail: Detail, reported: set[int]) -> None:
    """Call *hook* with *detail*. Its first error is logged; *reported* has the ids of the hooks that have failed."""
    try:
        hook(detail)
    except Exception:  # noqa: BLE001 - an error in a hook must not end the connection
        if id(hook) not in reported:
            reported.add(id(hook))
            _LOG.warning(
                "A hook failed on %s: %r. It will be called again; further errors of it are not logged.",
                type(detail).__name__,
                hook,
                exc_info=True,
            )
