"""An emulator in a thread of its own, and a check that a program on asyncio leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import trio

from cometconn.emulator import Emulator, open_emulator
from cometconn.testing import LeakCheck, assert_no_leaks

__all__ = ["Beside", "emulator_beside", "run_clean"]

P = ParamSpec("P")
T = TypeVar("T")
PATIENCE = 20.0  # seconds


class Beside:
    """A server whose controls may be called from any thread."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._leave = trio.Event()
        self._server: Emulator
        self._token: trio.lowlevel.TrioToken

    def run(self, world: dict[str, Any]) -> None:
        """Serve in this thread, until `stop()`."""
        trio.run(self._serve, world)

    async def _serve(self, world: dict[str, Any]) -> None:
        async with open_emulator(**world) as self._server:
            self._token = trio.lowlevel.current_trio_token()
            self._ready.set()
            await self._leave.wait()

    def wait_ready(self) -> None:
        """Wait until it listens."""
        assert self._ready.wait(PATIENCE)

    def stop(self) -> None:
        """Let it stop."""
        self.do(self._leave.set)

    @property
    def endpoints(self) -> Any:
        """What a client needs."""
        return self._server.endpoints

    @property
    def port(self) -> int:
        """Its port."""
        return self._server.port

    @property
    def url(self) -> str:
        """Its address."""
        return self._server.url

    def do(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in its thread, and return the result."""
        return trio.from_thread.run_sync(lambda: call(*args, **kwargs), trio_token=self._token)

    def say(self, *texts: str, sender: str = "amy-2", receiver: str = "zed-1") -> None:
        """Send messages."""
        self.do(lambda: [self._server.say(sender, text, receiver=receiver) for text in texts])

    def set(self, **faults: Any) -> None:
        """Change how it behaves."""
        self.do(self._server.set, **faults)

    def heal(self) -> None:
        """End all faults."""
        self.do(self._server.heal)

    def drop(self, uid: str, how: Any = "close") -> int:
        """End the sockets of a user."""
        return self.do(self._server.drop, uid, how)

    def connections(self, uid: str = "zed-1") -> int:
        """Count the sockets of a user."""
        return self.do(self._server.connections, uid)

    def devices(self) -> int:
        """Count all sockets."""
        return self.do(lambda: len(self._server.world.devices()))

    def log(self, *kinds: Any, **options: Any) -> tuple[Any, ...]:
        """Return the entries of its log."""
        return self.do(self._server.log.of, *kinds, **options)


@contextmanager
def emulator_beside(**world: Any) -> Iterator[Beside]:
    """Run an emulator in a thread of its own, with a Trio run of its own."""
    server = Beside()
    thread = threading.Thread(target=server.run, args=(world,), name="emulator")
    thread.start()
    try:
        server.wait_ready()
        yield server
        server.stop()
    finally:
        thread.join(PATIENCE)


def run_clean(
    main: Callable[[], Awaitable[T]],
    *,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    server: Beside | None = None,
) -> T:
    """Run an asyncio function, as `asyncio.run()` does, and check that no task, guest, socket or thread is left."""

    async def checked() -> T:
        before = asyncio.all_tasks()
        result = await main()
        left = asyncio.all_tasks() - before
        assert not left, f"tasks are left: {left}"
        assert not trio.lowlevel.in_trio_run(), "the guest is left"
        return result

    gc.collect()
    threads = set(threading.enumerate())
    leaks = assert_no_leaks()
    with asyncio.Runner(loop_factory=loop_factory) as warm:  # a loop's first use opens descriptors that stay
        warm.run(asyncio.sleep(0))
    leaks.__enter__()
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        result = runner.run(checked())
    gc.collect()  # so that warnings about what was not closed come now, and are errors
    _judge(leaks, server)
    # Trio keeps idle threads for the next call for a few seconds.
    new = [one for one in set(threading.enumerate()) - threads if not one.name.startswith("Trio thread")]
    assert not new, f"threads are left: {new}"
    return result


def _judge(leaks: LeakCheck, server: Beside | None) -> None:
    """Check that nothing is left but what the server has in this process: it keeps its side of REST connections for 5 s."""
    if server is not None:
        deadline = time.monotonic() + 2.0
        while server.devices():  # it needs a moment to see that its clients are gone
            assert time.monotonic() < deadline, "the server has a WebSocket"
            time.sleep(0.005)
    try:
        leaks.__exit__(None, None, None)
    except AssertionError as error:
        first, *left = str(error).splitlines()
        left = [line for line in left if server is None or f"from ('127.0.0.1', {server.port})" not in line]
        assert not left, "\n".join((first, *left))
