"""The steps of the demo: workers start, one is killed, one is drained, and a new one joins, while messages come."""

from __future__ import annotations

import collections
import itertools
from typing import TYPE_CHECKING

import attrs
import trio
from rich.console import Group
from rich.text import Text

from cometconn.cli.demo_text import DemoText
from cometconn.fleet import Account
from cometconn.fleet.shares import winner

from .plan import SENDER
from .processes import WorkerFailedError, run_process, worker_command, worker_environ
from .records import LogRecord, ServerRecord
from .rules import Move, Outcome
from .view import LEAD, account_rows, counts, worker_style

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Collection

    from rich.live import Live

    from cometconn.emulator import Emulator
    from cometconn.fleet import EngineConnection

    from .plan import Plan
    from .processes import WorkerProcess

__all__ = ["Steps"]

_TICK = 0.2  # seconds between two looks at the engine
_START_PATIENCE = 60.0  # seconds: a process takes about 1.5 s of CPU time to start
_GLANCE = 0.02  # seconds between two looks at the server's log, while a step waits for something there


@attrs.define(eq=False)
class Steps(DemoText):
    """The demo in progress.

    Attributes:
        plan: its sizes and times.
        server: the CometChat server of this process.
        connection: to the engine that the workers share.
        path: of the engine's file.
        nursery: the worker processes run in it.
        live: shows the accounts as they are; `None` if the output is not a terminal.
    """

    plan: Plan
    server: Emulator
    connection: EngineConnection
    path: pathlib.Path
    nursery: trio.Nursery
    live: Live | None = None
    moves: list[Move] = attrs.field(factory=list, init=False)
    _server_record: ServerRecord = attrs.field(init=False)
    _log_record: LogRecord = attrs.field(init=False)
    _workers: dict[str, WorkerProcess] = attrs.field(factory=dict, init=False)
    _owners: dict[str, str] = attrs.field(factory=dict, init=False)
    _incarnations: dict[str, set[str]] = attrs.field(factory=lambda: collections.defaultdict(set), init=False)
    _sending: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _sent: int = attrs.field(default=0, init=False)
    _drain_seconds: float | None = attrs.field(default=None, init=False)
    _drain_status: int | None = attrs.field(default=None, init=False)
    _joined: int | None = attrs.field(default=None, init=False)
    _disturbed: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        """Begin to record."""
        self._server_record = ServerRecord(self.server)
        self._log_record = LogRecord(self.connection)

    async def run(self) -> None:
        """Take all steps."""
        await self._start_workers()
        await self._receive()
        await self._kill("w2")
        await trio.sleep(self.plan.pause)
        await self._drain("w3")
        await trio.sleep(self.plan.pause)
        await self._join("w4")
        await trio.sleep(self.plan.pause)

    async def watch(self) -> None:
        """Look at the engine and the log, and show the accounts as they are, until cancelled."""
        administration = self.connection.administration
        while True:
            self._server_record.update()
            self._owners = {uid: word.incarnation.name for uid, word in (await administration.owners()).items()}
            for member in await administration.members():
                self._incarnations[member.incarnation.name].add(str(member.incarnation))
            await self._log_record.update()
            self._show()
            await trio.sleep(_TICK)

    async def finish(self) -> Outcome:
        """Wait until the log has everything, end the workers, and return what was recorded."""
        self._sending.cancel(reason="cometconn: the demo has sent enough")
        self.heading("The end")
        self.print_line("demo", f"{self._sent:,} messages were sent. The workers that are left are drained.")
        await self._until(lambda: len(self._log_record.messages) >= self._sent)
        await self._end_workers()
        await self._log_record.update()
        self._server_record.update()
        settings = self.plan.fleet_settings
        return Outcome(
            accounts=self.plan.accounts,
            sent=self._server_record.messages(),
            logged=self._log_record.messages,
            holes=self._log_record.holes,
            sockets=self._server_record.sockets,
            unseen=self._server_record.missed,
            logins=self._server_record.logins,
            takeover=next((move for move in self.moves if move.promised is not None), None),
            drain_seconds=self._drain_seconds,
            drain_status=self._drain_status,
            drain_timeout=settings.drain_timeout,
            joiner="w4",
            joined=self._joined,
            disturbed=self._disturbed,
        )

    @property
    def leases_lost(self) -> dict[str, int]:
        """How often each worker has lost its lease, for those that have."""
        return {name: len(seen) - 1 for name, seen in self._incarnations.items() if len(seen) > 1}

    # Steps.

    async def _start_workers(self) -> None:
        self.heading("Three workers start, and share the accounts")
        names = ("w1", "w2", "w3")
        for name in names:
            await self._start(name)
        self.print_line("demo", f"{len(names)} processes start: {', '.join(map(self._described, names))}.")
        await self._until(lambda: self._incarnations.keys() >= set(names), _START_PATIENCE)
        late = [name for name in names if name not in self._incarnations]
        if late:
            message = (
                f"{', '.join(late)} did not join within {_START_PATIENCE:g} s: this machine is too busy for the demo."
            )
            raise WorkerFailedError(message)
        # Only now: otherwise the first worker logs accounts in that are soon another's share, some of them in vain.
        await self.connection.administration.add([Account(uid) for uid in self.plan.uids])
        self.print_line("demo", f"All have joined. {len(self.plan.uids)} accounts are added.")
        await self._until(lambda: self._is_shared_among(names))
        self._print_accounts("Each account has logged in and is connected in one worker")

    async def _receive(self) -> None:
        self.nursery.start_soon(self._send)
        self.print_line("demo", f"From now on {self.plan.rate:g} messages a second come, to all accounts in turn.")
        await trio.sleep(self.plan.pause)

    async def _kill(self, name: str) -> None:
        self.heading(f"{name} is killed")
        moving = self._owned_by(name)
        at = trio.current_time()
        self._workers[name].kill()
        self.print_line(
            "demo",
            f"SIGKILL ends {name}, and {len(moving)} connections with it. Others may take its accounts when its lease "
            f"is over, {self.plan.lease_ttl:g} s after its last renewal. {self.plan.promised:g} s are promised.",
        )
        await self._until(lambda: not moving & self._server_record.connected)
        self._print_accounts("The connections are broken, and messages go on")
        await self._until(lambda: moving <= self._opened_since(at))
        opened: dict[str, float] = {}
        for socket, _ in self._server_record.opened_since(at):
            opened.setdefault(socket.uid, socket.opened_at - at)
        move = Move(f"{name} killed", {uid: opened.get(uid) for uid in moving}, self.plan.promised)
        await self._until(lambda: self._is_shared_among(("w1", "w3")))
        self._finish(move, "All are connected again, without a login")

    async def _drain(self, name: str) -> None:
        self.heading(f"{name} is drained")
        moving = self._owned_by(name)
        at = trio.current_time()
        worker = self._workers[name]
        worker.drain()
        self.print_line(
            "demo",
            f"SIGTERM lets {name} close {len(moving)} accounts one by one, give each back when its last messages are "
            "in the log, and end.",
        )
        await self._until(lambda: worker.has_ended)
        if worker.has_ended:
            self._drain_status = await worker.wait()
            self._drain_seconds = trio.current_time() - at
        await self._until(lambda: self._is_shared_among(("w1",)))
        self._finish(self._move(f"{name} drained", at, moving), "All are connected in the worker that is left")

    async def _join(self, name: str) -> None:
        self.heading(f"{name} joins")
        at = trio.current_time()
        await self._start(name)
        share = frozenset(uid for uid in self.plan.uids if winner(("w1", name), uid) == name)
        self.print_line(
            "demo",
            f"{self._described(name)} starts. Its share is {len(share)} accounts; the others are to stay where they are.",
        )
        await self._until(lambda: self._is_shared_among(("w1", name)), _START_PATIENCE)
        self._joined = len(share & self._owned_by(name))
        self._disturbed = len(self._opened_since(at) - share)
        self._finish(self._move(f"{name} joined", at, share), "Only its share has moved")

    def _finish(self, move: Move, text: str) -> None:
        self.moves.append(move)
        if move.absent:
            self.print_line("demo", f"{move.absent} accounts are still not connected.", "red")
            self._print_accounts("The accounts now")
        else:
            self._print_accounts(f"{text}, after {move.longest:.1f} s at most, half of them after {move.median:.1f} s")

    def _move(self, step: str, at: float, moving: Collection[str]) -> Move:
        """Return the gaps between the connections of accounts that have moved since a time."""
        gaps = {
            socket.uid: socket.opened_at - before.closed_at
            for socket, before in self._server_record.opened_since(at)
            if before is not None and before.closed_at is not None
        }
        return Move(step, {uid: gaps.get(uid) for uid in moving})

    # Workers.

    async def _start(self, name: str) -> None:
        command = worker_command(name, self.plan, str(self.path), self.server.url)
        self._workers[name] = await self.nursery.start(run_process, name, command, worker_environ())

    async def _end_workers(self) -> None:
        left = [worker for worker in self._workers.values() if not worker.has_ended]
        for worker in left:
            worker.drain()
        await self._until(lambda: all(worker.has_ended for worker in left))

    def _described(self, name: str) -> str:
        return f"{name} (process {self._workers[name].pid})"

    # The state of the fleet.

    def _owned_by(self, name: str) -> frozenset[str]:
        return frozenset(uid for uid, owner in self._owners.items() if owner == name)

    def _opened_since(self, at: float) -> frozenset[str]:
        return frozenset(socket.uid for socket, _ in self._server_record.opened_since(at))

    def _is_shared_among(self, names: Collection[str]) -> bool:
        """Return whether each account is connected, in the worker that it falls to when these workers share them."""
        return self._server_record.connected >= set(self.plan.uids) and all(
            self._owners.get(uid) == winner(names, uid) for uid in self.plan.uids
        )

    async def _until(self, condition: Callable[[], bool], patience: float | None = None) -> None:
        """Wait until the condition holds, but no longer than *patience* seconds, by default the plan's."""
        with trio.move_on_after(self.plan.patience if patience is None else patience):
            self._server_record.update()
            while not condition():
                await trio.sleep(_GLANCE)
                self._server_record.update()

    async def _send(self) -> None:
        """Send numbered messages to all accounts in turn."""
        numbers: collections.Counter[str] = collections.Counter()
        due = trio.current_time()
        with self._sending:
            for uid in itertools.cycle(self.plan.uids):
                numbers[uid] += 1
                self.server.say(SENDER, f"message {numbers[uid]}", receiver=uid)
                self._sent += 1
                due += 1 / self.plan.rate
                await trio.sleep_until(due)

    # Printing.

    @property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self._workers, 1)}

    def _holders(self) -> dict[str, int]:
        """Return the number of the worker that has it connected, for each account that is."""
        numbers = self._numbers
        return {
            uid: numbers[owner]
            for uid, owner in self._owners.items()
            if uid in self._server_record.connected and owner in numbers
        }

    def _print_accounts(self, text: str) -> None:
        holders = self._holders()
        names = {number: name for name, number in self._numbers.items()}
        self.print_line("demo", f"{text}: {counts(self.plan.uids, holders, names)}.")
        for row in account_rows(self.plan.uids, holders, self.console.width):
            self.console.print(Text(" " * LEAD).append_text(row))

    def _show(self) -> None:
        if self.live is None:
            return
        holders = self._holders()
        width = self.console.width
        lines = [Text()]
        for number, row in enumerate(account_rows(self.plan.uids, holders, width)):
            lines.append(Text(f"{'' if number else 'accounts':>{LEAD - 2}}  ").append_text(row))
        for name, number in self._numbers.items():
            worker = self._workers[name]
            held = sum(holder == number for holder in holders.values())
            state = f"{held} accounts connected" if not worker.has_ended else "ended"
            fate = f", {worker.fate}" if worker.fate else ""
            lead = f"{name:>{LEAD - 2}}  "
            lines.append(Text(lead).append(f"{state}, process {worker.pid}{fate}", worker_style(number)))
        received = f"{self._sent:,} sent, {len(self._log_record.messages):,} in the log, {self.elapsed:.0f} s"
        lines.append(Text(f"{'messages':>{LEAD - 2}}  {received}"))
        for line in lines:
            line.truncate(width - 1)
        self.live.update(Group(*lines), refresh=True)
