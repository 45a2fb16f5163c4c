"""Who owns what when workers and engines fail: the rules F1 to F19, by number, in virtual time."""

from __future__ import annotations

from typing import Literal

import attrs
import pytest
import trio
from trio.testing import MockClock

from cometconn.emulator.log import Kind
from cometconn.fleet import Account, Credentials, FleetSettings, NameInUseError
from cometconn.fleet.changes import Claimed, Joined, LeaseLost, Released
from cometconn.fleet.reconciler import Pace
from cometconn.fleet.shares import winner

from .harness import QUICK, Fleet, open_fleet, settle


async def watch_owners(fleet: Fleet) -> None:
    """Fail as soon as two workers believe that they own one account, or an account has two sockets."""
    while True:
        fleet.connected()
        doubled = {uid: names for uid, names in fleet.owners().items() if len(names) > 1}
        assert not doubled, doubled
        await trio.sleep(0.01)


async def test_a_killed_workers_accounts_are_connected_elsewhere(autojump_clock: MockClock) -> None:
    """F1, F6, F17: within lease_ttl + 5 s, without a login; nothing is lost, doubled or out of order."""
    async with open_fleet(12) as fleet:
        fleet.nursery.start_soon(watch_owners, fleet)
        for name in ("w1", "w2", "w3"):
            await fleet.start(name)
        await fleet.wait_all_connected()
        for uid in fleet.uids:
            fleet.say(uid, "before")
        await trio.sleep(1.0)
        taken = fleet.workers["w1"].accounts
        assert taken
        await fleet.kill("w1")
        for uid in fleet.uids:
            fleet.say(uid, "meanwhile")
        took = await fleet.wait_all_connected()
        assert 5.0 - 1.25 - 0.1 <= took <= 10.0
        for uid in fleet.uids:
            fleet.say(uid, "after")
        await trio.sleep(1.0)
        await fleet.assert_all_recorded()
        assert len(fleet.logins) == 12


async def test_the_local_lease_ends_first(autojump_clock: MockClock) -> None:
    """F2, F4: a worker that cannot renew gives everything up before the engine does, in one step; then it joins anew."""
    async with open_fleet(6) as fleet:
        worker = await fleet.start("w1")
        await fleet.wait_all_connected()
        await trio.sleep(1.0)
        incarnation = worker.incarnation
        async with worker.changes() as changes:
            fleet.lines["w1"].cut()
            left = worker.lease.remaining
            assert 2.5 < left <= 4.0
            took = await fleet.wait_for(lambda: not worker.accounts)
            assert took == pytest.approx(left, abs=0.06)
            await settle()
            assert fleet.connected() == set()
            (member,) = await fleet.connection.administration.members()
            assert 0.8 < member.remaining <= 1.0  # lease_margin
            lost = [await anext(changes) for _ in range(7)]
            assert {type(change) for change in lost} == {LeaseLost, Released}
            assert next(change.accounts for change in lost if isinstance(change, LeaseLost)) == 6
            fleet.lines["w1"].broken.clear()
            await fleet.wait_all_connected(within=5.0)
        assert worker.incarnation != incarnation
        assert worker.statistics().leases_lost == 1


async def test_a_join_whose_answer_was_lost(autojump_clock: MockClock) -> None:
    """F4: the lease that nothing knew of is over when the next answer comes, so the worker joins as a new incarnation."""
    async with open_fleet(1) as fleet:
        worker = await fleet.start("w1")
        await fleet.wait_all_connected()
        fleet.lines["w1"].cut()
        await fleet.wait_for(lambda: not worker.accounts)
        fleet.lines["w1"].broken.clear()
        fleet.lines["w1"].unanswered.add("lease")
        await trio.sleep(2.0)
        fleet.lines["w1"].cut()
        await trio.sleep(6.0)
        fleet.lines["w1"].unanswered.clear()
        fleet.lines["w1"].broken.clear()
        await fleet.wait_all_connected(within=2.0)


