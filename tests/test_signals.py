"""The tests do not depend on the signals that their parent process ignores or blocks."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
IGNORING = """
import os, signal, sys
for name in ("SIGINT", "SIGQUIT", "SIGTERM", "SIGTSTP", "SIGTTOU", "SIGCHLD"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCONT, signal.SIGINT})
os.execv(sys.executable, [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *sys.argv[1:]])
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


def test_a_child_has_the_signals_of_a_terminals_program() -> None:
    """No signal is ignored or blocked in a process that a test starts, whatever the parent of the tests ignores."""
    code = (
        "import signal; names = 'SIGINT SIGQUIT SIGTERM SIGTSTP SIGTTIN SIGTTOU SIGCONT SIGCHLD'.split();"
        "print([n for n in names if signal.getsignal(getattr(signal, n)) is signal.SIG_IGN],"
        "sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "[] []\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_tests_reset_the_signals_that_their_parent_ignores() -> None:
    """If signals are ignored and blocked, as by `nohup` or in the background of a script, the test above passes."""
    here = f"{pathlib.Path(__file__)}::{test_a_child_has_the_signals_of_a_terminals_program.__name__}"
    done = subprocess.run(
        [sys.executable, "-c", IGNORING, here], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
