"""The desktop recipe: under a loop written here, always, and under Qt, where it is installed."""

from __future__ import annotations

import functools
import pathlib
import queue
import subprocess
import sys
from typing import Any

import pytest
import trio

from cometconn.emulator import Emulator, Kind, open_emulator

from ..cli.child import Child, environ
from . import guest_chat

HERE = pathlib.Path(__file__).parent


def closes(server: Emulator) -> list[int]:
    """The codes of all close frames that came."""
    return [entry.detail["code"] for entry in server.log.of(Kind.CLOSE_IN)]


class Loop:
    """What the event loop of any toolkit comes to: functions are posted, and called one by one in its own thread."""

    def __init__(self) -> None:
        self.posted: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.outcome: Any = None
        self.texts: list[str] = []
        self.chat = guest_chat.GuestChat(self.posted.put, self.texts.append, self.end)

    def end(self, outcome: Any) -> None:
        """Stop the loop."""
        self.outcome = outcome

    def run(self) -> None:
        """Be the program's main loop."""
        self.chat.start()
        while self.outcome is None:
            self.posted.get(timeout=20)()


@pytest.fixture
def home(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A folder of one's own for the saved session."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


async def test_as_the_guest_of_any_loop(home: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hidden, it disconnects with a close frame; visible, it shows messages; left, it sends a close frame and the loop ends."""
    with trio.fail_after(30):
        async with open_emulator() as server, trio.open_nursery() as nursery:
            monkeypatch.setattr(guest_chat, "SERVER", server.url)
            loop = Loop()
            nursery.start_soon(functools.partial(trio.to_thread.run_sync, loop.run, abandon_on_cancel=True))
            await server.wait_connected("amy-2")
            loop.posted.put(lambda: loop.chat.in_sight(False))
            await server.log.wait_for(lambda entry: entry.kind is Kind.CLOSE_IN)
            await server.wait_gone("amy-2")
            loop.posted.put(lambda: loop.chat.in_sight(True))
            await server.wait_connected("amy-2")
            server.say("zed-1", "hello", receiver="amy-2")
            while loop.texts != ["Zed 1: hello"]:
                await trio.sleep(0.001)
            loop.posted.put(loop.chat.leave)
            await server.wait_gone("amy-2")
        assert closes(server) == [1000, 1000]
        loop.outcome.unwrap()


def test_an_error_ends_the_loop(home: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a server the outcome is the error. Calls made before Trio has started are kept, calls after its end do nothing."""
    monkeypatch.setattr(guest_chat, "SERVER", "http://127.0.0.1:1")
    loop = Loop()
    loop.chat.in_sight(False)
    loop.run()
    with pytest.raises(Exception, match="Connection refused"):
        loop.outcome.unwrap()


@functools.cache
def has_qt() -> bool:
    """Return whether Qt can be imported, with all the libraries that it needs."""
    done = subprocess.run([sys.executable, "-c", "import PySide6.QtWidgets"], capture_output=True, check=False)
    return done.returncode == 0


async def test_under_qt(tmp_path: pathlib.Path) -> None:
    """In a real window: minimised or hidden it is disconnected, restored it shows messages, closed it sends a close frame and ends."""
    if not has_qt():
        pytest.skip("PySide6-Essentials is not installed")
    command = [sys.executable, str(HERE / "driven_qt.py")]
    home = {"XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    with trio.fail_after(60):
        async with open_emulator() as server, trio.open_nursery() as nursery:
            process: trio.Process = await nursery.start(
                functools.partial(
                    trio.run_process,
                    [*command, server.url],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    check=False,
                    env=environ(QT_QPA_PLATFORM="offscreen", **home),
                )
            )
            assert process.stdin is not None
            child = Child(process)
            nursery.start_soon(child.read_errors)
            for rounds, away in enumerate(("minimise", "hide"), 1):
                await server.wait_connected("amy-2")
                await process.stdin.send_all(f"{away}\n".encode())
                await server.wait_gone("amy-2")
                assert closes(server) == [1000] * rounds
                await process.stdin.send_all(b"restore\n")
            await server.wait_connected("amy-2")
            server.say("zed-1", "hello", receiver="amy-2")
            shown = "[]"
            while shown == "[]":
                await process.stdin.send_all(b"show\n")
                shown = await child.line()
            assert shown == "['Zed 1: hello']"
            await process.stdin.send_all(b"close\n")
            assert await process.wait() == 0, child.errors.decode()
        assert closes(server) == [1000] * 3
        assert b"Traceback" not in child.errors


def test_the_page_shows_these_files() -> None:
    """The how-to includes the two files whole, and names no other."""
    page = (HERE.parents[1] / "docs" / "how-to" / "desktop.md").read_text(encoding="utf-8")
    for name in ("guest_chat.py", "desktop_qt.py"):
        assert f"{{literalinclude}} ../../tests/examples/{name}\n" in page