async def test_a_sleep_of_the_machine_ends_the_lease(autojump_clock: MockClock) -> None:
    """F2: Trio's deadlines stand still while the machine sleeps, so the boot-time clock is read: nothing is appended."""
    async with open_fleet(1) as fleet:
        worker = await fleet.start("w1")
        await fleet.wait_all_connected()
        fleet.lines["w1"].appends.clear()
        fleet.say("user-0", "unread")
        fleet.server.slept += 60.0
        assert worker.lease.is_over
        old = worker.incarnation
        await settle()
        appends = [append for append in fleet.lines["w1"].appends if append.word.incarnation == old]
        assert [append for append in appends if append.events] == []
        await fleet.wait_all_connected()
        await trio.sleep(1.0)
        await fleet.assert_all_recorded()
        assert worker.statistics().leases_lost == 1


@pytest.mark.parametrize(("outage", "lost"), [(2.6, 0), (4.1, 1)])
async def test_a_short_outage_of_the_engine_costs_no_lease(outage: float, lost: int, autojump_clock: MockClock) -> None:
    """F3, F22: shorter than ttl - margin - ttl/4 = 2.75 s: no lease is lost, and no socket closed. Nothing is lost either way."""
    async with open_fleet(4) as fleet:
        worker = await fleet.start("w1")
        await fleet.wait_all_connected()
        dials = len(fleet.server.dials)
        await fleet.wait_for(lambda: worker.lease.remaining < 2.85)  # just before a renewal
        fleet.engine.is_unreachable = True
        fleet.say("user-0", "during")
        await trio.sleep(outage)
        fleet.say("user-1", "still")
        fleet.engine.is_unreachable = False
        await fleet.wait_all_connected()
        await trio.sleep(2.0)
        assert worker.statistics().leases_lost == lost
        assert (len(fleet.server.dials) == dials) is not bool(lost)
        await fleet.assert_all_recorded()


async def test_a_zombie_is_fenced(autojump_clock: MockClock) -> None:
    """F7: a worker that believes in its lease for ever changes nothing once another one owns the account."""
    async with open_fleet(1) as fleet:
        zombie = await fleet.start("w1")
        line = fleet.lines["w1"]
        line.granted = 1e9
        await fleet.wait_all_connected()
        await trio.sleep(2.0)
        line.hanging.add("*")
        fleet.server.drop("user-0", "silent")  # what a stopped process has open
        fleet.nursery.start_soon(fleet.start, "w2")
        await trio.sleep(12.0)
        assert fleet.workers["w2"].accounts == fleet.uids
        fleet.say("user-0", "for the new owner")
        await trio.sleep(1.0)
        await fleet.connection.administration.add([])
        owned = zombie._reconciler.owned["user-0"]  # type: ignore[union-attr]
        text = next(iter(await fleet.entries())).body
        fleet.nursery.start_soon(_append, owned, text)
        await settle()
        line.hanging = {"lease"}  # it never learns that its lease is over
        await trio.sleep(2.0)
        assert zombie.statistics().fenced >= 1
        assert "user-0" not in zombie.accounts
        await fleet.assert_all_recorded()


async def _append(owned: object, body: bytes) -> None:
    from cometconn.fleet.errors import FencedError
    from cometconn.fleet.values import LogEvent

    with pytest.raises(FencedError):
        await owned.tenure.writer.append(owned.log, [LogEvent(10**6, body)])  # type: ignore[attr-defined]


@pytest.mark.parametrize("fault", ["broken", "unanswered"])
async def test_releases_are_repeated(fault: str, autojump_clock: MockClock) -> None:
    """F8: an account that is given back while the engine does not take that belongs to another worker soon after."""
    async with open_fleet(8) as fleet:
        await fleet.start("w1")
        await fleet.wait_all_connected()
        getattr(fleet.lines["w1"], fault).add("release")
        await fleet.start("w2")
        share = {uid for uid in fleet.uids if winner(["w1", "w2"], uid) == "w2"}
        await trio.sleep(5.0)
        if fault == "broken":
            assert fleet.workers["w2"].accounts == ()
        getattr(fleet.lines["w1"], fault).clear()
        await fleet.wait_for(lambda: set(fleet.workers["w2"].accounts) == share, within=3.0)
        await fleet.wait_all_connected()


