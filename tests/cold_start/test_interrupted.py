"""Ctrl-C while a new process gets its first client."""

from __future__ import annotations

import sys

import pytest

from .sweep import start, sweep

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="os.fork, and SIGINT as POSIX has it")
INTERRUPTS = {"in_loop": 20, "before_loop": 20, "from_nothing": 8}


@pytest.mark.parametrize("way", INTERRUPTS)
def test_ctrl_c_rises_at_any_moment_of_a_cold_start(way: str) -> None:
    """As a bare `KeyboardInterrupt`, wherever it comes, and what is imported by then serves the next start."""
    events = start(way, [])["events"]
    risen, wrong = sweep(way, events, seed=events, interrupts=INTERRUPTS[way])
    assert wrong == []
    assert risen
