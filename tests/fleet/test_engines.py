"""Every engine keeps the same rules: F1, F6, F7, F9, F14 to F16, F20 and F21 of the law of a fleet."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
import trio.testing

from cometconn.errors import SettingsError
from cometconn.fleet import (
    Account,
    EngineConnection,
    EngineError,
    Incarnation,
    LeaseLostError,
    MemoryEngine,
    NameInUseError,
    Rate,
)
from cometconn.fleet.values import (
    Ack,
    Acked,
    Append,
    Appended,
    Claim,
    Claimed,
    ClaimRefused,
    EntryKind,
    Fenced,
    LogEvent,
    OwnerWord,
    Read,
    Refusal,
    Release,
    Rewound,
    Save,
    Saved,
    SessionReplacement,
    partition_of,
)

from . import engines

if TYPE_CHECKING:
    import pathlib
    from collections.abc import AsyncIterator, Awaitable, Callable

HUGE = 2**53


@pytest.fixture(params=engines.ENGINES)
def under_test(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> engines.EngineUnderTest:
    return engines.make(request.param, tmp_path, lambda: request.getfixturevalue("redis_server"))


@pytest.fixture
async def connection(under_test: engines.EngineUnderTest) -> AsyncIterator[EngineConnection]:
    async with under_test.engine.connect("app") as opened:
        await opened.administration.add([Account("amy"), Account("bob"), Account("eve")])
        yield opened


async def join(connection: EngineConnection, name: str = "w1", group: str = "workers", ttl: float = 5.0) -> Incarnation:
    incarnation = Incarnation(name, group=group)
    await connection.lease(incarnation, ttl, joining=True)
    return incarnation


async def own(connection: EngineConnection, incarnation: Incarnation, key: str = "amy") -> Claimed:
    (claimed,) = await connection.claim(incarnation, [Claim(key)])
    assert isinstance(claimed, Claimed), claimed
    return claimed


def message(number: int) -> LogEvent:
    return LogEvent(number, b"message %d" % number)


async def entries(
    connection: EngineConnection, uid: str = "amy", after: str = ""
) -> list[tuple[int | None, bytes, bool]]:
    (result,) = await connection.read([Read(partition_of(uid, connection.partitions), after)])
    return [(entry.id, entry.body, entry.late) for entry in result.entries if entry.account == uid]


async def cancelled_after(steps: int, call: Callable[..., Awaitable[object]], *arguments: object) -> None:
    """Cancel a call after so many steps of the scheduler, unless it has returned."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(call, *arguments)
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()


# F1: leases


async def test_a_lease_lasts_from_each_renewal(
    under_test: engines.EngineUnderTest, connection: EngineConnection
) -> None:
    """F1: for `ttl` seconds on the engine's clock, and `remaining` is what is left."""
    worker = await join(connection)
    await under_test.advance(4)
    grant = await connection.lease(worker, 5, info="3 connected")
    assert grant.member == attrs.evolve(
        grant.member, incarnation=worker, draining=False, left=False, info="3 connected"
    )
    assert grant.members == (grant.member,)
    assert 4 < grant.member.remaining <= 5
    await under_test.advance(4)
    (member,) = await connection.administration.members()
    assert 0 < member.remaining <= 1
    assert member.is_alive


async def test_a_lease_that_is_over_is_never_revived(
    under_test: engines.EngineUnderTest, connection: EngineConnection
) -> None:
    """F4: neither by a renewal, nor by joining again, nor by a claim."""
    worker = await join(connection)
    await under_test.advance(5.001)
    for joining in (False, True):
        with pytest.raises(LeaseLostError):
            await connection.lease(worker, 5, joining=joining)
    with pytest.raises(LeaseLostError):
        await connection.claim(worker, [Claim("amy")])
    (member,) = await connection.administration.members()
    assert not member.is_alive


async def test_a_renewal_needs_a_lease(connection: EngineConnection) -> None:
    """Only `joining` gives one; and a repeated join is a renewal."""
    worker = Incarnation("w1")
    with pytest.raises(LeaseLostError):
        await connection.lease(worker, 5)
    first = await connection.lease(worker, 5, joining=True)
    again = await connection.lease(worker, 5, joining=True)
    assert [member.incarnation for member in again.members] == [worker]
    assert again.epoch == first.epoch != ""


