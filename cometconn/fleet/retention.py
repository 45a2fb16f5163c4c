"""Removes old entries from the log (F16): one worker at a time does it, and never as a part of an append."""

from __future__ import annotations

import logging

import trio

from .errors import EngineError
from .shares import winner
from .tenure import Tenure

__all__ = ["remove_old_entries"]

_LOG = logging.getLogger("cometconn.fleet")
_EVERY = 60.0  # seconds
_KEY = "cometconn.fleet.retention"  # is shared like the uid of an account


@trio.lowlevel.enable_ki_protection
async def remove_old_entries(tenure: Tenure) -> None:
    """Remove, once a minute, what is older than `FleetSettings.retention` and acknowledged by every consumer group.

    Of the workers, the one does it that would own an account with a certain uid. Should two of them take themselves for
    that one for a moment, both trim, which does no harm. Runs until cancelled.
    """
    retention = tenure.options.fleet.retention
    if retention is None:
        return
    while True:
        await trio.sleep(_EVERY)
        try:
            members = await tenure.connection.administration.members(tenure.incarnation.group)
            names = {each.incarnation.name for each in members if each.is_alive and not each.draining}
            if winner(names, _KEY) == tenure.incarnation.name:
                await _trim(tenure, retention)
        except EngineError as error:
            _LOG.debug("The engine is unreachable: %s", error)


async def _trim(tenure: Tenure, retention: float) -> None:
    """Call the engine until nothing is left, and leave it to the appends for half of the time."""
    while True:
        began = trio.current_time()
        removed = await tenure.connection.administration.trim(retention)
        if not removed:
            return
        tenure.counters.trimmed += removed
        await trio.sleep(trio.current_time() - began)
