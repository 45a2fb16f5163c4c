"""`cometconn fleet status`: once, or again each second."""

from __future__ import annotations

import contextlib
import datetime
import time
from collections import Counter, deque
from functools import partial
from typing import TYPE_CHECKING

import attrs
import trio
from rich.live import Live

from cometconn.cli.stopping import until_stopped
from cometconn.cli.terminal import TerminalConsole, json_line, safe_text
from cometconn.fleet import EngineError

from .snapshot import take_snapshot
from .status_view import summary, view

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from cometconn.fleet import EngineConnection

    from .engine_options import EngineOptions
    from .snapshot import Snapshot

__all__ = ["Watcher", "changes_between", "status"]

_EVERY = 1.0  # seconds
_RECENT = 8  # lines of what changed


async def status(engine: EngineOptions, *, as_json: bool, watch: bool) -> int:
    """Print what the fleet looks like; return the exit status."""
    async with engine.connect() as connection:
        if watch:
            return await until_stopped(partial(_watch, connection, engine.label, as_json=as_json))
        snapshot = await take_snapshot(connection)
    if as_json:
        print(json_line({"engine": engine.label, **snapshot.to_json()}, indent=2))  # noqa: T201 - a program's output
    else:
        TerminalConsole(highlight=False).print(view(snapshot, engine.label))
    return 0


async def _watch(connection: EngineConnection, label: str, *, as_json: bool) -> None:
    console = TerminalConsole(highlight=False)
    watcher = Watcher(label)
    if as_json or not console.is_terminal:
        while True:
            began = trio.current_time()
            print(await watcher.line(connection, as_json=as_json), flush=True)  # noqa: T201 - a program's output
            await trio.sleep_until(began + _EVERY)
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                began = trio.current_time()
                live.update(await watcher.look(connection), refresh=True)
                await trio.sleep_until(began + _EVERY)
    finally:
        if watcher.last is not None:
            console.print(view(watcher.last, label))


@attrs.define(eq=False)
class Watcher:
    """Looks at a fleet again and again, and remembers what changed.

    Attributes:
        label: the engine.
        last: what was seen last.
    """

    label: str
    last: Snapshot | None = attrs.field(default=None, init=False)
    _seen_at: float = attrs.field(default=0.0, init=False)
    _rates: dict[str, float] = attrs.field(factory=dict, init=False)
    _recent: deque[str] = attrs.field(factory=lambda: deque(maxlen=_RECENT), init=False)

    async def look(self, connection: EngineConnection) -> RenderableType:
        """Return the view. While the engine is unreachable, it is the last one, with the reason."""
        trouble = await self._take(connection)
        if self.last is None:
            return safe_text(trouble)
        return view(self.last, self.label, rates=self._rates, recent=tuple(self._recent), trouble=trouble)

    async def line(self, connection: EngineConnection, *, as_json: bool) -> str:
        """Return one line: the summary or the reason why there is none, or everything as JSON."""
        trouble = await self._take(connection)
        if as_json:
            found = {} if trouble or self.last is None else self.last.to_json()
            return json_line({"engine": self.label, **found, **({"error": trouble} if trouble else {})})
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return safe_text(f"{now} {trouble or summary(self.last)}" if self.last else f"{now} {trouble}")

    async def _take(self, connection: EngineConnection) -> str | None:
        try:
            snapshot, now = await take_snapshot(connection), trio.current_time()
        except EngineError as error:
            return str(error)
        if self.last is not None:
            clock = time.strftime("%H:%M:%S")
            self._recent.extendleft(f"{clock} {line}" for line in changes_between(self.last, snapshot))
            self._rates = dict(_rates(self.last, snapshot, now - self._seen_at))
        self.last, self._seen_at = snapshot, now
        return None


def changes_between(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Return what changed from one snapshot to the next, as lines."""
    old = {str(each.member.incarnation): each for each in before.workers if each.member.is_alive}
    new = {str(each.member.incarnation): each for each in after.workers if each.member.is_alive}
    for key, each in new.items():
        if key not in old:
            yield f"{each.incarnation} has joined"
        elif each.member.draining and not old[key].member.draining:
            yield f"{each.incarnation} is draining"
    left = {str(each.member.incarnation) for each in after.workers if each.member.left}
    for key, each in old.items():
        if key not in new:
            yield f"{each.incarnation} has left" if key in left else f"{each.incarnation} lost its lease"
    moves = Counter(
        (before.owners.get(uid, "no owner"), after.owners.get(uid, "no owner"))
        for uid in before.owners.keys() | after.owners.keys()
        if before.owners.get(uid) != after.owners.get(uid)
    )
    for (old_owner, new_owner), count in sorted(moves.items()):
        yield f"{count} {'account' if count == 1 else 'accounts'}: {old_owner} -> {new_owner}"
    for uid in after.parked.keys() - before.parked.keys():
        yield f"{uid} was parked"
    if len(after.holes) > len(before.holes):
        new_holes = len(after.holes) - len(before.holes)
        yield f"{new_holes} new {'hole' if new_holes == 1 else 'holes'}"


def _rates(before: Snapshot, after: Snapshot, seconds: float) -> Iterator[tuple[str, float]]:
    old = {str(each.member.incarnation): each for each in before.workers}
    for each in after.workers:
        key = str(each.member.incarnation)
        with contextlib.suppress(KeyError, ZeroDivisionError):
            yield key, max(0.0, each.number("appended") - old[key].number("appended")) / seconds
