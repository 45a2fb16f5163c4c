"""HTTP exchanges over a byte stream that the environment dials."""

from __future__ import annotations

import httpx2
import pytest
import trio
import trio.testing

from cometconn._account.exchange import DialledTransport


class Dialled:
    """Dials a server in memory that sends this response to every request."""

    def __init__(self, answer: bytes, *, reads: bool = True) -> None:
        self.answer = answer
        self.reads = reads
        self.urls: list[str] = []
        self.asked = b""
        self.ours, self.theirs = trio.testing.memory_stream_pair()

    async def __call__(self, url: str) -> trio.abc.Stream:
        """Send the response at once."""
        self.urls.append(url)
        await self.theirs.send_all(self.answer)
        await self.theirs.send_eof()
        if not self.reads:
            self.theirs.receive_stream.close()
        return self.ours


async def get(dialled: Dialled, url: str) -> httpx2.Response:
    """Make a GET request."""
    async with httpx2.AsyncClient(transport=DialledTransport(dialled), trust_env=False) as client:
        return await client.get(url)


async def test_one_exchange() -> None:
    """The complete URL is dialled, target and Host are as HTTP requires, and the stream is closed after the response."""
    dialled = Dialled(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    answer = await get(dialled, "https://chat.test:444/v3.0/me?x=1")
    assert (answer.status_code, answer.content) == (200, b"{}")
    assert dialled.urls == ["https://chat.test:444/v3.0/me?x=1"]
    asked = await dialled.theirs.receive_some()
    assert asked.startswith(b"GET /v3.0/me?x=1 HTTP/1.1\r\nHost: chat.test:444\r\n")
    assert await dialled.theirs.receive_some() == b""
    with pytest.raises(trio.ClosedResourceError):
        await dialled.ours.send_all(b"x")


async def test_a_server_that_responds_without_reading() -> None:
    """A response that comes before the request could be written is returned."""
    dialled = Dialled(b"HTTP/1.1 413 Too much\r\nContent-Length: 0\r\n\r\n", reads=False)
    assert (await get(dialled, "https://chat.test/me")).status_code == 413


async def test_a_connection_that_breaks() -> None:
    """If the connection breaks, Trio's error is raised unchanged, and the stream is closed."""
    dialled = Dialled(b"")

    async def broken(max_bytes: int | None = None) -> bytes:
        raise trio.BrokenResourceError

    dialled.ours.receive_stream.receive_some = broken  # type: ignore[method-assign]
    with pytest.raises(trio.BrokenResourceError):
        await get(dialled, "https://chat.test/me")
    with pytest.raises(trio.ClosedResourceError):
        await dialled.ours.send_all(b"x")
