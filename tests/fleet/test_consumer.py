"""Consumers: leased partitions, order per account, acknowledgements, and what happens when one dies."""

from __future__ import annotations

import collections
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from cometconn.errors import SettingsError
from cometconn.events import TextMessage
from cometconn.fleet import Account, Consumer, LeaseLostError, MemoryEngine, NameInUseError, open_consumer
from cometconn.fleet.shares import winner
from cometconn.fleet.values import Append, Claim, Incarnation, LogEvent, OwnerWord

from .harness import QUICK, Line, open_fleet, settle


@attrs.define(eq=False)
class Log:
    """An engine whose log is written by hand."""

    engine: MemoryEngine
    connection: Any
    words: dict[str, OwnerWord]
    last: int = 0

    async def write(self, *uids: str) -> None:
        """Append one message to each account, with a body of the recorder's form."""
        appends = []
        for uid in uids:
            self.last += 1
            appends.append(Append(uid, self.words[uid], self.last, (LogEvent(self.last, b'{"frame": {"type": "x"}}'),)))
        await self.connection.append(appends)

    def open(self, name: str, engine: Any = None, group: str = "bots") -> AbstractAsyncContextManager[Consumer]:
        """Open a consumer."""
        return open_consumer(
            "APP", engine=engine or self.engine, group=group, name=name, fleet_settings=QUICK, environment=Clock()
        )


class Clock:
    """An environment of which only the boot-time clock is used: Trio's."""

    def boot_time(self) -> float:
        """Virtual time."""
        return trio.current_time()

    async def dial(self, url: str) -> Any:
        raise AssertionError(url)

    async def request(self, request: Any) -> Any:
        raise AssertionError(request)

    def random(self) -> float:
        raise AssertionError


@asynccontextmanager
async def open_log(accounts: int = 4, partitions: int = 8) -> AsyncGenerator[Log, None]:
    """Open a log for so many accounts."""
    engine = MemoryEngine()
    with trio.fail_after(3600):
        async with engine.connect("APP", partitions=partitions) as connection:
            writer = Incarnation("writer")
            uids = [f"user-{number}" for number in range(accounts)]
            await connection.administration.add([Account(uid) for uid in uids])
            await connection.lease(writer, 1e6, joining=True)
            claimed = await connection.claim(writer, [Claim(uid) for uid in uids])
            yield Log(engine, connection, {each.key: each.word for each in claimed})  # type: ignore[union-attr]


async def test_what_a_worker_records_a_consumer_gets(autojump_clock: MockClock) -> None:
    """From a socket to a consumer: the event itself, its account, and its key."""
    async with (
        open_fleet(2) as fleet,
        fleet.open("w1"),
        open_consumer("APP", engine=fleet.engine, group="bots", name="c1", environment=fleet.server) as deliveries,
    ):
        await fleet.wait_all_connected()
        fleet.say("user-1", "hello")
        with trio.fail_after(3.0):
            delivery = await anext(deliveries)
        assert isinstance(delivery.event, TextMessage)
        assert (delivery.account, delivery.event.text) == ("user-1", "hello")
        assert delivery.key == ("user-1", delivery.event.id)
        await delivery.ack()
        assert repr(deliveries) == "<Consumer 'c1' of 'bots', 16 partitions>"


async def test_each_entry_once_and_in_order(autojump_clock: MockClock) -> None:
    """F15: two consumers share the partitions; each account's entries come to one of them, in their order."""
    async with open_log(12) as log, log.open("c1") as one, log.open("c2") as two, trio.open_nursery() as nursery:
        got: dict[str, list[int]] = collections.defaultdict(list)
        by: dict[str, set[str]] = collections.defaultdict(set)

        async def consume(consumer: Consumer, name: str) -> None:
            async for delivery in consumer:
                got[delivery.account].append(delivery.entry.id or 0)
                by[delivery.account].add(name)
                await trio.sleep(0.01)
                await delivery.ack()

        nursery.start_soon(consume, one, "c1")
        nursery.start_soon(consume, two, "c2")
        await trio.sleep(2.0)
        assert set(one.partitions) | set(two.partitions) == set(range(8))
        assert not set(one.partitions) & set(two.partitions)
        for _ in range(10):
            await log.write(*log.words)
        await trio.sleep(3.0)
        assert sum(map(len, got.values())) == 120
        assert all(ids == sorted(ids) for ids in got.values())
        assert all(len(names) == 1 for names in by.values())
        assert {name for names in by.values() for name in names} == {"c1", "c2"}
        nursery.cancel_scope.cancel()


