"""Connects, pings once and prints what came of it: `python -m tests.end_to_end.held_up_program ENDPOINTS SOCKET_URL`."""

from __future__ import annotations

import json
import sys

import attrs
import trio

import cometconn
from cometconn import AppSettings, Connected, Endpoints, MemoryStore, Timing


async def main(endpoints: Endpoints) -> None:
    """Ping, and print the outcome and whether the connection is open."""
    timing = Timing(pong_timeout=1.0, keepalive_interval=60.0)
    async with cometconn.open_client(
        "APP", AppSettings(timing=timing), store=MemoryStore(), endpoints=endpoints
    ) as chat:
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        round_trip = await chat.ping()
        print("a pong", isinstance(chat.status, Connected), round_trip > timing.pong_timeout, flush=True)


if __name__ == "__main__":
    given = Endpoints(**json.loads(sys.argv[1]))
    trio.run(main, attrs.evolve(given, socket_url=sys.argv[2]))
