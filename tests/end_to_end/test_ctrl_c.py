"""A real Ctrl-C: SIGINT to a child process that uses the library."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys

import pytest
import trio

from cometconn.emulator import Emulator, Kind, open_emulator

PROGRAM = pathlib.Path(__file__).with_name("ctrl_c_program.py")
CLOSE_BUDGET, SLACK = 2.0, 5.0


async def _start(nursery: trio.Nursery, server: Emulator, act: str) -> tuple[trio.Process, list[bytes]]:
    errors: list[bytes] = []
    process = await trio.lowlevel.open_process(
        [sys.executable, "-W", "error", str(PROGRAM), server.url, act],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )

    async def read() -> None:
        assert process.stderr is not None
        async for chunk in process.stderr:
            errors.append(chunk)

    nursery.start_soon(read)
    return process, errors


@pytest.mark.parametrize("act", ["connecting", "idle", "closing"])
async def test_sigint_ends_it_cleanly(act: str) -> None:
    """While connecting, idle, or saying goodbye: KeyboardInterrupt alone comes out, in time, and no socket is left."""
    with trio.fail_after(60):
        async with open_emulator() as server, trio.open_nursery() as nursery:
            if act == "connecting":
                server.set(upgrade="hang")
            process, errors = await _start(nursery, server, act)
            assert process.stdout is not None
            assert process.stdin is not None
            if act == "closing":
                assert await process.stdout.receive_some() == b"connected\n"
                server.drop("zed-1", "silent")  # nobody answers the goodbye, so it takes its whole budget
                await process.stdin.send_all(b"\n")
            assert await process.stdout.receive_some() == b"ready\n"
            await server.log.wait_for(lambda entry: entry.kind is (Kind.CONNECT if act == "connecting" else Kind.AUTH))
            process.send_signal(signal.SIGINT)
            with trio.fail_after(CLOSE_BUDGET + SLACK):
                assert await process.wait() == 0, b"".join(errors).decode()
                await server.log.wait_for(lambda entry: entry.kind is Kind.GONE)
            assert b"".join(errors) == b""
            if act == "idle":
                assert [entry.detail["code"] for entry in server.log.of(Kind.CLOSE_IN)] == [1000]
            assert not server.world.devices()