@pytest.mark.parametrize("fault", ["broken", "unanswered"])
async def test_claims_are_repeated(fault: str, autojump_clock: MockClock) -> None:
    """A claim whose answer was lost is repeated with its nonce, so it is not refused as another's."""
    async with open_fleet(4) as fleet:
        line_faults = fleet.nursery.start_soon(fleet.start, "w1")
        assert line_faults is None
        await fleet.wait_for(lambda: "w1" in fleet.lines)
        getattr(fleet.lines["w1"], fault).add("claim")
        await trio.sleep(3.0)
        assert fleet.connected() == set()
        getattr(fleet.lines["w1"], fault).clear()
        await fleet.wait_all_connected(within=2.0)
        tokens = {word.token for word in (await fleet.connection.administration.owners()).values()}
        assert tokens == {1}


async def test_an_engine_that_forgets_its_tail_is_noticed(autojump_clock: MockClock) -> None:
    """F9, F10: busy and quiet accounts notice it within a renewal; what was forgotten is fetched: all is there once."""
    async with open_fleet(6) as fleet:
        worker = await fleet.start("w1")
        await fleet.wait_all_connected()
        for uid in fleet.uids:
            fleet.say(uid, "kept")
        await trio.sleep(2.0)
        before = fleet.engine.state()
        for number in range(3):
            for uid in fleet.uids[:4]:
                fleet.say(uid, f"forgotten {number}")
            await trio.sleep(0.3)
        assert len(await fleet.recorded()) == 18
        fleet.engine.restore(before)
        assert len(await fleet.recorded()) == 6
        fleet.say("user-0", "live")
        await trio.sleep(1.5)
        await fleet.wait_all_connected()
        await trio.sleep(1.0)
        await fleet.assert_all_recorded()
        assert worker.statistics().rewound == 4
        assert worker.statistics().leases_lost == 0


async def test_a_join_moves_only_the_share_of_the_new_worker(autojump_clock: MockClock) -> None:
    """F18: each account that moves goes to the new worker, and is released first; no other connection is touched."""
    async with open_fleet(30) as fleet:
        fleet.nursery.start_soon(watch_owners, fleet)
        for name in ("w1", "w2"):
            await fleet.start(name)
        await fleet.wait_for(lambda: len(fleet.owners()) == 30)
        await fleet.wait_all_connected()
        await trio.sleep(5.0)
        dials = len(fleet.server.dials)
        before = {uid: names[0] for uid, names in fleet.owners().items()}
        await fleet.start("w3")
        share = {uid for uid in fleet.uids if winner(["w1", "w2", "w3"], uid) == "w3"}
        assert 4 < len(share) < 17
        await fleet.wait_for(lambda: set(fleet.workers["w3"].accounts) == share)
        await fleet.wait_all_connected()
        after = {uid: names[0] for uid, names in fleet.owners().items()}
        assert {uid for uid in fleet.uids if before[uid] != after[uid]} == share
        assert len(fleet.server.dials) == dials + len(share)


async def test_a_join_after_a_death_moves_its_share_at_once(autojump_clock: MockClock) -> None:
    """F18: the others have given the new worker its share, and no account of it waits for a worker that is dead."""
    async with open_fleet(30) as fleet:
        for name in ("w1", "w2", "w3"):
            await fleet.start(name)
        await fleet.wait_all_connected()
        await trio.sleep(5.0)
        await fleet.kill("w3")
        await trio.sleep(10.0)
        assert fleet.connected() == set(fleet.uids)
        await fleet.start("w4")
        share = {uid for uid in fleet.uids if winner(["w1", "w2", "w4"], uid) == "w4"}
        assert share != {uid for uid in fleet.uids if winner(["w1", "w2", "w3", "w4"], uid) == "w4"}
        await fleet.wait_for(lambda: set(fleet.workers["w4"].accounts) == share, within=2.0)
        await fleet.wait_all_connected(within=0.5)


