"""A process that does not run for a while: real SIGSTOP and SIGCONT to a child."""

from __future__ import annotations

import pathlib
import signal
import sys

import pytest
import trio

from cometconn.emulator import Kind, open_emulator

from ..cli.child import running
from .stopped_program import TIMING

PROGRAM = (sys.executable, "-W", "error", str(pathlib.Path(__file__).with_name("stopped_program.py")))

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGSTOP")


def stopped(pid: int) -> bool:
    """Return whether the system has stopped that process."""
    status = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    return status.rpartition(")")[2].split()[0] == "T"


async def stop(process: trio.Process, seconds: float) -> None:
    """Stop the process for so many seconds. This is a real sleep, as only real time can pass there."""
    process.send_signal(signal.SIGSTOP)
    while not stopped(process.pid):
        await trio.sleep(0.001)
    await trio.sleep(seconds)


async def test_a_stopped_process_keeps_its_connection_and_its_messages() -> None:
    """A process stopped beyond `pong_timeout` with an unanswered ping reads what has arrived first, and keeps its connection."""
    with trio.fail_after(120):
        async with open_emulator() as server, running(server.url, "auto", command=PROGRAM) as child:
            assert await child.line() == "ready"
            server.set(pong=False)
            since = server.log.position
            await server.log.wait_for(lambda entry: entry.kind is Kind.FRAME_IN, since=since)  # a ping, unanswered
            await stop(child.process, 3 * TIMING.pong_timeout)
            server.set(pong=True)
            since = server.log.position
            server.say("amy-2", "while you were stopped", receiver="zed-1")
            await server.log.wait_for(lambda entry: entry.kind is Kind.FRAME_OUT, since=since)  # it lies in the socket
            child.process.send_signal(signal.SIGCONT)
            assert await child.line() == "while you were stopped"
            server.say("amy-2", "and later", receiver="zed-1")
            assert await child.line() == "and later"
            assert len(server.log.of(Kind.CONNECT)) == 1


async def test_a_lease_that_ran_out_while_stopped_is_over_at_once() -> None:
    """Messages that wait in the socket are not read any more; the close frame is sent as soon as the process runs again."""
    with trio.fail_after(120):
        async with open_emulator() as server, running(server.url, "background", command=PROGRAM) as child:
            assert await child.line() == "ready"
            await stop(child.process, 2 * TIMING.background_grace)
            server.say("amy-2", "too late", receiver="zed-1")
            child.process.send_signal(signal.SIGCONT)
            assert await child.line() == "Disconnected BACKGROUND_TIMEOUT"
            closed = await server.log.wait_for(lambda entry: entry.kind is Kind.CLOSE_IN)
            assert closed.detail["code"] == 1000
