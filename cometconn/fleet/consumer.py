"""Reads the log: each partition by one consumer of a group, in order, at least once (`open_consumer()`)."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, final

import attrs
import trio

from cometconn._arguments import checked, made_by
from cometconn._groups import open_nursery, protected
from cometconn.environment import SystemEnvironment
from cometconn.errors import SettingsError

from .checks import check_consumer_group
from .claims import Claims
from .counters import ConsumerCounters, ConsumerStatistics, counted
from .engine import Engine, EngineConnection
from .errors import EngineError, FencedError, LeaseLostError
from .log_format import decode_entry
from .log_writer import AFTER_FAILURE
from .membership import Membership
from .settings import FleetSettings
from .shares import roster, winner
from .values import Ack, Claim, Claimed, EntryKind, Fenced, Incarnation, LogEntry, OwnerWord, Read

if TYPE_CHECKING:
    from cometconn import Environment
    from cometconn.events import Event

__all__ = ["Consumer", "Delivery", "open_consumer"]

_LOG = logging.getLogger("cometconn.fleet")
_MOST = 1024  # entries of one partition that wait here or are not acknowledged
_READ = 256  # entries of one partition in one read


@attrs.define(eq=False)
class _Partition:
    """A partition that this consumer owns.

    Attributes:
        read_to: the cursor of the last entry that was read.
        waiting: entries that were read and not handed out.
        open: cursors that were handed out and are not acknowledged, oldest first.
        reader: the task that got them: it alone gets more, so that two tasks cannot overtake each other.
        ends_by: when it is given back at the latest, because it is to belong to another consumer.
    """

    number: int
    word: OwnerWord
    read_to: str
    waiting: deque[LogEntry] = attrs.field(factory=deque, init=False)
    open: deque[str] = attrs.field(factory=deque, init=False)
    reader: trio.lowlevel.Task | None = attrs.field(default=None, init=False)
    ends_by: float | None = attrs.field(default=None, init=False)
    has_warned: bool = attrs.field(default=False, init=False)

    @property
    def room(self) -> int:
        """How many more entries may be read."""
        return 0 if self.ends_by is not None else min(_READ, _MOST - len(self.waiting) - len(self.open))

    def may_read(self, task: trio.lowlevel.Task) -> bool:
        """Return whether *task* may get the next entry."""
        return bool(self.waiting) and self.ends_by is None and (not self.open or self.reader is task)

    def acknowledged(self, cursor: str) -> None:
        """Note that everything up to *cursor* is handled."""
        while self.open:
            if self.open.popleft() == cursor:
                break

    def start_again(self, claimed: Claimed) -> None:
        """Continue where the engine says, because it has forgotten entries."""
        self.read_to = claimed.cursor
        self.waiting.clear()
        self.open.clear()


@final
@attrs.frozen(eq=False)
class Delivery:
    """One entry of the log.

    Attributes:
        entry: the entry, with its account, id, kind and body. After a consumer's death, or when the engine has forgotten
            something, the same (account, id) may come again.
    """

    _consumer: Consumer = attrs.field(repr=False)
    _partition: _Partition = attrs.field(repr=False)
    entry: LogEntry

    @property
    def account(self) -> str:
        """The uid of the account that received it."""
        return self.entry.account

    @property
    def key(self) -> tuple[str, int | None]:
        """The account and CometChat's message id; the latter is `None` for signals and holes."""
        return (self.entry.account, self.entry.id)

    @property
    def event(self) -> Event | None:
        """The event, as the client had it; `None` for a hole, or for an entry that is not the recorder's."""
        return None if self.entry.kind is EntryKind.HOLE else decode_entry(self.entry)

    async def ack(self) -> None:
        """Acknowledge this entry and all before it in its partition: none of them is delivered to this group again.

        Raises:
            LeaseLostError: this consumer does not own the partition any more; the entry is delivered to another one.
            FencedError: the same, because another consumer owns the partition.

        A checkpoint. Waits while the engine is unreachable, until the lease ends. If cancelled, it may be acknowledged.
        """
        await self._consumer._ack(self._partition, self.entry.cursor)  # noqa: SLF001 - its other half


