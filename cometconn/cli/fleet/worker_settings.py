"""The settings that all workers of a fleet have in common, as options of `cometconn fleet run`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import attrs
from cyclopts import Group, Parameter

from .engine_options import naming_fleet_options

if TYPE_CHECKING:
    from cometconn.fleet import FleetSettings

__all__ = ["FleetOptions"]

_GROUP = Group("The fleet's settings, the same for each worker")


@Parameter(name="*", group=_GROUP)
@attrs.frozen(kw_only=True)
class FleetOptions:
    """What `FleetSettings` has. The defaults are the same: a test compares them."""

    lease_ttl: Annotated[
        float, Parameter(help="Seconds without a renewal after which others get a worker's accounts.")
    ] = 5.0
    lease_margin: Annotated[
        float, Parameter(help="Seconds by which a worker gives its lease up earlier than others may claim.")
    ] = 1.0
    reconcile_every: Annotated[float, Parameter(help="Seconds between two looks at what a worker is to own.")] = 0.5
    partitions: Annotated[
        int | None, Parameter(help="Of the log; for a new fleet only, 16 by default. It cannot be changed later.")
    ] = None
    connects_per_second: Annotated[float, Parameter(help="Connects and logins of the whole fleet.")] = 50.0
    connect_burst: Annotated[int, Parameter(help="How many of them may come at once after a pause.")] = 20
    starts_at_once: Annotated[int, Parameter(help="How many accounts one worker opens at the same time.")] = 16
    drain_timeout: Annotated[float, Parameter(help="Seconds that a drain may take.")] = 10.0
    retention: Annotated[
        float, Parameter(help="Seconds for which the log keeps what every consumer group has handled; inf for ever.")
    ] = 604800.0

    def settings(self, partitions: int) -> FleetSettings:
        """Return them, with the number of partitions that the engine has."""
        from cometconn.fleet import FleetSettings  # noqa: PLC0415 - only commands of the fleet import it

        given = attrs.asdict(self)
        given["partitions"] = partitions
        if self.retention == math.inf:
            given["retention"] = None
        with naming_fleet_options():
            return FleetSettings(**given)
