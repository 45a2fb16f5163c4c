"""Programs that are killed while they handle messages: what the parent sends, receives, and checks."""

from __future__ import annotations

import functools
import json
import pathlib
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable

import attrs
import trio

from cometconn.emulator import Emulator, open_emulator
from cometconn.emulator.world.messages import MessageStore
from cometconn.testing import FaultProxy, open_fault_proxy, random_faults

PROGRAM = (sys.executable, "-m", "tests.end_to_end.handling_program")
ROOT = pathlib.Path(__file__).parents[2]
_AHEAD = 1000  # messages that wait, at most: a slow machine must be able to handle them in the end
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


@attrs.define(eq=False)
class Life:
    """What one run of the program has reported."""

    streams: int = 1
    connected: trio.Event = attrs.field(factory=trio.Event)
    newest: dict[str, int] = attrs.field(factory=dict)  # handed out last, by each stream
    acknowledged: dict[str, set[int]] = attrs.field(factory=dict)  # by each stream, since the life began
    last: tuple[str, set[int]] = ("", set())  # the last acknowledgement
    to_commit: dict[str, set[int]] = attrs.field(factory=dict)

    def handled(self) -> set[int]:
        """Return what every stream has acknowledged."""
        if len(self.acknowledged) < self.streams:
            return set()
        return set.intersection(*self.acknowledged.values())

    def perhaps_handled(self) -> set[int]:
        """Return what one stream has acknowledged.

        What was unclaimed when two streams were opened, the first of them has alone; and what one has acknowledged
        does not come again when the other one is left without having done so.
        """
        return set().union(*self.acknowledged.values())


