"""A real Ctrl-C: SIGINT to a child process that uses the library."""

from __future__ import annotations

import pathlib
import signal
import sys

import pytest
import trio

from cometconn.emulator import Kind, open_emulator

from ..cli.child import running

PROGRAM = str(pathlib.Path(__file__).with_name("ctrl_c_program.py"))
CLOSE_BUDGET, SLACK = 2.0, 15.0


@pytest.mark.parametrize("act", ["connecting", "idle", "closing"])
async def test_sigint_ends_it_cleanly(act: str) -> None:
    """While connecting, idle or closing, SIGINT raises a KeyboardInterrupt in no group, in time, and no socket stays open."""
    async with open_emulator() as server:
        if act == "connecting":
            server.set(upgrade="hang")
        async with running(server.url, act, command=(sys.executable, "-W", "error", PROGRAM)) as child:
            if act == "closing":
                assert await child.line() == "connected"
                server.drop("zed-1", "silent")  # no reply to the close frame, so closing takes all of close_timeout
                child.process.send_signal(signal.SIGUSR1)
            assert await child.line() == "ready"
            await server.log.wait_for(lambda entry: entry.kind is (Kind.CONNECT if act == "connecting" else Kind.AUTH))
            with trio.fail_after(CLOSE_BUDGET + SLACK):
                assert await child.stop(signal.SIGINT) == 0, child.errors.decode()
                await server.log.wait_for(lambda entry: entry.kind is Kind.GONE)
        assert child.errors == b""
        if act == "idle":
            assert [entry.detail["code"] for entry in server.log.of(Kind.CLOSE_IN)] == [1000]
        assert not server.world.devices()
