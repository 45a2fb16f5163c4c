"""One consumer of the fleet under proof: `python -m tests.fleet.proof.consumer_program JSON`.

The JSON has `name`, `engine`, `fleet`, `breaks` and `handled`: a file to which it appends `PID UID ID` when it has handled a
delivery. SIGTERM ends it after the batch that it handles.
"""

from __future__ import annotations

import json
import os
import random
import sys
from typing import Any

import trio

from cometconn.fleet import Consumer, Delivery, FleetError, FleetSettings, open_consumer

from .breaks import BREAKS
from .member import engine_of, on_sigterm, until_parent_ends, write_line

_MOST = 16  # deliveries in a batch
_LONGEST = 0.1  # seconds for which one is handled


class Consuming:
    """Handles one batch after the other until it is to end."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._ending = False
        self._waiting = trio.CancelScope()

    def end(self) -> None:
        """End after the batch that is being handled."""
        self._ending = True
        self._waiting.cancel()

    async def run(self, deliveries: Consumer) -> None:
        """Handle until the end."""
        while batch := await self._next(deliveries):
            for delivery in batch:
                await trio.sleep(random.uniform(0, _LONGEST))
                write_line(self._file, os.getpid(), *delivery.key)
            try:
                await batch[-1].ack()
            except FleetError as error:
                print(error, flush=True)  # the partition is another consumer's now, and delivers again

    async def _next(self, deliveries: Consumer) -> list[Delivery]:
        with trio.CancelScope() as self._waiting:
            if not self._ending:
                return await deliveries.batch(_MOST)
        return []


async def main(given: dict[str, Any]) -> None:
    """Run one consumer until SIGTERM."""
    for name in given["breaks"]:
        BREAKS[name]()
    consuming = Consuming(os.open(given["handled"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(until_parent_ends, nursery.cancel_scope)
        await nursery.start(on_sigterm, consuming.end)
        async with open_consumer(
            "APP",
            engine=engine_of(given["engine"]),
            group="bots",
            name=given["name"],
            fleet_settings=FleetSettings(**given["fleet"]),
        ) as deliveries:
            await consuming.run(deliveries)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main, json.loads(sys.argv[1]))
