"""Ctrl-Z, `fg` and `bg`: real signals to child processes that stop, and to this process with a handler that records them."""

from __future__ import annotations

import os
import pathlib
import pty
import shutil
import signal
import sys
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio
import trio.testing

from cometconn import AppState
from cometconn.appstate import follow_job_control
from cometconn.emulator import Emulator, Kind, open_emulator
from cometconn.errors import AppStateError

from ..cli.child import Child, running
from .stand_in import StandIn

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

HERE = pathlib.Path(__file__).parent
PROMPT = "what next? "
PROGRAM = (sys.executable, "-W", "error", str(HERE / "stopped_by_shell.py"))
PATIENCE = 2.0


async def stopped_by(child: Child) -> int:
    """Wait until the system has stopped the child; return the signal that did it."""
    result = await trio.to_thread.run_sync(os.waitid, os.P_PID, child.process.pid, os.WSTOPPED, abandon_on_cancel=True)
    assert result is not None
    return result.si_status


def was_stopped(child: Child) -> bool:
    """Return whether it has been stopped since the last call, without waiting."""
    return os.waitid(os.P_PID, child.process.pid, os.WSTOPPED | os.WNOHANG) is not None


def closes(server: Emulator, since: int) -> list[int]:
    """Return the codes of the close frames that the server received."""
    return [entry.detail["code"] for entry in server.log.of(Kind.CLOSE_IN, since=since)]


@asynccontextmanager
async def connected(server: Emulator, *special: str) -> AsyncGenerator[Child, None]:
    """Run a child that is connected and follows job control."""
    async with running(server.url, *special, command=PROGRAM) as child:
        assert await child.line() == "Connected foreground"
        yield child
        assert child.process.poll() is None, child.errors.decode()
        assert await child.stop(signal.SIGINT) == 130
        assert child.errors == b""


async def test_the_connection_is_closed_before_the_process_stops() -> None:
    """Three times: SIGTSTP closes the connection with 1000 and then stops the process, SIGCONT connects it again."""
    with trio.fail_after(120):
        async with open_emulator() as server, connected(server, "group") as child:
            for _round in range(3):
                since = server.log.position
                child.process.send_signal(signal.SIGTSTP)
                assert await stopped_by(child) == signal.SIGTSTP
                assert closes(server, since) == [1000]
                await server.wait_gone("zed-1")  # a stopped process closes nothing, so the socket was closed before
                child.process.send_signal(signal.SIGCONT)
                await server.wait_connected("zed-1")
                assert await child.line() == "Disconnected IN_BACKGROUND background"
                assert await child.line() == "Connecting foreground"
                assert await child.line() == "Connected foreground"


async def killed(process: trio.Process) -> None:
    """Kill a shell, which ignores SIGTERM."""
    process.kill()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
async def test_in_a_real_shell_on_a_real_terminal() -> None:
    """After Ctrl-Z the shell prints Stopped; `bg` connects it again, and `fg` after another Ctrl-Z does, too; Ctrl-C ends it."""
    terminal, shells_end = pty.openpty()
    command = (sys.executable, str(HERE / "shell_on_terminal.py"))
    ends: dict[str, Any] = {"stdin": shells_end, "stdout": shells_end, "stderr": shells_end}
    with trio.fail_after(120):
        async with (
            open_emulator() as server,
            trio.lowlevel.FdStream(terminal) as keyboard,
            trio.open_nursery() as nursery,
        ):
            process = await nursery.start(
                partial(
                    trio.run_process,
                    command,
                    **ends,
                    env=os.environ | {"TERM": "dumb", "PS1": PROMPT},
                    check=False,
                    deliver_cancel=killed,
                )
            )
            os.close(shells_end)
            shell = Screen(keyboard)
            await shell.shows(PROMPT)
            await shell.type(f"{' '.join(PROGRAM)} {server.url}\n")
            await shell.shows("Connected foreground")
            for comeback in ("bg", "fg"):
                await shell.type("\x1a")
                await shell.shows("Stopped")
                await shell.shows(PROMPT)  # what is typed while the shell takes its terminal back may be lost
                assert closes(server, 0)[-1] == 1000
                await server.wait_gone("zed-1")  # a stopped process closes nothing, so the socket was closed before
                await shell.type(f"{comeback}\n")
                await shell.shows("Connected foreground")
                if comeback == "bg":
                    await shell.shows(PROMPT)
                    await shell.type("fg\n")
                    while os.tcgetpgrp(terminal) == process.pid:  # until the job owns the terminal
                        await trio.sleep(0.01)
            await shell.type("\x03")
            await server.wait_gone("zed-1")
            await shell.shows(PROMPT)
            await shell.type("echo $?\n")
            await shell.shows("130")
            await shell.shows(PROMPT)
            await shell.type("exit\n")
            await process.wait()