async def test_two_of_one_name(under_test: engines.EngineUnderTest, connection: EngineConnection) -> None:
    """F18: the second is refused, and may join when the lease of the first is over. Consumers have names of their own."""
    await join(connection)
    await join(connection, group="bots")
    with pytest.raises(NameInUseError, match="'w1'") as caught:
        await join(connection)
    assert 0 < caught.value.remaining <= 5
    await under_test.advance(5.001)
    await join(connection)


async def test_leaving_frees_everything_at_once(connection: EngineConnection) -> None:
    """A lease of 0 seconds is over; leaving twice, or without a lease, is no error."""
    first, second = await join(connection, "w1"), await join(connection, "w2")
    await own(connection, first)
    for _ in range(2):
        grant = await connection.lease(first, 0)
        assert grant.member.left
        assert not grant.member.is_alive
    await own(connection, second)
    await connection.lease(Incarnation("w3"), 0)


async def test_members_are_seen_for_a_minute(under_test: engines.EngineUnderTest, connection: EngineConnection) -> None:
    """F18 needs the names of the last 60 s, and only these are kept."""
    await join(connection, "w1")
    await under_test.advance(64)
    second = await join(connection, "w2")
    assert {member.incarnation.name for member in await connection.administration.members()} == {"w1", "w2"}
    await under_test.advance(2)
    assert {member.incarnation.name for member in await connection.administration.members()} == {"w2"}
    with pytest.raises(LeaseLostError):
        await connection.lease(Incarnation("w1"), 5)
    assert (await connection.lease(second, 5)).members != ()
    await under_test.advance(100)
    assert not (await connection.lease(second, 0)).member.is_alive


async def test_draining(connection: EngineConnection) -> None:
    """F19: a worker or an operator marks it, and the mark stays. Without a lease there is nothing to mark."""
    first, second = await join(connection, "w1"), await join(connection, "w2")
    assert (await connection.lease(first, 5, draining=True)).member.draining
    await connection.administration.drain(second)
    await connection.administration.drain(Incarnation("w3"))
    assert (await connection.lease(first, 5)).member.draining
    assert (await connection.lease(second, 5)).member.draining
    assert len(await connection.administration.members()) == 2


# F6, F7: ownership


async def test_at_most_one_owner(under_test: engines.EngineUnderTest, connection: EngineConnection) -> None:
    """F6: a claim succeeds only if there is no owner, or if the lease of the owner's worker is over."""
    first, second = await join(connection, "w1"), await join(connection, "w2")
    claimed = await own(connection, first)
    assert claimed.word.token == 1
    refused = await connection.claim(second, [Claim("amy"), Claim("bob")])
    assert refused[0] == ClaimRefused("amy", Refusal.OWNED, claimed.word)
    assert isinstance(refused[1], Claimed)
    (again,) = await connection.claim(first, [Claim("amy")])
    assert again == ClaimRefused("amy", Refusal.OWNED, claimed.word)
    await under_test.advance(4)
    await connection.lease(second, 5)
    await under_test.advance(1.001)
    taken = await own(connection, second)
    assert taken.word.token == 2
    assert (claimed.previous, taken.previous) == (None, claimed.word)
    assert await connection.administration.owners() == {"amy": taken.word, "bob": refused[1].word}


async def test_a_repeated_claim_returns_the_same_word(connection: EngineConnection) -> None:
    """That is how a worker learns what a cancelled claim did."""
    worker, claim = await join(connection), Claim("amy")
    (first,) = await connection.claim(worker, [claim])
    assert isinstance(first, Claimed)
    await connection.append([Append("amy", first.word, 1, (message(7),))])
    (second,) = await connection.claim(worker, [claim])
    assert second == attrs.evolve(first, position=7)


async def test_a_release_needs_the_word(connection: EngineConnection) -> None:
    """F7: an old word releases nothing, and a second release is fenced."""
    first, second = await join(connection, "w1"), await join(connection, "w2")
    old = await own(connection, first)
    assert await connection.release([Release("amy", old.word)]) == (None,)
    assert await connection.release([Release("amy", old.word)]) == (Fenced("amy"),)
    new = await own(connection, second)
    assert await connection.release([Release("amy", old.word)]) == (Fenced("amy", new.word),)
    assert await connection.administration.owners() == {"amy": new.word}


WORDS = {
    "nonce": lambda word: attrs.evolve(word, nonce="0" * 32),
    "token": lambda word: attrs.evolve(word, token=word.token + 1),
    "incarnation": lambda word: attrs.evolve(word, incarnation=Incarnation("w1")),
    "group": lambda word: attrs.evolve(word, incarnation=attrs.evolve(word.incarnation, group="bots")),
}


