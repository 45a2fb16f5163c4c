"""SIGINT while a background task runs: KeyboardInterrupt is raised only in the application's tasks."""

from __future__ import annotations

import itertools
import pathlib
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import trio
from trio.testing import MockClock

import cometconn
from cometconn import AppSettings, MemoryStore
from cometconn.testing import MemoryServer, open_memory_server

if TYPE_CHECKING:
    import types
    from collections.abc import Awaitable, Callable, Iterator

    from cometconn.environment import Request, Response
    from cometconn.stores import SavedPosition, SavedSession

OURS = str(pathlib.Path(cometconn.__file__).parent)


class Interrupting:
    """An environment in which SIGINT strikes inside the n-th call of one kind."""

    def __init__(self, server: MemoryServer, where: str, n: int) -> None:
        self._server = server
        self._where = where
        self._left = n
        self.task = ""

    def here(self, where: str) -> None:
        """Strike, if this is the call."""
        if where == self._where:
            self._left -= 1
            if self._left == 0:
                self.task = trio.lowlevel.current_task().name
                signal.raise_signal(signal.SIGINT)

    async def dial(self, url: str) -> trio.abc.Stream:
        """Dial the memory server."""
        self.here("dial")
        return Line(await self._server.dial(url), self)

    async def request(self, request: Request) -> Response:
        """Send it to the memory server."""
        return await self._server.request(request)

    def boot_time(self) -> float:
        """As the memory server."""
        return self._server.boot_time()

    def random(self) -> float:
        """As the memory server."""
        return self._server.random()


class Line(trio.abc.Stream):
    """A stream that calls a function when it is used."""

    def __init__(self, stream: trio.abc.Stream, environment: Interrupting) -> None:
        self._stream = stream
        self._environment = environment
        self.closed = False

    async def send_all(self, data: Any) -> None:
        """Write."""
        self._environment.here("send")
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> Any:
        """Read."""
        data = await self._stream.receive_some(max_bytes)
        self._environment.here("receive")
        return data

    async def aclose(self) -> None:
        """Close."""
        await self._stream.aclose()


class MemorySaving:
    """A store of the application's own, in memory."""

    def __init__(self) -> None:
        self._memory = MemoryStore()

    async def load(self, app_id: str) -> SavedSession:
        """Load."""
        return await self._memory.load(app_id)

    async def save(self, saved: SavedSession) -> None:
        """Save."""
        await self._memory.save(saved)

    async def load_position(self) -> SavedPosition | None:
        """Load the position."""
        return await self._memory.load_position()

    async def save_position(self, saved: SavedPosition, *, durable: bool) -> None:
        """Save the position."""
        await self._memory.save_position(saved, durable=durable)

    async def forget(self) -> None:
        """Forget."""
        await self._memory.forget()

    async def aclose(self) -> None:
        """Close."""
        await self._memory.aclose()


MOMENTS = [
    ("dial", 1, "cometconn.supervisor"),
    ("send", 1, "cometconn.supervisor"),  # the upgrade request
    ("receive", 1, "cometconn.receive_loop"),
    ("send", 2, "cometconn.writer"),  # the auth frame
    ("receive", 2, "cometconn.receive_loop"),
]


@pytest.mark.parametrize(("where", "n", "task"), MOMENTS, ids=[f"{row[0]}-{row[1]}" for row in MOMENTS])
def test_it_comes_out_of_the_users_block_alone(where: str, n: int, task: str) -> None:
    """KeyboardInterrupt is raised in the application's task, in no exception group, and the socket is closed."""
    environments: list[Interrupting] = []

    async def main() -> None:
        async with open_memory_server() as server:
            environments.append(environment := Interrupting(server, where, n))
            struck = False
            with suppress(KeyboardInterrupt):  # a group would get past it
                async with cometconn.open_client(
                    "APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints, environment=environment
                ) as chat:
                    await chat.login(uid="zed-1", auth_key="KEY")
                    try:
                        await trio.sleep(100)
                    except KeyboardInterrupt:
                        struck = True
                        raise
            assert struck, "it rose in the user's task"
            await trio.testing.wait_all_tasks_blocked()
            assert not server.world.devices()

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert environments[0].task == task


