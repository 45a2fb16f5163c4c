"""A fleet in virtual time: workers, an engine in memory, and a server in memory."""

from __future__ import annotations

import collections
import functools
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import attrs
import trio
import trio.testing

from cometconn import AppSettings, Timing
from cometconn.emulator.log import Kind
from cometconn.fleet import (
    Account,
    Credentials,
    EngineConnection,
    EngineError,
    FleetSettings,
    MemoryEngine,
    Worker,
    open_worker,
)
from cometconn.fleet.values import LeaseGrant, LogEntry, Read
from cometconn.testing import MemoryServer, open_memory_server

SETTINGS = AppSettings(timing=Timing(close_timeout=1.0))
QUICK = FleetSettings(connects_per_second=1000.0, connect_burst=1000)


@attrs.define(eq=False)
class Fleet:
    """A fleet: its engine, its server, and what happened so far."""

    engine: MemoryEngine
    server: MemoryServer
    connection: EngineConnection
    nursery: trio.Nursery
    uids: tuple[str, ...]
    fleet: FleetSettings
    logins: list[str] = attrs.field(factory=list)
    workers: dict[str, Worker] = attrs.field(factory=dict)
    scopes: dict[str, trio.CancelScope] = attrs.field(factory=dict)
    lines: dict[str, Line] = attrs.field(factory=dict)
    sent: list[tuple[str, str]] = attrs.field(factory=list)

    async def login(self, account: Account) -> Credentials:
        """Log in with the app's key."""
        self.logins.append(account.uid)
        await trio.lowlevel.checkpoint()
        return Credentials(auth_key="KEY")

    def open(self, name: str, **options: Any) -> AbstractAsyncContextManager[Worker]:
        """Open a worker of this fleet."""
        given: dict[str, Any] = {
            "settings": SETTINGS,
            "engine": self.engine,
            "login": self.login,
            "fleet_settings": self.fleet,
            "endpoints": self.server.endpoints,
            "environment": self.server,
            **options,
        }
        return open_worker("APP", given.pop("settings"), name=name, **given)

    async def kill(self, name: str) -> None:
        """End a worker that was started with a `Line`, as a SIGKILL does: nothing more reaches the engine."""
        self.lines[name].cut()
        self.scopes[name].cancel()
        await self.wait_for(lambda: name not in self.workers)

    async def start(self, name: str, **options: Any) -> Worker:
        """Run a worker in a task of its own, which `kill()` ends."""
        return await self.nursery.start(self._run_worker, name, options)

    async def _run_worker(self, name: str, options: dict[str, Any], *, task_status: trio.TaskStatus[Worker]) -> None:
        with trio.CancelScope() as self.scopes[name]:
            self.lines[name] = Line(self.engine)
            async with self.open(name, **{"engine": self.lines[name], **options}) as worker:
                self.workers[name] = worker
                task_status.started(worker)
                await trio.sleep_forever()
        del self.workers[name]

    def say(self, uid: str, text: str) -> None:
        """Let another user send the account a message."""
        self.server.say("sender", text, receiver=uid)
        self.sent.append((uid, text))

    async def entries(self) -> list[LogEntry]:
        """The whole log."""
        reads = [Read(number, most=10_000) for number in range(self.connection.partitions)]
        return [entry for result in await self.connection.read(reads) for entry in result.entries]

    async def recorded(self) -> list[tuple[str, str]]:
        """The account and the text of each message in the log, per account in the order of the log."""
        from cometconn.fleet.log_format import decode_entry

        return [(entry.account, getattr(decode_entry(entry), "text", "")) for entry in await self.entries()]

    async def assert_all_recorded(self) -> None:
        """Nothing is lost, nothing is doubled, and the order of each account is that of the server."""
        recorded: dict[str, list[str]] = collections.defaultdict(list)
        for uid, text in await self.recorded():
            recorded[uid].append(text)
        sent: dict[str, list[str]] = collections.defaultdict(list)
        for uid, text in self.sent:
            sent[uid].append(text)
        assert recorded == sent

    def connected(self) -> set[str]:
        """The accounts with a socket at the server. None may have two."""
        counts = {uid: self.server.connections(uid) for uid in self.uids}
        assert max(counts.values(), default=0) <= 1, counts
        return {uid for uid, count in counts.items() if count}

    async def wait_for(self, condition: Callable[[], bool], *, within: float = 60.0) -> float:
        """Wait until the condition holds; return how long that took, in virtual seconds."""
        began = trio.current_time()
        with trio.fail_after(within):
            while not condition():
                await trio.sleep(0.05)
        return trio.current_time() - began

    async def wait_all_connected(self, *, within: float = 60.0) -> float:
        """Wait until every account has a socket."""
        return await self.wait_for(lambda: self.connected() == set(self.uids), within=within)

    def owners(self) -> dict[str, list[str]]:
        """Which workers of this process believe that they own each account."""
        owners: dict[str, list[str]] = collections.defaultdict(list)
        for name, worker in self.workers.items():
            for uid in worker.accounts:
                owners[uid].append(name)
        return owners

    def rest(self, method: str) -> int:
        """How many requests with this method the server got."""
        return sum(entry.detail["method"] == method for entry in self.server.world.log.of(Kind.REST))