@pytest.mark.parametrize("changed", WORDS)
async def test_every_write_shows_the_word(connection: EngineConnection, changed: str) -> None:
    """F7: every part of it has to be equal; a greater token opens nothing."""
    claimed = await own(connection, await join(connection))
    word: OwnerWord = WORDS[changed](claimed.word)
    owner = None if changed == "group" else claimed.word
    assert await connection.append([Append("amy", word, 9, (message(7),))]) == (Fenced("amy", owner),)
    assert await connection.append([Append("amy", word)]) == (Fenced("amy", owner),)
    assert await connection.save([Save("amy", word, b"stale", 9)]) == (Fenced("amy", owner),)
    assert await connection.release([Release("amy", word, parked="stale")]) == (Fenced("amy", owner),)
    assert await entries(connection) == []
    (again,) = await connection.claim(claimed.word.incarnation, [Claim("amy", claimed.word.nonce)])
    assert again == claimed


async def test_a_session_is_kept_for_the_next_owner(connection: EngineConnection) -> None:
    """The newest by revision wins, whatever order the saves are made in."""
    first = await own(connection, await join(connection, "w1"))
    assert await connection.save([Save("amy", first.word, b"\x00new", 2)]) == (Saved("amy", 2),)
    assert await connection.save([Save("amy", first.word, b"overtaken", 1)]) == (Saved("amy", 2),)
    assert await connection.save([Save("amy", first.word, b"repeated", 2)]) == (Saved("amy", 2),)
    await connection.release([Release("amy", first.word)])
    second = await own(connection, await join(connection, "w2"))
    assert (second.session, second.session_revision) == (b"\x00new", 2)
    assert "new" not in repr(second)
    await connection.save([Save("amy", second.word, None, 3)])
    await connection.release([Release("amy", second.word)])
    assert (await own(connection, second.word.incarnation)).session is None


async def test_a_session_of_other_servers_begins_with_no_position(connection: EngineConnection) -> None:
    """Their ids are none of those that were appended; an overtaken save forgets nothing."""
    claimed = await own(connection, await join(connection))
    word = claimed.word
    await connection.append([Append("amy", word, 1, (message(7), message(9)))])
    assert await connection.save([Save("amy", word, b"new", 2)]) == (Saved("amy", 2),)
    assert await connection.save([Save("amy", word, b"overtaken", 1, forgets_position=True)]) == (Saved("amy", 2),)
    assert await connection.append([Append("amy", word, after=1, expected=9)]) == (Appended("amy", 9, 1),)
    assert await connection.save([Save("amy", word, b"other", 3, forgets_position=True)]) == (Saved("amy", 3),)
    (again,) = await connection.claim(word.incarnation, [Claim("amy", word.nonce)])
    assert (again.position, again.session) == (None, b"other")  # type: ignore[union-attr]
    appended = await connection.append([Append("amy", word, 2, (message(9), message(7)), after=1)])
    assert appended == (Appended("amy", 9, 2, 2, late=(7,)),)
    assert [number for number, _, _ in await entries(connection)] == [7, 9, 9, 7]


async def test_parked_and_unknown_accounts_are_not_claimed(connection: EngineConnection) -> None:
    """F20: a parked one is, again, after `resume()`."""
    worker = await join(connection)
    claimed = await own(connection, worker)
    await connection.release([Release("amy", claimed.word, parked="AUTHENTICATION_FAILED")])
    refused = await connection.claim(worker, [Claim("amy"), Claim("nobody")])
    assert refused == (ClaimRefused("amy", Refusal.PARKED), ClaimRefused("nobody", Refusal.UNKNOWN))
    (change,) = [c for c in (await connection.administration.accounts()).changes if c.parked]
    assert (change.uid, change.parked) == ("amy", "AUTHENTICATION_FAILED")
    await connection.administration.resume(["amy", "bob", "nobody"])
    assert (await own(connection, worker)).word.token == 2


# F9: compare and append


