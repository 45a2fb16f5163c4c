"""Ctrl-C while a new process gets its first client."""

from __future__ import annotations

import sys

import pytest

from tests.cold_start.sweep import KINDS, start, sweep

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="os.fork, and SIGINT as POSIX has it")
INTERRUPTS = {"in_loop": 12, "before_loop": 12, "from_nothing": 4}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", INTERRUPTS)
def test_ctrl_c_rises_at_any_moment_of_a_cold_start(way: str, kind: str) -> None:
    """Ctrl-C at any moment raises a bare `KeyboardInterrupt`, and what is imported by then serves the next start."""
    events = start(way, kind, [])["events"]
    risen, wrong = sweep(way, kind, events, seed=0, interrupts=INTERRUPTS[way])
    assert wrong == []
    assert risen
