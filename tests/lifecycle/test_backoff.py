"""Retry delays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cometconn._lifecycle.backoff import RESTART_WINDOW, RETRY_AFTER_LIMIT, may_cut_short, retry_delay


@pytest.mark.parametrize(
    ("retry", "window"), [(0, 2.0), (1, 4.0), (2, 8.0), (3, 16.0), (4, 30.0), (5, 30.0), (9999, 30.0)]
)
def test_window_doubles_up_to_the_cap(retry: int, window: float) -> None:
    """Retry n waits at most base * 2**n, and never longer than the cap."""
    assert retry_delay(retry, 1.0, base=2.0, cap=30.0) == window
    assert retry_delay(retry, 0.5, base=2.0, cap=30.0) == window / 2
    assert retry_delay(retry, 0.0, base=2.0, cap=30.0) == 0.0


@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0, 1e9), st.floats(1e-9, 1e9))
def test_delay_stays_in_its_window(retry: int, jitter: float, base: float, cap: float) -> None:
    """No setting makes a delay negative, infinite or longer than the cap."""
    assert 0.0 <= retry_delay(retry, jitter, base=base, cap=cap) <= cap


def test_announced_restart_has_its_own_window() -> None:
    """After 1001, 1012 or 1013 the window is 8 s, whatever the retry's number and the cap."""
    assert retry_delay(0, 1.0, base=2.0, cap=30.0, restarting=True) == RESTART_WINDOW
    assert retry_delay(7, 0.5, base=2.0, cap=3.0, restarting=True) == RESTART_WINDOW / 2


def test_retry_after_is_a_floor_with_a_limit() -> None:
    """The delay of Retry-After is waited for, even beyond the cap, but at most five minutes."""
    assert retry_delay(0, 0.0, base=2.0, cap=30.0, retry_after=90.0) == 90.0
    assert retry_delay(0, 0.0, base=2.0, cap=30.0, retry_after=9000.0) == RETRY_AFTER_LIMIT
    assert retry_delay(4, 1.0, base=2.0, cap=30.0, retry_after=1.0) == 30.0


def test_shortcuts_are_limited() -> None:
    """A wait is cut short once a second at most, and not before the server allows it."""
    assert may_cut_short(10.0, not_before=-1.0, last_shortcut=9.0)
    assert not may_cut_short(10.0, not_before=-1.0, last_shortcut=9.001)
    assert not may_cut_short(10.0, not_before=10.001, last_shortcut=-1.0)
    assert may_cut_short(10.0, not_before=10.0, last_shortcut=-1.0)
