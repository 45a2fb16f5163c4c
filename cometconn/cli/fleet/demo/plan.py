"""The sizes and times of the demo."""

from __future__ import annotations

import attrs

from cometconn.errors import SettingsError
from cometconn.fleet import FleetSettings

__all__ = ["APP_ID", "AUTH_KEY", "PROMISED", "SENDER", "Plan"]

APP_ID = "APP"
AUTH_KEY = "KEY"
SENDER = "sender"
"""The user that sends all messages, from no connection of its own."""

PROMISED = 5.0
"""Seconds beyond `lease_ttl` within which the accounts of a killed worker are connected elsewhere."""

_FEWEST, _MOST = 6, 180  # three workers have to share them; and they have to fit on a screen


@attrs.frozen(kw_only=True)
class Plan:
    """What the demo does, and how much of it.

    Attributes:
        accounts: how many there are.
        rate: messages a second, to all accounts in turn.
        pause: seconds between two events, in which only messages come.
        lease_ttl: of the fleet, in seconds. It is most of what a takeover takes, so it is shorter than usual.
        patience: seconds that one step may take before the demo goes on without it.
    """

    accounts: int = 60
    rate: float = 40.0
    pause: float = 3.0
    lease_ttl: float = 3.0
    patience: float = 30.0

    def __attrs_post_init__(self) -> None:
        """Refuse what three workers cannot share, and what no screen can show."""
        if not _FEWEST <= self.accounts <= _MOST:
            message = f"--accounts must be from {_FEWEST} to {_MOST}, not {self.accounts}."
            raise SettingsError(message)

    @property
    def uids(self) -> tuple[str, ...]:
        """The uids of the accounts."""
        return tuple(f"user-{number:02}" for number in range(1, self.accounts + 1))

    @property
    def promised(self) -> float:
        """Seconds within which a takeover is promised."""
        return self.lease_ttl + PROMISED

    @property
    def fleet_settings(self) -> FleetSettings:
        """The settings of the fleet: as by default, but quicker."""
        return FleetSettings(
            lease_ttl=self.lease_ttl,
            lease_margin=0.6,
            reconcile_every=0.25,
            partitions=4,
            connects_per_second=100.0,
            connect_burst=self.accounts,
            starts_at_once=8,
        )
