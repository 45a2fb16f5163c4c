"""A program that handles messages, and may be killed. Arguments: session file, REST URL, socket URL, user, seed or `calm`.

It says on its standard output, a line for each, `open STREAM` when a stream is opened, `out STREAM ID` when a message was
handed out, `ack STREAM ID...` just before it acknowledges, and `commit` and `committed` before and after a `commit()`.
"""

from __future__ import annotations

import os
import random
import signal
import sys

import attrs
import trio

import cometconn
from cometconn import AppSettings, CometChat, Endpoints, EventStream, FileStore
from cometconn.events import Event, Gap, Overflow, TextMessage

from .outages import TIMING


class MishapError(Exception):
    """What the program raises within a block, catches, and continues."""


def say(*words: object) -> None:
    """Print one line immediately, so that none is lost when the program is killed."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


@attrs.define(eq=False)
class Reading:
    """Reads one stream of a client after the other, as a seed determines."""

    chat: CometChat
    name: str
    draw: random.Random
    calm: bool
    leaves: bool
    size: int
    way: str = "each"

    async def run(self) -> None:
        """Open a stream, read it, leave it normally or by an exception, and repeat."""
        while True:
            self.way = "each" if self.calm else self.draw.choice(["each", "batch", "call"])
            how = "call" if self.way == "call" else "next"
            left = self.draw.randint(3, 40) if self.leaves else 10**9
            try:
                async with self.chat.events(TextMessage, max_events=self.size, acknowledge=how) as events:
                    say("open", self.name)
                    if self.way == "call":
                        await self._by_call(events, left)
                    else:
                        await self._by_next(events, left)
            except* MishapError:
                pass

    def _take(self, event: Event) -> list[int]:
        """Report a message that was handed out, and what must not be among the events."""
        if isinstance(event, Overflow) or (isinstance(event, Gap) and event.recovered is False):
            say("bad", event)
        if not isinstance(event, TextMessage):
            return []
        say("out", self.name, event.id)
        return [event.id]

    async def _by_next(self, events: EventStream, left: int) -> None:
        while True:
            got = await events.batch() if self.way == "batch" else [await anext(events)]
            ids = [number for event in got for number in self._take(event)]
            left -= len(ids)
            if not self.calm and self.draw.random() < 0.3:
                await trio.sleep(self.draw.uniform(0, 0.03))
            if left <= 0 and self.draw.random() < 0.5:
                raise MishapError
            if ids:
                say("ack", self.name, *ids)
            if left <= 0:
                return
            if not self.calm and self.draw.random() < 0.03:
                await self._commit(events, ids)

    async def _by_call(self, events: EventStream, left: int) -> None:
        async with trio.open_nursery() as nursery:
            async for event in events:
                ids = self._take(event)
                left -= len(ids)
                if ids:
                    nursery.start_soon(self._work, events, event, ids)
                if left <= 0:
                    if self.draw.random() < 0.5:
                        raise MishapError
                    break
                if self.draw.random() < 0.03:
                    await self._commit(events, [])

    async def _work(self, events: EventStream, event: Event, ids: list[int]) -> None:
        await trio.sleep(self.draw.uniform(0, 0.1))
        say("ack", self.name, *ids)
        events.acknowledge(event)

    async def _commit(self, events: EventStream, in_hand: list[int]) -> None:
        """Commit; what this task has in hand is not acknowledged yet."""
        say("commit", self.name, *in_hand)
        await events.commit()
        say("committed", self.name)


async def main(path: str, rest: str, socket: str, uid: str, seed: str) -> None:
    """Run until a signal comes, or until the program ends by itself."""
    draw = random.Random(seed)
    calm = seed == "calm"
    places = attrs.evolve(Endpoints.at(rest), socket_url=Endpoints.at(socket).socket_url)
    settings = AppSettings(catch_up=True, timing=attrs.evolve(TIMING, connect_timeout=2.0))
    streams = 1 if calm else draw.choice([1, 1, 2])
    size = 1024 if calm else draw.choice([1, 3, 16, 1024])
    async with cometconn.open_client("APP", settings, store=FileStore(path), endpoints=places) as chat:
        async with trio.open_nursery() as nursery:
            say("streams", streams)
            numbers = draw.choice([(signal.SIGTERM,), (signal.SIGTERM, signal.SIGINT)])
            nursery.start_soon(stop_on_signal, nursery.cancel_scope, numbers)
            for number in range(streams):
                seeds = random.Random(draw.random())
                reading = Reading(chat, str(number), seeds, calm, not calm and streams == 1, size)
                nursery.start_soon(reading.run)
            if chat.get_logged_in_user() is None:
                await chat.login(uid=uid, auth_key="KEY")
            with trio.move_on_after(600 if calm else 2):  # what is sent before the first connection is not fetched
                await connected(chat)
            say("connected")
            await trio.sleep(draw.choice([0.5, 60]) if not calm else 600)
            nursery.cancel_scope.cancel()


async def connected(chat: CometChat) -> None:
    """Wait until the client is connected, however often it has to try."""
    async with chat.statuses() as changes:
        async for change in changes:
            if isinstance(change.current, cometconn.Connected):
                return


async def stop_on_signal(scope: trio.CancelScope, numbers: tuple[signal.Signals, ...]) -> None:
    """Cancel, as the bot of the documentation does; a SIGINT that is not received raises `KeyboardInterrupt`."""
    with trio.open_signal_receiver(*numbers) as signals:
        async for _ in signals:
            scope.cancel()


if __name__ == "__main__":
    try:
        trio.run(main, *sys.argv[1:])
    except BaseException as error:
        if "KeyboardInterrupt" not in repr(error):
            raise