@attrs.define(eq=False)
class Screen:
    """What a terminal shows, and its keyboard."""

    stream: trio.lowlevel.FdStream
    text: str = ""

    async def type(self, keys: str) -> None:
        """Type *keys*."""
        self.text = ""
        await self.stream.send_all(keys.encode())

    async def shows(self, words: str) -> None:
        """Wait until *words* have been shown since the last key."""
        while words not in self.text:
            self.text += (await self.stream.receive_some()).decode()


async def test_a_silent_server_delays_the_stop_for_at_most_the_patience() -> None:
    """The server does not reply to the close frame, and the process stops all the same."""
    with trio.fail_after(120):
        async with open_emulator() as server, connected(server, "group") as child:
            server.drop("zed-1", "silent")
            with trio.fail_after(PATIENCE + 3):
                child.process.send_signal(signal.SIGTSTP)
                assert await stopped_by(child) == signal.SIGTSTP
            child.process.send_signal(signal.SIGCONT)
            await server.wait_connected("zed-1")


async def test_a_continue_during_the_closing_handshake_cancels_the_stop() -> None:
    """SIGTSTP, then SIGCONT before the server has replied: the process never stops, and connects again."""
    with trio.fail_after(120):
        async with open_emulator() as server, connected(server, "group") as child:
            server.drop("zed-1", "silent")
            child.process.send_signal(signal.SIGTSTP)
            assert await child.line() == "Disconnected IN_BACKGROUND background"
            child.process.send_signal(signal.SIGCONT)
            assert await child.line() == "Connecting foreground"
            assert await child.line() == "Connected foreground"
            assert not was_stopped(child)


async def test_in_an_orphaned_group_it_comes_back_at_once() -> None:
    """The kernel ignores SIGTSTP there, and no SIGCONT ever comes: the app is in the foreground again."""
    with trio.fail_after(120):
        async with open_emulator() as server, connected(server, "session") as child:
            since = server.log.position
            child.process.send_signal(signal.SIGTSTP)
            assert await child.line() == "Disconnected IN_BACKGROUND background"
            assert await child.line() == "Connecting foreground"
            assert await child.line() == "Connected foreground"
            assert closes(server, since) == [1000]
            assert not was_stopped(child)


async def test_an_ignored_signal_stays_ignored() -> None:
    """In a job of a shell without job control, SIGTSTP changes nothing."""
    with trio.fail_after(120):
        async with open_emulator() as server, connected(server, "group", "ignored") as child:
            since = server.log.position
            child.process.send_signal(signal.SIGTSTP)
            server.drop("zed-1", "reset")
            lines = [await child.line() for _change in range(3)]  # the signal came before all of them
            assert lines == ["Waiting foreground", "Connecting foreground", "Connected foreground"]
            assert closes(server, since) == []
            assert not was_stopped(child)
            await server.wait_connected("zed-1")


async def test_in_manual_mode_the_socket_stays_and_the_stop_is_immediate() -> None:
    """The lease lasts for its 30 s: there is nothing to wait for, and the socket is the same afterwards."""
    with trio.fail_after(120):
        async with open_emulator() as server, connected(server, "group", "manual") as child:
            since = server.log.position
            child.process.send_signal(signal.SIGTSTP)
            assert await stopped_by(child) == signal.SIGTSTP
            child.process.send_signal(signal.SIGCONT)
            server.drop("zed-1", "reset")
            assert (await child.line()).endswith("foreground")
            assert closes(server, since) == []


# In this process: a previous handler stands for the kernel, which would stop the process.


