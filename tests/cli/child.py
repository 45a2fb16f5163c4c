"""The command as users run it: a child process."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

COMMAND = (sys.executable, "-m", "cometconn")


def environ(**variables: str) -> dict[str, str]:
    """Return the environment for a child, without the COMETCONN_ variables of the developer."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COMETCONN_")}
    return inherited | variables


@attrs.define(eq=False)
class Child:
    """A running `cometconn` command."""

    process: trio.Process
    _out: bytes = b""
    errors: bytes = b""
    _received: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)
    _read_all: trio.Event = attrs.field(factory=trio.Event)

    async def line(self) -> str:
        """Return its next line."""
        assert self.process.stdout is not None
        while b"\n" not in self._out:
            chunk = await self.process.stdout.receive_some()
            assert chunk, f"it ended: {self.errors.decode()}"
            self._out += chunk
        first, _, self._out = self._out.partition(b"\n")
        return first.decode()

    async def read_errors(self) -> None:
        """Collect its standard error."""
        assert self.process.stderr is not None
        async for chunk in self.process.stderr:
            self.errors += chunk
            self._received.unpark_all()
        self._read_all.set()

    async def wait_for_error_text(self, words: str) -> None:
        """Wait until *words* are on its standard error."""
        while words not in self.errors.decode():
            await self._received.park()

    async def stop(self, number: signal.Signals) -> int:
        """Send a signal and return the exit status, when `errors` is complete."""
        self.process.send_signal(number)
        return await self.wait()

    async def wait(self) -> int:
        """Return the exit status, when `errors` is complete: a process can be gone before its last lines are read."""
        await self._read_all.wait()
        return await self.process.wait()


@asynccontextmanager
async def running(*words: str, command: tuple[str, ...] = COMMAND, **variables: str) -> AsyncGenerator[Child, None]:
    """Run the command, or another one, for as long as the block lasts."""
    with trio.fail_after(120):  # a program starts slowly beside many others
        async with trio.open_nursery() as nursery:
            start = functools.partial(
                trio.run_process,
                (*command, *words),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environ(**variables),
                check=False,
            )
            process: trio.Process = await nursery.start(start)
            child = Child(process)
            nursery.start_soon(child.read_errors)
            try:
                yield child
            finally:
                if process.poll() is None:
                    process.kill()  # not SIGTERM, which a stopped process does not handle


async def run(*words: str, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end."""
    with trio.fail_after(120):  # a program starts slowly beside many others
        return await trio.run_process(
            (*COMMAND, *words),
            capture_stdout=True,
            capture_stderr=True,
            stdin=stdin,
            env=environ(**variables),
            check=False,
        )
