"""`nox -s soak -- [--minutes M] [--clients N] [--outages N] [--kills N] [--seed S] [--plot FILE]`: many programs, bad weather."""

from __future__ import annotations

import argparse
import logging
import pathlib
import random
import resource
import sys
import tempfile
import time
import warnings
from collections import defaultdict, deque
from contextlib import AsyncExitStack

import attrs
import trio
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cometconn import Connected
from cometconn.emulator import Emulator, Kind, open_emulator
from cometconn.emulator.faults import RetryAfterForm
from cometconn.emulator.log import ServerLog
from cometconn.emulator.world.messages import MessageStore
from cometconn.testing import FaultProxy, open_fault_proxy, random_faults
from tests.end_to_end.kills import kill_programs, total
from tests.end_to_end.outages import outages

from .life import SLACK, Calm, Life, Tally
from .measures import Measure, draw, measure, verdicts

_CALMS = 9
_KILLED = 4  # programs that are killed at the same time
_OVERLAP = 5.0  # seconds after which the server has surely seen the end of a client's last socket


@attrs.define(eq=False)
class Soak:
    """Everything at once."""

    options: argparse.Namespace
    progress: Progress
    server: Emulator
    proxy: FaultProxy
    draw: random.Random
    began: float
    tally: Tally = attrs.field(factory=Tally)
    calm: Calm = attrs.field(factory=Calm)
    lives: list[Life] = attrs.field(factory=list)
    calms: list[Measure] = attrs.field(factory=list)
    seconds: list[Measure] = attrs.field(factory=list)

    async def run(self) -> None:
        """Run for the given minutes, with a calm at intervals and at the end."""
        duration = self.options.minutes * 60
        async with trio.open_nursery() as nursery:
            for task in (self._weather, self._chatter, self._observer, self._watch):
                nursery.start_soon(task)
            async with trio.open_nursery() as lives:
                for number in range(self.options.clients):
                    seed = random.Random(self.draw.random())
                    life = Life(f"user-{number}", bool(number % 2), self.proxy.endpoints, seed, self.tally, self.calm)
                    self.lives.append(life)
                    lives.start_soon(life.run)
                for number in range(1, _CALMS + 1):
                    await trio.sleep_until(self.began + duration * number / _CALMS)
                    await self._be_calm(last=number == _CALMS)
            nursery.cancel_scope.cancel()

    async def _be_calm(self, *, last: bool) -> None:
        self.calm.begin()
        self.server.heal()
        self.proxy.accept_connections()
        self.proxy.follow(())
        with trio.move_on_after(60 + SLACK):
            while self.calm.arrived < len(self.lives):
                await trio.sleep(0.05)
        # Lines that were made in the storm may still end: they come back by themselves.
        with trio.move_on_after(30 + SLACK):
            while missing := self._missing():
                await trio.sleep(0.1)
        self.tally.check(not missing, f"not connected in a calm: {missing[:10]}")
        with trio.move_on_after(10):  # hypercorn keeps a REST connection for 5 s after its client has gone
            while len(self.proxy._lines) > len(self.lives):
                await trio.sleep(0.1)
        self.calms.append(one := measure(self.began))
        self.progress.print(
            f"calm at {one.at:4.0f} s: {one.memory:6.1f} MiB {one.files:5} files {one.tasks:5} tasks {one.objects} objects"
        )
        for life in self.lives:
            life.stop = last
        self.calm.end()

    def _missing(self) -> list[str]:
        return [life.uid for life in self.lives if life.chat is None or not isinstance(life.chat.status, Connected)]

    async def _weather(self) -> None:
        """The line is bad, and now and then so is the server."""
        while True:
            await trio.sleep(self.draw.uniform(0.1, 1.0))
            if self.calm.wanted:
                continue
            self.proxy.follow(random_faults(self.draw.randrange(10**9), most_delay=0.05))
            storm = self.draw.randrange(12)
            if storm == 0:
                self.proxy.end(self.draw.choice(["close", "reset", "half-open"]))
                self.tally.count("all sockets lost")
            elif storm == 1:
                self.proxy.refuse_connections()
                await trio.sleep(self.draw.uniform(0, 1))
                self.proxy.accept_connections()
            elif storm == 2:
                self.server.drop(None, "close", code=self.draw.choice([1000, 1001, 1011, 1012, 1013, 4000]))
            elif storm == 3:
                self.server.set(auth="silent")
            elif storm == 4:
                self._rest_storm()
            elif storm == 5:
                self.server.set(upgrade=self.draw.choice([503, 502]))
            elif storm == 6:
                self.server.set(pong=False)
            elif storm == 7 and self.draw.random() < 0.2:
                self.server.expire_jwts()
            else:
                self.server.heal()

    def _rest_storm(self) -> None:
        """REST refuses, sends Retry-After, is late, hangs, or leaves out its `Date`."""
        kind = self.draw.choice(["status", "status", "late", "hang", "dateless"])
        self.tally.count(f"storms of REST: {kind}")
        if kind == "status":
            form: RetryAfterForm = self.draw.choice(["seconds", "date"])
            status = self.draw.choice([403, 408, 425, 429, 500, 503])
            self.server.set(rest=status, retry_after=self.draw.choice([0, 1, 2]), retry_after_as=form)
        elif kind == "late":
            self.server.set(rest_delay=self.draw.choice([0.1, 1, 6]))
        elif kind == "hang":
            self.server.set(rest="hang")
        else:
            self.server.set(date=False)

    async def _chatter(self) -> None:
        """Send frames to all clients, all the time."""
        number = 0
        while True:
            await trio.sleep(0.02)
            for _ in range(20):
                number += 1
                uid = f"user-{self.draw.randrange(self.options.clients)}"
                if number % 10:
                    self.server.push(uid, {"type": "soak", "body": {"number": number, "filling": "x" * 500}})
                else:
                    self.server.say("speaker", str(number), receiver=uid)

    async def _observer(self) -> None:
        """Read the server's log: no user has two sockets for longer than an end takes to arrive."""
        seen, sockets = 0, defaultdict[str, dict[int, float]](dict)
        crowded: dict[str, float] = {}
        while True:
            await trio.sleep(0.1)
            for entry in self.server.log.of(Kind.AUTH, Kind.GONE, since=seen):
                uid, number = entry.uid, entry.connection
                if uid is None or number is None:
                    continue
                if entry.kind is Kind.AUTH:
                    sockets[uid][number] = entry.at
                else:
                    sockets[uid].pop(number, None)
            seen = self.server.log.position
            now = trio.current_time()
            for uid, numbers in sockets.items():
                if len(numbers) < 2:
                    crowded.pop(uid, None)
                elif now - crowded.setdefault(uid, now) > _OVERLAP:
                    self.tally.check(False, f"{uid}: sockets {sorted(numbers)} at once, says the server")
                    crowded.pop(uid)
            for life in self.lives:
                life.look()

    async def _watch(self) -> None:
        """Show what is happening; measure every second."""
        total = self.options.minutes * 60
        bar = self.progress.add_task("soak", total=total, words="")
        while True:
            await trio.sleep(1)
            now = trio.current_time()
            resident = measure(self.began, thoroughly=False)
            self.seconds.append(resident)
            connected = sum(life.chat is not None and isinstance(life.chat.status, Connected) for life in self.lives)
            counts = self.tally.counts
            words = (
                f"{'calm' if self.calm.wanted else 'storm'}: {connected} of {len(self.lives)} connected, "
                f"{counts['dials']} dials, {counts['lives']} lives, {counts['events']} events, "
                f"{resident.memory:.0f} MiB, {resident.files} files, {len(self.tally.wrong)} wrong"
            )
            self.progress.update(bar, completed=min(total, now - self.began), words=words)


