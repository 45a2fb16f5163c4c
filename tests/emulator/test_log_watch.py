"""`cometconn.emulator.log_watch`: the log as server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import attrs
import httpx2
import pytest
import trio
from trio.testing import MockClock

from cometconn.emulator import Emulator, Kind, ServerLog, open_emulator
from cometconn.emulator.control_api import WATCHERS
from cometconn.emulator.log_watch import AT_ONCE, HEARTBEAT, LogWatch


@attrs.frozen
class Event:
    """One server-sent event."""

    name: str
    data: Any
    number: int | None


def parsed(chunk: bytes) -> Event:
    """Return the event in a chunk."""
    assert chunk.endswith(b"\n\n")
    fields = dict(line.split(": ", 1) for line in chunk.decode("ascii").splitlines() if line)
    number = fields.get("id")
    return Event(fields["event"], json.loads(fields["data"]), None if number is None else int(number))


def add(log: ServerLog, count: int) -> None:
    """Add so many entries."""
    for number in range(count):
        log.add(Kind.FRAME_IN, 1, "zed-1", frame={"n": number})


async def numbers(watch: LogWatch) -> list[int]:
    """Return the numbers of the entries in the next event, whose id is the last of them."""
    event = parsed(await watch.next_chunk())
    assert event.name == "entries"
    assert event.number == event.data[-1]["number"]
    return [entry["number"] for entry in event.data]


async def test_a_watch_greets_and_then_reports_what_is_new(autojump_clock: MockClock) -> None:
    """From the end of the log on, or from a given number on; entries of one moment come together."""
    log = ServerLog()
    add(log, 3)
    watch = LogWatch(log, "here")
    hello = await watch.next_chunk()
    assert hello.startswith(b"retry: 1000\n")
    assert parsed(hello.partition(b"\n")[2]) == Event("hello", {"server": "here", "position": 3, "dropped": 0}, None)
    add(log, 2)
    assert await numbers(watch) == [3, 4]
    resumed = LogWatch(log, "here", 2)
    await resumed.next_chunk()
    assert await numbers(resumed) == [2, 3, 4]


async def test_a_quiet_server_gives_signs_of_life(autojump_clock: MockClock) -> None:
    """Every 5 s; an entry comes at once, and those of the next 50 ms with it."""
    log = ServerLog()
    watch = LogWatch(log, "here")
    await watch.next_chunk()
    began = trio.current_time()
    assert parsed(await watch.next_chunk()).name == "beat"
    assert trio.current_time() - began == pytest.approx(HEARTBEAT)

    async def later() -> None:
        await trio.sleep(1)
        for _ in range(3):
            add(log, 1)
            await trio.sleep(0.02)
        await trio.sleep(0.02)
        add(log, 1)

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(later)
        assert await numbers(watch) == [0, 1, 2]
        assert trio.current_time() - began == pytest.approx(1.05)
        assert await numbers(watch) == [3]


async def test_a_slow_reader_gets_all_in_parts_or_learns_what_it_missed(autojump_clock: MockClock) -> None:
    """The log is the only buffer: what it dropped is reported as lost, and the rest follows."""
    log = ServerLog(limit=2 * AT_ONCE)
    watch = LogWatch(log, "here")
    await watch.next_chunk()
    add(log, AT_ONCE + 1)
    assert len(await numbers(watch)) == AT_ONCE
    assert await numbers(watch) == [AT_ONCE]
    add(log, 2 * AT_ONCE + 7)
    lost = parsed(await watch.next_chunk())
    assert (lost.name, lost.data) == ("lost", {"lost": 7, "position": AT_ONCE + 8})
    assert (await numbers(watch))[0] == AT_ONCE + 8


async def test_a_position_of_another_server_is_the_end_of_this_log(autojump_clock: MockClock) -> None:
    """The reader recognizes the restart by the server's id."""
    log = ServerLog()
    add(log, 3)
    watch = LogWatch(log, "here", 4_000)
    assert b'"position":3' in await watch.next_chunk()
    add(log, 1)
    assert await numbers(watch) == [3]


@attrs.define
class Reader:
    """Reads server-sent events from a TCP stream. The transport sends each as one chunk."""

    stream: trio.SocketStream
    text: str = ""

    async def event(self, name: str) -> Any:
        """Return the data of the next event of this name, and drop what comes before it."""
        while f"event: {name}\n" not in self.text or "\n\n" not in self.text.partition(f"event: {name}\n")[2]:
            data = await self.stream.receive_some()
            if not data:
                raise EOFError(self.text)
            self.text += data.decode()
        data, _, self.text = self.text.partition(f"event: {name}\ndata: ")[2].partition("\n\n")
        return json.loads(data)


@asynccontextmanager
async def watching(server: Emulator, since: int | None = None, **headers: str) -> AsyncGenerator[Reader, None]:
    """Watch the log over HTTP."""
    query = "" if since is None else f"?since={since}"
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        await stream.send_all(f"GET /control/events{query} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode())
        yield Reader(stream)


async def what(server: Emulator, since: int, **headers: str) -> list[str]:
    """Watch the log until the first entries come, and return what they are about."""
    async with watching(server, since, **headers) as reader:
        return [entry["what"] for entry in await reader.event("entries")]


async def test_events_come_over_http_and_resume() -> None:
    """`Last-Event-ID` outranks `since`, unless it is no number."""
    with trio.fail_after(20):
        async with open_emulator(control=True) as server:
            server.set(pong=False)
            server.heal()
            assert await what(server, 0) == ["set", "heal", "accept_connections"]
            assert await what(server, 0, last_event_id="1") == ["accept_connections"]
            assert await what(server, 2, last_event_id="x") == ["accept_connections"]
            async with watching(server) as reader:
                assert (await reader.event("hello"))["position"] == 3
                server.heal()
                assert [entry["number"] for entry in await reader.event("entries")] == [3, 4]


async def test_only_so_many_readers_watch() -> None:
    """A further one gets 503; one that left makes room, and pages of other hosts are refused as everywhere."""
    with trio.fail_after(20):
        async with (
            open_emulator(control=True) as server,
            httpx2.AsyncClient(base_url=server.url, timeout=10) as http,
            AsyncExitStack() as stack,
        ):
            readers = [await stack.enter_async_context(watching(server)) for _ in range(WATCHERS)]
            for reader in readers:
                await reader.event("hello")
            refused = await http.get("/control/events")
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "ERR_TOO_MANY_WATCHERS")
            await readers[0].stream.aclose()
            while True:
                async with watching(server) as another:
                    if b" 200 " in await another.stream.receive_some():
                        break
            evil = await http.get("/control/events", headers={"origin": "https://evil.example"})
            assert evil.status_code in {403, 503}


async def test_a_watch_ends_with_the_server() -> None:
    """Stopping the server does not wait for its readers."""
    with trio.fail_after(10):
        async with open_emulator(control=True) as server, AsyncExitStack() as stack:
            reader = await stack.enter_async_context(watching(server))
            await reader.event("hello")
            began = trio.current_time()
        assert trio.current_time() - began < 0.4
        with pytest.raises((EOFError, trio.BrokenResourceError, trio.ClosedResourceError)):
            await reader.event("beat")
