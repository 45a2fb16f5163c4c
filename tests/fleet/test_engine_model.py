"""Fences, positions, leases and rewinds of every engine beside an independent model, with random scripts.

The model keeps the history of each account as a list of appended ids, and derives everything from it.
"""

from __future__ import annotations

import copy
import os
import pathlib
import tempfile
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cometconn.fleet import Account, EngineConnection, Incarnation, LeaseLostError, NameInUseError
from cometconn.fleet.values import (
    Append,
    Appended,
    Claim,
    Claimed,
    ClaimRefused,
    Fenced,
    LogEvent,
    OwnerWord,
    Read,
    Refusal,
    Release,
    Rewound,
    Save,
    Saved,
    partition_of,
)

from . import engines

if TYPE_CHECKING:
    from .redis_server import RedisServer

SCRIPTS = int(os.environ.get("COMETCONN_FLEET_SCRIPTS", "25"))
TTL = 1000.0
PASSING = (400.0, 700.0)  # no sum of these is near the lease, so the real time that a test takes does not matter
UIDS = ("amy", "bob")
NAMES = ("w0", "w1")

Step: TypeAlias = tuple[Any, ...]


@attrs.define
class Log:
    """The history of one account."""

    ids: list[int] = attrs.field(factory=list)
    begins: int = 0  # of these, the first one since the position was forgotten
    late: list[bool] = attrs.field(factory=list)
    sequence: int = 0
    session: bytes | None = None
    revision: int = 0

    @property
    def position(self) -> int | None:
        return max(self.ids[self.begins :], default=None)


@attrs.define
class Kept:
    """What an engine may forget."""

    logs: dict[str, Log] = attrs.field(factory=lambda: {uid: Log() for uid in UIDS})
    owners: dict[str, OwnerWord] = attrs.field(factory=dict)
    tokens: dict[str, int] = attrs.field(factory=lambda: dict.fromkeys(UIDS, 0))
    leases: dict[str, float] = attrs.field(factory=dict)


@attrs.define
class Caller:
    """What the owner of a word knows of its account: what a worker would keep."""

    uid: str
    word: OwnerWord
    sent: int = 0
    after: int = 0
    expected: int | None = None
    last: Append | None = None