async def soak(options: argparse.Namespace, progress: Progress) -> list[str]:
    """Run the soak, and report what was wrong."""
    before = measure(trio.current_time())
    async with AsyncExitStack() as stack:
        users = ["speaker", *(f"user-{number}" for number in range(options.clients))]
        server = await stack.enter_async_context(open_emulator(users=users, groups={}))
        proxy = await stack.enter_async_context(open_fault_proxy(server.url, seed=options.seed))
        # What is kept, and bounded, is full within seconds, so that it does not look like a leak.
        server.world.log = ServerLog(limit=5000)
        server.world.messages = MessageStore(limit=1000)
        proxy.log = deque(maxlen=1000)
        run = Soak(options, progress, server, proxy, random.Random(options.seed), trio.current_time())
        await run.run()
    after = measure(trio.current_time())
    wrong = run.tally.wrong + verdicts(run.calms)
    if after.tasks != before.tasks:
        wrong.append(f"{after.tasks - before.tasks} tasks are left")
    if after.files > before.files + 2:
        wrong.append(f"{after.files - before.files} file descriptors are left")
    print(", ".join(f"{count} {what}" for what, count in sorted(run.tally.counts.items())))
    if options.plot is not None:
        options.plot.parent.mkdir(parents=True, exist_ok=True)
        draw(options.plot, run.calms, run.seconds)
    return wrong


