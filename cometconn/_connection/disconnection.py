"""A time without a connection."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from cometconn.errors import CometConnError

__all__ = ["Disconnection"]


@attrs.frozen
class Disconnection:
    """A time without a connection, of a session that had one.

    Attributes:
        since: when the connection ended, on Trio's clock; of a program that was started again, when it was started.
        cause: what ended it.
        since_utc: when this was noted, on the wall clock; Trio's stands still while the machine sleeps.
    """

    since: float
    cause: CometConnError
    since_utc: datetime.datetime = attrs.field(factory=lambda: datetime.datetime.now(datetime.UTC))
