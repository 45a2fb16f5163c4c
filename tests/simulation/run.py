"""Runs a simulation: a client, its server, its network, its computer and its disk, in virtual time, from one seed."""

from __future__ import annotations

import functools
import gc
import random
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs
import trio

import cometconn
from cometconn.emulator.log import Kind
from cometconn.testing import open_memory_server
from tests.scheduling import run_shuffled

from .calm import Calm, client_tasks
from .clocks import WallClock, replaced
from .disk import Disk, mounted
from .messages import Messages
from .program import POSITION_FILE, UID, Program, World
from .reader import ReaderPlan
from .script import Plan, draw_plan
from .server_steps import ServerSteps
from .trace import Trace, TracedLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cometconn import CometChat
    from cometconn.emulator.log import Entry
    from cometconn.testing import MemoryServer

__all__ = ["Outcome", "simulate"]

_NORMAL = 1000
_MANUAL = 0.5  # the share of processes in manual mode


@attrs.frozen
class Outcome:
    """What came of a simulation.

    Attributes:
        digest: the hash of the trace.
        lines: how many lines the trace has.
        steps: how many steps of the script were begun.
        failure: what was wrong first; `None` if nothing was.
        last: the last lines of the trace.
        traceback: of the exception that was raised, if one was.
        counts: how often what happened.
    """

    digest: str
    lines: int
    steps: int
    failure: str | None
    last: tuple[str, ...]
    traceback: str
    counts: dict[str, int]


def simulate(
    seed: int, hours: float = 1.0, steps: int | None = None, write: Callable[[str], object] | None = None
) -> Outcome:
    """Run the script of *seed*, or only its first *steps* and a last `calm`. *write* gets each line of the trace."""
    cometconn.preload()
    trace = Trace(write)
    simulation = Simulation(draw_plan(seed, hours, steps), trace, seed)
    collects = gc.isenabled()
    gc.disable()  # the script decides when garbage is collected, because that can close files
    gc.freeze()  # and only what the simulation has made is searched
    try:
        with replaced(simulation.clock, seed), mounted(simulation.disk), trace.logging(), _unraisable(simulation):
            try:
                run_shuffled(seed, simulation.run)
            except Exception as error:
                simulation.note_error(error)
            gc.collect()  # what closes files when it is freed needs the disk
    finally:
        gc.unfreeze()
        if collects:
            gc.enable()
    return Outcome(
        trace.digest,
        trace.lines,
        simulation.done,
        simulation.failure,
        tuple(trace.last),
        simulation.traceback,
        simulation.counts(),
    )


@contextmanager
def _unraisable(simulation: Simulation) -> Iterator[None]:
    """Note errors that Python could raise nowhere, such as those of a finalizer."""
    before = sys.unraisablehook
    sys.unraisablehook = lambda bad: simulation.note_error(bad.exc_value or bad.exc_type())
    try:
        yield
    finally:
        sys.unraisablehook = before


