"""Reads what a fleet has recorded. Start as many as you like, each with a name of its own: `python fleet_consumer.py c1`."""

import os
import sys

import trio

from cometconn import fleet


def engine() -> fleet.Engine:
    """Return the engine of the fleet, as in `fleet_worker.py`."""
    url = os.environ.get("REDIS_URL")
    return fleet.RedisEngine(url) if url else fleet.SQLiteEngine("fleet.db")


async def main(name: str) -> None:
    """Print each message, in order per account. A message that is not acknowledged comes again, also elsewhere."""
    async with fleet.open_consumer("APP", engine=engine(), group="archive", name=name) as deliveries:
        while batch := await deliveries.batch():
            for delivery in batch:
                print(delivery.key, delivery.event, flush=True)
            await batch[-1].ack()  # acknowledges the whole batch


if __name__ == "__main__":
    trio.run(main, sys.argv[1])
