"""The gap that is made of a time without a connection."""

from __future__ import annotations

import datetime

from cometconn._connection.disconnection import Disconnection
from cometconn.errors import ConnectionLostError


def test_the_wall_clock_goes_on_while_the_machine_sleeps() -> None:
    """The gap begins at the wall clock's time of the loss, or at the time that Trio's clock gives, if that is earlier."""
    noon = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)
    lost = ConnectionLostError("gone")
    assert Disconnection(100.0, lost, since_utc=noon).gap(103.0).since_utc == noon
    told = Disconnection(100.0, lost).gap(160.0)
    assert told.until_utc - told.since_utc == datetime.timedelta(seconds=60)