async def test_each_message_once_in_order(connection: EngineConnection) -> None:
    """F9, F14: ids compare as integers of any size; what was appended is skipped; what is late is marked."""
    claimed = await own(connection, await join(connection))
    ids = [9, 10, HUGE, HUGE + 1, 10**30]
    (first,) = await connection.append([Append("amy", claimed.word, 1, tuple(map(message, ids)))])
    assert first == Appended("amy", 10**30, 1, appended=5)
    again = [HUGE + 1, HUGE + 2, 8, 9, 10**30, 10**30 + 1, 8]
    (second,) = await connection.append(
        [Append("amy", claimed.word, 2, tuple(map(message, again)), after=1, expected=10**30)]
    )
    assert second == Appended("amy", 10**30 + 1, 2, 3, skipped=(HUGE + 1, 9, 10**30, 8), late=(HUGE + 2, 8))
    assert await entries(connection) == [
        *((number, b"message %d" % number, False) for number in ids),
        (HUGE + 2, b"message %d" % (HUGE + 2), True),
        (8, b"message 8", True),
        (10**30 + 1, b"message %d" % (10**30 + 1), False),
    ]


async def test_a_repeated_append_changes_nothing(connection: EngineConnection) -> None:
    """Not even events without an id are appended twice, and an overtaken append is not made after the newer one."""
    claimed = await own(connection, await join(connection))
    typing = LogEvent(None, b"typing", EntryKind.SIGNAL)
    append = Append("amy", claimed.word, 3, (message(5), typing))
    (first,) = await connection.append([append])
    assert first == Appended("amy", 5, 3, appended=2)
    for late in (append, attrs.evolve(append, sequence=2, events=(message(4), typing))):
        (again,) = await connection.append([late])
        assert again == Appended("amy", 5, 3, repeated=True)
    assert [number for number, _, _ in await entries(connection)] == [5, None]


async def test_many_accounts_in_one_call(connection: EngineConnection) -> None:
    """Each is judged by itself."""
    worker = await join(connection)
    amy, bob = await own(connection, worker, "amy"), await own(connection, worker, "bob")
    results = await connection.append(
        [
            Append("amy", amy.word, 1, (message(1),)),
            Append("bob", amy.word, 1, (message(1),)),
            Append("bob", bob.word, 1, (message(2),), expected=1),
            Append("bob", bob.word, 1, (message(3),)),
            Append("nobody", bob.word, 1, (message(1),)),
        ]
    )
    assert results == (
        Appended("amy", 1, 1, appended=1),
        Fenced("bob", bob.word),
        Rewound("bob", None, 0),
        Appended("bob", 3, 1, appended=1),
        Fenced("nobody"),
    )


async def test_a_body_of_none_only_moves_the_position(connection: EngineConnection) -> None:
    """F11: a handler that acknowledges without recording leaves no entry, and the id counts as appended."""
    claimed = await own(connection, await join(connection))
    (result,) = await connection.append([Append("amy", claimed.word, 1, (LogEvent(5, None), LogEvent(6, None)))])
    assert result == Appended("amy", 6, 1, appended=2)
    (result,) = await connection.append([Append("amy", claimed.word, 2, (message(5),), 1, 6)])
    assert result == Appended("amy", 6, 2, skipped=(5,))
    assert await entries(connection) == []


async def test_the_last_1024_ids_are_known(connection: EngineConnection) -> None:
    """F9: an older one may be appended twice, and is marked."""
    claimed = await own(connection, await join(connection))
    await connection.append([Append("amy", claimed.word, 1, tuple(LogEvent(n, None) for n in range(1, 1026)))])
    (result,) = await connection.append([Append("amy", claimed.word, 2, (message(2), message(1)))])
    assert result == Appended("amy", 1025, 2, 1, skipped=(2,), late=(1,))
    (result,) = await connection.append([Append("amy", claimed.word, 3, (message(2), message(1)))])
    assert result == Appended("amy", 1025, 3, 1, skipped=(1,), late=(2,))


async def test_a_takeover_continues_at_the_position(
    under_test: engines.EngineUnderTest, connection: EngineConnection
) -> None:
    """F9: the new owner's sequences begin anew, the position stays, and the old owner changes nothing."""
    old = await own(connection, await join(connection, "w1"))
    await connection.append([Append("amy", old.word, 7, (message(1), message(2)))])
    await under_test.advance(5.001)
    new = await own(connection, await join(connection, "w2"))
    assert new.position == 2
    events = (message(2), message(3))
    assert await connection.append([Append("amy", old.word, 8, events, 7, 2)]) == (Fenced("amy", new.word),)
    (result,) = await connection.append([Append("amy", new.word, 1, events, expected=2)])
    assert result == Appended("amy", 3, 1, 1, skipped=(2,))


