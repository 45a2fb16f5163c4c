"""Accounts on the workers of a fleet, each in a process of its own, beside one emulator: connecting, idling, receiving, a kill."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import trio

from cometconn.fleet import Account, Engine, RedisEngine, SQLiteEngine

from .fleet_member import APP
from .fleet_server import uid_of
from .process import LeftOutError, Process

if TYPE_CHECKING:
    from .redis_process import RedisProcess

__all__ = ["COMPARED", "Load", "Scale", "run_clients", "run_workers"]

_PATIENCE = 240.0  # seconds until all are connected
_AFTERWARDS = 5.0  # seconds in which the last messages have to arrive
_RATES = (50.0, 100.0, 200.0, 400.0, 800.0, 1_600.0)  # messages a second
COMPARED = 200.0  # of these, the one that is compared with the same clients without a fleet
_IDLE = 10.0  # seconds
_SENDING = 6.0  # seconds at each rate
_SETTLE = 1.0  # seconds after which a crowd that has connected is idle
_IN_TIME = 1.0  # seconds: a rate is sustained if 99 % of its messages are recorded so soon


@attrs.frozen
class Load:
    """What one rate of messages cost.

    Attributes:
        rate: messages a second that the emulator sent.
        late: how old each message was when it was recorded, in seconds.
        missing: how many were not recorded in time.
        cpu: seconds of CPU time for each message in the members together, without what they use when idle.
        engine: the same in Redis.
        server: the same in the emulator.
    """

    rate: float
    late: list[float]
    missing: int
    cpu: float
    engine: float
    server: float

    @property
    def p99(self) -> float:
        """The age that 99 % of the messages did not exceed."""
        return statistics.quantiles(self.late, n=100)[-1] if len(self.late) > 1 else float("inf")

    @property
    def is_sustained(self) -> bool:
        """Whether every message came, and 99 % of them within a second."""
        return not self.missing and self.p99 <= _IN_TIME


@attrs.frozen
class Scale:
    """The figures of one crowd, over all its processes.

    Attributes:
        accounts: how many accounts there are.
        processes: how many workers, or processes with clients.
        connected: seconds until all of them were connected.
        memory: bytes of resident memory for each account in the members.
        engine_memory: the same in Redis.
        idle: the part of one core that each process uses when nothing happens.
        engine_idle: the part of one core that Redis uses when nothing happens.
        loads: what each rate of messages cost.
        takeover: seconds from a SIGKILL of one worker until all accounts were connected again.
        moved: how many accounts it had.
    """

    accounts: int
    processes: int
    connected: float
    memory: float
    idle: float
    loads: list[Load]
    engine_memory: float = 0.0
    engine_idle: float = 0.0
    takeover: float = 0.0
    moved: int = 0

    @property
    def sustained(self) -> float:
        """The greatest rate that was sustained; 0 if none was."""
        return max((load.rate for load in self.loads if load.is_sustained), default=0.0)


@attrs.define(eq=False)
class _Crowd:
    server: Process
    members: list[Process]
    redis: RedisProcess | None = None

    def states(self) -> list[dict[str, Any]]:
        return [member.ask(do="state") for member in self.members]

    def used(self) -> tuple[float, float, float]:
        """Return the CPU time of the members together, of Redis, and of the emulator."""
        members = sum(member.ask(do="usage")["cpu"] for member in self.members)
        return members, self.redis.cpu if self.redis else 0.0, self.server.ask(do="usage")["cpu"]

    def idle(self) -> tuple[float, ...]:
        """Return the parts of a core that each uses while nothing happens."""
        time.sleep(_SETTLE)
        before = self.used()
        time.sleep(_IDLE)
        return tuple((after - earlier) / _IDLE for after, earlier in zip(self.used(), before, strict=True))

    def load(self, rate: float, idle: tuple[float, ...]) -> Load:
        for member in self.members:
            member.ask(do="taken")
        began, before = time.monotonic(), self.used()
        sent = self.server.ask(do="send", rate=rate, seconds=_SENDING)["sent"]
        late: list[float] = []
        deadline = time.monotonic() + _AFTERWARDS
        while len(late) < sent and time.monotonic() < deadline:
            time.sleep(0.1)
            late += [each for member in self.members for each in member.ask(do="taken")["late"]]
        after, took = self.used(), time.monotonic() - began
        costs = (
            (now - earlier - resting * took) / sent for now, earlier, resting in zip(after, before, idle, strict=True)
        )
        return Load(rate, late, sent - len(late), *costs)

    def loads(self, rates: Sequence[float], idle: tuple[float, ...]) -> list[Load]:
        """Send faster and faster until a rate is not sustained."""
        loads: list[Load] = []
        for rate in rates:
            loads.append(self.load(rate, idle))
            if not loads[-1].is_sustained:
                break
        return loads


async def _add(engine: Engine, accounts: int) -> None:
    async with engine.connect(APP) as connection:
        await connection.administration.add([Account(uid_of(number)) for number in range(accounts)])


def run_workers(
    where: str,
    redis: RedisProcess | None,
    accounts: int,
    workers: int,
    *,
    quick: bool,
    tell: Callable[[float, str], object],
) -> Scale:
    """Let the workers of one fleet keep accounts connected, with the engine at *where*. Raises `LeftOutError`.

    If *quick*, they are neither idle nor loaded, and so have no figures of it: one of them is killed at once.
    """
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Process("benchmarks.fleet_server", accounts))
        port = server.greeting["port"]
        members = [
            stack.enter_context(Process("benchmarks.fleet_member", "worker", f"w{number}", port, where))
            for number in range(workers)
        ]
        crowd = _Crowd(server, members, redis)
        empty = sum(member.greeting["memory"] for member in members)
        engine_empty = redis.memory if redis else 0
        tell(0.1, f"{accounts:,} accounts connect")
        began = time.monotonic()
        trio.run(_add, RedisEngine(where) if redis else SQLiteEngine(where), accounts)
        connected = server.ask(do="connected", count=accounts, patience=_PATIENCE)["at"] - began
        memory = (sum(state["memory"] for state in crowd.states()) - empty) / accounts
        engine_memory = ((redis.memory if redis else 0) - engine_empty) / accounts
        idle, loads = (0.0, 0.0, 0.0), []
        if not quick:
            tell(0.3, "idle")
            idle = crowd.idle()
            tell(0.4, "messages")
            loads = crowd.loads(_RATES, idle)
        tell(0.6, "a worker is killed")
        last = crowd.members.pop()
        moved = last.ask(do="state")["owned"]
        killed_at = time.monotonic()
        last.close()
        server.ask(do="connected", count=accounts - moved, patience=_PATIENCE)
        takeover = server.ask(do="connected", count=accounts, patience=_PATIENCE)["at"] - killed_at
        lost = sum(state["leases_lost"] for state in crowd.states())
        if lost:
            message = f"the machine is too busy: workers have lost {lost} leases"
            raise LeftOutError(message)
    return Scale(
        accounts,
        workers,
        connected,
        memory,
        idle[0] / workers,
        loads,
        engine_memory=engine_memory,
        engine_idle=idle[1],
        takeover=takeover,
        moved=moved,
    )


def run_clients(accounts: int, sharers: int) -> Scale:
    """Let one process without a fleet keep the share of one of *sharers* workers connected. Raises `LeftOutError`."""
    with (
        Process("benchmarks.fleet_server", accounts) as server,
        Process("benchmarks.fleet_member", "clients", "c1", server.greeting["port"], accounts) as member,
    ):
        crowd, began = _Crowd(server, [member]), time.monotonic()
        connected = server.ask(do="connected", count=accounts, patience=_PATIENCE)["at"] - began
        memory = (member.ask(do="state")["memory"] - member.greeting["memory"]) / accounts
        idle = crowd.idle()
        loads = crowd.loads([COMPARED / sharers], idle)
    return Scale(accounts, 1, connected, memory, idle[0], loads)