@final
@made_by("fleet.open_consumer()")
@checked
class Consumer:
    """The deliveries to one consumer: an async iterator. Made by `open_consumer()`, not by you.

    Several tasks may iterate. A partition is handed out to one of them until it has acknowledged everything, so the order
    per account holds.
    """

    def __init__(
        self,
        group: str,
        name: str,
        connection: EngineConnection,
        fleet: FleetSettings,
        boot_time: Callable[[], float],
    ) -> None:
        self._group, self._name = group, name
        self._connection = connection
        self._fleet = fleet
        self._boot_time = boot_time
        self._counters = ConsumerCounters()
        self._partitions: dict[str, _Partition] = {}
        self._turn: deque[str] = deque()
        self._arrived = trio.lowlevel.ParkingLot()
        self._has_room = trio.Event()
        self._closed = False
        self._membership = self._new_membership()

    def __repr__(self) -> str:
        return f"<Consumer {self._name!r} of {self._group!r}, {len(self._partitions)} partitions>"

    @property
    def partitions(self) -> tuple[int, ...]:
        """The partitions that it owns now, sorted."""
        return tuple(sorted(each.number for each in self._partitions.values()))

    @property
    def group(self) -> str:
        """The name of its group."""
        return self._group

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    def statistics(self) -> ConsumerStatistics:
        """Return counters. Not a checkpoint."""
        partitions = self._partitions.values()
        return ConsumerStatistics(
            **counted(self._counters),
            partitions=len(partitions),
            waiting=sum(len(each.waiting) for each in partitions),
            unacknowledged=sum(len(each.open) for each in partitions),
            lease_remaining=self._membership.lease.remaining,
        )

    # Deliveries.

    def __aiter__(self) -> Consumer:
        return self

    async def __anext__(self) -> Delivery:
        """Return the next delivery. A checkpoint; nothing is lost if it is cancelled."""
        found = await self.batch(1)
        if not found:
            raise StopAsyncIteration
        return found[0]

    async def batch(self, most: int = _READ) -> list[Delivery]:
        """Return the next deliveries, of one partition and in its order, waiting for the first.

        Acknowledging the last one acknowledges all of them, with one call of the engine.

        Args:
            most: return at most so many.

        Returns:
            the deliveries; an empty list once the consumer was left.

        A checkpoint; nothing is lost if it is cancelled.
        """
        await trio.lowlevel.checkpoint()
        task = trio.lowlevel.current_task()
        while not self._closed:
            if not self._membership.lease.is_over:
                for key in list(self._turn):
                    partition = self._partitions[key]
                    if partition.may_read(task):
                        self._turn.remove(key)
                        self._turn.append(key)
                        return self._hand_out(partition, task, most)
            await self._arrived.park()
        return []

    def _hand_out(self, partition: _Partition, task: trio.lowlevel.Task, most: int) -> list[Delivery]:
        count = min(most, len(partition.waiting))
        entries = [partition.waiting.popleft() for _ in range(count)]
        partition.reader = task
        partition.open.extend(entry.cursor for entry in entries)
        if len(partition.open) >= _MOST and not partition.has_warned:
            partition.has_warned = True
            _LOG.warning(
                "%d deliveries of partition %d are not acknowledged: no more of it are read until some are.",
                len(partition.open),
                partition.number,
            )
        self._has_room.set()
        self._counters.delivered += count
        return [Delivery(self, partition, entry) for entry in entries]

    async def _ack(self, partition: _Partition, cursor: str) -> None:
        while True:
            self._membership.lease.check()
            if self._partitions.get(str(partition.number)) is not partition:
                message = f"This consumer does not own partition {partition.number} any more."
                raise LeaseLostError(message)
            try:
                (result,) = await self._connection.ack([Ack(partition.number, partition.word, cursor)])
            except EngineError:
                await trio.sleep(AFTER_FAILURE)
                continue
            break
        if isinstance(result, Fenced):
            self._forget(partition)
            message = f"Partition {partition.number} belongs to another consumer now."
            raise FencedError(message)
        if cursor in partition.open:
            partition.acknowledged(cursor)
        self._counters.acknowledgements += 1
        self._has_room.set()
        self._arrived.unpark_all()

    # The lease.

    def _new_membership(self) -> Membership:
        incarnation = Incarnation(self._name, group=self._group)
        return Membership(incarnation, self._connection, self._fleet, self._boot_time, self._counters, self._info)

    def _info(self) -> dict[str, object]:
        return {"partitions": list(self.partitions), "waiting": sum(len(p.waiting) for p in self._partitions.values())}

    @trio.lowlevel.enable_ki_protection
    async def _run(self) -> None:
        """Serve one lease after the other."""
        while True:
            member = self._membership
            try:
                with member.lease.scope:
                    async with open_nursery() as nursery:
                        claims = Claims(member.incarnation, self._connection, member.lease)
                        nursery.start_soon(member.renew, lambda: None, name="cometconn.fleet.renew")
                        nursery.start_soon(self._reconcile, member, claims, name="cometconn.fleet.reconcile")
                        nursery.start_soon(self._read, member, name="cometconn.fleet.read")
            finally:
                for partition in list(self._partitions.values()):
                    self._forget(partition)
            if self._closed:
                return
            _LOG.warning("The consumer %r has lost its lease, and joins again.", self._name)
            self._counters.leases_lost += 1
            await member.end()
            self._membership = self._new_membership()
            await self._membership.join_at_last()

    @trio.lowlevel.enable_ki_protection
    async def _reconcile(self, member: Membership, claims: Claims) -> None:
        while True:
            began = trio.current_time()
            try:
                await self._tick(member, claims)
            except EngineError as error:
                _LOG.debug("The engine is unreachable: %s", error)
            except LeaseLostError:
                member.lease.lose()
            await trio.sleep_until(began + self._fleet.reconcile_every)

    async def _tick(self, member: Membership, claims: Claims) -> None:
        await claims.send_releases()
        members = await self._connection.administration.members(self._group)
        now = trio.current_time()
        shared = roster(
            members,
            me=member.incarnation,
            joined_for=now - member.joined_at,
            tick=self._fleet.reconcile_every,
            ttl=self._fleet.lease_ttl,
        )
        keys = map(str, range(self._connection.partitions))
        wanted = {key for key in keys if winner(shared.names, key) == self._name}
        for key, partition in list(self._partitions.items()):
            if key not in wanted:
                self._end(partition, now)
                if not partition.open or now >= (partition.ends_by or now):
                    self._forget(partition)
                    claims.release(key, partition.word)
            else:
                partition.ends_by = None
        new = wanted - self._partitions.keys() - claims.keys if shared.may_claim else ()
        if new or claims.unknown:
            for claimed in await claims.claim(new):
                if claimed.key in wanted:
                    self._partitions[claimed.key] = _Partition(int(claimed.key), claimed.word, claimed.cursor)
                    self._turn.append(claimed.key)
                    self._has_room.set()
                else:
                    claims.release(claimed.key, claimed.word)

    def _end(self, partition: _Partition, now: float) -> None:
        """Hand out no more; wait for the acknowledgements of what was handed out, for the time of one lease at most."""
        if partition.ends_by is None:
            partition.ends_by = now + self._fleet.lease_ttl

    def _forget(self, partition: _Partition) -> None:
        key = str(partition.number)
        if self._partitions.get(key) is partition:
            del self._partitions[key]
            self._turn.remove(key)

    # Reading.

    @trio.lowlevel.enable_ki_protection
    async def _read(self, member: Membership) -> None:
        while True:
            self._has_room = trio.Event()
            chosen = {p.number: p for p in self._partitions.values() if p.room > 0}
            if not chosen:
                await self._has_room.wait()
                continue
            reads = [Read(p.number, p.read_to, p.room) for p in chosen.values()]
            try:
                results = await self._connection.read(reads, wait=self._fleet.reconcile_every)
            except EngineError:
                await trio.sleep(AFTER_FAILURE)
                continue
            if member.lease.is_over:
                await trio.sleep_forever()  # cancelled with the lease
            for result in results:
                partition = chosen[result.partition]
                if self._partitions.get(str(result.partition)) is not partition or partition.ends_by is not None:
                    continue
                if result.rewound:
                    await self._start_again(member, partition)
                elif result.entries:
                    partition.waiting.extend(result.entries)
                    partition.read_to = result.entries[-1].cursor
                    self._arrived.unpark_all()

    async def _start_again(self, member: Membership, partition: _Partition) -> None:
        """Ask where the group is, because the engine has forgotten entries that were read here."""
        _LOG.warning("The engine has forgotten entries of partition %d: they may come again.", partition.number)
        self._counters.rewound += 1
        claim = Claim(str(partition.number), partition.word.nonce)
        try:
            (claimed,) = await self._connection.claim(member.incarnation, [claim])
        except EngineError:
            await trio.sleep(AFTER_FAILURE)
            return
        except LeaseLostError:
            member.lease.lose()
            return
        if isinstance(claimed, Claimed):
            partition.word = claimed.word
            partition.start_again(claimed)
        else:
            self._forget(partition)

    def _close(self) -> None:
        self._closed = True
        self._arrived.unpark_all()


