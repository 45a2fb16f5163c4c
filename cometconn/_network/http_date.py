"""What an HTTP answer says about time, judged by the server's own clock and never by ours."""

from __future__ import annotations

import datetime
import email.utils

__all__ = ["read_date", "retry_after_seconds"]


def read_date(value: str) -> float | None:
    """Return an HTTP date (RFC 9110, section 5.6.7) in seconds since 1970; `None` if *value* is none."""
    try:
        when = email.utils.parsedate_to_datetime(value.strip())
    except (ValueError, OverflowError, TypeError):  # the second for numbers beyond any calendar
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.UTC)
    return when.timestamp()


def retry_after_seconds(value: str, date: str) -> float | None:
    """Return the delay that a Retry-After header asks for (RFC 9110, section 10.2.3), in seconds.

    Args:
        value: the header: a number of seconds, or a date.
        date: the `Date` header of the same answer, "" if it has none. A date of Retry-After is measured from it,
            because the local wall clock may be wrong.

    Returns:
        At least 0; `None` when there is no such header, it cannot be read, or it is a date and *date* is none.
    """
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until, now = read_date(text), read_date(date)
    return None if until is None or now is None else max(0.0, until - now)
