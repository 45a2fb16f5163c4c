"""What does the emulator's page cost a server that no page watches, and how soon does a page show 1,000 connections?

A client of the emulator sends pings over a real WebSocket, in one process with the server, and the CPU time of the
process for each is compared. A server with controls and page and one without are in the same process, and get 50 pings
in turn: the speed of a processor changes more from one process to the next than the page could cost. Of two servers that
are alike, the one that was opened first takes up to a tenth more or less, so each is the first in half of the processes. In a further
process a program reads the log's events meanwhile, which a quick run leaves out. The page is opened in Chromium, and its
own clock measures when the list of 1,000 connections is shown.
"""

from __future__ import annotations

import functools
import json
import shutil
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .new_process import new_processes
from .process import LeftOutError
from .row import Row
from .run import Run, interleave

__all__ = ["measure", "rows_of"]

WITHOUT, UNWATCHED, WATCHED, PAGE = "no page", "unwatched", "watched", "1,000 connections"
PINGS, QUICK_PINGS = 2_000, 1_000  # to each server, in each process
ROUNDS, QUICK_ROUNDS = 7, 2
PAGES, QUICK_PAGES = 7, 1  # how often the page is opened

_PINGS = """
import contextlib, json, sys, time, trio
from trio_websocket import open_websocket_url
from cometconn.emulator import open_emulator

async def read(port):
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(b"GET /control/events HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
        while await stream.receive_some():
            pass

async def main(modes, count):
    used = dict.fromkeys(modes, 0.0)
    async with trio.open_nursery() as nursery, contextlib.AsyncExitStack() as stack:
        sockets = {}
        for mode in modes:
            server = await stack.enter_async_context(open_emulator(control=mode != "no page"))
            sockets[mode] = await stack.enter_async_context(open_websocket_url(server.endpoints.socket_url))
            if mode == "watched":
                nursery.start_soon(read, server.port)
        for number in range(-count // 4, count, BLOCK):
            modes.reverse()
            for mode in modes:
                began = time.process_time()
                for _ in range(BLOCK):
                    await sockets[mode].send_message('{"action":"ping"}')
                    await sockets[mode].get_message()
                if number >= 0:
                    used[mode] += time.process_time() - began
        print(json.dumps({mode: seconds / count for mode, seconds in used.items()}))
        nursery.cancel_scope.cancel()

BLOCK = 50
trio.run(main, json.loads(sys.argv[1]), int(sys.argv[2]))
"""

_PAGE = """
import sys, threading, trio
from playwright.sync_api import sync_playwright
from cometconn.emulator import Device, open_emulator

class Line:
    def reset(self): pass
    silence = reset

async def main():
    async with open_emulator(control=True) as server:
        for number in range(1_000):
            device = Device(Line())
            server.world.accepted(device)
            device.uid, device.authenticated = ("zed-1", "amy-2")[number % 2], True
        started.append(server.url)
        ready.set()
        await trio.to_thread.run_sync(over.wait)

started, ready, over = [], threading.Event(), threading.Event()
threading.Thread(target=trio.run, args=(main,)).start()
ready.wait()
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    page = browser.new_page()
    page.goto(started[0] + "/control/controls")  # the browser has started what it needs for any page
    page.add_init_script('''(function look() {
        const shown = document.querySelectorAll("#connections .row").length > 10;
        if (shown) window.shown = performance.now(); else requestAnimationFrame(look);
    })()''')
    page.goto(started[0])
    page.wait_for_function("() => window.shown")
    print(page.evaluate("window.shown") / 1e3)
    browser.close()
over.set()
"""


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rounds, count = (QUICK_ROUNDS, QUICK_PINGS) if run.quick else (ROUNDS, PINGS)
    with new_processes() as start:
        pings = functools.partial(_pings, start, count)
        takes: dict[str, Callable[[], Any]] = {UNWATCHED: functools.partial(pings, [WITHOUT, UNWATCHED])}
        if not run.quick:
            takes[WATCHED] = functools.partial(pings, [WATCHED])
        taken = interleave(run.part(0.0, 0.6), rounds, takes)
        opened = interleave(
            run.part(0.6, 1.0), QUICK_PAGES if run.quick else PAGES, {PAGE: functools.partial(_page, start)}
        )
        return rows_of(by_name({**taken, **opened}))


def by_name(taken: Mapping[str, Sequence[Any]]) -> dict[str, list[float]]:
    """Return the figures of each round by what they are about: a process with two servers has two."""
    found: dict[str, list[float]] = {}
    for name, rounds in taken.items():
        for each in rounds:
            for what, seconds in (each if isinstance(each, dict) else {name: each}).items():
                found.setdefault(what, []).append(seconds)
    return found


def rows_of(taken: Mapping[str, Sequence[float]]) -> list[Row]:
    """Return the rows of what was measured, in seconds."""
    rows = []
    for mode, goal in ((UNWATCHED, "<= 1.05"), (WATCHED, None)):
        if mode not in taken:
            continue
        times = " / ".join(f"{statistics.median(taken[name]) * 1e6:.0f}" for name in (mode, WITHOUT))
        rows.append(Row.of("console", f"{mode}: {times} us of CPU a ping", WITHOUT, taken[mode], taken[WITHOUT], goal))
    if PAGE in taken:
        seconds = taken[PAGE]
        case = f"a page shows {PAGE} after {statistics.median(seconds):.2f} s"
        rows.append(Row.of("console", case, "1 s", seconds, [1.0] * len(seconds), "<= 1"))
    return rows


def _pings(start: Callable[..., str], count: int, modes: Sequence[str]) -> dict[str, float]:
    orders = (list(modes), list(reversed(modes)))
    figures = [json.loads(start(_PINGS, json.dumps(order), str(count))) for order in orders]
    return {mode: statistics.mean(each[mode] for each in figures) for mode in modes}


def _page(start: Callable[..., str]) -> float:
    chromium = shutil.which("chromium")
    if chromium is None:
        message = "there is no chromium"
        raise LeftOutError(message)
    try:
        import playwright  # noqa: F401, PLC0415 - only this measurement needs it
    except ImportError as error:
        message = "playwright is not installed"
        raise LeftOutError(message) from error
    return _seconds(start, _PAGE, chromium)


def _seconds(start: Callable[..., str], program: str, *arguments: str) -> float:
    return float(start(program, *arguments))
