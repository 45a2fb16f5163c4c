"""A crowd of idle clients in one process of its own: `python -m benchmarks.crowd KIND`, one of `KINDS`.

Each line of its input is a job: `{"do": "gather", "port": ..., "clients": ...}` and so on, the methods of `Crowd`.
"""

from __future__ import annotations

import functools
import gc
import json
import math
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import trio
import trio_websocket

from cometconn import AppSettings, CometChat, Disconnected, MemoryStore, Reason, Timing
from cometconn.stores import SavedSession

from .contenders.ours import open_bench_client, saved_session
from .contenders.stopwatch import Stopwatch
from .encryption import client_context, url
from .frames import AUTH, TOKEN
from .machine import raise_file_limit, resident

__all__ = ["KINDS", "Crowd", "main"]

_AT_ONCE = 32  # clients that connect at the same time
_GRACE = 0.01  # seconds of a lease in the background
_SETTLING = 0.5  # seconds from a burst until its last message was handled
_SELDOM = 100_000  # objects from one collection to the next
_SPARE = 64  # open files besides connections
_PATIENT = Timing(connect_timeout=60.0, pong_timeout=14.0)  # no client may give up on a busy machine
_SILENT = attrs.evolve(_PATIENT, keepalive_interval=3600.0)

Member = Callable[..., Awaitable[None]]
_sessions: dict[int, SavedSession] = {}
"""The saved session for the server at each port, as a store has it. Each client validates it when it is loaded."""


async def _ours(
    port: int,
    took: Callable[[], None],
    task_status: trio.TaskStatus[Any],
    *,
    timing: Timing = _PATIENT,
    is_saved: bool = False,
) -> None:
    store = MemoryStore()
    if is_saved:
        if port not in _sessions:
            _sessions[port] = SavedSession.from_text(await saved_session(port))
        await store.save(_sessions[port])
    async with open_bench_client(port, AppSettings(timing=timing), store=store) as chat, chat.events() as events:
        if not is_saved:
            await chat.login(auth_token=TOKEN)
        await chat.connect()
        task_status.started(chat.ping)
        async for _ in events:
            took()


async def _trio_websocket(port: int, took: Callable[[], None], task_status: trio.TaskStatus[Any]) -> None:
    async with trio_websocket.open_websocket_url(url(port), client_context()) as connection:
        await connection.send_message(AUTH)
        await connection.get_message()
        task_status.started(connection.ping)
        while True:
            await connection.get_message()
            took()


KINDS: dict[str, Member] = {
    "ours": _ours,
    "ours_saved": functools.partial(_ours, is_saved=True),
    "ours_silent": functools.partial(_ours, is_saved=True, timing=_SILENT),
    "trio_websocket": _trio_websocket,
}
"""One client each, with a task that waits for its messages; what it hands out sends a ping and waits for the pong."""


