"""What a program prints that does not handle the error of a server that is down."""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from trio.testing import MockClock

from cometconn import CometChat
from cometconn.errors import CometConnError
from tests.connection.harness import open_pair

PROGRAM = """
import cometconn
import trio
from cometconn import AppSettings, Endpoints, MemoryStore
from cometconn.emulator import open_emulator
from cometconn.errors import CometConnError

async def main():
    async with open_emulator() as server:
        url = server.endpoints.admin_url
        endpoints = Endpoints(admin_url=url, client_url=url, socket_url="ws://localhost:9")
        async with cometconn.open_client("APP", AppSettings(), endpoints=endpoints, store=MemoryStore()) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            await chat.connect()

trio.run(main)
"""


def test_the_program_ends_with_the_reason() -> None:
    """It prints its own lines and the cause in at most 25 lines, no exception group, and at last the reason."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=120)
    warning, *lines = done.stderr.splitlines()
    assert warning.startswith("The client of 'zed-1' has been without a connection for")
    assert lines[0].startswith("ConnectionRefusedError: [Errno")
    assert lines[-1].endswith(
        "ConnectError: Could not connect: ws://localhost:9 cannot be reached: Connection refused."
    )
    assert "Group" not in done.stderr
    assert len(lines) <= 25


CALLS: dict[str, Callable[[CometChat], Any]] = {
    "login": lambda chat: chat.login(uid="amy-2", auth_key="KEY"),
    "logout": lambda chat: chat.logout(),
    "send_text": lambda chat: chat.send_text("amy-2", "hello"),
    "connect": lambda chat: chat.connect(),
}


@pytest.mark.parametrize("call", CALLS)
async def test_the_traceback_has_few_lines(call: str, autojump_clock: MockClock) -> None:
    """Below the program's own lines are at most two of the library, and the cause has none."""
    async with open_pair(manual=True) as pair:
        pair.server.dialling = "refuse"
        with pytest.raises(CometConnError) as caught:
            await CALLS[call](pair.chat)
    assert len(traceback.extract_tb(caught.value.__traceback__)) <= 3
    cause = caught.value.__cause__
    while cause is not None:
        assert isinstance(cause, OSError)
        assert cause.__traceback__ is None
        cause = cause.__cause__
