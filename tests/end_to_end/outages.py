"""Random outages over real sockets: the emulator behind a fault proxy, a client that catches up."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import attrs
import trio

import cometconn
from cometconn import AppSettings, CometChat, Connected, EventStream, MemoryStore, Timing
from cometconn.emulator import Emulator, open_emulator
from cometconn.emulator.faults import RetryAfterForm
from cometconn.events import Gap, TextMessage
from cometconn.testing import FaultProxy, LineFaults, open_fault_proxy, random_faults

# Quick to find out, quick to come back. On a busy machine a link is now and then lost for nothing: one more outage.
TIMING = Timing(
    keepalive_interval=0.15, pong_timeout=0.3, retry_base=0.02, retry_cap=0.1, stable_after=0.2, close_timeout=0.3
)
KINDS = ("close", "reset", "half-open", "cut", "cut", "refuse", "background", "disconnect", "reopen", "rest")


@attrs.define(eq=False)
class Outages:
    """What was sent, what arrived, and which outages the client had."""

    server: Emulator
    proxy: FaultProxy
    rest: FaultProxy
    draw: random.Random
    said: int = 0
    got: list[str] = attrs.field(factory=list)
    gaps: int = 0
    unrecovered: list[str] = attrs.field(factory=list)
    kinds: dict[str, int] = attrs.field(factory=dict)
    store: MemoryStore = attrs.field(factory=MemoryStore)

    def say(self, most: int, least: int = 0) -> None:
        """Send between *least* and *most* messages to zed-1."""
        for _ in range(self.draw.randint(least, most)):
            self.said += 1
            self.server.say("amy-2", str(self.said), receiver="zed-1")

    @asynccontextmanager
    async def program(self) -> AsyncGenerator[CometChat, None]:
        """One life of the program, whose reader is cancelled at its end."""
        places = attrs.evolve(self.rest.endpoints, socket_url=self.proxy.endpoints.socket_url)
        settings = AppSettings(catch_up=True, timing=TIMING)
        async with (
            cometconn.open_client("APP", settings, store=self.store, endpoints=places) as chat,
            trio.open_nursery() as nursery,
        ):
            await nursery.start(self._read, chat)
            if chat.get_logged_in_user() is None:
                await chat.login(uid="zed-1", auth_key="KEY")
            yield chat
            nursery.cancel_scope.cancel()

    async def _read(
        self, chat: CometChat, *, task_status: trio.TaskStatus[EventStream] = trio.TASK_STATUS_IGNORED
    ) -> None:
        async with chat.events(TextMessage) as events:
            task_status.started(events)
            async for event in events:
                if isinstance(event, TextMessage):
                    self.got.append(event.text)
                elif isinstance(event, Gap):
                    self.gaps += 1
                    if not event.recovered:
                        self.unrecovered.append(str(event.cause))

    async def strike(self, chat: CometChat) -> bool:
        """Make one outage, with messages before, during and after it; return whether the program is to be closed."""
        kind = self.draw.choice(KINDS)
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        self.say(3)
        if self.draw.random() < 0.5:
            self.proxy.follow([next(random_faults(self.draw.randrange(10**9))) for _ in range(self.draw.randint(0, 3))])
        if kind in {"close", "reset", "half-open"}:
            self.proxy.end(kind)  # type: ignore[arg-type]
        elif kind == "cut":
            self.proxy.follow([LineFaults(end_after=self.draw.randrange(200, 3000), end="reset")])
            self.proxy.end("close")
        elif kind == "refuse":
            self.proxy.refuse_connections()
            self.proxy.end("reset")
            await self._pause(0.05)
            self.proxy.accept_connections()
        elif kind == "background":
            chat.enter_background()
            self.say(3)
            await self._pause(0.03)
            chat.enter_foreground()
        elif kind == "disconnect":
            await chat.disconnect()
            self.say(3)
        elif kind == "rest":
            await self._rest_misbehaves()
        else:
            return True
        for _ in range(self.draw.randint(0, 3)):
            await self._pause(0.05)
            self.say(2)
        await self.wait_connected(chat)
        self.say(2)  # what was missed is being fetched, slowly, and now there is something live
        await self._pause(0.04)
        self.say(2)
        if self.draw.random() < 0.3:
            await self.settled()
        return False

    async def _rest_misbehaves(self) -> None:
        """Lose the connection while REST refuses for a transient reason, is late, or hangs: the pages still come."""
        how = self.draw.choice([408, 425, 429, 500, 503, "late", "hang"])
        if how == "late":
            self.server.set(rest_delay=self.draw.uniform(0, 0.2))
        elif how == "hang":
            self.server.set(rest="hang")
        else:
            form: RetryAfterForm = self.draw.choice(["seconds", "date"])
            self.server.set(rest=how, retry_after=self.draw.randint(0, 1), retry_after_as=form)
        self.proxy.end("reset")
        self.say(3)
        await self._pause(0.3)
        self.server.heal()
        if how == "hang":
            self.proxy.end("reset")  # a request that hangs never ends: the next connection makes a new one

    async def wait_connected(self, chat: CometChat) -> None:
        """Wait until the client is connected again."""
        while not isinstance(chat.status, Connected):
            with trio.move_on_after(5):
                try:
                    await chat.connect(retry=True)
                except cometconn.errors.CometConnError:
                    continue

    async def settled(self) -> None:
        """Wait until every message that was sent has arrived."""
        while len(self.got) < self.said:
            await trio.sleep(0.005)

    async def _pause(self, most: float) -> None:
        await trio.sleep(self.draw.uniform(0, most))


async def outages(count: int, seed: int, report: Callable[[int], None] = lambda _: None) -> Outages:
    """Make so many outages. Each message is to be in `got` once, in order, and every gap filled."""
    slow = LineFaults(delay=0.005, jitter=0.01)
    async with (
        open_emulator() as server,
        open_fault_proxy(server.url, seed=seed) as proxy,
        open_fault_proxy(server.url, seed=seed, rest=slow) as rest,  # never refused: a fetch that fails is a loss
    ):
        story = Outages(server, proxy, rest, random.Random(seed))
        done = 0
        while done < count:
            async with story.program() as chat:
                await story.wait_connected(chat)
                if not story.said:
                    story.say(1, least=1)  # from here on there is a position to go back to
                    await story.settled()
                while done < count:
                    with trio.fail_after(60):
                        closing = await story.strike(chat)
                    done += 1
                    report(done)
                    if closing:
                        break
                else:
                    await story.wait_connected(chat)
                    with trio.fail_after(60):
                        await story.settled()
                        await trio.sleep(0.1)  # what would come twice may come now
        return story