async def test_what_was_not_acknowledged_comes_again(autojump_clock: MockClock) -> None:
    """F15: a consumer dies: another gets what it had not acknowledged, after its lease, and nothing else."""
    async with open_log(1) as log:
        await log.write(*["user-0"] * 5)
        line = Line(log.engine)
        async with log.open("c1", line) as first:
            taken = await first.batch(4)
            assert [delivery.entry.id for delivery in taken] == [1, 2, 3, 4]
            await taken[1].ack()
            line.cut()
        began = trio.current_time()
        async with log.open("c2") as second:
            again = await second.batch()
            assert [delivery.entry.id for delivery in again] == [3, 4, 5]
            assert trio.current_time() - began < 10.0
            with pytest.raises(LeaseLostError):
                await taken[3].ack()
        async with log.open("c3") as third:
            assert [delivery.entry.id for delivery in await third.batch(1)] == [3]


async def test_a_consumer_that_leaves_gives_back_at_once(autojump_clock: MockClock) -> None:
    """Another one need not wait for its lease."""
    async with open_log(1) as log:
        await log.write("user-0")
        async with log.open("c1") as first:
            await anext(first)
        began = trio.current_time()
        async with log.open("c2") as second:
            await anext(second)
        assert trio.current_time() - began <= 1.1


