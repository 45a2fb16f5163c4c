"""The longest step of the Trio loop while a client reads one message or one page, and the memory it takes meanwhile."""

from __future__ import annotations

import json
import statistics
import time
import tracemalloc

import msgspec
import trio

import cometconn
from benchmarks.encryption import client_context, url
from benchmarks.frames import APP, TOKEN
from cometconn import AppSettings, Endpoints, MemoryStore, Timing, open_client
from cometconn.environment import Request, Response
from cometconn.events import TextMessage

from .ours import BesideRest
from .stopwatch import Reading

__all__ = ["decode", "longest"]

_PATIENCE = 60.0  # seconds for one message or page
_LAST = 10_000_000
"""The id of the message behind which nothing comes."""

cometconn.preload()  # imports are not measured


class _PagesAlone(BesideRest):
    """The default environment, except that the response to a login comes from here."""

    async def request(self, request: Request) -> Response:
        if request.method == "GET" and "/messages" in request.url:
            return await super(BesideRest, self).request(request)
        return await super().request(request)


class _Longest(trio.abc.Instrument):
    """Keeps the processor time of the longest step."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._began = time.thread_time()  # the start of the step that adds this instrument

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._began = time.thread_time()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.seconds = max(self.seconds, time.thread_time() - self._began)


async def _longest(port: int, way: str, *, memory: bool) -> Reading:
    peak = 0.0
    # The server sends no close frame. A short `close_timeout` lets hundreds of clients be left within seconds.
    settings = AppSettings(catch_up=way == "rest", timing=Timing(close_timeout=0))
    async with (
        open_client(
            APP,
            settings,
            store=MemoryStore(),
            endpoints=Endpoints.at(url(port, "http")),
            environment=_PagesAlone(proxy="", ssl_context=client_context()),
            position=1 if way == "rest" else None,
        ) as chat,
        chat.events() as events,
    ):
        await chat.login(auth_token=TOKEN)
        await chat.connect()
        steps = _Longest()  # not earlier: all since then would count as one step
        if memory:
            tracemalloc.start()
        else:
            trio.lowlevel.add_instrument(steps)
        await chat.ping()
        async for event in events:
            if isinstance(event, TextMessage) and event.id == _LAST:
                break
        if memory:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        else:
            trio.lowlevel.remove_instrument(steps)
    return {"seconds": steps.seconds, "bytes": peak}


def longest(port: int, way: str, *, memory: bool = False) -> Reading:
    """Receive what the server at *port* sends; return `seconds`, the longest step, or `bytes`, the peak of memory."""

    async def bounded() -> Reading:
        with trio.fail_after(_PATIENCE):
            return await _longest(port, way, memory=memory)

    return trio.run(bounded)


def decode(size: int) -> Reading:
    """Return the `seconds` that msgspec alone takes to decode a text of *size* bytes."""
    text, times = json.dumps({"text": "a" * size}), []
    for _ in range(9):
        began = time.thread_time()
        msgspec.json.decode(text)
        times.append(time.thread_time() - began)
    return {"seconds": statistics.median(times)}