@asynccontextmanager
async def open_fleet(
    accounts: int = 1, *, fleet: FleetSettings = QUICK, engine: MemoryEngine | None = None, within: float = 3600.0
) -> AsyncGenerator[Fleet, None]:
    """Open a fleet with so many accounts, and no worker yet. A test takes at most an hour, in virtual time."""
    uids = tuple(f"user-{number}" for number in range(accounts))
    engine = engine or MemoryEngine()
    with trio.fail_after(within):
        async with (
            open_memory_server(users=("sender", *uids)) as server,
            engine.connect("APP", partitions=fleet.partitions) as connection,
            trio.open_nursery() as nursery,
        ):
            await connection.administration.add([Account(uid) for uid in uids])
            yield Fleet(engine, server, connection, nursery, uids, fleet)
            nursery.cancel_scope.cancel()


async def settle() -> None:
    """Wait until every task is blocked. No time passes."""
    await trio.testing.wait_all_tasks_blocked()


@attrs.define(eq=False)
class Line:
    """An engine behind a line of its own, which a test can cut.

    Attributes:
        engine: the engine.
        broken: names of calls that raise and are not made; `"*"` stands for all.
        hanging: names of calls that are made only when they are removed from here.
        unanswered: names of calls that are made, and raise all the same.
        granted: what each grant of a lease says it lasts, in seconds; `None`: the truth.
        calls: how often each call was begun.
    """

    engine: Any
    broken: set[str] = attrs.field(factory=set)
    hanging: set[str] = attrs.field(factory=set)
    unanswered: set[str] = attrs.field(factory=set)
    granted: float | None = None
    calls: collections.Counter[str] = attrs.field(factory=collections.Counter)
    appends: list[Any] = attrs.field(factory=list)

    def cut(self) -> None:
        """Cut it for good: as if the process were killed, or its network gone."""
        self.broken.add("*")

    @asynccontextmanager
    async def connect(self, app_id: str, *, partitions: int | None = None) -> AsyncGenerator[Any, None]:
        """Connect."""
        async with self.engine.connect(app_id, partitions=partitions) as connection:
            yield _Behind(self, connection)


class _Behind:
    def __init__(self, line: Line, target: Any) -> None:
        self._line, self._target = line, target

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if name == "administration":
            return _Behind(self._line, value)
        return functools.partial(self._call, name, value) if callable(value) else value

    async def _call(self, name: str, call: Any, *args: Any, **options: Any) -> Any:
        line = self._line
        line.calls[name] += 1
        if name == "append":
            line.appends += args[0]
        await trio.lowlevel.checkpoint()
        while {name, "*"} & line.hanging:
            await trio.sleep(0.01)
        if {name, "*"} & line.broken:
            raise EngineError("The line is cut.")
        result = await call(*args, **options)
        if {name, "*"} & line.unanswered:
            raise EngineError("The answer was lost.")
        if line.granted is not None and isinstance(result, LeaseGrant):
            return attrs.evolve(result, ttl=line.granted)
        return result