async def test_after_an_outage_nobody_claims_everything(autojump_clock: MockClock) -> None:
    """F18: all workers lose their leases; each account is claimed once when the engine is back, in whatever order they return."""
    async with open_fleet(24) as fleet:
        for name in ("w1", "w2", "w3"):
            await fleet.start(name)
        await fleet.wait_all_connected()
        await trio.sleep(6.0)
        claims = sum(worker.statistics().claims for worker in fleet.workers.values())
        fleet.engine.is_unreachable = True
        await trio.sleep(30.0)
        fleet.lines["w2"].broken.add("lease")
        fleet.lines["w3"].broken.add("lease")
        fleet.engine.is_unreachable = False
        await trio.sleep(2.0)
        fleet.lines["w2"].broken.clear()
        await trio.sleep(1.0)
        fleet.lines["w3"].broken.clear()
        await fleet.wait_all_connected(within=8.0)
        await trio.sleep(6.0)
        again = sum(worker.statistics().claims for worker in fleet.workers.values())
        assert again == claims + 24


async def test_a_fleet_that_starts_claims_each_account_once(autojump_clock: MockClock) -> None:
    """F18: three workers that start within a second share at once; the first one does not claim everything."""
    async with open_fleet(24) as fleet:
        for name in ("w1", "w2", "w3"):
            await fleet.start(name)
            await trio.sleep(0.3)
        await fleet.wait_all_connected(within=3.0)
        await trio.sleep(5.0)
        assert sum(worker.statistics().claims for worker in fleet.workers.values()) == 24


async def test_a_second_worker_of_a_name_is_refused(autojump_clock: MockClock) -> None:
    """F18: the second of two living ones is refused; that of a killed one waits for its lease to end."""
    async with open_fleet(2) as fleet:
        await fleet.start("w1")
        await fleet.wait_all_connected()
        with pytest.raises(NameInUseError, match="'w1' in the group 'workers' is in use"):
            async with fleet.open("w1"):
                pass
        await fleet.kill("w1")
        began = trio.current_time()
        await fleet.start("w1")
        assert trio.current_time() - began <= 5.1
        await fleet.wait_all_connected(within=2.0)


@pytest.mark.parametrize("by", ["process", "operator", "leaving"])
async def test_drain(by: str, autojump_clock: MockClock) -> None:
    """F19: each account is closed and given back; others have it at once; nothing is lost."""
    async with open_fleet(10) as fleet:
        fleet.nursery.start_soon(watch_owners, fleet)
        first = await fleet.start("w1")
        await fleet.start("w2")
        await fleet.wait_all_connected()
        await trio.sleep(5.0)
        assert first.accounts
        for uid in fleet.uids:
            fleet.say(uid, "before")
        began = trio.current_time()
        if by == "process":
            first.drain()
        elif by == "operator":
            await fleet.connection.administration.drain(first.incarnation)
        else:
            async with fleet.open("w3"):
                await trio.sleep(5.0)
                began = trio.current_time()
        if by != "leaving":
            await first.drained()
            assert trio.current_time() - began < 2.0
            assert first.accounts == ()
        assert trio.current_time() - began < 2.0
        for uid in fleet.uids:
            fleet.say(uid, "after")
        await fleet.wait_all_connected(within=2.0)
        await trio.sleep(1.0)
        await fleet.assert_all_recorded()
        assert len(fleet.logins) == 10


async def test_a_drain_without_an_engine_ends_in_time(autojump_clock: MockClock) -> None:
    """F19: the engine is unreachable: the drain is over when the lease is; leaving takes drain_timeout at most."""
    async with open_fleet(3) as fleet, fleet.open("w1") as worker:
        await fleet.wait_all_connected()
        fleet.engine.is_unreachable = True
        began = trio.current_time()
        worker.drain()
        await worker.drained()
        assert trio.current_time() - began < 10.0
        assert fleet.connected() == set()
        fleet.engine.is_unreachable = False


