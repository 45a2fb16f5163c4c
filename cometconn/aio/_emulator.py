"""An emulator whose methods that wait are for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import cometconn.emulator

if TYPE_CHECKING:
    from collections.abc import Callable

    from cometconn.emulator import Entry

    from ._calls import Calls

__all__ = ["Emulator", "ServerLog"]


@final
class ServerLog(cometconn.emulator.ServerLog):
    """The log of an emulator, whose methods that wait are for asyncio. `Emulator.log` is one; do not build it yourself."""

    __slots__ = ("_calls", "_of_trio")

    def __init__(self, log: cometconn.emulator.ServerLog, calls: Calls) -> None:
        self.__dict__ = vars(log)  # the same entries: only the methods that wait are others
        self._of_trio = log
        self._calls = calls

    async def wait_news(self) -> None:
        """Wait until the next entry is appended. The loop always gets a turn."""
        await self._calls.run(self._of_trio.wait_news)

    async def wait_for(self, predicate: Callable[[Entry], bool], *, since: int = 0) -> Entry:
        """Wait for an entry for which *predicate* is true, and return the first one.

        Entries that are there already count, from number *since* on: read `position` before
        an action and pass it here to wait for its effect. There is no time limit; set one with
        `asyncio.timeout`. Nothing is consumed, and a cancelled wait changes nothing.
        """
        return await self._calls.run(lambda: self._of_trio.wait_for(predicate, since=since))


@final
class Emulator(cometconn.emulator.Emulator):
    """A running server. `open_emulator()` makes it; do not build it yourself.

    All but the two `wait_` methods act at once and never block. They must be called in the thread of the loop.

    Attributes:
        world: users, groups, tokens and messages, to read and to change.
        endpoints: what to give to `open_client(endpoints=...)`.
    """

    __slots__ = ("_calls", "_of_trio")

    def __init__(self, emulator: cometconn.emulator.Emulator, calls: Calls) -> None:
        self.__dict__ = vars(emulator)
        self._of_trio = emulator
        self._calls = calls

    @property
    def log(self) -> ServerLog:
        """What the server received and did."""
        return ServerLog(self._of_trio.log, self._calls)

    async def wait_connected(self, uid: str) -> None:
        """Wait until the user has an authenticated socket. The loop gets a turn; bound it with `asyncio.timeout`."""
        await self._calls.run(lambda: self._of_trio.wait_connected(uid))

    async def wait_gone(self, uid: str) -> None:
        """Wait until the user has no authenticated socket. The loop gets a turn; bound it with `asyncio.timeout`."""
        await self._calls.run(lambda: self._of_trio.wait_gone(uid))