async def test_a_rewind_is_noticed(under_test: engines.EngineUnderTest, connection: EngineConnection) -> None:
    """F9: by the next append or audit, also if only a late message was forgotten; then the caller continues."""
    claimed = await own(connection, await join(connection))
    await connection.append([Append("amy", claimed.word, 1, (message(5),))])
    copy = await under_test.remember()
    await connection.append([Append("amy", claimed.word, 2, (message(3),), 1, 5)])
    audit = Append("amy", claimed.word, after=2, expected=5)
    assert await connection.append([audit]) == (Appended("amy", 5, 2),)
    await under_test.forget(copy)
    rewound = Rewound("amy", 5, 1)
    assert await connection.append([audit]) == (rewound,)
    assert await connection.append([Append("amy", claimed.word, 3, (message(6),), 2, 5)]) == (rewound,)
    events = (message(3), message(5), message(6))
    (result,) = await connection.append([Append("amy", claimed.word, 4, events, 1, 5)])
    assert result == Appended("amy", 6, 4, 2, skipped=(5,), late=(3,))


async def test_a_claim_that_was_forgotten(under_test: engines.EngineUnderTest, connection: EngineConnection) -> None:
    """F7: the token is given out again, the word is not."""
    first, second = await join(connection, "w1"), await join(connection, "w2")
    copy = await under_test.remember()
    lost = await own(connection, first)
    await under_test.forget(copy)
    new = await own(connection, second)
    assert new.word.token == lost.word.token
    assert await connection.append([Append("amy", lost.word, 1, (message(1),))]) == (Fenced("amy", new.word),)


async def test_holes_stand_in_the_log(connection: EngineConnection) -> None:
    """F10: and in a list of their own."""
    claimed = await own(connection, await join(connection))
    hole = LogEvent(None, b'{"since": 1}', EntryKind.HOLE)
    await connection.append([Append("amy", claimed.word, 1, (message(1), hole, message(2)))])
    (result,) = await connection.read([Read(partition_of("amy", connection.partitions))])
    assert [entry.kind for entry in result.entries] == [EntryKind.MESSAGE, EntryKind.HOLE, EntryKind.MESSAGE]
    (recorded,) = await connection.administration.holes()
    entry = result.entries[1]
    assert (recorded.account, recorded.cursor, recorded.body, recorded.at) == ("amy", entry.cursor, hole.body, entry.at)


# F15, F16: consumers


async def test_partitions_are_claimed_like_accounts(
    under_test: engines.EngineUnderTest, connection: EngineConnection
) -> None:
    """F15: one consumer of a group a partition; another group does not matter; there are no others."""
    first, second = await join(connection, "c1", "bots"), await join(connection, "c2", "bots")
    other = await join(connection, "c1", "audit")
    owned = await own(connection, first, "3")
    refused = await connection.claim(second, [Claim("3"), Claim("16"), Claim("03"), Claim("-1"), Claim("amy")])
    assert refused[0] == ClaimRefused("3", Refusal.OWNED, owned.word)
    assert refused[1:] == tuple(ClaimRefused(key, Refusal.UNKNOWN) for key in ("16", "03", "-1", "amy"))
    assert (await own(connection, other, "3")).word.token == 1
    await under_test.advance(5.001)
    assert (await own(connection, await join(connection, "c3", "bots"), "3")).word.token == 2
    assert await connection.administration.groups() == ("audit", "bots")


async def test_a_cursor_moves_only_forward(connection: EngineConnection) -> None:
    """F15: and only for the owner; the next owner continues there."""
    claimed = await own(connection, await join(connection))
    await connection.append([Append("amy", claimed.word, 1, tuple(map(message, range(1, 6))))])
    partition = partition_of("amy", connection.partitions)
    key = str(partition)
    first = await own(connection, await join(connection, "c1", "bots"), key)
    assert first.cursor == ""
    (two,) = await connection.read([Read(partition, most=2)])
    (rest,) = await connection.read([Read(partition, two.entries[-1].cursor)])
    assert [entry.id for entry in two.entries + rest.entries] == [1, 2, 3, 4, 5]
    handled = two.entries[1].cursor
    assert await connection.administration.cursors("bots") == {}
    assert await connection.ack([Ack(partition, first.word, handled)]) == (Acked(partition, handled),)
    assert await connection.administration.cursors("bots") == {partition: handled}
    assert await connection.administration.cursors("audit") == {}
    assert await connection.ack([Ack(partition, first.word, two.entries[0].cursor)]) == (Acked(partition, handled),)
    await connection.release([Release(key, first.word)])
    second = await own(connection, await join(connection, "c2", "bots"), key)
    assert second.cursor == handled
    assert await connection.ack([Ack(partition, first.word, rest.entries[-1].cursor)]) == (Fenced(key, second.word),)
    (again,) = await connection.read([Read(partition, second.cursor)])
    assert again == rest