async def test_a_worker_that_is_cancelled_leaves_at_once(autojump_clock: MockClock) -> None:
    """Cancelling is like a kill, but the engine is notified: another worker need not wait for the lease."""
    async with open_fleet(6) as fleet:
        await fleet.start("w1")
        await fleet.start("w2")
        await fleet.wait_all_connected()
        await trio.sleep(5.0)
        for uid in fleet.uids:
            fleet.say(uid, "one")
        began = trio.current_time()
        fleet.scopes["w1"].cancel()
        await fleet.wait_for(lambda: "w1" not in fleet.workers)
        assert trio.current_time() - began <= 2.0
        await fleet.wait_all_connected(within=2.0)
        await trio.sleep(1.0)
        await fleet.assert_all_recorded()


async def test_accounts_are_added_removed_and_pinned(autojump_clock: MockClock) -> None:
    """F8: the next tick sees changes; a pin moves an account, and ends by itself; a removed account is closed."""
    async with open_fleet(4) as fleet:
        await fleet.start("w1")
        await fleet.start("w2")
        await fleet.wait_all_connected()
        administration = fleet.connection.administration
        uid = next(uid for uid in fleet.uids if winner(["w1", "w2"], uid) == "w1")
        await administration.pin(uid, "w2", lasts=20.0)
        await fleet.wait_for(lambda: uid in fleet.workers["w2"].accounts, within=3.0)
        await trio.sleep(10.0)
        assert uid in fleet.workers["w2"].accounts
        await fleet.wait_for(lambda: uid in fleet.workers["w1"].accounts, within=15.0)
        await administration.remove([uid])
        await fleet.wait_for(lambda: uid not in fleet.connected(), within=2.0)
        await administration.pin(fleet.uids[0], "nobody-of-this-name")
        await trio.sleep(2.0)
        assert len(fleet.owners()) == 3


async def test_only_some_accounts_start_at_a_time(autojump_clock: MockClock) -> None:
    """`starts_at_once`: while the server answers no dial, no more accounts than that are begun."""
    async with open_fleet(9, fleet=attrs.evolve(QUICK, starts_at_once=4)) as fleet:
        fleet.server.dialling = "hang"
        worker = await fleet.start("w1")
        await trio.sleep(5.0)
        assert (worker.statistics().owned, worker.statistics().starting) == (4, 4)
        fleet.server.dialling = "accept"
        await fleet.wait_all_connected()
        assert worker.statistics().owned == 9


async def test_many_accounts_at_once_cost_no_lease(autojump_clock: MockClock) -> None:
    """On a busy machine each account that starts blocks the event loop for a while: not all of them start together."""
    settings = attrs.evolve(QUICK, lease_ttl=3.0, starts_at_once=24)
    async with open_fleet(24, fleet=settings) as fleet:

        async def login(account: Account) -> Credentials:
            autojump_clock.jump(0.1)
            return await fleet.login(account)

        worker = await fleet.start("w1", login=login)
        await fleet.wait_all_connected(within=10.0)
        assert worker.statistics().leases_lost == 0


async def test_the_pace_follows_the_event_loop(autojump_clock: MockClock) -> None:
    """Half as many accounts start while the event loop is late, but always one; twice as many when all of them were used."""
    pace = Pace(16, tolerated=0.2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pace.watch, lambda: 1)
        for lag, starting, now in ((0, 7, 8), (0, 8, 16), (0, 16, 16), (0.5, 16, 8), (0.5, 0, 4), (0.5, 9, 2), (0.5, 9, 1), (0.5, 9, 1), (0.1, 1, 2)):  # fmt: skip
            await trio.sleep(0.25)
            autojump_clock.jump(lag)
            await trio.sleep(0.05)
            pace.adapt(starting)
            assert pace.now == now
        nursery.cancel_scope.cancel()


async def test_an_append_that_hangs_pauses_the_socket(autojump_clock: MockClock) -> None:
    """F24: nothing piles up in the worker while the engine is slow, and nothing is lost."""
    fleet_settings = FleetSettings(lease_ttl=400.0, connects_per_second=1000.0)
    async with open_fleet(1, fleet=fleet_settings) as fleet:
        worker = await fleet.start("w1")
        await fleet.wait_all_connected()
        fleet.lines["w1"].hanging.add("append")
        for number in range(1500):
            fleet.say("user-0", f"message {number}")
            if number % 100 == 0:
                await trio.sleep(0.01)
        await trio.sleep(20.0)
        assert worker.statistics().append_lag > 15.0
        waiting = worker._reconciler.owned["user-0"]._chat.statistics().streams[0]  # type: ignore[union-attr]
        assert waiting.events <= 1024 + 64
        fleet.lines["w1"].hanging.clear()
        await fleet.wait_for(lambda: worker.statistics().appended == 1500)
        await trio.sleep(10.0)
        assert (worker.statistics().appended, worker.statistics().late) == (1500, 0)
        await fleet.assert_all_recorded()