@attrs.define(eq=False)
class Kills:
    """The program of one user, killed and started again."""

    server: Emulator
    rest: str
    proxy: FaultProxy
    uid: str
    path: pathlib.Path
    draw: random.Random
    said: list[int] = attrs.field(factory=list)
    handled: set[int] = attrs.field(factory=set)  # acknowledged by every stream of some life, or about to be
    never_again: set[int] = attrs.field(factory=set)  # by what was saved, or by an end that was not by force
    wrong: list[str] = attrs.field(factory=list)
    counts: dict[str, int] = attrs.field(factory=dict)
    life: Life = attrs.field(factory=Life)

    def check(self, good: object, words: str) -> None:
        """Note *words* unless it is *good*."""
        if not good:
            self.wrong.append(f"{self.uid}, life {sum(self.counts.values())}: {words}")

    async def run(self, kills: int, done: Callable[[], object]) -> None:
        """Kill the program so many times, and then let it handle everything that is left."""
        await self._live("calm", signal.SIGTERM)  # it logs in, and saves from when on messages can be fetched
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._talk)
            for _ in range(kills):
                await self._live(str(self.draw.random()), self.draw.choice(SIGNALS))
                done()
            nursery.cancel_scope.cancel()
        await self._live("calm", signal.SIGTERM, to_the_end=True)
        self.check(not (lost := set(self.said) - self.handled), f"lost: {sorted(lost)[:10]}")

    async def _talk(self) -> None:
        while True:
            await trio.sleep(self.draw.uniform(0.005, 0.06))
            while len(self.said) - len(self.handled) > _AHEAD:
                await trio.sleep(0.05)
            for _ in range(self.draw.choice([1, 1, 1, 5])):
                self.said.append(int(self.server.say("speaker", "hello", receiver=self.uid)["id"]))

    async def _live(self, seed: str, number: signal.Signals, *, to_the_end: bool = False) -> None:
        self.life = life = Life()
        self.proxy.follow(() if seed == "calm" else random_faults(self.draw.randrange(10**9)))
        socket = self.proxy.url
        async with trio.open_nursery() as nursery:
            start = functools.partial(
                trio.run_process,
                (*PROGRAM, str(self.path), self.rest, socket, self.uid, seed),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=ROOT,
                check=False,
            )
            process: trio.Process = await nursery.start(start)
            errors, sent = bytearray(), False

            async def read_errors() -> None:
                assert process.stderr is not None
                async for chunk in process.stderr:
                    errors.extend(chunk)

            async def end() -> None:
                nonlocal sent
                # A program starts slowly beside many others; the first must log in before any message is sent.
                with trio.move_on_after(120):
                    await life.connected.wait()
                self.check(life.connected.is_set(), "not connected within 120 s")
                if to_the_end:
                    with trio.move_on_after(90):
                        while not set(self.said) <= self.handled | life.perhaps_handled():
                            await trio.sleep(0.02)
                else:
                    await trio.sleep(self.draw.uniform(0.1, 1.2))
                if process.poll() is None:
                    sent = True
                    process.send_signal(number)

            nursery.start_soon(read_errors)
            nursery.start_soon(end)
            await self._listen(process)
            status = await process.wait()
            nursery.cancel_scope.cancel()
        forced = status == -number  # also by a signal that came when the program no longer received it
        what = number.name if sent else "by itself"
        self.counts[what] = self.counts.get(what, 0) + 1
        self.check(status == 0 or forced, f"status {status}: {errors.decode()[-600:]}")
        self._judge_end(number, forced=forced)

    async def _listen(self, process: trio.Process) -> None:
        assert process.stdout is not None
        rest = b""
        async for chunk in process.stdout:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                word, *others = line.decode().split()
                self._hear(word, others)

    def _hear(self, word: str, others: list[str]) -> None:
        life = self.life
        if word == "streams":
            life.streams = int(others[0])
        elif word == "connected":
            life.connected.set()
        elif word == "open":
            life.newest.pop(others[0], None)
        elif word == "out":
            stream, number = others[0], int(others[1])
            self.check(number > life.newest.get(stream, 0), f"{number} is handed out behind {life.newest.get(stream)}")
            life.newest[stream] = number
            self.check(number not in self.never_again, f"{number} is handed out again: it was saved as handled")
            self.check(number not in life.acknowledged.get(stream, ()), f"{number} is handed out again within a life")
        elif word == "ack":
            life.last = others[0], set(map(int, others[1:]))
            life.acknowledged.setdefault(others[0], set()).update(life.last[1])
            self.handled |= life.handled()
        elif word == "commit":
            life.to_commit[others[0]] = life.handled() - set(map(int, others[1:])) - self._in_hands(life)
        elif word == "committed":
            self.never_again |= life.to_commit.pop(others[0])
        else:
            self.check(False, f"{word} {' '.join(others)}")

    @staticmethod
    def _in_hands(life: Life) -> set[int]:
        """With two streams, the other one may have printed its acknowledgement before it was cancelled in the call."""
        return life.last[1] if life.streams > 1 else set()

    def _judge_end(self, number: signal.Signals, *, forced: bool) -> None:
        life = self.life
        self.handled |= life.perhaps_handled()
        position, beyond = self._saved()
        saved = {one for one in self.said if one <= position or one in beyond}
        unhandled = saved - self.handled
        self.check(not unhandled, f"saved as handled, and not acknowledged: {sorted(unhandled)[:10]}")
        forgotten = {one for one in self.never_again if one > position and one not in beyond}
        self.check(not forgotten, f"saved before, and no longer: {sorted(forgotten)[:10]}")
        self.never_again |= saved
        if not forced:
            if number is signal.SIGINT:  # it may have come between the report and what was reported
                stream, ids = life.last
                life.acknowledged.get(stream, set()).difference_update(ids)
            unsaved = life.handled() - saved
            self.check(not unsaved, f"acknowledged, not killed by force, and not saved: {sorted(unsaved)[:10]}")
            self.never_again |= life.handled()

    def _saved(self) -> tuple[int, set[int]]:
        try:
            saved = json.loads(self.path.with_name(f"{self.path.name}.position").read_bytes())
        except FileNotFoundError:
            return 0, set()
        return saved["message_id"] or 0, set(saved["acknowledged"])


async def kill_programs(
    kills: int, seed: int, folder: pathlib.Path, programs: int = 2, done: Callable[[], object] = bool
) -> list[Kills]:
    """Kill so many programs of each of some users, at the same time."""
    users = [f"user-{number}" for number in range(programs)]
    stories: list[Kills] = []
    async with (
        open_emulator(users=["speaker", *users], groups={}) as server,
        trio.open_nursery() as nursery,
    ):
        server.world.messages = MessageStore(limit=10**9)  # else the oldest could be dropped before they are fetched
        for number, uid in enumerate(users):
            nursery.start_soon(_kill_one, server, uid, folder / f"{uid}.json", f"{seed}/{number}", kills, stories, done)
    return stories


async def _kill_one(
    server: Emulator,
    uid: str,
    path: pathlib.Path,
    seed: str,
    kills: int,
    stories: list[Kills],
    done: Callable[[], object],
) -> None:
    async with open_fault_proxy(server.url) as proxy:
        story = Kills(server, server.url, proxy, uid, path, random.Random(seed))
        stories.append(story)
        await story.run(kills, done)


def total(stories: Iterable[Kills]) -> dict[str, int]:
    """Count how the lives ended."""
    counts: dict[str, int] = {}
    for story in stories:
        for name, count in story.counts.items():
            counts[name] = counts.get(name, 0) + count
    return counts