@attrs.define
class Script:
    """One script, on one engine and on the model."""

    connection: EngineConnection
    under_test: engines.EngineUnderTest
    kept: Kept = attrs.field(factory=Kept)
    workers: list[Incarnation] = attrs.field(factory=list)
    claims: list[tuple[Incarnation, Claim]] = attrs.field(factory=list)
    callers: list[Caller] = attrs.field(factory=list)
    copy: tuple[Any, Kept] | None = None

    def lives(self, worker: Incarnation) -> bool:
        return self.kept.leases.get(str(worker), 0) > 0

    def fenced(self, uid: str, word: OwnerWord) -> Fenced | None:
        owner = self.kept.owners.get(uid)
        return None if owner == word else Fenced(uid, owner)

    async def join(self, name: str) -> None:
        worker = Incarnation(name)
        if any(self.lives(other) for other in self.workers if other.name == name):
            with pytest.raises(NameInUseError):
                await self.connection.lease(worker, TTL, joining=True)
            return
        await self.connection.lease(worker, TTL, joining=True)
        self.workers.append(worker)
        self.kept.leases[str(worker)] = TTL

    async def renew(self, number: int) -> None:
        if not self.workers:
            return
        worker = self.workers[number % len(self.workers)]
        if not self.lives(worker):
            with pytest.raises(LeaseLostError):
                await self.connection.lease(worker, TTL)
            return
        grant = await self.connection.lease(worker, TTL)
        alive = {str(member.incarnation) for member in grant.members if member.is_alive}
        assert alive == {key for key, left in self.kept.leases.items() if left > 0}
        self.kept.leases[str(worker)] = TTL

    async def leave(self, number: int) -> None:
        if self.workers:
            worker = self.workers[number % len(self.workers)]
            await self.connection.lease(worker, 0)
            self.kept.leases[str(worker)] = 0

    async def passing(self, seconds: float) -> None:
        await self.under_test.advance(seconds)
        self.kept.leases = {key: left - seconds for key, left in self.kept.leases.items()}

    async def claim(self, number: int, uid: str, *, again: bool) -> None:
        if not self.workers:
            return
        worker, claim = self.workers[number % len(self.workers)], Claim(uid)
        if again and self.claims:
            worker, claim = self.claims[number % len(self.claims)]
        self.claims.append((worker, claim))
        if not self.lives(worker):
            with pytest.raises(LeaseLostError):
                await self.connection.claim(worker, [claim])
            return
        (result,) = await self.connection.claim(worker, [claim])
        owner = self.kept.owners.get(claim.key)
        log = self.kept.logs[claim.key]
        is_repeated = owner is not None and (owner.incarnation, owner.nonce) == (worker, claim.nonce)
        if owner is not None and not is_repeated and self.lives(owner.incarnation):
            assert result == ClaimRefused(claim.key, Refusal.OWNED, owner)
            return
        previous = None if is_repeated else owner  # whose lease is over
        if not is_repeated:
            self.kept.tokens[claim.key] += 1
            owner = self.kept.owners[claim.key] = OwnerWord(worker, self.kept.tokens[claim.key], claim.nonce)
            log.sequence = 0
            self.callers.append(Caller(claim.key, owner, expected=log.position))
        assert owner is not None
        assert result == Claimed(claim.key, owner, log.session, log.revision, log.position, previous=previous)

    async def release(self, number: int) -> None:
        if self.callers:
            caller = self.callers[number % len(self.callers)]
            (result,) = await self.connection.release([Release(caller.uid, caller.word)])
            assert result == self.fenced(caller.uid, caller.word)
            if result is None:
                del self.kept.owners[caller.uid]

    async def save(self, number: int, revision: int, *, forgets: bool) -> None:
        if self.callers:
            caller = self.callers[number % len(self.callers)]
            session = b"session %d" % revision
            (result,) = await self.connection.save([Save(caller.uid, caller.word, session, revision, forgets)])
            log = self.kept.logs[caller.uid]
            fenced = self.fenced(caller.uid, caller.word)
            if fenced is None and revision > log.revision:
                log.session, log.revision = session, revision
                log.begins = len(log.ids) if forgets else log.begins
            assert result == (fenced or Saved(caller.uid, log.revision))

    async def append(self, number: int, ids: list[int], *, again: bool, lost: bool) -> None:
        """Append, or repeat the last append; without ids it is an audit. *lost*: the caller does not get the result."""
        if not self.callers:
            return
        caller = self.callers[number % len(self.callers)]
        if again and caller.last is not None:
            append = caller.last
        else:
            caller.sent += bool(ids)
            events = tuple(LogEvent(each, b"%d" % each) for each in ids)
            append = Append(caller.uid, caller.word, caller.sent, events, caller.after, caller.expected)
            caller.last = append if ids else caller.last
        (result,) = await self.connection.append([append])
        assert result == self.appended(append)
        if lost:
            return
        match result:
            case Appended() | Rewound():
                caller.after, caller.expected = result.sequence, result.position

    def appended(self, append: Append) -> Appended | Rewound | Fenced:
        log = self.kept.logs[append.account]
        fenced = self.fenced(append.account, append.word)
        if fenced is not None:
            return fenced
        if log.sequence < append.after or (append.expected or 0) > (log.position or 0):
            return Rewound(append.account, log.position, log.sequence)
        if not append.events or append.sequence <= log.sequence:
            return Appended(append.account, log.position, log.sequence, repeated=bool(append.events))
        skipped, late = [], []
        for event in append.events:
            assert event.id is not None
            if event.id in log.ids[log.begins :]:
                skipped.append(event.id)
                continue
            is_late = event.id < (log.position or 0)
            late += [event.id] * is_late
            log.ids.append(event.id)
            log.late.append(is_late)
        log.sequence = append.sequence
        new = len(append.events) - len(skipped)
        return Appended(append.account, log.position, log.sequence, new, tuple(skipped), tuple(late))

    async def remember(self) -> None:
        self.copy = await self.under_test.remember(), copy.deepcopy(self.kept)

    async def forget(self) -> None:
        if self.copy is not None:
            leases = self.kept.leases
            await self.under_test.forget(self.copy[0])
            self.kept = copy.deepcopy(self.copy[1])
            if not self.under_test.forgets_leases:
                self.kept.leases = leases

    async def check(self) -> None:
        """Compare what can be read."""
        assert await self.connection.administration.owners() == self.kept.owners
        for uid, log in self.kept.logs.items():
            (result,) = await self.connection.read([Read(partition_of(uid, self.connection.partitions), most=10**4)])
            entries = [entry for entry in result.entries if entry.account == uid]
            assert [entry.id for entry in entries] == log.ids
            assert [entry.late for entry in entries] == log.late
            in_order = [entry.id or 0 for entry in entries[log.begins :] if not entry.late]
            assert in_order == sorted(in_order)
            assert len(log.ids[log.begins :]) == len(set(log.ids[log.begins :]))


