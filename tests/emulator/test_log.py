"""`cometconn.emulator.log`."""

from __future__ import annotations

import trio
from trio.testing import wait_all_tasks_blocked

from cometconn.emulator import Entry, Kind, ServerLog


def test_entries_are_numbered_and_timed() -> None:
    """An entry has the values it was made with, the clock's time and the next number."""
    times = iter([1.0, 2.5])
    log = ServerLog(lambda: next(times))

    log.add(Kind.CONNECT, 1, path="/")
    log.add(Kind.GONE, 1, "zed-1", how="eof")

    first, second = log
    assert (first.number, first.at, first.kind, first.connection, first.uid) == (0, 1.0, Kind.CONNECT, 1, None)
    assert (second.number, second.at, second.uid, dict(second.detail)) == (1, 2.5, "zed-1", {"how": "eof"})
    assert log.position == len(log) == 2


def test_the_log_is_bounded() -> None:
    """Beyond the limit the oldest entries are dropped and counted."""
    log = ServerLog(lambda: 0.0, limit=3)

    for code in range(5):
        log.add(Kind.CLOSE_IN, code=code)

    assert [entry.detail["code"] for entry in log] == [2, 3, 4]
    assert [entry.number for entry in log] == [2, 3, 4]
    assert (log.dropped, log.position) == (2, 5)
    assert repr(log) == "<ServerLog: 3 entries, 2 dropped>"


def test_entries_are_found_by_what_they_are_about() -> None:
    """`of` selects by kind, user, connection and number."""
    log = ServerLog(lambda: 0.0)
    log.add(Kind.CONNECT, 1)
    log.add(Kind.AUTH, 1, "zed-1")
    log.add(Kind.CONNECT, 2)
    log.add(Kind.AUTH, 2, "amy-2")

    assert [entry.number for entry in log.of(Kind.CONNECT)] == [0, 2]
    assert [entry.number for entry in log.of(Kind.CONNECT, Kind.AUTH, connection=2)] == [2, 3]
    assert [entry.number for entry in log.of(Kind.AUTH, uid="zed-1")] == [1]
    assert [entry.number for entry in log.of(Kind.CONNECT, since=1)] == [2]


async def test_waiting_returns_an_entry_that_is_there() -> None:
    """`wait_for` returns an entry that is there already."""
    log = ServerLog()
    entry = log.add(Kind.EOF, 1)

    with trio.fail_after(20):
        assert await log.wait_for(lambda found: found.kind is Kind.EOF) is entry


async def test_waiting_returns_the_first_later_entry() -> None:
    """`wait_for` with `since` skips earlier entries, and those for which the predicate is false."""
    log = ServerLog()
    log.add(Kind.EOF, 1)
    found: list[Entry] = []

    async def wait(since: int) -> None:
        found.append(await log.wait_for(lambda entry: entry.kind is Kind.EOF, since=since))

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, log.position)
            await wait_all_tasks_blocked()
            log.add(Kind.RESET, 2)
            await wait_all_tasks_blocked()
            assert not found
            log.add(Kind.EOF, 3)
            log.add(Kind.EOF, 4)

    assert [entry.connection for entry in found] == [3]


async def test_waiting_can_be_cancelled() -> None:
    """A cancelled wait leaves no waiting task behind."""
    log = ServerLog()

    with trio.move_on_after(0):
        await log.wait_for(lambda _: False)
    with trio.move_on_after(0):
        await log.wait_news()

    assert log._added.statistics().tasks_waiting == 0