def test_the_task_that_saves_the_position_is_one_of_them() -> None:
    """An interrupt during the saving of the position, a background task, is raised in the application's task, too."""
    struck: list[str] = []

    class Store(MemorySaving):
        async def save_position(self, saved: SavedPosition, *, durable: bool) -> None:
            await super().save_position(saved, durable=durable)
            if saved.message_id is not None and not struck:
                struck.append(trio.lowlevel.current_task().name)
                signal.raise_signal(signal.SIGINT)

    async def main() -> None:
        async with (
            open_memory_server() as server,
            cometconn.open_client(
                "APP", AppSettings(catch_up=True), store=Store(), endpoints=server.endpoints, environment=server
            ) as chat,
        ):
            await chat.login(uid="zed-1", auth_key="KEY")
            await chat.connect()
            draft = {"receiver": "zed-1", "receiverType": "user", "category": "message", "type": "text"}
            server.world.post("amy-2", {**draft, "data": {"text": "hello"}})
            try:
                await trio.sleep(100)
            except KeyboardInterrupt:
                struck.append("the user's task")

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert struck == ["cometconn.position", "the user's task"]


EVERY = 3  # so many moments from one strike to the next: all of them take a minute
CALLS: dict[str, Any] = {
    "disconnect": lambda chat: chat.disconnect(),
    "ping": lambda chat: chat.ping(),
    "logout": lambda chat: chat.logout(),
    "login": lambda chat: chat.login(uid="amy-2", auth_key="KEY"),
    "wait_closed": lambda chat: _sync(chat.enter_background, chat.wait_closed),
    "start_typing": lambda chat: chat.start_typing("amy-2"),
    "events": lambda chat: _next_of(chat.events()),
    "statuses": lambda chat: _next_of(chat.statuses()),
    "enter_background": lambda chat: _sync(chat.enter_background),
    "status": lambda chat: _sync(lambda: chat.status),
    "leaving": None,
}


async def _sync(call: Callable[[], object], then: Callable[[], Awaitable[object]] | None = None) -> None:
    call()
    if then is not None:
        await then()


async def _next_of(opened: Any) -> None:
    """Read until nothing comes any more."""
    async with opened as stream:
        with trio.move_on_after(1):
            async for _ in stream:
                pass


class Striking:
    """SIGINT at the n-th Python call that cometconn makes in the application's task; the other tasks have their own test."""

    def __init__(self, n: int) -> None:
        self._left = n
        self.struck = False

    def begin(self) -> None:
        """Count from here on."""
        self._task = trio.lowlevel.current_task()
        sys.setprofile(self)

    def __call__(self, frame: types.FrameType, event: str, arg: object) -> None:
        """Count, and strike."""
        if event != "call" or self.struck or not self._is_ours(frame):
            return
        if trio.lowlevel.in_trio_task() and trio.lowlevel.current_task() is self._task:
            self._left -= 1
            if self._left == 0:
                self.struck = True
                signal.raise_signal(signal.SIGINT)

    def _is_ours(self, frame: types.FrameType | None) -> bool:
        # Hypothesis measures garbage collections by a callback, in which an exception would only be reported as a warning.
        if frame is not None and frame.f_code.co_name == "gc_callback":
            return False
        while frame is not None and not frame.f_code.co_filename.startswith(OURS):
            frame = frame.f_back
        return frame is not None


class NeverEndsError(BaseException):
    """The client was left and did not end. In virtual time it would never end."""


@pytest.fixture
def bounded() -> Iterator[None]:
    """Break off a test that never ends."""

    def broken_off(*_: object) -> None:
        raise NeverEndsError

    before = signal.signal(signal.SIGALRM, broken_off)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("name", CALLS)
def test_at_no_moment_does_it_leave_a_call_half_done(name: str) -> None:
    """After a SIGINT at any moment of any call, the program ends within its bound, and no socket is left."""
    for moment in itertools.count(1, EVERY):
        striking = Striking(moment)
        signal.alarm(30)  # for this moment alone: a loaded machine takes long for all of them
        with suppress(KeyboardInterrupt):  # it may rise when all is over
            trio.run(_struck_in, CALLS[name], striking, clock=MockClock(autojump_threshold=0))
        if not striking.struck:
            assert moment > 5
            return


async def _struck_in(call: Any, striking: Striking) -> None:
    async with open_memory_server(users=("zed-1", "amy-2")) as server:
        with suppress(KeyboardInterrupt):
            try:
                async with cometconn.open_client(
                    "APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints, environment=server
                ) as chat:
                    await chat.login(uid="zed-1", auth_key="KEY")
                    await chat.connect()
                    striking.begin()
                    if call is not None:
                        await call(chat)
            finally:
                sys.setprofile(None)
        with suppress(KeyboardInterrupt):  # struck at the very end, it rises at the next checkpoint
            await trio.lowlevel.checkpoint()
        await trio.testing.wait_all_tasks_blocked()
        assert not server.world.devices()
