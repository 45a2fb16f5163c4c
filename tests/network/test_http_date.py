"""Dates and delays in HTTP headers."""

from __future__ import annotations

import pytest

from cometconn._network.http_date import read_date, retry_after_seconds

NOON = "Wed, 21 Oct 2015 12:00:00 GMT"


def test_a_date_is_seconds_since_1970() -> None:
    """With GMT, and with the zone `-0000`, which has no meaning."""
    assert read_date(NOON) == read_date(NOON.replace("GMT", "-0000")) == 1445428800.0


@pytest.mark.parametrize(
    "value", ["", "soon", "\xff", "Wed, 99 Oct 2015 12:00:00 GMT", "Wed, 21 Oct 99999999999 12:00:00 GMT"]
)
def test_an_invalid_date_is_none(value: str) -> None:
    """No value that a server may send raises."""
    assert read_date(value) is None


@pytest.mark.parametrize(
    ("value", "seconds"), [("17", 17.0), (" 0 ", 0.0), ("soon", None), ("-3", None), ("\xff", None), ("", None)]
)
def test_a_delay_in_seconds(value: str, seconds: float | None) -> None:
    """A number of seconds is accepted with and without a date; an invalid value is no delay."""
    assert retry_after_seconds(value, "") == retry_after_seconds(value, NOON) == seconds


def test_a_delay_until_a_date_is_counted_from_the_date_of_the_response() -> None:
    """The local clock is not used: without a date of the response there is no delay."""
    assert retry_after_seconds("Wed, 21 Oct 2015 12:01:00 GMT", NOON) == 60.0
    assert retry_after_seconds("Wed, 21 Oct 2015 11:00:00 GMT", NOON) == 0.0
    assert retry_after_seconds("Wed, 21 Oct 2015 12:01:00 GMT", "") is None
