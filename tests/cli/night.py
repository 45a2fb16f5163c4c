"""A night of a bot on a laptop, in virtual time: which the picture in the documentation shows.

python -m tests.cli.night docs/timeline.svg
"""

from __future__ import annotations

import datetime
import pathlib
import random
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio
from trio.testing import MockClock

import cometconn
from cometconn import AppSettings, CometChat, MemoryStore
from cometconn.instrumentation import Detail, TraceFile, read_trace
from cometconn.instrumentation.timeline.picture import draw
from cometconn.testing import MemoryServer, open_memory_server

BEGAN = datetime.datetime(2026, 3, 6, 21, 40, tzinfo=datetime.UTC)
MINUTE = 60.0


@attrs.define(eq=False)
class WallClock:
    """Passes on details with the wall clock of that evening, and always the same connection id."""

    trace: TraceFile
    server: MemoryServer

    def __call__(self, detail: Detail, /) -> None:
        """Pass *detail* on."""
        changed = {
            "at_utc": BEGAN + datetime.timedelta(seconds=detail.at + self.server.slept),
            "connection_id": "APP-1",
        }
        self.trace(attrs.evolve(detail, **changed))


@attrs.define(eq=False)
class FarAway(trio.abc.Stream):
    """A byte stream that receives with a latency, which is the same in every run."""

    near: trio.abc.Stream
    delays: random.Random

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive after the latency."""
        data = await self.near.receive_some(max_bytes)
        crowded = 0.3 if 45 * MINUTE < trio.current_time() < 75 * MINUTE else 0.0
        await trio.sleep(0.02 + self.delays.random() * 0.03 + self.delays.random() ** 8 * crowded)
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        await self.near.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Return at once: no buffer is ever full."""

    async def aclose(self) -> None:
        """Close."""
        await self.near.aclose()


@attrs.define(eq=False)
class Far:
    """The memory server with a latency: an `Environment`."""

    server: MemoryServer
    delays: random.Random = attrs.field(factory=lambda: random.Random(6))

    def random(self) -> float:
        """Return the jitter."""
        return self.delays.random()

    async def dial(self, url: str) -> trio.abc.Stream:
        """Dial, which takes 80 ms."""
        near = await self.server.dial(url)
        await trio.sleep(0.08)
        return FarAway(near, self.delays)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.server, name)


async def send_messages(server: MemoryServer) -> None:
    """Send messages to the bot: many in the evening, few at night."""
    chance = random.Random(7)
    while True:
        minute = trio.current_time() / MINUTE
        pause = 20 if minute < 110 else 60 if minute < 200 else 240 if minute < 230 else 25
        await trio.sleep(chance.expovariate(1 / pause))
        for _ in range(chance.choice((1, 1, 2, 3, 6))):
            draft = {"receiver": "zed-1", "receiverType": "user", "category": "message", "type": "text"}
            server.world.post("amy-2", {**draft, "data": {"text": "hello"}}, device_id="phone")


async def until(minute: float) -> None:
    """Wait for that minute of the program's clock."""
    await trio.sleep_until(minute * MINUTE)


async def live(chat: CometChat, server: MemoryServer) -> None:
    """Everything that happens to the bot."""
    await chat.login(uid="zed-1", auth_key="KEY")
    await chat.connect()
    await until(22)
    for device in server.world.devices():
        device.reset()
    await until(50)
    chat.enter_background()
    with trio.move_on_at(95 * MINUTE):
        await chat.keep_alive(every=20)
    await until(110)
    chat.enter_foreground()
    await chat.connect()
    await until(125)
    server.dialling = "refuse"
    for device in server.world.devices():
        device.reset()
    await until(132)
    server.dialling = "accept"
    await until(150)
    server.world.devices()[0].close(1012, "restart")
    await until(175)
    server.world.sessions.expire_jwts()
    server.world.devices()[0].close(1011)
    await until(200.31)  # at no other timer's time, so that nothing depends on the order of tasks
    server.world.devices()[0].silence()
    server.slept = 200 * MINUTE
    await until(215)
    chat.enter_background()
    await trio.sleep(15)
    await chat.ping()
    await until(216)
    chat.enter_foreground()
    await chat.connect()


async def read(chat: CometChat) -> None:
    """Read everything; near the end, too slowly."""
    with trio.move_on_at(217 * MINUTE):
        async with chat.events() as events:
            while await events.batch():
                pass
    async with chat.events(max_events=20, overflow="drop_oldest") as events:
        while await events.batch():
            await trio.sleep(5 * MINUTE)


@asynccontextmanager
async def opened(trace: TraceFile) -> AsyncGenerator[tuple[CometChat, MemoryServer], None]:
    """Open the bot's client, with its server behind the latency."""
    settings = AppSettings(auto_establish_socket_connection=False, catch_up=True)
    async with (
        open_memory_server() as server,
        cometconn.open_client(
            "APP",
            settings,
            store=MemoryStore(),
            endpoints=server.endpoints,
            environment=Far(server),
            hooks=[WallClock(trace, server)],
        ) as chat,
    ):
        yield chat, server


async def night(path: pathlib.Path) -> None:
    """Run through the night, and write the trace to *path*."""
    with TraceFile(path) as trace:
        async with opened(trace) as (chat, server), trio.open_nursery() as nursery:
            nursery.start_soon(send_messages, server)
            nursery.start_soon(read, chat)
            await live(chat, server)
            await until(245)
            nursery.cancel_scope.cancel()


def picture() -> str:
    """Return the picture of the night as SVG."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "night.trace")
        trio.run(night, path, clock=MockClock(autojump_threshold=0))
        return draw(read_trace(path).details)


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_text(picture(), encoding="utf-8")
