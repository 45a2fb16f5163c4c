"""One takeover with everything real: sockets, and an engine in a file or in a Redis server."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio

from cometconn import AppSettings, Timing
from cometconn.emulator import Emulator, open_emulator
from cometconn.fleet import Account, Credentials, FleetSettings, open_consumer, open_worker

from . import engines
from .harness import Line

UIDS = tuple(f"user-{number}" for number in range(4))
SETTINGS = AppSettings(timing=Timing(close_timeout=0.5, retry_base=0.05))
SHORT = FleetSettings(lease_ttl=2.0, lease_margin=0.5, reconcile_every=0.1, partitions=4)
KINDS = [kind for kind in engines.ENGINES if kind != "memory"]


async def login(account: Account) -> Credentials:
    """Log in with the app's key."""
    await trio.lowlevel.checkpoint()
    return Credentials(auth_key="KEY")


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    with trio.fail_after(30):
        while not condition():
            await trio.sleep(0.02)


@attrs.define(eq=False)
class Workers:
    """The workers of this process, each with a line of its own to the engine."""

    server: Emulator
    engine: Any
    lines: dict[str, Line] = attrs.field(factory=dict)
    scopes: dict[str, trio.CancelScope] = attrs.field(factory=dict)
    owned: dict[str, tuple[str, ...]] = attrs.field(factory=dict)

    async def run_worker(self, name: str, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run a worker until its scope is cancelled."""
        line = self.lines[name] = Line(self.engine)
        with trio.CancelScope() as self.scopes[name]:
            async with open_worker(
                "APP",
                SETTINGS,
                engine=line,
                name=name,
                login=login,
                fleet_settings=SHORT,
                endpoints=self.server.endpoints,
            ) as worker:
                task_status.started()
                while True:
                    self.owned[name] = worker.accounts
                    await trio.sleep(0.02)

    def all_connected(self) -> bool:
        """Whether each account has a socket."""
        return all(self.server.connections(uid) == 1 for uid in UIDS)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_takeover(kind: str, tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> None:
    """Two workers, of which one dies: what is said before, meanwhile and after comes to a consumer once, in order."""
    engine = engines.make(kind, tmp_path, lambda: request.getfixturevalue("redis_server")).engine
    async with (
        open_emulator(users=("sender", *UIDS)) as server,
        engine.connect("APP", partitions=SHORT.partitions) as connection,
        trio.open_nursery() as nursery,
    ):
        await connection.administration.add([Account(uid) for uid in UIDS])
        workers = Workers(server, engine)
        for name in ("w1", "w2"):
            await nursery.start(workers.run_worker, name)
        await until(lambda: workers.all_connected() and all(map(workers.owned.get, ("w1", "w2"))))
        for text in ("before", "meanwhile", "after"):
            for uid in UIDS:
                server.say("sender", text, receiver=uid)
            if text == "before":
                workers.lines["w1"].cut()
                workers.scopes["w1"].cancel()
                await until(lambda: not workers.all_connected())
            else:
                await until(workers.all_connected)
        got: dict[str, list[str]] = {uid: [] for uid in UIDS}
        async with open_consumer("APP", engine=engine, group="bots", name="c1", fleet_settings=SHORT) as deliveries:
            with trio.fail_after(30):
                while sum(map(len, got.values())) < 3 * len(UIDS):
                    batch = await deliveries.batch()
                    for delivery in batch:
                        got[delivery.account].append(delivery.event.text)  # type: ignore[union-attr]
                    await batch[-1].ack()
        assert got == {uid: ["before", "meanwhile", "after"] for uid in UIDS}
        nursery.cancel_scope.cancel()