@protected
@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def open_consumer(
    app_id: str,
    *,
    engine: Engine,
    group: str,
    name: str,
    fleet_settings: FleetSettings | None = None,
    environment: Environment | None = None,
) -> AsyncGenerator[Consumer, None]:
    """Join a group of consumers, and read its share of the log for as long as the `async with` block runs.

    The partitions of the log are leased like accounts: each is read by one consumer of the group at a time, so the order
    per account holds. Each entry is delivered at least once to each group: again after a consumer's death, and again if
    the engine has forgotten something. `Delivery.key` recognises it.

    A new group begins with the oldest entry that the log has.

    Args:
        app_id: the app of the fleet.
        engine: the fleet's.
        group: the name of the group: letters, digits, `.`, `_` and `-`, at most 64; not `workers`.
        name: of this consumer, likewise. No two consumers of a group may have the same name at the same time.
        fleet_settings: of the fleet; the same in all its processes.
        environment: its boot-time clock is used, for tests.

    Raises:
        SettingsError: an argument is invalid.
        NameInUseError: another consumer of this name has a lease, and has renewed it since: choose another name.
        EngineError: the engine is unreachable (`worth_retrying`), or cannot be used.

    Leaving the block gives the partitions to others at once, in at most 1 s. What is not acknowledged is delivered again.
    """
    fleet = fleet_settings or FleetSettings()
    if not isinstance(fleet, FleetSettings):
        message = f"open_consumer(fleet_settings=...) must be FleetSettings(...), not of type {type(fleet).__name__}."
        raise SettingsError(message)
    check_consumer_group(group)
    Incarnation(name, group=group)  # checks the names
    boot_time = (environment or SystemEnvironment()).boot_time
    async with engine.connect(app_id, partitions=None) as connection, open_nursery() as nursery:
        consumer = Consumer(group, name, connection, fleet, boot_time)
        await consumer._membership.join_in_turn()  # noqa: SLF001 - made here
        nursery.start_soon(consumer._run, name="cometconn.fleet.consumer")  # noqa: SLF001
        try:
            yield consumer
        finally:
            consumer._close()  # noqa: SLF001
            await consumer._membership.end()  # noqa: SLF001
            nursery.cancel_scope.cancel(reason="cometconn: open_consumer() was left")
