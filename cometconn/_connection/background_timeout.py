"""The task that notices the end of the lease by its deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from .machine import Machine

__all__ = ["background_timeout"]


@trio.lowlevel.enable_ki_protection
async def background_timeout(machine: Machine) -> None:
    """Sleep inside the lease; when its deadline cancels the sleep, let the machine tick.

    The deadline moves with every sign of life and Trio keeps it, so there is no timer to
    restart. The tick stands in `finally`, since no code behind the sleep ever runs.
    """
    try:
        await trio.sleep_forever()
    finally:
        machine.tick()
