"""The background service's recipe, as systemd would run it."""

from __future__ import annotations

import pathlib
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from cometconn.emulator import Emulator, Kind, open_emulator

from ..appstate.fake_logind import needs_daemon, open_daemon, open_logind
from ..appstate.stand_in import StandIn
from ..cli.child import Child, running
from .maintenance import follow_file

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "how-to" / "background-service.md"


def closes(server: Emulator) -> list[int]:
    """The codes of all close frames that came."""
    return [entry.detail["code"] for entry in server.log.of(Kind.CLOSE_IN)]


@asynccontextmanager
async def example(name: str, server: Emulator, folder: pathlib.Path, bus: str) -> AsyncGenerator[Child, None]:
    """Run an example against *server*, in a folder of its own, with its key where systemd would put it."""
    script = folder / name
    script.write_text((HERE / name).read_text(encoding="utf-8").replace("http://127.0.0.1:9000", server.url))
    (folder / "auth-key").write_text("KEY\n")
    command = ("sh", "-c", f'cd "{folder}" && exec "{sys.executable}" "{script}"')
    environment = {"CREDENTIALS_DIRECTORY": str(folder), "DBUS_SYSTEM_BUS_ADDRESS": bus}
    async with running(command=command, **environment) as child:
        await server.wait_connected("amy-2")
        yield child


@needs_daemon
async def test_it_sleeps_wakes_and_stops_with_the_machine(tmp_path: pathlib.Path) -> None:
    """The connection is closed before the machine sleeps, and missed messages come afterwards; SIGTERM closes it with status 0."""
    with trio.fail_after(120):
        async with open_daemon(tmp_path) as bus, open_logind(bus) as logind, open_emulator() as server:
            async with example("service.py", server, tmp_path, bus) as child:
                server.say("zed-1", "good night", receiver="amy-2")
                assert await child.line() == "Zed 1: good night"
                lock = await logind.lock()
                await logind.prepare_for_sleep(True)
                await lock.released()
                assert closes(server) == [1000]
                server.say("zed-1", "are you asleep?", receiver="amy-2")
                await logind.prepare_for_sleep(False)
                assert await child.line() == "Zed 1: are you asleep?"
                assert await child.stop(signal.SIGTERM) == 0
            assert child.errors == b""
            assert closes(server) == [1000, 1000]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_runs_without_logind(tmp_path: pathlib.Path, number: signal.Signals) -> None:
    """In a container there is no bus: one warning, and it is connected all the same."""
    with trio.fail_after(120):
        async with open_emulator() as server:
            async with example("service.py", server, tmp_path, "unix:path=nowhere") as child:
                assert await child.stop(number) == 0
            (warning,) = child.errors.decode().splitlines()
            assert warning.startswith("systemd-logind cannot be followed: no bus at ")
            assert closes(server) == [1000]


async def test_pings_keep_it_alive(tmp_path: pathlib.Path) -> None:
    """CometChat's way: in the background at once, and the first ping with it."""
    with trio.fail_after(120):
        async with open_emulator() as server:
            async with example("kept_alive.py", server, tmp_path, "") as child:
                await server.log.wait_for(
                    lambda entry: entry.kind is Kind.FRAME_IN and entry.detail["frame"].get("action") == "ping"
                )
                server.say("zed-1", "hello", receiver="amy-2")
                assert await child.line() == "Zed 1: hello"
                await child.stop(signal.SIGINT)


class Switch:
    """A file that is there or not, without a disk: virtual time would not wait for one."""

    there = False

    async def exists(self) -> bool:
        """Return the value that the test has set."""
        await trio.lowlevel.checkpoint()
        return self.there


async def test_a_source_of_ones_own(autojump_clock: trio.testing.MockClock) -> None:
    """Away while the file is there; back when it goes, and when the source is cancelled."""
    chat, path = StandIn(), Switch()
    async with trio.open_nursery() as nursery:
        await nursery.start(follow_file, chat, path)
        path.there = True
        await chat.until("background")
        path.there = False
        await chat.until("foreground")
        path.there = True
        await chat.until("background")
        nursery.cancel_scope.cancel()
    assert chat.calls == ["foreground"]


def test_the_page_shows_these_files() -> None:
    """What the how-to includes is what is run here."""
    page = PAGE.read_text(encoding="utf-8")
    for name in ("service.py", "kept_alive.py", "maintenance.py"):
        assert f"{{literalinclude}} ../../tests/examples/{name}\n" in page
