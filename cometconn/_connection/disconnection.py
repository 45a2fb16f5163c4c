"""A time without a connection."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import attrs

from cometconn.events import Gap

if TYPE_CHECKING:
    from cometconn.errors import CometConnError

__all__ = ["Disconnection"]


@attrs.frozen
class Disconnection:
    """A time without a connection, of a session that had one.

    Attributes:
        since: when the connection ended, on Trio's clock; for a program that was started again, when it was started.
        cause: what ended it.
        since_utc: when this was noted, on the wall clock; Trio's clock stands still while the machine sleeps.
    """

    since: float
    cause: CometConnError
    since_utc: datetime.datetime = attrs.field(factory=lambda: datetime.datetime.now(datetime.UTC))

    def gap(
        self,
        until: float,
        *,
        until_utc: datetime.datetime | None = None,
        recovered: bool | None = False,
        cause: Exception | None = None,
        after_id: int | None = None,
        before_id: int | None = None,
    ) -> Gap:
        """Return the marker for the streams. The connection was back at *until*, on Trio's clock; else as in `Gap`."""
        until_utc = until_utc or datetime.datetime.now(datetime.UTC)
        length = datetime.timedelta(seconds=until - self.since)
        return Gap(
            since=self.since,
            until=until,
            since_utc=min(until_utc - length, self.since_utc),
            until_utc=until_utc,
            cause=cause or self.cause,
            recovered=recovered,
            after_id=after_id,
            before_id=before_id,
        )
