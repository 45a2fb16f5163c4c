"""Details on their way to the hooks."""

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

__all__ = ["HookDispatcher"]

_LOG = logging.getLogger("cometconn")
_BOUND = 10_000  # details that wait; so many steps without one checkpoint are a mistake of the application


@attrs.define(eq=False)
class HookDispatcher:
    """Calls the hooks: not inside the step that a detail tells of, but in a task, as soon as Trio lets it run.

    So a hook finds the state whole, whatever it asks, and what it calls is a step of its own.

    Attributes:
        hooks: whom to tell.
    """

    hooks: tuple[Hook, ...]
    _waiting: deque[Detail] = attrs.field(factory=deque, init=False, repr=False)
    _dropped: int = attrs.field(default=0, init=False)
    _arrived: Lot = attrs.field(factory=Lot, init=False, repr=False)
    _reported: set[int] = attrs.field(factory=set, init=False, repr=False)

    def put(self, detail: Detail) -> None:
        """Take *detail*. Never calls a hook."""
        if len(self._waiting) >= _BOUND:
            self._waiting.popleft()
            self._dropped += 1
        self._waiting.append(detail)
        self._arrived.unpark_all()

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Deliver until cancelled; the rest is told at the end of the block."""
        while True:
            if not self._waiting:
                await self._arrived.park()
            self._deliver()
            # What the hooks themselves have caused waits for the next round: others run in between.
            await trio.lowlevel.checkpoint()

    def __enter__(self) -> None:
        """Begin: `run()` runs in the block."""

    def __exit__(self, *_: object) -> None:
        """Deliver what is left: the client has been left, and nothing that a hook may call does anything."""
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
                self._call(hook, detail)

    def _call(self, hook: Hook, detail: Detail) -> None:
        try:
            hook(detail)
        except Exception:  # noqa: BLE001 - whatever a hook of somebody raises, the connection lives on
            if id(hook) not in self._reported:
                self._reported.add(id(hook))
                _LOG.warning(
                    "A hook failed on %s: %r. It will be called again, but this is told only once.",
                    type(detail).__name__,
                    hook,
                    exc_info=True,
                )