@attrs.define(eq=False)
class Simulation:
    """One run of a script. The public coroutines and methods are steps, which the script names, beside `ServerSteps`."""

    plan: Plan
    trace: Trace
    seed: int
    done: int = 0
    failure: str | None = None
    traceback: str = ""
    clock: WallClock = attrs.field(factory=WallClock)
    disk: Disk = attrs.field(init=False)
    messages: Messages = attrs.field(init=False)
    world: World = attrs.field(init=False)
    server_steps: ServerSteps = attrs.field(init=False)
    program: Program | None = None
    _killed: list[trio.Event] = attrs.field(factory=list, init=False)
    _draw: random.Random = attrs.field(init=False)
    _nursery: trio.Nursery = attrs.field(init=False)
    _processes: int = 0  # how many have begun
    _is_over: bool = False
    _secrets: int = 0
    _kinds: dict[str, int] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        """Create the disk and the judge."""
        self.disk = Disk(random.Random(f"disk {self.seed}"))
        self._draw = random.Random(f"program {self.seed}")
        self.messages = Messages(self.fail, self.plan.settings.catch_up)

    def fail(self, what: str) -> None:
        """Note what was wrong, and end the run."""
        if self.failure is None:
            self.failure = f"{trio.current_time():.6f}: {what}"
            self.trace.add(f"FAILED {what}")
            self._nursery.cancel_scope.cancel(reason="the simulation failed")

    def note_error(self, error: BaseException) -> None:
        """Note an exception as what was wrong, unless something was before."""
        if self.failure is None:
            self.failure = "; ".join(f"{type(leaf).__name__}: {leaf}" for leaf in _leaves(error))
            self.traceback = "".join(traceback.format_exception(error))

    def counts(self) -> dict[str, int]:
        """Return how often what happened."""
        return {**self._kinds, "delivered": self.messages.delivered, "lost": self.messages.lost}

    @property
    def server(self) -> MemoryServer:
        """The server."""
        return self.world.server

    async def run(self) -> None:
        """Perform the script."""
        options = {"users": (UID, "amy-2", "bob-3"), "groups": {"team": ("amy-2", UID, "bob-3")}}
        async with open_memory_server(**options, wall_clock=self.clock.right, make_secret=self._make_secret) as server:
            self.world = World(server, self.trace, self.messages, self.fail, random.Random(f"world {self.seed}"))
            self.server_steps = ServerSteps(self.world)
            server.world.log = TracedLog(self.trace, self._server_did)
            try:
                async with trio.open_nursery() as self._nursery:
                    await self._perform_all()
                    self._is_over = True
                    self._nursery.cancel_scope.cancel(reason="the script is over")
            except* Exception as group:
                self.note_error(group)
            if not self._is_over and self.failure is None:
                self.failure = f"the program was cancelled by an error that was lost, in step {self.done}"

    def _make_secret(self, kind: str, uid: str) -> str:
        self._secrets += 1
        return f"{kind}-{uid}-{self._secrets:032}"

    async def _perform_all(self) -> None:
        for step in self.plan.steps:
            await trio.sleep(step.after)
            self.done += 1
            self.trace.add(f"step {self.done} {step}")
            kind = str(step.arguments[0]) if step.name == "call" else step.name
            self._kinds[kind] = self._kinds.get(kind, 0) + 1
            result = getattr(self if hasattr(self, step.name) else self.server_steps, step.name)(*step.arguments)
            if result is not None:
                await result
            self._look()
        await self._end()

    def _look(self) -> None:
        if self.program is not None:
            self.program.look()

    def _server_did(self, entry: Entry) -> None:
        if entry.kind is Kind.AUTH and entry.detail["outcome"] == "accepted":
            self.messages.session_accepted()
        elif entry.kind is Kind.AUTH and self.program is not None:
            self.program.token_refused()

    # The computer.

    def sleep(self, seconds: float, loses_network: bool) -> None:
        """Let the computer sleep: Trio's clock stands still, and the others go on."""
        self.server.slept += seconds
        self.clock.slept += seconds
        if self.program is not None:
            self.program.computer_slept(seconds)
        if loses_network:
            self.server.drop(UID, "silent")

    def set_wall_clock(self, skew: float) -> None:
        """Set the client's wall clock."""
        self.clock.skew = skew

    def break_disk(self, how: str) -> None:
        """Let the disk be full, slow, or hang."""
        self.disk.trouble(is_full=how == "full", slowness={"full": 0.0, "slow": 0.7, "hangs": 30.0}[how])

    def heal_disk(self) -> None:
        """Let the disk be healthy again."""
        self.disk.trouble()

    # The program.

    def open_program(self) -> None:
        """Start the program, if it does not run."""
        if self.program is None:
            self._processes += 1
            gc.collect()
            self.messages.process_began()
            manual = self._draw.random() < _MANUAL
            settings = attrs.evolve(self.plan.settings, auto_establish_socket_connection=not manual)
            self.program = Program(self.world, settings, self.disk.process(), self._nursery)
            self._nursery.start_soon(self.program.run)

    async def _open_later(self, pause: float, processes: int) -> None:
        await trio.sleep(pause)
        if self._processes == processes:  # else `calm` has started the program in the meantime
            self.open_program()

    async def leave(self, pause: float) -> None:
        """Leave the client, and start the program again after a pause."""
        if await self._leave():
            self._nursery.start_soon(self._open_later, pause, self._processes)

    async def _leave(self) -> bool:
        program, self.program = self.program, None
        if program is None:
            return False
        program.leave()
        await program.ended.wait()
        self._process_ended()
        if all(ended.is_set() for ended in self._killed) and (tasks := client_tasks()):
            self.fail(f"the client was left, and its tasks run: {tasks}")
        return True

    def kill(self, pause: float, power_cut: bool) -> None:
        """End the program by force, and start it again after a pause."""
        program, self.program = self.program, None
        if program is not None:
            program.kill()
            # Its tasks go on for up to `close_timeout`, for nothing: in a real process they would be gone.
            self._killed = [*(ended for ended in self._killed if not ended.is_set()), program.ended]
            if power_cut:
                self.disk.cut_power()
            self._process_ended(by_force=True, power_cut=power_cut)
            self._nursery.start_soon(self._open_later, pause, self._processes)

    def _process_ended(self, *, by_force: bool = False, power_cut: bool = False) -> None:
        saved, healthy_since = self.disk.read(POSITION_FILE), self.disk.last_trouble()
        self.messages.process_ended(saved, healthy_since, by_force=by_force, power_cut=power_cut)

    def call(self, name: str, patience: float | None) -> None:
        """Make a call of the client, and cancel it after *patience* seconds."""
        if self.program is not None:
            self.program.begin(name, getattr(self.program, name), patience)

    def connect_with_retries(self, patience: float) -> None:
        """Connect, with retries, for a while."""
        if (program := self.program) is not None:
            program.begin("connect_with_retries", functools.partial(program.connect, retry=True), patience)

    def keep_alive(self, seconds: float) -> None:
        """Keep the connection alive for a while."""
        if (program := self.program) is not None:
            program.begin("keep_alive", program.keep_alive, seconds)

    def enter_background(self) -> None:
        """Enter the background."""
        if self.program is not None:
            self.program.enter_background()

    def enter_foreground(self) -> None:
        """Return to the foreground."""
        if self.program is not None:
            self.program.enter_foreground()

    def retry_now(self) -> None:
        """Report that the network is back."""
        if self.program is not None:
            self.program.retry_now()

    async def flap(self, number: int, pause: float, retry_after: int | None) -> None:
        """Lose the connection, and report again and again that the network is back, before it is.

        With *retry_after* it is back, and the server refuses the upgrade for so many seconds.
        """
        if retry_after is None:
            self.server.dialling = "refuse"
        else:
            self.server_steps.upgrade(503, retry_after)
        self.server.drop(UID, "reset")
        for _ in range(number):
            await trio.sleep(pause)
            self.retry_now()
        self.server_steps.heal()

    async def ping_without_pong(self) -> None:
        """Ping a server that sends messages and no pong."""
        self.server_steps.no_pong()
        self.call("ping", None)
        await trio.sleep(1)
        self.server_steps.say("amy-2", False, 1)

    async def read_and_kill(self, pause: float) -> None:
        """End the program by force some time after it has read messages, and start it again."""
        for _ in range(2):
            self.server_steps.say("amy-2", False, 1)
            await trio.sleep(0.1)
        await trio.sleep(pause)
        self.kill(0.0, power_cut=False)

    def start_typing(self) -> None:
        """Send a typing indicator."""
        if self.program is not None:
            self.program.begin("start_typing", lambda chat: chat.start_typing("amy-2"))

    def mark_as_read(self) -> None:
        """Mark the last message as read."""
        if self.program is not None and (message := self.program.reader.last_message) is not None:
            self.program.begin("mark_as_read", lambda chat: chat.mark_as_read(message))

    def fetch_history(self, patience: float | None) -> None:
        """Fetch a page of the history."""

        async def fetch(chat: CometChat) -> None:
            async for _ in chat.messages.history(user="amy-2", limit=5):
                pass

        if self.program is not None:
            self.program.begin("fetch_history", fetch, patience)

    def change_reader(
        self, ending: str, overflow: str, max_events: int, acknowledge: str, delay: float, by_batch: bool
    ) -> None:
        """Read in another way."""
        if self.program is not None:
            plan = ReaderPlan(overflow, max_events, acknowledge, delay, by_batch)
            self.program.reader.change(ending, plan)

    def open_side_stream(self, overflow: str, max_events: int, delay: float, seconds: float) -> None:
        """Read a second stream for a while."""
        if (program := self.program) is not None:
            read = functools.partial(program.reader.read_beside, overflow, max_events, delay, seconds)
            program.begin("side_stream", read)

    async def calm(self) -> None:
        """Heal everything, come to rest, and check what must be true then."""
        self.server_steps.heal()
        self.server.capacity = 65536
        self.disk.trouble()
        self.open_program()
        assert self.program is not None
        await Calm(self.world, self.program).run()

    async def _end(self) -> None:
        """Leave the client, and check what it leaves behind."""
        program = self.program
        if program is not None:
            await self._leave()
            await trio.sleep(5)
            devices = self.server.world.devices()
            if devices:
                self.fail(f"{len(devices)} connections are left")
            if self.plan.steps[-1].name == "calm":  # else the connection may be a bad one
                last = self.server.log.of(Kind.GONE)[-1].detail
                if last["how"] != "close" or last["code"] != _NORMAL:
                    self.fail(f"the client was left without a close frame of code {_NORMAL}: {last}")
            await program.judged.wait()


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]
