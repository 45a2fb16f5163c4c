"""The task that notices that the lease has reached its deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from cometconn._lot import sleep_forever

if TYPE_CHECKING:
    from .machine import Machine

__all__ = ["background_timeout"]


@trio.lowlevel.enable_ki_protection
async def background_timeout(machine: Machine) -> None:
    """Sleep inside the lease; when its deadline cancels the sleep, let the machine tick.

    Every sign of life moves the deadline, and Trio keeps it, so there is no timer to restart. The tick stands in
    `finally` because no code after the sleep ever runs.
    """
    try:
        await sleep_forever()
    finally:
        machine.tick()
