"""Ctrl-C during any call of any command, imports included: status 130, and no traceback."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys

import pytest

from .child import environ

PROGRAM = str(pathlib.Path(__file__).with_name("struck_command.py"))
# Negative steps count only calls in Trio's tasks. `nox -s interrupts` strikes every command at each of many steps, as
# this variable tells; by default, each command is struck at three of eight steps, because a process takes two seconds.
MORE = int(os.environ.get("COMETCONN_TEST_STRIKES", "0"))
STEPS = (1, 100_000, 250_000, *(-round(5000 ** (number / (MORE or 5))) for number in range(MORE or 5)))
COMMANDS = {
    "timeline": ("timeline", "/nonexistent", "-o", "/nonexistent"),  # the first three steps: it has no tasks
    "listen": ("listen", "--uid", "zed-1"),
    "send": ("send", "amy-2", "hello", "--uid", "zed-1"),
    "doctor": ("doctor", "--uid", "zed-1"),
    "demo": ("demo",),
}
STRIKES = [
    (name, step)
    for place, name in enumerate(COMMANDS)
    for number, step in enumerate(STEPS)
    if MORE or (number - 3 * place) % len(STEPS) < 3
]


def _run(step: int, name: str, url: str, folder: pathlib.Path) -> subprocess.CompletedProcess[str]:
    words = [*COMMANDS[name]]
    if name not in {"demo", "timeline"}:
        words += ["--app-id", "APP", "--endpoint", url, "--session", str(folder / "session.json")]
    return subprocess.run(
        [sys.executable, PROGRAM, str(step), *words],
        env=environ(COMETCONN_AUTH_KEY="KEY"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(("name", "step"), STRIKES)
def test_at_any_step(name: str, step: int, tmp_path: pathlib.Path) -> None:
    """With a server that never replies, Ctrl-C at any step ends each command with status 130 and without a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = _run(step, name, f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path)
    if "struck" in done.stderr:
        assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert "xception" not in done.stderr
