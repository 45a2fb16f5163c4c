"""How the program of a simulation reads: one stream that counts at a time, and others beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import trio

from cometconn import Disconnected, Reason
from cometconn.errors import SlowConsumerError
from cometconn.events import Event, Message, Overflow, Resumed

if TYPE_CHECKING:
    from cometconn import CometChat, EventStream

    from .disk import DiskProcess
    from .messages import Messages, Reading
    from .trace import Trace

__all__ = ["Reader", "ReaderPlan"]


@attrs.frozen
class ReaderPlan:
    """How the program reads: the arguments of `events()`, seconds for each event, and whether it reads batches."""

    overflow: Any = "pause"
    max_events: int = 1024
    acknowledge: Any = "next"
    delay: float = 0.0
    by_batch: bool = False

    @property
    def may_pause(self) -> bool:
        """Whether the socket may be left unread for this reader."""
        return self.overflow == "pause" and (self.delay > 0 or self.acknowledge == "call")


class _ReaderError(Exception):
    """The program's own error, with which it leaves a block."""


@attrs.define(eq=False)
class Reader:
    """Reads the events of one process.

    Attributes:
        messages: judges them.
        trace: what was seen.
        process: nothing is read any more once it is dead.
        plan: how the stream that counts is read.
        last_message: the last message that was read.
        resumes: how many `Resumed` were read, or `Overflow`, which may stand for one.
    """

    messages: Messages
    trace: Trace
    process: DiskProcess
    plan: ReaderPlan = attrs.field(factory=ReaderPlan)
    last_message: Message | None = None
    resumes: int = 0
    _quick_since: float = 0.0
    _slow_ones: int = 0  # streams beside it that may pause
    _ending: str | None = None
    _pull: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _block: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    @property
    def quick_since(self) -> float:
        """Since when no reader has paused the socket; infinity if one may pause it now."""
        return float("inf") if self.plan.may_pause or self._slow_ones else self._quick_since

    def change(self, ending: str, plan: ReaderPlan) -> None:
        """Leave the block of the stream by `break`, by a cancel or by an exception, and open another stream."""
        if self.plan.may_pause:
            self._quick_since = trio.current_time()
        self._ending, self.plan = ending, plan
        (self._block if ending == "cancel" else self._pull).cancel(reason="another reader")

    async def run(self, chat: CometChat) -> None:
        """Read one stream after the other, until the client is left."""
        while not _is_left(chat):
            self._ending = None
            with trio.CancelScope() as self._block:
                try:
                    await self._read_stream(chat, self.plan)
                except _ReaderError:
                    pass
                except SlowConsumerError:
                    self.trace.add("SlowConsumerError")
            await trio.lowlevel.checkpoint()

    async def _read_stream(self, chat: CometChat, plan: ReaderPlan) -> None:
        messages, open_ones = self.messages, list[tuple[Message, int]]()
        reading = messages.begin_reading(counts=True)
        arguments = {"overflow": plan.overflow, "max_events": plan.max_events, "acknowledge": plan.acknowledge}
        async with chat.events(**arguments) as events:
            while not self.process.dead:
                if plan.acknowledge == "next":
                    messages.acknowledge([number for _, number in open_ones])
                    open_ones.clear()
                elif len(open_ones) >= min(3, plan.max_events):
                    self._acknowledge(events, open_ones)
                got = await self._pull_some(events, plan)
                if got is None:
                    return
                for event in got:
                    self._hand_out(reading, event, open_ones)
                with trio.CancelScope() as self._pull:
                    await trio.sleep(plan.delay * len(got))
                if self._ending is not None:
                    break
            if self._ending == "raise" or self.process.dead:
                raise _ReaderError
            if plan.acknowledge == "next":
                messages.acknowledge([number for _, number in open_ones])

    async def _pull_some(self, events: EventStream[Any], plan: ReaderPlan) -> list[Event] | None:
        got: list[Event] = []
        with trio.CancelScope() as self._pull:
            try:
                got = list(await events.batch()) if plan.by_batch else [await anext(events)]
            except StopAsyncIteration:
                return None
        if self.process.dead:
            raise _ReaderError
        return got

    def _hand_out(self, reading: Reading, event: Event, open_ones: list[tuple[Message, int]]) -> None:
        number = self.messages.handed_out(reading, event)
        self.trace.add(f"event {reading.number} {type(event).__name__} {getattr(event, 'id', '')}")
        self.resumes += isinstance(event, Resumed | Overflow)
        if isinstance(event, Message):
            self.last_message = event
            if number is not None:
                open_ones.append((event, number))

    def _acknowledge(self, events: EventStream[Any], open_ones: list[tuple[Message, int]]) -> None:
        """Acknowledge all but one, in another order."""
        kept = open_ones.pop(0) if len(open_ones) > 1 else None
        for event, number in reversed(open_ones):
            events.acknowledge(event)
            self.messages.acknowledge([number])
        open_ones[:] = [kept] if kept else []

    async def read_beside(self, overflow: Any, max_events: int, delay: float, seconds: float, chat: CometChat) -> None:
        """Read another stream, which does not count, for a while."""
        reading = self.messages.begin_reading(counts=False)
        self._slow_ones += 1
        with trio.move_on_after(seconds):
            try:
                async with chat.events(overflow=overflow, max_events=max_events, acknowledge="never") as events:
                    async for event in events:
                        if self.process.dead:
                            return
                        self.messages.handed_out(reading, event)
                        self.trace.add(f"beside {reading.number} {type(event).__name__}")
                        await trio.sleep(delay)
            except SlowConsumerError:
                self.trace.add("SlowConsumerError beside")
            finally:
                self._slow_ones -= 1
                self._quick_since = trio.current_time()


def _is_left(chat: CometChat) -> bool:
    return isinstance(chat.status, Disconnected) and chat.status.reason is Reason.CLIENT_CLOSED
