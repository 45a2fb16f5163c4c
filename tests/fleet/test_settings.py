"""`FleetSettings` and `Credentials`."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cometconn.errors import SettingsError
from cometconn.fleet import Credentials, FleetSettings, Rate


@pytest.mark.parametrize("name", ["lease_ttl", "lease_margin", "reconcile_every", "connects_per_second", "drain_timeout", "retention"])  # fmt: skip
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, "1", True])
def test_numbers_are_checked(name: str, value: Any) -> None:
    """A value that makes no sense is refused at once, with its name."""
    with pytest.raises(SettingsError, match=rf"FleetSettings\.{name} must be a number"):
        FleetSettings(**{name: value})


@pytest.mark.parametrize(("name", "most"), [("partitions", 1024), ("connect_burst", 10**6), ("starts_at_once", 10**4)])
def test_whole_numbers_are_checked(name: str, most: int) -> None:
    """From 1 to a bound."""
    for value in (0, -1, 1.5, True, most + 1):
        with pytest.raises(SettingsError, match=rf"FleetSettings\.{name} must be a whole number from 1 to"):
            FleetSettings(**{name: value})  # type: ignore[arg-type]
    assert getattr(FleetSettings(**{name: most}), name) == most  # type: ignore[arg-type]


def test_what_may_be_zero_or_none() -> None:
    """A margin of 0, and a retention for ever; no lease of 0."""
    assert FleetSettings(lease_margin=0.0).usable_ttl == 5.0
    assert FleetSettings(retention=None).retention is None
    for name in ("lease_ttl", "reconcile_every", "connects_per_second", "drain_timeout", "retention"):
        with pytest.raises(SettingsError, match="more than 0"):
            FleetSettings(**{name: 0.0})  # type: ignore[arg-type]


def test_a_renewal_must_fit() -> None:
    """F3: ttl - margin must leave time for a renewal every ttl/4, and for one that fails."""
    with pytest.raises(SettingsError, match="less than three quarters of lease_ttl, which is 4 s"):
        FleetSettings(lease_ttl=4.0, lease_margin=3.0)
    settings = FleetSettings()
    assert (settings.usable_ttl, settings.renew_every, settings.renewal_patience) == (4.0, 1.25, 1.375)
    assert settings.rate == Rate(50.0, 20)


def test_credentials_are_one_of_two_and_secret() -> None:
    """Neither is in the repr."""
    assert "KEY" not in repr(Credentials(auth_key="KEY"))
    assert "TOKEN" not in repr(Credentials(auth_token="TOKEN"))
    for both in ({}, {"auth_key": "KEY", "auth_token": "TOKEN"}):
        with pytest.raises(SettingsError, match="auth_key= or auth_token="):
            Credentials(**both)
