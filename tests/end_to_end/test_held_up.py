"""A client whose process is stopped for longer than `pong_timeout`, while the pong lies in its socket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial

import attrs
import pytest
import trio

from cometconn.emulator import open_emulator
from tests.conformance.servers import ACCEPTED, PONG
from tests.transport.raw_server import raw_server, read_frames, upgrade

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be stopped here")


async def test_a_stopped_process_takes_no_answered_ping_for_silence() -> None:
    """A process stopped after its ping for longer than `pong_timeout` finds the pong: the link stays, and `ping()` returns."""
    pinged, go_on = trio.Event(), trio.Event()

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await stream.receive_some(65536)
        await stream.send_all(ACCEPTED)
        await stream.receive_some(65536)
        pinged.set()
        await go_on.wait()
        await stream.send_all(PONG)
        await read_frames(stream, [])

    with trio.fail_after(120):
        async with open_emulator() as rest, raw_server(script) as url, trio.open_nursery() as nursery:
            command = [
                sys.executable,
                "-m",
                "tests.end_to_end.held_up_program",
                json.dumps(attrs.asdict(rest.endpoints)),
                url,
            ]
            child = await nursery.start(partial(trio.run_process, command, stdout=subprocess.PIPE, check=True))
            await pinged.wait()
            os.kill(child.pid, signal.SIGSTOP)
            go_on.set()
            await trio.sleep(1.5)  # real time must pass for a real process: `pong_timeout`, and half of it
            os.kill(child.pid, signal.SIGCONT)
            said = b""
            while data := await child.stdout.receive_some():
                said += data
    assert said == b"a pong True True\n"