async def test_a_reader_notices_a_rewind(under_test: engines.EngineUnderTest, connection: EngineConnection) -> None:
    """F15: the cursor is behind the end of the log, also for `ack`; after a new claim, reading goes on."""
    claimed = await own(connection, await join(connection))
    partition = partition_of("amy", connection.partitions)
    consumer = await join(connection, "c1", "bots")
    owned = await own(connection, consumer, str(partition))
    copy = await under_test.remember()
    await connection.append([Append("amy", claimed.word, 1, (message(1),))])
    (result,) = await connection.read([Read(partition)])
    cursor = result.entries[0].cursor
    await under_test.forget(copy)
    (result,) = await connection.read([Read(partition, cursor)], wait=math.inf)
    assert result.rewound
    assert not result.entries
    assert await connection.ack([Ack(partition, owned.word, cursor)]) == (Acked(partition, ""),)


async def test_a_waiting_reader_gets_what_comes(connection: EngineConnection) -> None:
    """At once, also when several wait."""
    claimed = await own(connection, await join(connection))
    partition = partition_of("amy", connection.partitions)
    found: list[int | None] = []

    async def read() -> None:
        others = [Read(p) for p in range(connection.partitions) if p != partition]
        results = await connection.read([*others, Read(partition)], wait=60)
        found.extend(entry.id for result in results for entry in result.entries)

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            await connection.append([Append("amy", claimed.word, 1, (message(1),))])
    assert found == [1, 1]


async def test_a_reader_without_a_wait(connection: EngineConnection) -> None:
    """Returns at once, with a result for each partition."""
    results = await connection.read([Read(3), Read(4)])
    assert [(result.partition, result.entries, result.rewound) for result in results] == [
        (3, (), False),
        (4, (), False),
    ]


async def test_trimming_waits_for_the_slowest_group(connection: EngineConnection) -> None:
    """F16: what a group has not acknowledged stays; without a group everything old goes; what is young stays."""
    claimed = await own(connection, await join(connection))
    await connection.append([Append("amy", claimed.word, 1, tuple(map(message, range(1, 6))))])
    administration, partition = connection.administration, partition_of("amy", connection.partitions)
    (result,) = await connection.read([Read(partition)])
    for group, handled in (("fast", 4), ("slow", 2)):
        owned = await own(connection, await join(connection, "c1", group), str(partition))
        await connection.ack([Ack(partition, owned.word, result.entries[handled - 1].cursor)])
    assert await administration.trim(3600) == 0
    assert await administration.trim(0) == 2
    assert [number for number, _, _ in await entries(connection)] == [3, 4, 5]
    await administration.forget_group("slow")
    assert await administration.groups() == ("fast",)
    assert await administration.trim(0) == 2
    await administration.forget_group("fast")
    assert await administration.trim(0) == 1
    assert await entries(connection) == []
    (result,) = await connection.append([Append("amy", claimed.word, 2, (message(5), message(6)), 1, 5)])
    assert result == Appended("amy", 6, 2, 1, skipped=(5,))


async def test_how_far_the_groups_are_behind(connection: EngineConnection) -> None:
    """Per partition: how many entries it has, and how old the oldest is that a group has not acknowledged."""
    claimed = await own(connection, await join(connection))
    administration, partition = connection.administration, partition_of("amy", connection.partitions)
    for group in ("slow", "fast"):
        await own(connection, await join(connection, "c1", group), str(partition))
    empty = await administration.log()
    assert [(each.partition, each.entries, each.age) for each in empty] == [(number, 0, 0.0) for number in range(16)]
    assert all(each.behind == {"fast": 0.0, "slow": 0.0} for each in empty)
    await connection.append([Append("amy", claimed.word, 1, (message(1), message(2)))])
    (result,) = await connection.read([Read(partition)])
    owned = await own(connection, await join(connection, "c2", "third"), str(partition))
    await connection.ack([Ack(partition, owned.word, result.entries[0].cursor)])
    await trio.sleep(0.01)
    half = (await administration.log())[partition]
    assert half.entries == 2
    assert half.age >= half.behind["fast"] == half.behind["slow"] >= half.behind["third"] > 0
    await connection.ack([Ack(partition, owned.word, result.entries[1].cursor)])
    assert (await administration.log())[partition].behind["third"] == 0.0


