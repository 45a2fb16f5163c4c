"""Requests that send or receive files: their turns, their time limit, and their errors."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from cometconn._account.transfer import Transfer
from cometconn.environment import Request, StreamedResponse
from cometconn.errors import ApiError
from tests.connection.harness import open_pair, settle

REQUEST = Request("GET", "https://files.test/x", {}, is_foreign=True)


@attrs.define
class Slow:
    """Yields a byte after each of these delays; a string is an error instead."""

    delays: list[Any]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self.delays:
            raise StopAsyncIteration
        delay = self.delays.pop(0)
        if isinstance(delay, str):
            raise OSError(delay)
        await trio.sleep(delay)
        return b"x"

    @property
    def size(self) -> int:
        """For a body."""
        return len(self.delays)

    content_type = "text/plain"

    def pieces(self) -> AsyncIterator[bytes]:
        """For a body."""
        return self


@asynccontextmanager
async def opened(slow: Slow, request: Request, body: Any = None) -> AsyncGenerator[StreamedResponse, None]:
    """Send the body, and receive the response."""
    if body is not None:
        async for _ in body.pieces():
            pass
    await trio.lowlevel.checkpoint()
    yield StreamedResponse(200, {}, slow)


async def received(transfer: Transfer, pause: float = 0.0) -> bytes:
    """The body, with a pause after each piece."""
    body = b""
    async for chunk in transfer:
        body += chunk
        await trio.sleep(pause)
    return body


async def test_each_piece_has_the_time_limit(autojump_clock: MockClock) -> None:
    """A long file takes as long as it takes, sent or received; what the program does with a piece does not count."""
    async with open_pair(manual=True) as pair:
        api = pair.chat._core.login.api
        api.open_response = functools.partial(opened, Slow([9.0] * 5))
        async with api.transfer(REQUEST, Slow([9.0] * 5)) as transfer:
            assert await received(transfer, pause=100) == b"xxxxx"


@pytest.mark.parametrize("where", ["sent", "received"])
async def test_a_piece_that_takes_too_long(autojump_clock: MockClock, where: str) -> None:
    """The error states that nothing came, and has no status."""
    async with open_pair(manual=True) as pair:
        api = pair.chat._core.login.api
        api.open_response = functools.partial(opened, Slow([1.0, 11.0] if where == "received" else []))
        began = trio.current_time()
        with pytest.raises(ApiError, match="GET files.test/x made no progress for request_timeout, 10 s") as caught:
            async with api.transfer(REQUEST, Slow([1.0, 11.0] if where == "sent" else [])) as transfer:
                await received(transfer)
        assert (caught.value.status, caught.value.sent, trio.current_time() - began) == (None, True, 11.0)


async def test_errors(autojump_clock: MockClock) -> None:
    """Those of the network are `ApiError`s, and those of the body are raised as they are."""
    async with open_pair(manual=True) as pair:
        api = pair.chat._core.login.api
        api.open_response = functools.partial(opened, Slow([0.0, "cut"]))
        with pytest.raises(ApiError, match="was not answered: cut"):
            async with api.transfer(REQUEST) as transfer:
                await received(transfer)
        with pytest.raises(OSError, match="mine"):
            async with api.transfer(REQUEST, Slow([0.0, "mine"])):
                raise AssertionError
        with pytest.raises(KeyError):
            async with api.transfer(REQUEST):
                raise KeyError


async def test_an_answer_has_a_bound(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of a request which sends a file is in memory, so it has the limit of all others."""
    monkeypatch.setattr("cometconn._account.transfer.RESPONSE_LIMIT", 3)
    async with open_pair(manual=True) as pair:
        api = pair.chat._core.login.api
        for length in (3, 4):
            api.open_response = functools.partial(opened, Slow([0.0] * length))
            async with api.transfer(REQUEST) as transfer:
                if length == 3:
                    assert (await transfer.whole()).body == b"xxx"
                else:
                    with pytest.raises(ApiError, match="longer than 3 bytes"):
                        await transfer.whole()


async def test_files_leave_room_for_other_requests(autojump_clock: MockClock) -> None:
    """At most half of the requests at a time send or receive files. Others wait for these without a limit."""
    async with open_pair(manual=True) as pair:
        api = pair.chat._core.login.api
        running, gate = [], trio.Event()

        async def transfer() -> None:
            async with api.transfer(REQUEST):
                running.append(1)
                await gate.wait()

        async with trio.open_nursery() as nursery:
            api.open_response = functools.partial(opened, Slow([]))
            for _ in range(5):
                nursery.start_soon(transfer)
            await trio.sleep(1000)
            assert len(running) == 4
            assert await pair.chat.request("GET", "/users", retry_for=0)
            gate.set()
            await settle()
            assert len(running) == 5
