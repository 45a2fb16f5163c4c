"""An outage is logged: at once, then more and more seldom, and when it is over."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator

import pytest
import trio
from trio.testing import MockClock

import cometconn
from cometconn import AppSettings, Connected, MemoryStore, Timing, Waiting
from cometconn.errors import ConnectError
from cometconn.testing import MemoryServer, open_memory_server

from .harness import Pair, open_pair

MINUTE = 60.0


class _Lines(logging.Handler):
    """The lines about outages: when on Trio's clock, at which level, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[float, str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        self.lines.append((trio.current_time(), record.levelname, record.getMessage()))

    def times(self, level: str) -> list[float]:
        """When there was a line of this level."""
        return [at for at, name, _ in self.lines if name == level]


@pytest.fixture
def lines() -> Iterator[_Lines]:
    """The lines of this test."""
    logger, handler = logging.getLogger("cometconn.outage"), _Lines()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


async def _stored(server: MemoryServer) -> MemoryStore:
    """Return a store with a session."""
    store = MemoryStore()
    async with open_pair(given=server, store=store, manual=True):
        pass
    return store


async def test_a_start_while_the_server_is_down(autojump_clock: MockClock, lines: _Lines) -> None:
    """The first failed attempt is a WARNING with cause and next attempt; the next ones come after 5, 15, 45 and 60 minutes."""
    async with open_memory_server() as server:
        store = await _stored(server)
        server.refuse_connections()
        async with open_pair(given=server, store=store, timing=Timing(retry_cap=60)) as pair:
            status = await pair.wait_status(Waiting)
            ((_, level, text),) = lines.lines
            assert level == "WARNING"
            assert str(status.cause) in text  # type: ignore[union-attr]
            assert "'zed-1'" in text
            assert f"Attempt 2 follows in {status.retry_at - trio.current_time():.1f} s" in text  # type: ignore[union-attr]
            await trio.sleep(130 * MINUTE)
            warned = lines.times("WARNING")
            assert [round((after - before) / MINUTE) for before, after in itertools.pairwise(warned)] == [5, 15, 45, 60]
            server.accept_connections()
            await pair.wait_status(Connected)
            failures = len(server.dials) - 1
            assert lines.lines[-1][1:] == (
                "INFO",
                f"The client of 'zed-1' is connected again, after 130 min. Failed attempts: {failures}.",
            )


async def test_a_server_that_comes_and_goes(autojump_clock: MockClock, lines: _Lines) -> None:
    """At most three WARNINGs an hour; after a connection that lasted an hour the next outage is logged at once."""
    async with open_pair(connect=True, timing=Timing(keepalive_interval=300)) as pair:
        for _ in range(60):
            await _lose(pair)
            await trio.sleep(4 * MINUTE)
        warned = lines.times("WARNING")
        assert len(warned) == len(lines.times("INFO")) > 3
        assert max(sum(at <= other < at + 60 * MINUTE for other in warned) for at in warned) <= 3
        await trio.sleep(61 * MINUTE)
        lines.lines.clear()
        for _ in range(2):
            await _lose(pair)
            await trio.sleep(5 * MINUTE)
        assert len(lines.times("WARNING")) == 2  # the pause is short again, too


async def _lose(pair: Pair) -> None:
    """Be without a server for two attempts."""
    pair.server.refuse_connections()
    pair.device.reset()
    await pair.wait_status(Waiting, attempt=2)
    pair.server.accept_connections()
    await pair.wait_status(Connected)


async def test_what_is_no_outage(autojump_clock: MockClock, lines: _Lines) -> None:
    """A loss that the next attempt mends, a failed `connect()` in manual mode, the background, `disconnect()`."""
    async with open_pair(connect=True) as pair:
        pair.device.reset()
        await pair.wait_status(Waiting)
        await pair.wait_status(Connected)
        pair.chat.enter_background()
        await trio.sleep(10 * MINUTE)
        pair.chat.enter_foreground()
        await pair.wait_status(Connected)
        await pair.chat.disconnect()
        await trio.sleep(10 * MINUTE)
    async with open_pair(manual=True) as pair:
        pair.server.refuse_connections()
        with pytest.raises(ConnectError):
            await pair.chat.connect()
        await trio.sleep(10 * MINUTE)
    assert lines.lines == []


async def test_an_outage_ends_with_the_wish(autojump_clock: MockClock, lines: _Lines) -> None:
    """Reconnecting after `disconnect()` is not the end of an outage, and each client has its own pauses."""
    async with open_memory_server() as server:
        store = await _stored(server)
        for _ in range(2):
            server.refuse_connections()
            async with open_pair(given=server, store=store) as pair:
                await pair.wait_status(Waiting)
                await pair.chat.disconnect()
                server.accept_connections()
                await pair.chat.connect()
    assert len(lines.times("WARNING")) == 2
    assert lines.times("INFO") == []


async def test_a_cause_is_masked_and_escaped(autojump_clock: MockClock, lines: _Lines) -> None:
    """What an environment raises is shown without the tokens of the session and without control characters."""
    async with open_memory_server() as server:
        store = await _stored(server)
        await store.load("APP")
        session = store._saved["APP"].session
        await store.aclose()
        assert session is not None

        class Environment:
            """Cannot dial."""

            boot_time, random, request = server.boot_time, server.random, server.request

            async def dial(self, url: str) -> trio.abc.Stream:
                """Fail."""
                message = f"\x1b[2J{session.jwt}\n{session.auth_token}"
                raise OSError(message)

        async with cometconn.open_client(
            "APP", AppSettings(), store=store, endpoints=server.endpoints, environment=Environment()
        ):
            await trio.sleep(1)
    ((_, _, text),) = lines.lines
    assert "\\u001b[2J" in text
    assert session.auth_token not in text
    assert str(session.jwt) not in text
    assert text.isprintable()
