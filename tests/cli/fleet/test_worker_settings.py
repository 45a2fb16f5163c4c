"""The options of a fleet's settings have the library's defaults, and its checks."""

from __future__ import annotations

import math

import pytest

from cometconn.cli.fleet.worker_settings import FleetOptions
from cometconn.errors import SettingsError
from cometconn.fleet import FleetSettings


def test_the_defaults_are_the_librarys() -> None:
    """But for the number of partitions, which the engine knows."""
    assert FleetOptions().settings(16) == FleetSettings()
    assert FleetOptions(retention=math.inf).settings(4) == FleetSettings(retention=None, partitions=4)


@pytest.mark.parametrize(
    "name", ["lease_ttl", "lease_margin", "reconcile_every", "connects_per_second", "connect_burst", "starts_at_once",
             "drain_timeout", "retention"],
)  # fmt: skip
def test_a_mistake_names_the_option(name: str) -> None:
    """Not the attribute."""
    with pytest.raises(SettingsError) as caught:
        FleetOptions(**{name: -1}).settings(16)  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"--{name.replace('_', '-')} must be ")
    assert "FleetSettings" not in str(caught.value)


def test_a_margin_that_is_too_long() -> None:
    """Both options are named."""
    with pytest.raises(
        SettingsError, match=r"--lease-margin must be less than three quarters of --lease-ttl, which is 2 s"
    ):
        FleetOptions(lease_ttl=2, lease_margin=2).settings(16)
