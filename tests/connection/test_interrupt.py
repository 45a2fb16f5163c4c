"""SIGINT while one of our background tasks runs: Ctrl-C is the user's affair."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import trio
from trio.testing import MockClock

import cometconn
from cometconn import AppSettings, MemoryStore
from cometconn.testing import MemoryServer, open_memory_server

if TYPE_CHECKING:
    from cometconn._account.session import Session
    from cometconn._account.store import Saved
    from cometconn.environment import Request, Response


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
        """Ask the memory server."""
        return await self._server.request(request)

    def boot_time(self) -> float:
        """As the memory server."""
        return self._server.boot_time()

    def random(self) -> float:
        """As the memory server."""
        return self._server.random()


class Line(trio.abc.Stream):
    """A stream that tells when it is used."""

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
    """A store of one's own, which keeps what it is given."""

    def __init__(self) -> None:
        self._memory = MemoryStore()

    async def open(self, app_id: str) -> Saved:
        """Open."""
        return await self._memory.open(app_id)

    async def save(self, session: Session) -> None:
        """Save."""
        await self._memory.save(session)

    async def forget(self) -> None:
        """Forget."""
        await self._memory.forget()

    async def aclose(self) -> None:
        """Close."""
        await self._memory.aclose()


MOMENTS = [
    ("dial", 1, "cometconn.supervisor"),
    ("send", 1, "trio_websocket.reader"),  # the upgrade request
    ("receive", 1, "cometconn.receive_loop"),
    ("send", 2, "cometconn.writer"),  # the auth frame
    ("receive", 2, "cometconn.receive_loop"),
]


@pytest.mark.parametrize(("where", "n", "task"), MOMENTS, ids=[f"{row[0]}-{row[1]}" for row in MOMENTS])
def test_it_comes_out_of_the_users_block_alone(where: str, n: int, task: str) -> None:
    """KeyboardInterrupt rises in the user's own task, in no group of ours, and the socket is closed."""
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
    """With catch_up a store is written now and then: an interrupt there is the user's, too."""
    struck: list[str] = []

    class Store(MemorySaving):
        async def save(self, session: Session) -> None:
            await super().save(session)
            if session.last_message_id is not None and not struck:
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