NUMBERS = st.integers(0, 5)
IDS = st.lists(st.integers(1, 40).map(lambda number: number + 2**53 - 20), max_size=4)
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("append"), NUMBERS, IDS, st.booleans(), st.booleans()),
    st.tuples(st.just("append"), NUMBERS, IDS, st.just(value=False), st.just(value=False)),
    st.tuples(st.just("claim"), NUMBERS, st.sampled_from(UIDS), st.booleans()),
    st.tuples(st.just("renew"), NUMBERS),
    st.tuples(st.just("join"), st.sampled_from(NAMES)),
    st.tuples(st.just("passing"), st.sampled_from(PASSING)),
    st.tuples(st.just("release"), NUMBERS),
    st.tuples(st.just("save"), NUMBERS, st.integers(1, 5), st.integers(0, 4).map(lambda number: number == 4)),
    st.tuples(st.just("remember")),
    st.tuples(st.just("forget")),
    st.tuples(st.just("leave"), NUMBERS),
)
# Nothing happens before there is an owner, so each script begins with one.
SCRIPT = st.lists(STEPS, min_size=5, max_size=40).map(
    lambda steps: [("join", "w0"), ("claim", 0, "amy", False), *steps]
)


async def run(kind: str, steps: list[Step], server: RedisServer | None) -> None:
    """Run a script on a new engine of this kind."""

    def given_server() -> RedisServer:
        assert server is not None
        return server

    with tempfile.TemporaryDirectory() as folder:
        under_test = engines.make(kind, pathlib.Path(folder), given_server)
        async with under_test.engine.connect("app", partitions=2) as connection:
            await connection.administration.add([Account(uid) for uid in UIDS])
            script = Script(connection, under_test)
            for step in steps:
                await perform(script, *step)
            await script.check()


async def perform(script: Script, name: str, *arguments: Any) -> None:
    """Make one step."""
    match name:
        case "append":
            number, ids, again, lost = arguments
            await script.append(number, ids, again=again, lost=lost)
        case "claim":
            number, uid, again = arguments
            await script.claim(number, uid, again=again)
        case "save":
            number, revision, forgets = arguments
            await script.save(number, revision, forgets=forgets)
        case _:
            await getattr(script, name)(*arguments)


@given(SCRIPT)
@settings(max_examples=4 * SCRIPTS, deadline=None, suppress_health_check=list(HealthCheck), database=None)
async def test_memory(steps: list[Step]) -> None:
    """F1, F4, F6, F7, F9, F14: every result is the model's, and so is the log."""
    await run("memory", steps, None)


@given(SCRIPT)
@settings(max_examples=SCRIPTS, deadline=None, suppress_health_check=list(HealthCheck), database=None)
async def test_sqlite(steps: list[Step]) -> None:
    """The same."""
    await run("sqlite", steps, None)


@given(steps=SCRIPT)
@settings(max_examples=SCRIPTS, deadline=None, suppress_health_check=list(HealthCheck), database=None)
async def test_redis(redis_server: RedisServer, steps: list[Step]) -> None:
    """The same."""
    await run("redis", steps, redis_server)
