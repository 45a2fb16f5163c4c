"""The dates and delays in HTTP headers, all of them on the server's clock."""

from __future__ import annotations

import datetime
import email.utils

__all__ = ["read_date", "retry_after_seconds"]


def read_date(value: str) -> float | None:
    """Return an HTTP date (RFC 9110, section 5.6.7) in seconds since 1970; `None` if *value* is not one."""
    try:
        when = email.utils.parsedate_to_datetime(value.strip())
    except (ValueError, OverflowError, TypeError):  # OverflowError: a number that no calendar has
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.UTC)
    return when.timestamp()


def retry_after_seconds(value: str, date: str) -> float | None:
    """Return the delay in a Retry-After header (RFC 9110, section 10.2.3), in seconds.

    Args:
        value: the header's value: a number of seconds, or a date.
        date: the `Date` header of the same response, or `""`. A date in Retry-After is compared with it, because the
            local wall clock may be wrong.

    Returns:
        At least 0; `None` if *value* cannot be read, or is a date and *date* is not.
    """
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until, now = read_date(text), read_date(date)
    return None if until is None or now is None else max(0.0, until - now)
