"""A worker of a fleet, or the same clients without one, in a process of its own.

`python -m benchmarks.fleet_member worker NAME PORT ENGINE`, where the engine is the URL of Redis or the path of a file, or
`python -m benchmarks.fleet_member clients NAME PORT NUMBER`. Each line of its input is a job: the name of a method of `Member`.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Iterable
from typing import Any

import attrs
import trio

import cometconn
from cometconn import AppSettings, Endpoints, MemoryStore, Timing
from cometconn.events import Event, TextMessage
from cometconn.fleet import Account, Credentials, FleetSettings, Owned, RedisEngine, SQLiteEngine, Worker, open_worker

from .fleet_server import uid_of
from .machine import raise_file_limit, resident

__all__ = ["APP", "Member", "main"]

APP = "APP"
_AT_ONCE = 16  # clients that connect at the same time, as in a worker
_SETTINGS = AppSettings(timing=Timing(connect_timeout=60.0, pong_timeout=14.0), catch_up=True)
_FLEET = FleetSettings(connects_per_second=10_000.0, connect_burst=10_000)


@attrs.define(eq=False)
class Member:
    """What has been taken, and the jobs. Each result is a mapping, to be sent as JSON."""

    worker: Worker | None = None
    _late: list[float] = attrs.field(factory=list)

    def take(self, events: Iterable[Event]) -> None:
        """Note how old each message is now."""
        now = time.monotonic()
        self._late += [now - float(event.text) for event in events if isinstance(event, TextMessage)]

    async def taken(self) -> dict[str, Any]:
        """Return the ages of the messages since the last call, in seconds."""
        await trio.lowlevel.checkpoint()
        late, self._late = self._late, []
        return {"late": late}

    async def usage(self) -> dict[str, Any]:
        """Return the CPU time of this process, in seconds."""
        await trio.lowlevel.checkpoint()
        return {"cpu": time.process_time()}

    async def state(self) -> dict[str, Any]:
        """Collect garbage, and return the memory of this process, in bytes, and what a worker counts."""
        await trio.lowlevel.checkpoint()
        gc.collect()
        if self.worker is None:
            return {"memory": resident()}
        counted = self.worker.statistics()
        return {"memory": resident(), "owned": counted.owned, "leases_lost": counted.leases_lost}


async def _login(_: Account) -> Credentials:
    await trio.lowlevel.checkpoint()
    return Credentials(auth_key="KEY")


async def _be_worker(member: Member, name: str, endpoints: Endpoints, where: str) -> None:
    async def record(owned: Owned) -> None:
        """Record batches, as `fleet.recorder()` does, and note the ages."""
        async with owned.events() as events:
            while batch := await events.batch():
                await owned.record(batch)
                member.take(batch)

    engine = RedisEngine(where) if where.startswith("unix:") else SQLiteEngine(where)
    async with open_worker(
        APP,
        _SETTINGS,
        engine=engine,
        name=name,
        run=record,
        login=_login,
        fleet_settings=_FLEET,
        endpoints=endpoints,
    ) as member.worker:
        await _work(member)


async def _be_clients(member: Member, endpoints: Endpoints, number: int) -> None:
    cometconn.preload()
    limit = trio.CapacityLimiter(_AT_ONCE)

    async def be_client(uid: str) -> None:
        async with cometconn.open_client(APP, _SETTINGS, store=MemoryStore(), endpoints=endpoints) as chat:
            async with limit:
                await chat.login(uid=uid, auth_key="KEY")
                await chat.connect(retry=True)
            async with chat.events() as events:
                while batch := await events.batch():
                    member.take(batch)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(_work, member)
        await trio.sleep(0.5)  # the parent has read the memory before
        for each in range(number):
            nursery.start_soon(be_client, uid_of(each))


async def _work(member: Member) -> None:
    print(json.dumps(await member.state()), flush=True)
    async for line in trio.wrap_file(sys.stdin):
        print(json.dumps(await getattr(member, json.loads(line)["do"])()), flush=True)


def main() -> None:
    """Do jobs until it is killed."""
    raise_file_limit()
    kind, name, port, rest = sys.argv[1:]
    member, endpoints = Member(), Endpoints.at(f"http://127.0.0.1:{port}")
    if kind == "worker":
        trio.run(_be_worker, member, name, endpoints, rest)
    else:
        trio.run(_be_clients, member, endpoints, int(rest))


if __name__ == "__main__":
    main()