async def test_appends_of_many_accounts_share_a_call(autojump_clock: MockClock) -> None:
    """What comes at the same moment for 40 accounts is one call of the engine."""
    async with open_fleet(40) as fleet:
        worker = await fleet.start("w1")
        await fleet.wait_all_connected()
        await trio.sleep(0.1)
        calls = worker.statistics().append_calls
        for uid in fleet.uids:
            fleet.say(uid, "at once")
        await trio.sleep(0.1)
        assert worker.statistics().append_calls - calls <= 3
        await fleet.assert_all_recorded()


async def test_what_a_worker_did_is_reported(autojump_clock: MockClock) -> None:
    """`changes()`: each claim and release, with its reason; the stream ends with the worker."""
    async with open_fleet(2) as fleet:
        async with fleet.open("w1") as worker:
            async with worker.changes() as changes:
                await fleet.wait_all_connected()
                assert isinstance(await anext(changes), Joined)
                claimed = [await anext(changes) for _ in range(2)]
                assert {(type(change), change.uid, change.token) for change in claimed} == {  # type: ignore[attr-defined]
                    (Claimed, "user-0", 1),
                    (Claimed, "user-1", 1),
                }
                worker.drain()
                released = [await anext(changes) for _ in range(2)]
                assert {change.reason for change in released} == {"drain"}  # type: ignore[attr-defined]
        assert [entry.kind for entry in fleet.server.world.log.of(Kind.RESET)] == []


async def die_before_a_message(fleet: Fleet) -> str:
    """Of two workers, kill the owner of an account that has recorded a message, and send another one. Return the owner."""
    for name in ("w1", "w2"):
        await fleet.start(name)
    await fleet.wait_all_connected()
    fleet.say("user-0", "before")
    await trio.sleep(2.0)
    (owner,) = fleet.owners()["user-0"]
    await fleet.kill(owner)
    fleet.say("user-0", "meanwhile")
    return owner


@pytest.mark.parametrize("fault", [503, "hang"])
async def test_what_cannot_be_fetched_yet_is_not_passed_over(
    fault: Literal[503, "hang"], autojump_clock: MockClock
) -> None:
    """While REST fails, live messages wait for the missed ones: a second death in that time loses none, either."""
    async with open_fleet(1) as fleet:
        owner = await die_before_a_message(fleet)
        fleet.server.set(rest=fault)
        await fleet.wait_all_connected()
        fleet.say("user-0", "live")
        await trio.sleep(30.0)
        await fleet.kill("w2" if owner == "w1" else "w1")
        fleet.server.heal()
        await fleet.start("w3")
        await fleet.wait_all_connected()
        await trio.sleep(5.0)
        await fleet.assert_all_recorded()
        assert await fleet.connection.administration.holes() == ()


async def test_what_cannot_be_fetched_for_minutes_is_a_hole(autojump_clock: MockClock) -> None:
    """In the end live messages are recorded behind a hole, and the missed ones as late, as soon as they can be fetched."""
    async with open_fleet(1) as fleet:
        await die_before_a_message(fleet)
        fleet.server.set(rest=503)
        await trio.sleep(100.0)
        assert [text for _, text in await fleet.recorded()] == ["before"]
        await trio.sleep(300.0)
        await fleet.wait_all_connected()
        fleet.say("user-0", "live")
        await trio.sleep(2.0)
        assert [text for _, text in await fleet.recorded()] == ["before", "", "live"]
        assert len(await fleet.connection.administration.holes()) == 1
        fleet.server.heal()
        await trio.sleep(60.0)
        assert [text for _, text in await fleet.recorded()] == ["before", "", "live", "meanwhile"]
