"""What an HTTP answer says about time."""

from __future__ import annotations

import pytest

from cometconn._network.http_date import read_date, retry_after_seconds

NOON = "Wed, 21 Oct 2015 12:00:00 GMT"


def test_a_date_is_seconds_since_1970() -> None:
    """With GMT, and with the zone that means nothing."""
    assert read_date(NOON) == read_date(NOON.replace("GMT", "-0000")) == 1445428800.0


@pytest.mark.parametrize(
    "value", ["", "soon", "\xff", "Wed, 99 Oct 2015 12:00:00 GMT", "Wed, 21 Oct 99999999999 12:00:00 GMT"]
)
def test_what_is_no_date_is_none(value: str) -> None:
    """Nothing a server may say there raises."""
    assert read_date(value) is None


@pytest.mark.parametrize(
    ("value", "seconds"), [("17", 17.0), (" 0 ", 0.0), ("soon", None), ("-3", None), ("\xff", None), ("", None)]
)
def test_a_delay_in_seconds(value: str, seconds: float | None) -> None:
    """A number of seconds is taken, with or without a date; what cannot be read asks for nothing."""
    assert retry_after_seconds(value, "") == retry_after_seconds(value, NOON) == seconds


def test_a_delay_until_a_date_counts_from_the_answers_own_date() -> None:
    """The local clock has no part in it: without the answer's date there is nothing to measure from."""
    assert retry_after_seconds("Wed, 21 Oct 2015 12:01:00 GMT", NOON) == 60.0
    assert retry_after_seconds("Wed, 21 Oct 2015 11:00:00 GMT", NOON) == 0.0
    assert retry_after_seconds("Wed, 21 Oct 2015 12:01:00 GMT", "") is None