async def test_a_session_is_replaced_if_it_is_the_same(connection: EngineConnection) -> None:
    """Without an owner word, and under the same revision: the next save of the owner wins."""
    claimed, administration = await own(connection, await join(connection)), connection.administration
    await connection.save([Save("amy", claimed.word, b"old\0\xff", 4)])
    assert await administration.sessions(["amy", "bob", "nobody"]) == {"amy": b"old\0\xff"}
    assert await administration.sessions([]) == {}
    change = SessionReplacement("amy", b"old\0\xff", b"new")
    assert await administration.replace_sessions([change, SessionReplacement("bob", b"", b"new")]) == (True, False)
    assert await administration.replace_sessions([change]) == (False,)
    assert await connection.save([Save("amy", claimed.word, b"stale", 4)]) == (Saved("amy", 4),)
    assert await administration.sessions(["amy", "bob"]) == {"amy": b"new"}
    await connection.save([Save("amy", claimed.word, b"next", 5)])
    assert await administration.sessions(["amy"]) == {"amy": b"next"}


async def test_a_forgotten_group_is_fenced(connection: EngineConnection) -> None:
    """Its members claim again, and read from the beginning. The workers are no consumer group."""
    consumer = await join(connection, "c1", "bots")
    owned = await own(connection, consumer, "3")
    await connection.administration.forget_group("bots")
    assert await connection.ack([Ack(3, owned.word, "")]) == (Fenced("3"),)
    assert (await own(connection, consumer, "3")).cursor == ""
    with pytest.raises(SettingsError):
        await connection.administration.forget_group("workers")


# F21, F23: the rate limit


async def test_one_rate_for_all(under_test: engines.EngineUnderTest, connection: EngineConnection) -> None:
    """F21: a burst at once, then one place every 1/rate seconds, for all connections together."""
    rate = Rate(0.01, burst=2)
    async with under_test.engine.connect("app") as other:
        waits = [await each.admit(rate) for each in (connection, other, connection, other)]
    assert waits == pytest.approx([0, 0, 100, 200], abs=1)
    await under_test.advance(150)
    assert await connection.admit(rate) == pytest.approx(150, abs=1)


async def test_throttling_halves_the_rate(under_test: engines.EngineUnderTest, connection: EngineConnection) -> None:
    """F23: at most once a second, and never below a tenth."""
    rate = Rate(0.01)
    await connection.admit(rate)
    for _ in range(2):
        assert await connection.admit(rate, throttled=True) == 0
    first = await connection.admit(rate)
    assert await connection.admit(rate) - first == pytest.approx(200, abs=2)
    for _ in range(4):
        await under_test.advance(1.001)
        await connection.admit(rate, throttled=True)
    first = await connection.admit(rate)
    assert await connection.admit(rate) - first == pytest.approx(1000, abs=5)


# Accounts


async def test_changes_of_accounts(connection: EngineConnection) -> None:
    """What changed since a revision: added, replaced, pinned, parked and removed. What did not change is not returned."""
    administration = connection.administration
    everything = await administration.accounts()
    assert everything.complete
    assert [change.account for change in everything.changes] == [Account("amy"), Account("bob"), Account("eve")]
    await administration.add([Account("amy"), Account("bob", "new"), Account("zoe")])
    await administration.pin("eve", "w1", lasts=100)
    await administration.pin("nobody", "w1")
    changes = await administration.accounts(everything.revision)
    assert not changes.complete
    assert changes.revision > everything.revision
    assert [(change.uid, change.account and change.account.metadata) for change in changes.changes] == [
        ("bob", "new"),
        ("eve", ""),
        ("zoe", ""),
    ]
    pinned = changes.changes[1]
    assert pinned.pinned_to == "w1"
    assert 99 < pinned.pin_remaining <= 100
    await administration.remove(["zoe", "nobody"])
    await administration.pin("eve", None)
    (eve, zoe) = (await administration.accounts(changes.revision)).changes
    assert (eve.pinned_to, zoe.account) == (None, None)
    latest = await administration.accounts(changes.revision)
    assert (await administration.accounts(latest.revision)).changes == ()
    assert [change.uid for change in (await administration.accounts()).changes] == ["amy", "bob", "eve"]
    assert (await administration.accounts(latest.revision + 10**12)).complete


