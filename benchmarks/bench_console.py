"""What does the emulator's page cost a server that no page watches, and how soon does a page show 1,000 connections?

A client of the emulator sends pings over a real WebSocket, in one process with the server, and the CPU time of the
process for each is compared: with controls and page, without, and with a program that reads the log's events meanwhile.
The page is opened in Chromium, and its own clock measures when the list of 1,000 connections is shown.
"""

from __future__ import annotations

import functools
import shutil
import statistics
from collections.abc import Callable, Mapping, Sequence

from .new_process import new_processes
from .process import LeftOutError
from .row import Row
from .run import Run, interleave

__all__ = ["measure", "rows_of"]

WITHOUT, UNWATCHED, WATCHED, PAGE = "no page", "unwatched", "watched", "1,000 connections"
PINGS, QUICK_PINGS = 6_000, 2_000
ROUNDS, QUICK_ROUNDS = 7, 5

_PINGS = """
import sys, time, trio
from trio_websocket import open_websocket_url
from cometconn.emulator import open_emulator

async def read(port):
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(b"GET /control/events HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
        while await stream.receive_some():
            pass

async def main(mode, count):
    async with open_emulator(control=mode != "no page") as server, trio.open_nursery() as nursery:
        if mode == "watched":
            nursery.start_soon(read, server.port)
        async with open_websocket_url(server.endpoints.socket_url) as socket:
            for number in range(-count // 4, count):
                if number == 0:
                    began = time.process_time()
                await socket.send_message('{"action":"ping"}')
                await socket.get_message()
            print((time.process_time() - began) / count)
        nursery.cancel_scope.cancel()

trio.run(main, sys.argv[1], int(sys.argv[2]))
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
        takes: dict[str, Callable[[], float]] = {
            mode: functools.partial(_seconds, start, _PINGS, mode, str(count)) for mode in (WITHOUT, UNWATCHED, WATCHED)
        }
        takes[PAGE] = functools.partial(_page, start)
        return rows_of(interleave(run, rounds, takes))


def rows_of(taken: Mapping[str, Sequence[float]]) -> list[Row]:
    """Return the rows of what was measured, in seconds."""
    rows = []
    for mode, goal in ((UNWATCHED, "<= 1.05"), (WATCHED, None)):
        times = " / ".join(f"{statistics.median(taken[name]) * 1e6:.0f}" for name in (mode, WITHOUT))
        rows.append(Row.of("console", f"{mode}: {times} us of CPU a ping", WITHOUT, taken[mode], taken[WITHOUT], goal))
    if PAGE in taken:
        seconds = taken[PAGE]
        case = f"a page shows {PAGE} after {statistics.median(seconds):.2f} s"
        rows.append(Row.of("console", case, "1 s", seconds, [1.0] * len(seconds), "<= 1"))
    return rows


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
