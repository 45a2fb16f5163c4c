"""A time without a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from cometconn.errors import CometConnError

__all__ = ["Absence"]


@attrs.frozen
class Absence:
    """A time without a connection, of a session that had one.

    Attributes:
        since: when the connection ended, on Trio's clock.
        cause: what ended it.
    """

    since: float
    cause: CometConnError
