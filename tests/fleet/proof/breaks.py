"""Workers and consumers that are broken on purpose, so that the witness is seen to find it.

Each function breaks one rule of the fleet in its own process, for good.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any

import attrs
import trio

from cometconn import EventStream
from cometconn.fleet import (
    claims,
    consumer,
    engine_store,
    governor,
    lease,
    log_writer,
    ownership,
    reconciler,
    redis_scripts,
    sqlite_ledger,
    worker,
)
from cometconn.fleet.errors import EngineError
from cometconn.fleet.shares import Roster
from cometconn.fleet.values import Fenced

__all__ = ["BREAKS"]


def ignore_lease() -> None:
    """The worker goes on after the end of its lease, as a program would that does not look at the clock."""
    extend, tick, count = lease.LocalLease.extend, reconciler.Reconciler._tick, log_writer.LogWriter._count

    def extended(self: lease.LocalLease, sent_at: float, ttl: float) -> None:
        extend(self, sent_at, ttl)
        self.scope.deadline = float("inf")

    async def ticked(self: reconciler.Reconciler) -> None:
        its = self.tenure.lease
        if its._ends_at > its._boot_time():
            await tick(self)
        else:
            await trio.lowlevel.checkpoint()

    def counted(self: log_writer.LogWriter, result: Any) -> None:
        count(self, result)
        if isinstance(result, Fenced):
            os.write(1, b"fenced\n")

    lease.LocalLease.extend = extended  # type: ignore[method-assign]
    lease.LocalLease.is_over = property(lambda _: False)  # type: ignore[assignment,method-assign]
    lease.LocalLease.lose = lambda _: None  # type: ignore[method-assign]
    reconciler.Reconciler._tick = ticked  # type: ignore[method-assign]
    log_writer.LogWriter._count = counted  # type: ignore[method-assign]


def no_fence() -> None:
    """The engine takes the appends of everyone (F7). The sequence is the word's, so it means nothing, either."""
    script = redis_scripts.APPEND
    script = script.replace("owner ~= word", "false").replace("less(known, after) or ", "")
    script = script.replace("not less(known, sequence)", "false")
    redis_scripts.APPEND = script
    original = sqlite_ledger.SQLiteLedger._append

    def append(self: sqlite_ledger.SQLiteLedger, now: float, given: Any) -> Any:
        row = self._database.execute("SELECT word FROM owners WHERE key = ?", (given.account,)).fetchone()
        (sequence,) = self._database.execute("SELECT sequence FROM written WHERE uid = ?", (given.account,)).fetchone()
        word = sqlite_ledger.OwnerWord.parse(row[0], "workers")
        return original(self, now, attrs.evolve(given, word=word, after=0, sequence=sequence + 1))

    sqlite_ledger.SQLiteLedger._append = append  # type: ignore[method-assign]


def no_rewind() -> None:
    """The engine does not notice that it has forgotten something (F9)."""
    redis_scripts.APPEND = redis_scripts.APPEND.replace("less(known, after) or less(position, expected)", "false")


def no_catch_up() -> None:
    """The clients do not fetch what they have missed: positions are not loaded (F11)."""

    async def load_position(self: engine_store.EngineStore) -> None:
        await trio.lowlevel.checkpoint()

    engine_store.EngineStore.load_position = load_position  # type: ignore[assignment]


def early_position() -> None:
    """A message counts as handled when it is handed out (F11)."""
    batch = EventStream.batch

    async def acknowledged(self: EventStream[Any]) -> Any:
        got = await batch(self)
        self._queue.acknowledge_before(trio.lowlevel.current_task())
        return got

    EventStream.batch = acknowledged  # type: ignore[method-assign]


def release_once() -> None:
    """A release that fails is not repeated (F8)."""
    send = claims.Claims.send_releases

    async def sent(self: claims.Claims) -> None:
        try:
            await send(self)
        except EngineError:
            self._releases.clear()
            raise

    claims.Claims.send_releases = sent  # type: ignore[method-assign]


def no_settling() -> None:
    """A worker that sees itself alone claims everything at once (F18)."""

    def roster(members: Any, *, me: Any, **_: Any) -> Roster:
        names = {member.incarnation.name for member in members if member.is_alive and not member.draining}
        return Roster(frozenset(names), me.name in names, settled=True)

    reconciler.roster = roster


def other_shares() -> None:
    """Shares are by the remainder of a division, so that a join moves nearly everything (F18)."""

    def winner(names: Any, key: str) -> str | None:
        ordered = sorted(names)
        number = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
        return ordered[number % len(ordered)] if ordered else None

    reconciler.winner = winner


def no_governor() -> None:
    """Connects and logins wait for nothing (F21)."""

    async def admit(self: governor.Governor) -> None:
        await trio.lowlevel.checkpoint()

    governor.Governor.admit = admit  # type: ignore[method-assign]


def early_release() -> None:
    """An account is given back before its client is closed (F8, F19)."""
    end = ownership.Ownership.end

    def ended(self: ownership.Ownership, reason: str, *, parked: str | None = None) -> None:
        was_over = self.ended_because is not None
        end(self, reason, parked=parked)
        if not was_over and reason in {"share", "drain"}:
            self._on_ended(self)

    def end_without_closing(self: ownership.Ownership, reason: str, *, parked: str | None = None) -> None:
        self._chat, chat = None, self._chat
        ended(self, reason, parked=parked)
        self._chat = chat

    ownership.Ownership.end = end_without_closing  # type: ignore[method-assign]


def stuck_drain() -> None:
    """A drain does not end the accounts (F19)."""
    drain = worker.Worker.drain

    def drained(self: worker.Worker) -> None:
        self._membership.is_draining = False
        if self._reconciler is None:
            drain(self)

    worker.Worker.drain = drained  # type: ignore[method-assign]


def early_ack() -> None:
    """A consumer acknowledges what it hands out (F15)."""
    batch = consumer.Consumer.batch

    async def acknowledged(self: consumer.Consumer, most: int = 256) -> Any:
        got = await batch(self, most)
        if got:
            await got[-1].ack()
        return got

    consumer.Consumer.batch = acknowledged  # type: ignore[method-assign]


BREAKS: dict[str, Callable[[], None]] = {
    "ignore-lease": ignore_lease,
    "no-fence": no_fence,
    "no-rewind": no_rewind,
    "no-catch-up": no_catch_up,
    "early-position": early_position,
    "release-once": release_once,
    "no-settling": no_settling,
    "other-shares": other_shares,
    "no-governor": no_governor,
    "early-release": early_release,
    "stuck-drain": stuck_drain,
    "early-ack": early_ack,
}
