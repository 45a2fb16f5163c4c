"""The rate limit as arithmetic: F21 and F23."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cometconn.fleet.gcra import Bucket, Rate


def test_a_burst_then_one_every_interval() -> None:
    """F21: places are reserved one behind the other, and nobody polls."""
    bucket, waits = Bucket(), []
    for _ in range(5):
        bucket, wait = bucket.reserve(100.0, Rate(10, burst=3))
        waits.append(wait)
    assert waits == pytest.approx([0, 0, 0, 0.1, 0.2])


@given(st.lists(st.floats(0, 3), min_size=1, max_size=60), st.floats(0.5, 50), st.integers(1, 10))
def test_never_more_than_the_rate(pauses: list[float], per_second: float, burst: int) -> None:
    """F21: in every interval, at most the burst and what the rate gives, however the callers come."""
    bucket, now, starts = Bucket(), 1000.0, []
    for pause in pauses:
        now += pause
        bucket, wait = bucket.reserve(now, Rate(per_second, burst))
        assert wait >= 0
        starts.append(now + wait)
    assert starts == sorted(starts)
    for first in range(len(starts)):
        for last in range(first, len(starts)):
            allowed = burst + (starts[last] - starts[first]) * per_second
            assert last - first + 1 <= allowed + 1e-6


def test_throttling() -> None:
    """F23: halved at most once a second, never below a tenth, back after 60 s, linearly."""
    bucket = Bucket().throttle(100.0)
    assert bucket.factor_at(100.0) == 0.5
    assert bucket.throttle(100.999) == bucket
    assert bucket.throttle(101.0).factor_at(101.0) == pytest.approx(0.25, abs=0.01)
    assert bucket.factor_at(130.0) == pytest.approx(0.75)
    assert bucket.factor_at(160.0) == bucket.factor_at(10**6) == 1.0
    for second in range(100, 120):
        bucket = bucket.throttle(float(second))
    assert bucket.factor_at(119.0) == 0.1
    _, wait = bucket.reserve(119.0, Rate(1))
    bucket, _ = bucket.reserve(119.0, Rate(1))
    _, second_wait = bucket.reserve(119.0, Rate(1))
    assert second_wait - wait == pytest.approx(10)


def test_a_clock_that_jumps_back() -> None:
    """The factor stays between what it was and 1, and a later 429 counts again."""
    bucket = Bucket().throttle(100.0)
    assert bucket.factor_at(50.0) == 0.5
    assert bucket.throttle(50.0).factor_at(50.0) == 0.25