@attrs.define(eq=False)
class Crowd:
    """The clients, and the jobs for them. Each result is a mapping, to be sent as JSON."""

    _member: Member
    _nursery: trio.Nursery
    _pings: list[Callable[[], Awaitable[object]]] = attrs.field(factory=list)
    _before: int = 0  # bytes of the process before the first client
    _left: int = 0
    _began: float = -math.inf
    _received_at: float = math.nan
    _done: trio.Event = attrs.field(factory=trio.Event)

    async def gather(self, port: int, clients: int) -> dict[str, Any]:
        """Connect *clients* more; return the mean time of each."""
        if len(self._pings) + clients + _SPARE > (limit := raise_file_limit()):
            return {"left_out": f"{clients:,} clients need as many open files, and {limit:,} are allowed"}
        if not self._pings:
            await self._warm(port)
            self._before, self._began = resident(), trio.current_time()
        watch = Stopwatch()
        await self._at_once([functools.partial(self._join, port)] * clients)
        return watch.read(clients)

    async def ping(self) -> dict[str, Any]:
        """Let each client send a ping and receive the pong; return the memory of each."""
        await self._at_once(self._pings)
        gc.collect()
        return {"bytes": (resident() - self._before) / len(self._pings)}

    async def usage(self) -> dict[str, Any]:
        """Return the CPU time of this process, in seconds."""
        await trio.lowlevel.checkpoint()
        return {"cpu": time.process_time()}

    async def expect(self, count: int) -> dict[str, Any]:
        """Prepare for *count* messages to all of them together. This job comes before they are sent."""
        await trio.lowlevel.checkpoint()
        self._left, self._done = count, trio.Event()
        return {}

    async def received(self) -> dict[str, Any]:
        """Return when the last of the messages was delivered, on the machine's monotonic clock."""
        await self._done.wait()
        return {"at": self._received_at}

    async def weigh(self) -> dict[str, Any]:
        """Return the memory of the process, once its clients are idle."""
        await trio.sleep(_SETTLING)
        gc.collect()
        return {"bytes": resident()}

    async def lateness(self, port: int, samples: int, after: float = 0.0) -> dict[str, Any]:
        """Return by how many seconds each lease ends late, for one more client that goes to the background again and again.

        It begins *after* seconds after the start of the gathering.
        """
        await trio.sleep_until(self._began + after)
        timing = Timing(background_grace=_GRACE, connect_timeout=60.0)
        settings = AppSettings(auto_establish_socket_connection=False, timing=timing)
        late: list[float] = []
        async with open_bench_client(port, settings) as chat:
            await chat.login(auth_token=TOKEN)
            for _ in range(samples):
                await chat.connect()
                late.append(await _lease(chat))
                chat.enter_foreground()
        return {"late": late}

    async def uncollected(self) -> dict[str, Any]:
        """Collect no garbage from here on."""
        await trio.lowlevel.checkpoint()
        gc.collect()
        gc.disable()
        return {}

    async def settle(self) -> dict[str, Any]:
        """Tune the garbage collector as the how-to guide for many clients recommends."""
        await trio.lowlevel.checkpoint()
        gc.collect()
        gc.enable()
        gc.freeze()
        gc.set_threshold(_SELDOM)
        return {}

    async def _warm(self, port: int) -> None:
        """Open and close one client, so that the costs of the first one are not counted."""
        async with trio.open_nursery() as nursery:
            ping = await nursery.start(self._member, port, lambda: None)
            await ping()
            nursery.cancel_scope.cancel(reason="warm now")
        gc.collect()

    async def _join(self, port: int) -> None:
        self._pings.append(await self._nursery.start(self._member, port, self._took))

    def _took(self) -> None:
        self._left -= 1
        if not self._left:
            self._received_at = time.monotonic()
            self._done.set()

    async def _at_once(self, calls: list[Callable[[], Awaitable[object]]]) -> None:
        waiting = iter(calls)

        async def work() -> None:
            for call in waiting:
                await call()

        async with trio.open_nursery() as nursery:
            for _ in range(_AT_ONCE):
                nursery.start_soon(work)


async def _lease(chat: CometChat) -> float:
    async with chat.statuses() as changes:
        due = trio.current_time() + _GRACE
        chat.enter_background()
        async for change in changes:
            if isinstance(change.current, Disconnected) and change.current.reason is Reason.BACKGROUND_TIMEOUT:
                break
        return trio.current_time() - due


async def _work(kind: str) -> None:
    print(json.dumps({}), flush=True)  # ready
    async with trio.open_nursery() as nursery:
        crowd = Crowd(KINDS[kind], nursery)
        async for line in trio.wrap_file(sys.stdin):
            job = json.loads(line)
            answer = await getattr(crowd, job.pop("do"))(**job)
            print(json.dumps(answer), flush=True)
        os._exit(0)  # thousands of closing handshakes would only take time


def main() -> None:
    """Do jobs until the input ends."""
    trio.run(_work, sys.argv[1])


if __name__ == "__main__":
    main()
