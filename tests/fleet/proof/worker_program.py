"""One worker of the fleet under proof: `python -m tests.fleet.proof.worker_program JSON`.

The JSON has `name`, `engine`, `endpoints`, `fleet` (of `FleetSettings`), `breaks` (of `breaks.py`) and, in run mode, `handled`: a
file to which the handler appends `PID UID ID` when it has handled a message. SIGTERM drains the worker.
"""

from __future__ import annotations

import json
import os
import random
import sys
from typing import Any

import trio

from cometconn import AppSettings, Endpoints, Timing
from cometconn.events import TextMessage
from cometconn.fleet import Account, Credentials, FleetSettings, Owned, open_worker

from .breaks import BREAKS
from .member import engine_of, on_sigterm, until_parent_ends, write_line

# With a margin of 1 s, the old socket of an account is closed before another worker opens the next.
SETTINGS = AppSettings(timing=Timing(close_timeout=1.0, retry_base=0.5))
_HANDLING = 0.2  # seconds, at most


async def login(account: Account) -> Credentials:
    """Log in with the app's key."""
    await trio.lowlevel.checkpoint()
    return Credentials(auth_key="KEY")


async def main(given: dict[str, Any]) -> None:
    """Run one worker until it is drained."""
    for name in given["breaks"]:
        BREAKS[name]()
    handled = os.open(given["handled"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if given["handled"] else None

    async def handle(owned: Owned) -> None:
        """Handle messages: the request for the next batch acknowledges this one."""
        assert handled is not None
        async with owned.events(TextMessage) as events:
            while batch := await events.batch():
                await trio.sleep(random.uniform(0, _HANDLING))
                for event in batch:
                    if isinstance(event, TextMessage):
                        write_line(handled, os.getpid(), owned.account.uid, event.id)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(until_parent_ends, nursery.cancel_scope)
        async with open_worker(
            "APP",
            SETTINGS,
            engine=engine_of(given["engine"]),
            name=given["name"],
            run=None if handled is None else handle,
            login=login,
            fleet_settings=FleetSettings(**given["fleet"]),
            endpoints=Endpoints(**given["endpoints"]),
        ) as worker:
            await nursery.start(on_sigterm, worker.drain)
            await worker.drained()
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main, json.loads(sys.argv[1]))