async def test_a_removed_account_is_gone(connection: EngineConnection) -> None:
    """Its owner is fenced at once, and if it is added again, it begins anew."""
    worker = await join(connection)
    claimed = await own(connection, worker)
    await connection.append([Append("amy", claimed.word, 1, (message(3), message(5)))])
    await connection.save([Save("amy", claimed.word, b"session", 1)])
    await connection.administration.remove(["amy"])
    assert await connection.append([Append("amy", claimed.word, 2, (message(6),))]) == (Fenced("amy"),)
    assert await connection.claim(worker, [Claim("amy")]) == (ClaimRefused("amy", Refusal.UNKNOWN),)
    await connection.administration.add([Account("amy")])
    again = await own(connection, worker)
    assert (again.session, again.position, again.word.token) == (None, None, 2)
    (result,) = await connection.append([Append("amy", again.word, 1, (message(5), message(3)))])
    assert result == Appended("amy", 5, 1, appended=2, late=(3,))
    assert [number for number, _, _ in await entries(connection)] == [3, 5, 5, 3]


# Connections


async def test_another_app_is_refused(under_test: engines.EngineUnderTest, connection: EngineConnection) -> None:
    """With a word, as is another number of partitions."""
    with pytest.raises(EngineError, match="'app'") as caught:
        async with under_test.engine.connect("other"):
            pass
    assert not caught.value.worth_retrying
    with pytest.raises(EngineError, match="16 partitions"):
        async with under_test.engine.connect("app", partitions=8):
            pass
    async with under_test.engine.connect("app", partitions=16) as same:
        assert (same.app_id, same.partitions) == ("app", 16)


@pytest.mark.parametrize(("app_id", "partitions"), [("", None), ("app", 0), ("app", 1025)])
async def test_arguments_of_connect(under_test: engines.EngineUnderTest, app_id: str, partitions: int | None) -> None:
    """Are checked before anything is opened."""
    with pytest.raises(SettingsError):
        async with under_test.engine.connect(app_id, partitions=partitions):
            pass


@pytest.mark.parametrize("account", [Account(""), Account("x" * 256), Account("x", "m" * 65537)])
async def test_arguments_of_add(connection: EngineConnection, account: Account) -> None:
    """Are checked."""
    with pytest.raises(SettingsError):
        await connection.administration.add([account])


async def test_arguments_of_lease(connection: EngineConnection) -> None:
    """Are checked, as is the id of an event."""
    for ttl, info in ((math.inf, ""), (math.nan, ""), (5.0, "x" * 4097)):
        with pytest.raises(SettingsError):
            await connection.lease(Incarnation("w1"), ttl, joining=True, info=info)
    with pytest.raises(SettingsError):
        LogEvent(-1, b"")


@pytest.mark.parametrize("name", ["", "a:b", "a~b", "ü", "x" * 65, "a b", "a\n"])
def test_names(name: str) -> None:
    """Have characters that mean nothing in keys and words."""
    with pytest.raises(SettingsError):
        Incarnation(name)
    with pytest.raises(SettingsError):
        Incarnation("w1", group=name)


def test_words_are_read_as_they_are_written() -> None:
    """Both ways; and what is no word is refused."""
    word = OwnerWord(Incarnation("w.1-_"), 17, "00ff")
    assert OwnerWord.parse(str(word)) == word
    for text in ("", "w1", "w1:1:x", "w1~a:x:b", "w1~a:1", "~a:1:b"):
        with pytest.raises(ValueError, match=".*"):
            OwnerWord.parse(text)


async def test_every_call_may_be_cancelled(connection: EngineConnection) -> None:
    """Whether it was made or not, the same call again has the result of one call."""
    worker, claim = await join(connection), Claim("amy")
    for steps in range(8):
        await cancelled_after(steps, connection.claim, worker, [claim])
    (claimed,) = await connection.claim(worker, [claim])
    assert isinstance(claimed, Claimed)
    assert claimed.word.token == 1
    append = Append("amy", claimed.word, 1, (message(1), LogEvent(None, b"typing", EntryKind.SIGNAL)))
    for steps in range(8):
        await cancelled_after(steps, connection.append, [append])
    await connection.append([append])
    assert [number for number, _, _ in await entries(connection)] == [1, None]


async def test_an_unreachable_memory_engine() -> None:
    """Raises until it is reachable again; what it kept is still there."""
    engine = MemoryEngine()
    async with engine.connect("app") as connection:
        worker = await join(connection)
        engine.is_unreachable = True
        with pytest.raises(EngineError) as caught:
            await connection.lease(worker, 5)
        assert caught.value.worth_retrying
        with pytest.raises(EngineError):
            async with engine.connect("app"):
                pass
        engine.is_unreachable = False
        await connection.lease(worker, 5)
    assert repr(engine) == "MemoryEngine()"