@pytest.fixture
def stops() -> Iterator[list[int]]:
    """The signals that would have stopped the process."""
    seen: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTSTP, signal.SIGCONT)}
    signal.signal(signal.SIGTSTP, lambda number, _: seen.append(number))
    yield seen
    for number, handler in before.items():
        signal.signal(number, handler)


async def test_one_stop_however_often_the_key_is_pressed(stops: list[int]) -> None:
    """Ctrl-Z during the closing handshake stops the process only once; the app returns even without a SIGCONT."""
    chat = StandIn()
    async with trio.open_nursery() as nursery:
        await nursery.start(follow_job_control, chat)
        signal.raise_signal(signal.SIGTSTP)
        await chat.until("background", "wait_closed")
        signal.raise_signal(signal.SIGTSTP)
        await trio.testing.wait_all_tasks_blocked()
        assert stops == []
        chat.closed.set()
        await chat.until("foreground", "retry")
        await trio.testing.wait_all_tasks_blocked()
        assert stops == [signal.SIGTSTP]
        signal.raise_signal(signal.SIGTSTP)
        chat.calls.clear()
        await chat.until("background", "wait_closed", "foreground", "retry")
        assert stops == [signal.SIGTSTP] * 2
        nursery.cancel_scope.cancel()


async def stop_with(raised: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for a stop, and raise these signals in place of the one that stops the process."""
    chat = StandIn()
    chat.closed.set()
    async with trio.open_nursery() as nursery:
        await nursery.start(follow_job_control, chat)
        raise_signal = signal.raise_signal
        raise_signal(signal.SIGTSTP)
        monkeypatch.setattr(signal, "raise_signal", lambda _: [raise_signal(number) for number in raised])
        await chat.until("background", "wait_closed", "foreground", "retry")
        nursery.cancel_scope.cancel()
    assert signal.SIGTSTP not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


async def test_a_continue_at_the_moment_of_the_stop_cancels_it(
    stops: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No SIGCONT is missed between the last check and the stop."""
    await stop_with([signal.SIGTSTP, signal.SIGCONT], monkeypatch)
    assert stops == []


async def test_a_stop_at_the_moment_of_the_stop_is_merged_with_it(
    stops: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two Ctrl-Z at once do not need two `fg`."""
    await stop_with([signal.SIGTSTP, signal.SIGTSTP], monkeypatch)
    assert stops == [signal.SIGTSTP]


async def test_a_continue_without_a_stop_retries_now(stops: list[int]) -> None:
    """After kill -STOP and -CONT a waiting retry is made; the app state stays as it is."""
    chat = StandIn(app_state=AppState.BACKGROUND)
    async with trio.open_nursery() as nursery:
        await nursery.start(follow_job_control, chat)
        signal.raise_signal(signal.SIGCONT)
        await chat.until("retry")
        assert chat.app_state is AppState.BACKGROUND
        nursery.cancel_scope.cancel()
    assert chat.calls == []


async def test_a_cancel_restores_everything(stops: list[int]) -> None:
    """The previous dispositions and the foreground; the interrupted Ctrl-Z stops the process."""
    before = [signal.getsignal(number) for number in (signal.SIGTSTP, signal.SIGCONT)]
    chat = StandIn()
    async with trio.open_nursery() as nursery:
        await nursery.start(follow_job_control, chat)
        assert [signal.getsignal(number) for number in (signal.SIGTSTP, signal.SIGCONT)] != before
        signal.raise_signal(signal.SIGTSTP)
        await chat.until("background", "wait_closed")
        nursery.cancel_scope.cancel()
    assert [signal.getsignal(number) for number in (signal.SIGTSTP, signal.SIGCONT)] == before
    assert stops == [signal.SIGTSTP]
    assert chat.calls == ["foreground"]


async def test_without_job_control_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no SIGTSTP."""
    monkeypatch.delattr(signal, "SIGTSTP")
    with pytest.raises(AppStateError, match="no job control"):
        await follow_job_control(StandIn())


async def test_it_needs_the_main_thread() -> None:
    """In another thread Python refuses to set signal handlers; nothing has been changed."""
    with pytest.raises(ValueError, match="main thread"):
        await trio.to_thread.run_sync(trio.run, follow_job_control, StandIn())
