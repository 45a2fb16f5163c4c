"""Ctrl-C belongs to the asyncio program: real signals to programs of their own."""

from __future__ import annotations

import contextlib
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from .harness import BOUND, Server

PROGRAM = str(pathlib.Path(__file__).with_name("interrupted_program.py"))


@contextlib.contextmanager
def running_program(server: Server, library: str, how: str) -> Iterator[subprocess.Popen[str]]:
    """Start the program, and kill it at the end if it still runs."""
    if library == "uvloop":
        pytest.importorskip("uvloop", reason="uvloop is not installed")
    command = [sys.executable, "-W", "error", PROGRAM, server.url, library, how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        try:
            yield program
        finally:
            program.kill()


@pytest.mark.parametrize("library", ["asyncio", "uvloop"])
@pytest.mark.parametrize("how", ["run", "until_complete"])
def test_sigint_ends_it_cleanly(server: Server, library: str, how: str) -> None:
    """A KeyboardInterrupt comes out, in no group; the client is left and its socket is closed."""
    with running_program(server, library, how) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        program.send_signal(signal.SIGINT)
        _, errors = program.communicate(timeout=BOUND)
    assert (program.returncode, errors) == (3, "")
    server.wait_gone("zed-1")


def test_interrupts_at_random_moments_do_no_harm(server: Server) -> None:
    """With Python's own handler, none is lost and none ends Trio half-way, although many come while it runs."""
    with running_program(server, "asyncio", "many") as program:
        output, errors = program.communicate(timeout=BOUND * 2)
    assert (program.returncode, errors, output) == (0, "", "caught 60 of 60\n")
