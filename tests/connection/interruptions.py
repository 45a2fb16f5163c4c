"""A client that catches up, interrupted at will, in virtual time: what was said to it, and what it received."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from unittest import mock

import attrs
import trio

from cometconn import AppSettings, Connected, MemoryStore
from cometconn.events import TextMessage
from cometconn.testing import MemoryServer, open_memory_server

from ..scheduling import run_shuffled
from .harness import Pair, open_pair, settle

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ACTS", "CATCHING_UP", "played", "say"]

ACTS = (
    *("say", "say", "say", "page", "reset", "close", "half-open", "sleep", "hang", "heal"),
    *("wait", "wait", "short", "away", "back", "reopen"),
)
CATCHING_UP = AppSettings(catch_up=True)

_WAITS = 8  # of 1.1 s: a fetch may hang for less than request_timeout, or messages are missing, as they should be


def say(server: MemoryServer, text: str, *, sender: str = "amy-2", device_id: str = "elsewhere") -> None:
    """Somebody writes to zed-1, or zed-1 to amy-2."""
    receiver = "zed-1" if sender == "amy-2" else "amy-2"
    draft = {"receiver": receiver, "receiverType": "user", "category": "message", "type": "text"}
    server.world.post(sender, {**draft, "data": {"text": text}}, device_id=device_id)


def played(
    acts: Iterable[str], *, seed: int, began: float = 0.0, room: int = 1024, pause: float = 0.0
) -> tuple[list[str], list[str]]:
    """Play these acts; return what was said and what was received, in the end.

    *seed* orders the tasks that are ready together, and *began* is the wall clock at the beginning, in
    seconds since some midnight. The stream holds *room* events before it pauses the socket, and its
    reader works for *pause* seconds on each.
    """
    return run_shuffled(seed, _play, list(acts), 1_800_057_600 + began, room, pause)


async def _play(acts: list[str], began: float, room: int, pause: float) -> tuple[list[str], list[str]]:
    def wall_clock() -> float:
        return began + server.boot_time()  # it goes on while the machine sleeps, Trio's does not

    async with open_memory_server(groups={}) as server:
        server.world._wall_clock = wall_clock
        with mock.patch.object(time, "time", wall_clock):
            waits = [index for index, act in enumerate(acts) if act == "wait"]
            play = _Play(server, room, pause, [act for index, act in enumerate(acts) if index not in waits[_WAITS:]])
            while not play.over:
                await play.one_life()
    return [str(number) for number in range(1, play.said + 1)], play.got


@attrs.define(eq=False)
class _Play:
    """The lives of a program, one after the other.

    Attributes:
        server: the same for all of them.
        room, pause: how the stream is read.
        acts: what is still to come.
        said: how many messages were sent.
        got: those that were received.
        over: the last life has ended.
    """

    server: MemoryServer
    room: int
    pause: float
    acts: list[str]
    said: int = 0
    got: list[str] = attrs.field(factory=list)
    over: bool = False
    _store: MemoryStore = attrs.field(factory=MemoryStore)

    async def one_life(self) -> None:
        """Run the program until it is closed: its reader is cancelled, wherever it is."""
        self.server.set(rest="accept")
        async with (
            open_pair(given=self.server, store=self._store, settings=CATCHING_UP) as pair,
            trio.open_nursery() as nursery,
        ):
            await nursery.start(self._read, pair)
            if not self.said:
                await pair.wait_status(Connected)
                self._say()
            while self.acts and (act := self.acts.pop(0)) != "reopen":
                await self._do(act, pair)
            if not self.acts:
                self._heal()
                pair.chat.enter_foreground()
                await pair.wait_status(Connected)
                await trio.sleep(30)
                self.over = True
            nursery.cancel_scope.cancel()

    async def _read(self, pair: Pair, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with pair.chat.events(max_events=self.room) as events:
            task_status.started()
            async for event in events:
                await trio.sleep(self.pause)
                if isinstance(event, TextMessage):
                    self.got.append(event.text)  # handled; to ask for the next one says so, even if that is cancelled

    async def _do(self, act: str, pair: Pair) -> None:
        match act:
            case "say":
                return self._say()  # and whatever comes next comes with it
            case "page":
                self._say(40)
            case "reset":
                self._reset()
            case "close":
                self.server.drop(None, "close")
            case "half-open":
                await self._go_half_open()
            case "sleep":
                self.server.slept += 60
            case "hang":
                self.server.set(rest="hang")
            case "heal":
                self._heal()
            case "wait" | "short":
                await trio.sleep(1.1 if act == "wait" else 0.01)
            case "away":
                pair.chat.enter_background()
            case _:
                pair.chat.enter_foreground()
        await settle()

    def _say(self, count: int = 1) -> None:
        for _ in range(count):
            self.said += 1
            say(self.server, str(self.said))

    def _reset(self) -> None:
        self.server.drop(None, "reset")

    def _heal(self) -> None:
        # Requests that hang are not answered any more: who waits for one shall try again.
        self.server.set(rest="accept")
        self._reset()

    async def _go_half_open(self) -> None:
        if self.server.world.faults.rest == "accept":  # it takes longer than a fetch may hang
            self.server.drop(None, "silent")
            self._say()
            await trio.sleep(21)
