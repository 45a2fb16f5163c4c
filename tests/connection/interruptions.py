"""A client that catches up and is interrupted, in virtual time: which messages were sent to it and which it received."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from unittest import mock

import attrs
import trio

from cometconn import AppSettings, Connected, MemoryStore
from cometconn.emulator import Faults
from cometconn.events import Gap, TextMessage
from cometconn.testing import MemoryServer, open_memory_server

from ..scheduling import run_shuffled
from .harness import Pair, open_pair, settle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cometconn.environment import Request, Response
    from cometconn.events import Event

__all__ = ["ACTS", "CATCHING_UP", "REST_ACTS", "played", "say"]

REST_ACTS: dict[str, dict[str, Any]] = {
    "unavailable": {"rest": 503},
    "timed out": {"rest": 408},
    "too early": {"rest": 425, "retry_after": 1},
    "busy": {"rest": 429, "retry_after": 3},
    "busy until": {"rest": 503, "retry_after": 5, "retry_after_as": "date"},
    "forbidden": {"rest": 403},
    "slow": {"rest_delay": 0.7},
    "too slow": {"rest_delay": 10.5},
    "at once": {"rest_delay": 0},
    "answering": {"rest": "accept"},
    "dateless": {"date": False},
}
"""What an act sets at the server. `cut` is one more: pages of messages are cut off in the middle, until they are healed."""
ACTS = (
    *("say", "say", "say", "page", "reset", "close", "half-open", "sleep", "hang", "heal"),
    *("wait", "wait", "short", "long", "away", "back", "reopen", "cut"),
    *REST_ACTS,
)
CATCHING_UP = AppSettings(catch_up=True)


def say(server: MemoryServer, text: str, *, sender: str = "amy-2", device_id: str = "elsewhere") -> None:
    """Send a message to zed-1, or from zed-1 to amy-2."""
    receiver = "zed-1" if sender == "amy-2" else "amy-2"
    draft = {"receiver": receiver, "receiverType": "user", "category": "message", "type": "text"}
    server.world.post(sender, {**draft, "data": {"text": text}}, device_id=device_id)


def played(
    acts: Iterable[str], *, seed: int, began: float = 0.0, room: int = 1024, pause: float = 0.0
) -> tuple[list[str], list[str]]:
    """Play these acts. Return what was sent and what was received in the end, with late messages in their place.

    A message may come out of the order of ids only late: behind a `Gap(recovered=True)` that follows a
    `Gap(recovered=False)` of the same range.

    Raises:
        AssertionError: a message came out of order.

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
            play = _Play(server, room, pause, acts)
            while not play.over:
                await play.one_life()
    return [str(number) for number in range(1, play.said + 1)], play.in_place()


@attrs.define(eq=False)
class _Play:
    """The runs of a program, one after the other.

    Attributes:
        server: the same for all of them.
        room, pause: how the stream is read.
        acts: what is still to come.
        said: the number of messages sent.
        got: what was received, in each run of the program.
        over: the last run has ended.
    """

    server: MemoryServer
    room: int
    pause: float
    acts: list[str]
    said: int = 0
    got: list[list[Event]] = attrs.field(factory=list)
    over: bool = False
    _store: MemoryStore = attrs.field(factory=MemoryStore)
    _cut: bool = False

    def __attrs_post_init__(self) -> None:
        """Intercept the server's answers."""
        answer = self.server.world.answer

        def cut(request: Request) -> Response:
            whole = answer(request)
            is_page = self._cut and "/messages?" in request.url
            return attrs.evolve(whole, body=whole.body[: len(whole.body) // 2]) if is_page else whole

        self.server.world.answer = cut  # type: ignore[method-assign]

    def in_place(self) -> list[str]:
        """Return the texts of all messages, late ones in their place."""
        order = _Order()
        for life in self.got:
            order.live(life)
        return [order.texts[number] for number in sorted(order.texts)]

    async def one_life(self) -> None:
        """Run the program until it is closed: its reader is cancelled, wherever it is."""
        self.got.append([])
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
                await trio.sleep(60)
                self.over = True
            nursery.cancel_scope.cancel()

    async def _read(self, pair: Pair, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with pair.chat.events(max_events=self.room) as events:
            task_status.started()
            async for event in events:
                await trio.sleep(self.pause)
                if isinstance(event, TextMessage | Gap):
                    self.got[-1].append(
                        event
                    )  # handled; requesting the next one acknowledges it, even if that is cancelled

    async def _do(self, act: str, pair: Pair) -> None:
        match act:
            case "say":
                self._say()
                return  # and whatever comes next comes with it
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
            case "long":
                await trio.sleep(11)
            case "away":
                pair.chat.enter_background()
            case "back":
                pair.chat.enter_foreground()
            case "cut":
                self._cut = True
            case _:
                self.server.set(**REST_ACTS[act])
        await settle()

    def _say(self, count: int = 1) -> None:
        for _ in range(count):
            self.said += 1
            say(self.server, str(self.said))

    def _reset(self) -> None:
        self.server.drop(None, "reset")

    def _heal(self) -> None:
        # Requests that hang get no answer any more: the client has to try again.
        self.server.world.faults = Faults()
        self._cut = False
        self._reset()

    async def _go_half_open(self) -> None:
        self.server.drop(None, "silent")
        self._say()
        await trio.sleep(21)


@attrs.define(eq=False)
class _Order:
    """The order in which messages came, in all runs.

    Attributes:
        texts: the messages so far.
        missing: the gaps with `recovered=False` of this run, by their range.
        late: the gaps of this run with `recovered=True` behind one of these, and the last message behind each.
        left: where the gaps with `recovered=False` of earlier runs began.
    """

    texts: dict[int, str] = attrs.field(factory=dict)
    missing: set[tuple[float, int | None]] = attrs.field(factory=set)
    late: list[tuple[Gap, list[int]]] = attrs.field(factory=list)
    left: set[int] = attrs.field(factory=set)

    def live(self, life: Iterable[Event]) -> None:
        """Record what came in one run; raise if a message came twice, or out of order and not late."""
        last, before = 0, max(self.texts, default=0)
        for event in life:
            if isinstance(event, Gap):
                self._gap(event)
                continue
            assert isinstance(event, TextMessage)
            assert event.id not in self.texts, f"{event.text} came twice"
            self.texts[event.id] = event.text
            assert event.id > before or any(event.id > start for start in self.left), (
                f"{event.text} came in a later life than {self.texts[before]}, and was not missing"
            )
            if event.id > last:
                last = event.id
            else:
                self._came_late(event, last)
        self.left |= {start or 0 for _, start in self.missing}
        self.missing.clear()
        self.late.clear()

    def _gap(self, event: Gap) -> None:
        same = (event.since, event.after_id)
        if event.recovered is False:
            self.missing.add(same)
        elif event.recovered and same in self.missing:
            self.late.append((event, [0]))

    def _came_late(self, event: TextMessage, last: int) -> None:
        for gap, behind in reversed(self.late):
            if max(gap.after_id or 0, behind[-1]) < event.id < (gap.before_id or last):
                behind.append(event.id)
                return
        message = f"{event.text} came behind {self.texts[last]}, and not late"
        raise AssertionError(message)