async def test_leaving_is_no_lost_lease(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """A lost lease would be logged. The engine is slow, so that the consumer's tasks see the end of the lease first."""
    async with open_log(1) as log:
        line = Line(log.engine)
        async with log.open("c1", line):
            line.hanging.add("lease")
    assert caplog.messages == []


async def test_tasks_of_one_consumer_do_not_overtake_each_other(autojump_clock: MockClock) -> None:
    """A partition is handed out to one task until it has acknowledged everything."""
    async with open_log(1, partitions=1) as log, log.open("c1") as consumer, trio.open_nursery() as nursery:
        running, most, order = 0, 0, []

        async def work() -> None:
            nonlocal running, most
            async for delivery in consumer:
                running += 1
                most = max(most, running)
                await trio.sleep(0.05)
                order.append(delivery.entry.id)
                running -= 1
                await delivery.ack()

        for _ in range(3):
            nursery.start_soon(work)
        await log.write(*["user-0"] * 9)
        await trio.sleep(3.0)
        assert order == list(range(1, 10))
        assert most == 1
        nursery.cancel_scope.cancel()


async def test_a_join_moves_partitions_without_doubling(autojump_clock: MockClock) -> None:
    """What was handed out may be acknowledged before its partition moves."""
    async with open_log(12) as log, trio.open_nursery() as nursery:
        got: collections.Counter[tuple[str, int | None]] = collections.Counter()

        async def consume(name: str) -> None:
            async with log.open(name) as consumer:
                async for delivery in consumer:
                    got[delivery.key] += 1
                    await trio.sleep(0.02)
                    await delivery.ack()

        nursery.start_soon(consume, "c1")
        for round_number in range(20):
            await log.write(*log.words)
            await trio.sleep(0.2)
            if round_number in {5, 10}:
                nursery.start_soon(consume, f"c{round_number}")
        await trio.sleep(20.0)
        assert len(got) == 240
        assert set(got.values()) == {1}
        nursery.cancel_scope.cancel()


async def test_a_partition_waits_for_an_acknowledgement_before_it_moves(autojump_clock: MockClock) -> None:
    """What was handed out is acknowledged by its consumer, and not delivered again by the one that joins."""
    other = next(name for name in map("c{}".format, range(2, 99)) if winner(["c1", name], "0") == name)
    async with open_log(1, partitions=1) as log, log.open("c1") as one:
        await log.write("user-0")
        delivery = await anext(one)
        async with log.open(other) as two:
            await log.write("user-0")
            await trio.sleep(3.0)
            assert (one.partitions, two.partitions) == ((0,), ())
            await delivery.ack()
            assert (await anext(two)).entry.id == 2


async def test_a_lost_lease_is_taken_up_again(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """The engine is unreachable for longer than the lease: the iteration goes on afterwards."""
    async with open_log(1) as log, log.open("c1") as consumer:
        await log.write("user-0")
        first = await anext(consumer)
        log.engine.is_unreachable = True
        await trio.sleep(10.0)
        assert consumer.partitions == ()
        with pytest.raises(LeaseLostError):
            await first.ack()
        log.engine.is_unreachable = False
        again = await anext(consumer)
        assert again.entry.id == 1
        await again.ack()


async def test_an_acknowledgement_waits_for_the_engine(autojump_clock: MockClock) -> None:
    """A short outage is waited for."""
    async with open_log(1) as log, log.open("c1") as consumer, trio.open_nursery() as nursery:
        await log.write("user-0")
        delivery = await anext(consumer)
        log.engine.is_unreachable = True
        nursery.start_soon(delivery.ack)
        await trio.sleep(2.0)
        log.engine.is_unreachable = False


async def test_an_engine_that_forgets_is_noticed(autojump_clock: MockClock) -> None:
    """F15: after a rewind the log may bring a key again; what is written later is not missed."""
    async with open_log(1) as log, log.open("c1") as consumer:
        await log.write("user-0")
        await (await anext(consumer)).ack()
        before = log.engine.state()
        await log.write("user-0", "user-0")
        for _ in range(2):
            await (await anext(consumer)).ack()
        log.engine.restore(before)
        await trio.sleep(2.0)
        log.last -= 2
        await log.write("user-0", "user-0", "user-0")
        ids = []
        with trio.move_on_after(5.0):
            async for delivery in consumer:
                ids.append(delivery.entry.id)
                await delivery.ack()
        assert ids == [2, 3, 4]


async def test_a_program_that_never_acknowledges_is_bounded(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """F24: 1,024 entries of a partition, and a WARNING; an acknowledgement lets more come."""
    async with open_log(1) as log, log.open("c1") as consumer:
        for _ in range(15):
            await log.write(*["user-0"] * 100)
        got: list[Any] = []
        with trio.move_on_after(10.0):
            while True:
                got += await consumer.batch()
        assert len(got) == 1024
        assert "are not acknowledged" in caplog.text
        await got[-1].ack()
        with trio.fail_after(2.0):
            assert await consumer.batch()


async def test_groups_do_not_share(autojump_clock: MockClock) -> None:
    """Each group gets every entry, from the oldest on."""
    async with open_log(1) as log:
        await log.write("user-0", "user-0")
        for group in ("bots", "archive"):
            async with log.open("c1", group=group) as consumer:
                assert len(await consumer.batch()) == 2


async def test_bad_arguments() -> None:
    """A reserved group, odd names, settings of another type, and a name that is in use."""
    async with open_log() as log:
        for group, name in (("workers", "c1"), ("", "c1"), ("bots", "a b")):
            with pytest.raises(SettingsError):
                async with log.open(name, group=group):
                    pass
        with pytest.raises(SettingsError, match="must be a FleetSettings or None"):
            async with open_consumer("APP", engine=log.engine, group="g", name="n", fleet_settings=5):  # type: ignore[arg-type]
                pass


async def test_a_name_in_use(autojump_clock: MockClock) -> None:
    """The second of two living consumers of one name is refused."""
    async with open_log() as log, log.open("c1"):
        with pytest.raises(NameInUseError):
            async with log.open("c1"):
                pass


async def test_the_iteration_ends_with_the_consumer(autojump_clock: MockClock) -> None:
    """A task that iterates ends when the block is left."""
    async with open_log() as log, trio.open_nursery() as nursery:
        async with log.open("c1") as consumer:

            async def iterate() -> None:
                assert [delivery async for delivery in consumer] == []

            nursery.start_soon(iterate)
            await settle()
