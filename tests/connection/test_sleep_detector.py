"""Whether the machine slept, judged by two clocks."""

from __future__ import annotations

import pytest

from cometconn._connection.sleep_detector import SleepDetector


def test_the_first_reading_reports_no_sleep() -> None:
    """The first reading reports no sleep, because the clocks may differ by any time before it."""
    assert SleepDetector(lambda: 1e9).slept(0.0) == 0.0


@pytest.mark.parametrize(("apart", "slept"), [(0.0, 0.0), (0.999, 0.0), (1.0, 1.0), (3600.0, 3600.0), (-5.0, 0.0)])
def test_clocks_that_moved_apart_by_a_second_mean_sleep(apart: float, slept: float) -> None:
    """A difference of a second is sleep; less is drift, and so is a boot-time clock that went back."""
    readings = iter([100.0, 110.0 + apart, 120.0 + apart])
    detector = SleepDetector(lambda: next(readings))
    detector.slept(0.0)
    assert detector.slept(10.0) == pytest.approx(slept)
    assert detector.slept(20.0) == 0.0, "it is reported once"


def test_slow_drift_never_adds_up_to_sleep() -> None:
    """Each reading is compared with the previous one, so slow drift does not add up."""
    clock = {"boot": 0.0}
    detector = SleepDetector(lambda: clock["boot"])
    for now in range(0, 1000, 10):
        assert detector.slept(float(now)) == 0.0
        clock["boot"] += 10.9
