"""Going to the background, and a close frame on a bare socket, in turn."""

from __future__ import annotations

import functools
import time

import trio

from benchmarks.bare import client_frame, open_bare
from benchmarks.encryption import client_context
from benchmarks.frames import TOKEN
from cometconn import CometChat

from .ours import BesideRest, open_bench_client

__all__ = ["leave"]

Called = dict[str, list[float]]
_QUIET = 0.002  # seconds before each, so that both ends are idle
_READ = 4096
_CLOSE = client_frame((1000).to_bytes(2, "big"), 8)


class _Covered(BesideRest):
    """Dials a stream that works like a socket, but hides it."""

    async def dial(self, url: str) -> trio.abc.Stream:
        stream = await super().dial(url)
        return trio.StapledStream(stream, stream)


async def _background(chat: CometChat) -> float:
    await chat.connect()
    await trio.sleep(_QUIET)
    called = time.monotonic()
    chat.enter_background()
    await trio.sleep(_QUIET)
    chat.enter_foreground()
    return called


async def _bare(port: int) -> float:
    stream, _ = await open_bare(port)
    async with stream:
        await trio.sleep(_QUIET)
        called = time.monotonic()
        await stream.send_all(_CLOSE)
        await trio.sleep(_QUIET)
        while await stream.receive_some(_READ):
            pass
    return called


async def _leave(port: int, times: int, *, plain: bool) -> Called:
    called: Called = {"ours": [], "bare": []}
    async with open_bench_client(
        port, environment=None if plain else _Covered(proxy="", ssl_context=client_context())
    ) as chat:
        await chat.login(auth_token=TOKEN)
        for _ in range(times):
            called["ours"].append(await _background(chat))
            await chat.connect()  # the closing handshake is over
            called["bare"].append(await _bare(port))
    return called


def leave(port: int, times: int, *, plain: bool = True) -> Called:
    """Do both *times* times; return the moments, on the machine's monotonic clock, which all processes share.

    *plain*: the client's byte stream is a bare socket.
    """
    return trio.run(functools.partial(_leave, port, times, plain=plain))
