"""A fleet of real processes: an emulator, an engine, workers and consumers, each of which can be killed and stopped."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio

from cometconn.fleet import Account

from .backends import RedisBackend, SQLiteBackend, make_backend
from .member import engine_of
from .report import Report
from .witness import Entry, Handled, Journal, crowded, judge_handled, judge_log

__all__ = ["Child", "Setup", "Stage", "StageError", "open_stage"]

ROOT = pathlib.Path(__file__).parents[3]
START = 180.0
"""Seconds within which the whole fleet is to be connected at the start: many programs start at once."""
DRAIN = 10.0
"""Seconds that a drain may take."""
_LOGGED = 40.0  # seconds within which everything that was sent is to be in the log, once the talk has ended


class StageError(Exception):
    """The fleet did not get into the state that the scenario needs."""


@attrs.frozen(kw_only=True)
class Setup:
    """How the fleet of a scenario is made.

    Attributes:
        engine: `redis`, `sqlite` or `slow sqlite`.
        workers: how many processes.
        accounts: how many.
        rate: messages a second.
        fleet: what differs from the defaults of `FleetSettings`.
        handles: whether workers handle messages themselves, in run mode, instead of recording them.
        first: breaks of the first worker alone, which the scenario needs.
        settled_after: seconds without a change after which the owners count as settled.
    """

    engine: str
    workers: int = 4
    accounts: int = 48
    rate: float = 30.0
    fleet: dict[str, Any] = attrs.field(factory=dict)
    handles: bool = False
    first: tuple[str, ...] = ()
    settled_after: float = 1.5

    def smaller(self) -> Setup:
        """Return the setup of a quick run: most of its time is that of starting processes."""
        return attrs.evolve(self, workers=min(self.workers, 3))

    @property
    def takeover(self) -> float:
        """Seconds after a death until every account of the worker has to be connected elsewhere."""
        return float(self.fleet.get("lease_ttl", 5.0)) + 5.0


@attrs.define(eq=False)
class Child:
    """One process that the proof has started."""

    name: str
    process: trio.Process

    @property
    def pid(self) -> int:
        """Its id."""
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    async def kill(self) -> None:
        """Kill it, and wait for its end."""
        self.signal(signal.SIGKILL)
        await self.process.wait()


@attrs.define(eq=False)
class Stage:
    """A running fleet.

    Attributes:
        name: of the scenario.
        setup: how it was made.
        draw: random choices, from the seed.
        report: gets the measurements.
        killed: the ids of the processes that were killed or have lost their leases: what they handled may come again.
        logins: how many were needed until all accounts were connected for the first time.
        excuses: accounts that may have two sockets, because the process that owned them was stopped, and when.
    """

    name: str
    setup: Setup
    folder: pathlib.Path
    backend: RedisBackend | SQLiteBackend
    report: Report
    draw: random.Random
    breaks: tuple[str, ...]
    journal: Journal
    uids: tuple[str, ...]
    endpoints: dict[str, Any] = attrs.field(factory=dict)
    emulator: Child | None = None
    workers: dict[str, Child] = attrs.field(factory=dict)
    consumers: dict[str, Child] = attrs.field(factory=dict)
    children: list[Child] = attrs.field(factory=list)
    killed: set[int] = attrs.field(factory=set)
    excuses: list[tuple[Collection[str], float, float]] = attrs.field(factory=list)
    logins: int = 0

    def note(self, what: str, values: Any, goal: float | None = None) -> None:
        """Note a measurement of this scenario."""
        self.report.note(self.name, what, values, goal)

    @property
    def redis(self) -> RedisBackend:
        """The backend, which is Redis in this scenario."""
        assert isinstance(self.backend, RedisBackend)
        return self.backend

    # Processes.

    async def _spawn(self, name: str, program: str, argument: dict[str, Any], **options: Any) -> Child:
        command = [sys.executable, "-m", f"tests.fleet.proof.{program}", json.dumps(argument)]
        with (self.folder / f"{name}.log").open("ab") as output:
            process = await trio.lowlevel.open_process(
                command, cwd=ROOT, stdin=subprocess.PIPE, stderr=output, **{"stdout": output, **options}
            )
        child = Child(name, process)
        self.children.append(child)
        return child

    async def start_emulator(self) -> None:
        """Start the emulator, and return when it listens."""
        given = {"journal": str(self.journal.path), "uids": self.uids, "seed": self.draw.randrange(10**9)}
        self.emulator = await self._spawn("emulator", "emulator_program", given, stdout=subprocess.PIPE)
        output = self.emulator.process.stdout
        assert output is not None
        text = b""
        with trio.fail_after(60):
            while not text.endswith(b"\n"):
                text += await output.receive_some()
        self.endpoints = json.loads(text)

    def _member(self, name: str, **more: Any) -> dict[str, Any]:
        common = {"name": name, "engine": self.backend.engine, "fleet": self.setup.fleet, "breaks": self.breaks}
        return {**common, **more}

    async def start_worker(self, name: str, *breaks: str) -> Child:
        """Start a worker."""
        handled = str(self.handled) if self.setup.handles else None
        given = self._member(name, endpoints=self.endpoints, handled=handled)
        given["breaks"] = [*self.breaks, *breaks]
        environment = {**os.environ, **self.backend.environment}
        self.workers[name] = await self._spawn(name, "worker_program", given, env=environment)
        return self.workers[name]

    async def start_consumer(self, name: str) -> Child:
        """Start a consumer."""
        given = self._member(name, handled=str(self.handled))
        self.consumers[name] = await self._spawn(name, "consumer_program", given)
        return self.consumers[name]

    async def kill(self, child: Child) -> float:
        """Kill a worker or consumer; return when."""
        at = time.monotonic()
        self.killed.add(child.pid)
        await child.kill()
        self._forget(child)
        return at

    async def drain(self, child: Child, goal: float | None = None) -> None:
        """Drain a worker or end a consumer by SIGTERM; note how long it took. *goal* is for the end of its process."""
        began = time.monotonic()
        child.signal(signal.SIGTERM)
        is_worker = child.name in self.workers
        self._forget(child)
        with trio.move_on_after(3 * DRAIN):
            while is_worker and self.owned_by(child.name):
                await trio.sleep(0.05)
            gave_back = time.monotonic() - began
            status = await child.process.wait()
            if is_worker:
                self.note("SIGTERM to owning nothing", gave_back, DRAIN)
                self.note("SIGTERM to the end of the process", time.monotonic() - began, goal)
            if status and (is_worker or status != -signal.SIGTERM):  # a consumer may still be starting
                self.note(f"exit status of {child.name}", abs(status), 0)
            return
        self.note(f"seconds that the drain of {child.name} did not take to end", 3 * DRAIN, DRAIN)
        await self.kill(child)

    def _forget(self, child: Child) -> None:
        for children in (self.workers, self.consumers):
            if children.get(child.name) is child:
                del children[child.name]

    async def end_all(self) -> None:
        """Kill every process that was started. Bounded, because a killed process ends."""
        for child in self.children:
            child.signal(signal.SIGKILL)
        for child in self.children:
            await child.process.wait()

    # The emulator.

    async def command(self, *words: Any) -> None:
        """Send a command to the emulator."""
        assert self.emulator is not None
        assert self.emulator.process.stdin is not None
        await self.emulator.process.stdin.send_all(json.dumps(words).encode() + b"\n")

    # Waiting.

    async def until(self, condition: Callable[[], bool], within: float, what: str, *, every: float = 0.05) -> float:
        """Wait until it holds; return how long that took. Raises `StageError` if it takes longer than *within*."""
        began = time.monotonic()
        while True:
            self.journal.read()
            if condition():
                return time.monotonic() - began
            if time.monotonic() - began > within:
                raise StageError(f"{self.name}: not within {within:g} s: {what}")
            for child in self.workers.values():
                if child.process.poll() is not None:
                    raise StageError(f"{self.name}: {child.name} ended by itself: see {self.folder}")
            await trio.sleep(every)

    async def timed(self, what: str, waiting: Awaitable[float], goal: float) -> None:
        """Note how long a wait has taken; one that takes too long has missed the goal."""
        try:
            took = await waiting
        except StageError:
            self.note(what, float("inf"), goal)
            raise
        self.note(what, took, goal)

    async def wait_connected(self, uids: Collection[str], *, since: float, goal: float, what: str) -> None:
        """Wait until these accounts have sockets that were opened after *since*; note how long that took for each."""
        wanted = set(uids)
        with contextlib.suppress(StageError):
            await self.until(
                lambda: wanted <= self.journal.connected(since=since).keys(),
                2 * goal + 20 - (time.monotonic() - since),
                what,
            )
        connected = self.journal.connected(since=since)
        took = [connected[uid] - since if uid in connected else float("inf") for uid in wanted]
        self.note(what, took, goal)

    async def wait_all_connected(self, within: float) -> float:
        """Wait until every account has a socket; return how long that took."""
        return await self.until(
            lambda: len(self.journal.connected()) == len(self.uids), within, "every account is connected"
        )

    async def settled(self, within: float = 120.0) -> dict[str, str]:
        """Wait until every account is connected, every worker owns some, and nothing has moved for a while."""
        seen: dict[str, str] = {}
        since = time.monotonic()

        def is_settled() -> bool:
            nonlocal seen, since
            owners = self.backend.owners()
            complete = set(owners) == set(self.uids) and set(owners.values()) == set(self.workers)
            if owners != seen or not complete or len(self.journal.connected()) != len(self.uids):
                seen, since = owners, time.monotonic()
            return time.monotonic() - since >= self.setup.settled_after

        try:
            await self.until(is_settled, within, "the owners are settled", every=0.2)
        except StageError as error:
            missing = sorted(set(self.uids) - self.journal.connected().keys())
            raise StageError(f"{error}: {sorted(set(seen.values()))}, not connected: {missing[:5]}") from None
        return seen

    def owned_by(self, name: str) -> set[str]:
        """Return the accounts that the engine has under the name of a worker."""
        return {uid for uid, owner in self.backend.owners().items() if owner == name}

    # Judgement.

    @property
    def handled(self) -> pathlib.Path:
        """The file to which handlers and consumers append what they handled."""
        return self.folder / "handled"

    def _handled(self) -> Iterator[Handled]:
        if self.handled.exists():
            for line in self.handled.read_text(encoding="ascii").splitlines():
                process, uid, number = line.split()
                if number != "None":  # a hole, or a signal
                    yield Handled(int(process), uid, int(number))

    def has_handled(self, process: int) -> bool:
        """Return whether the process with this id has handled something."""
        return any(line.process == process for line in self._handled())

    def _sent(self) -> set[tuple[str, int]]:
        return {(uid, number) for uid, numbers in self.journal.said.items() for number in numbers}

    async def finish(self) -> None:
        """End the talk, wait for what is under way, drain everything, and judge."""
        await self.command("rate", 0)
        await self.until(lambda: self.journal.rate == 0, 10, "the talk ends")
        with contextlib.suppress(StageError):
            if self.setup.handles or self.consumers:
                await self.wait_handled(2 * _LOGGED)
            if not self.setup.handles:
                await self.wait_logged(_LOGGED)
        for children in (self.consumers, self.workers):
            async with trio.open_nursery() as nursery:
                for child in list(children.values()):
                    nursery.start_soon(self.drain, child)
        self._judge()

    async def wait_logged(self, within: float) -> float:
        """Wait until everything that was sent until now is in the log; return how long that took."""
        self.journal.read()
        sent = self._sent()
        return await self.until(
            lambda: sent <= {(entry.uid, entry.id) for entry in self.backend.log()},
            within,
            "what was sent is in the log",
        )

    async def wait_handled(self, within: float) -> float:
        """Wait until everything that was sent until now is handled; return how long that took."""
        self.journal.read()
        sent = self._sent()
        return await self.until(
            lambda: sent <= {(line.uid, line.id) for line in self._handled()},
            within,
            "what was sent is handled",
            every=0.5,
        )

    def _judge(self) -> None:
        self.journal.read()
        sent = self._sent()
        self.note("messages sent", len(sent))
        if self.setup.handles or self.handled.exists():
            handled = judge_handled(sent, self._handled(), self.killed)
            self.note("handled: lost", len(handled.lost), 0)
            self.note("handled again", len(handled.repeated))
            self.note("handled again without a death", len(handled.unexcused), 0)
            self.note("handled out of order per account", len(handled.disordered), 0)
        if not self.setup.handles:
            log = self.backend.log()
            verdict = judge_log(self.journal.said, log)
            self.note("log: lost", len(verdict.lost), 0)
            self.note("log: doubled", len(verdict.doubled), 0)
            self.note("log: out of order per account", len(verdict.disordered), 0)
            self.note("log: never sent", len(verdict.invented), 0)
            self.note("seconds from sent to logged", self._latencies(log))
        self.note("holes", self.backend.holes(), 0)
        self.note("accounts still owned after the drains", len(self.backend.owners()), 0)
        wrong, excused = crowded(self.journal.sockets.values(), time.monotonic(), self.excuses)
        self.note("two sockets of one account, seconds", wrong, 0)
        if self.excuses:
            self.note("the same, of stopped processes", excused)
        self.note("logins after the start", self.journal.logins - self.logins, 0)

    def _latencies(self, log: list[Entry]) -> list[float]:
        said = self.journal.said
        return [max(0.0, entry.at - said[entry.uid][entry.id]) for entry in log if entry.id in said.get(entry.uid, {})]


@asynccontextmanager
async def open_stage(
    name: str, setup: Setup, folder: pathlib.Path, report: Report, *, seed: int, breaks: tuple[str, ...] = ()
) -> AsyncGenerator[Stage, None]:
    """Start a fleet whose accounts are all connected. Every process has ended when the block is left, however that happens."""
    uids = tuple(f"user-{number}" for number in range(setup.accounts))
    backend = make_backend(setup.engine, folder)
    journal = Journal(folder / "journal")
    stage = Stage(name, setup, folder, backend, report, random.Random(f"{seed} {name}"), breaks, journal, uids)
    with backend.running():
        try:
            journal.path.touch()
            await stage.start_emulator()
            partitions = setup.fleet.get("partitions", 16)
            async with engine_of(backend.engine).connect("APP", partitions=partitions) as connection:
                await connection.administration.add([Account(uid) for uid in uids])
            for number in range(setup.workers):
                await stage.start_worker(f"w{number}", *(setup.first if number == 0 else ()))
            await stage.settled(START)
            stage.logins = journal.logins
            await stage.command("rate", setup.rate)
            await stage.until(lambda: journal.rate == setup.rate, 10, "the talk begins")
            yield stage
        finally:
            with trio.CancelScope(shield=True):
                await stage.end_all()