async def exactly_once(options: argparse.Namespace, progress: Progress) -> list[str]:
    """The outages of the end-to-end tests, many more."""
    bar = progress.add_task("outages", total=options.outages, words="every message exactly once")
    story = await outages(options.outages, options.seed, lambda done: progress.update(bar, completed=done))
    print(f"{story.said} messages through {options.outages} outages: {story.kinds}, {story.gaps} gaps")
    if story.got == [str(number) for number in range(1, story.said + 1)]:
        return []
    return [f"of {story.said} messages {len(set(story.got))} arrived, {len(story.got) - len(set(story.got))} twice"]


async def killed(options: argparse.Namespace, progress: Progress) -> list[str]:
    """The killed programs of the end-to-end tests, many more."""
    each = -(-options.kills // _KILLED)
    bar = progress.add_task("kills", total=each * _KILLED, words="nothing lost, nothing acknowledged told twice")
    with tempfile.TemporaryDirectory() as folder:
        stories = await kill_programs(
            each, options.seed, pathlib.Path(folder), _KILLED, lambda: progress.update(bar, advance=1)
        )
    print(f"{sum(len(story.said) for story in stories)} messages to programs that ended so: {total(stories)}")
    return [words for story in stories for words in story.wrong]


def main() -> None:
    """Soak; exit status 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="how long the programs live (default 3)")
    parser.add_argument("--clients", type=int, default=200, help="how many there are (default 200)")
    parser.add_argument("--outages", type=int, default=1000, help="of the exactly-once part (default 1000)")
    parser.add_argument("--kills", type=int, default=200, help="of programs that handle messages (default 200)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the weather's; otherwise a new one")
    parser.add_argument("--plot", type=pathlib.Path, metavar="FILE", help="draw memory and files into this PNG")
    options = parser.parse_args()
    warnings.simplefilter("error")
    unraisable: list[str] = []
    sys.unraisablehook = lambda bad: unraisable.append(f"unraisable: {bad.exc_value!r} in {bad.object!r}")
    logging.getLogger("cometconn.emulator").setLevel(logging.ERROR)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(f"seed {options.seed}", flush=True)
    columns = TextColumn("{task.description}"), BarColumn(20), TimeElapsedColumn(), TextColumn("{task.fields[words]}")
    with Progress(*columns) as progress:
        wrong = trio.run(soak, options, progress) if options.minutes else []
        wrong += trio.run(exactly_once, options, progress) if options.outages else []
        wrong += trio.run(killed, options, progress) if options.kills else []
    wrong += unraisable
    for line in wrong[:50]:
        print("WRONG", line)
    print(f"soak: {len(wrong)} wrong" if wrong else "soak: nothing wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
