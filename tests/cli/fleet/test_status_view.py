"""The tables of `cometconn fleet status`: at 80 and 40 columns, with words from outside."""

from __future__ import annotations

import io
import re
from typing import Any

import attrs
import pytest
from rich.console import Console
from trio.testing import MockClock

from cometconn.cli.fleet.snapshot import Snapshot, take_snapshot
from cometconn.cli.fleet.status_view import summary, view
from cometconn.fleet import MemoryEngine
from cometconn.fleet.values import AccountChange, RecordedHole

from .test_snapshot import fill, filled


def rendered(snapshot: Snapshot, width: int = 80, *, colour: bool = False, **options: Any) -> str:
    """The view as text."""
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, force_terminal=colour, color_system="standard" if colour else None, highlight=False
    )
    console.print(view(snapshot, "sqlite:/tmp/f", **options))
    return stream.getvalue()


def words(text: str) -> str:
    """Without line breaks."""
    return " ".join(text.split())


async def test_what_an_operator_looks_for(autojump_clock: MockClock) -> None:
    """Workers, their leases and states; orphans, reasons, pins, holes; and how far groups are behind."""
    snapshot = await filled()
    assert summary(snapshot) == "2 workers, 4 accounts, 1 connected, 1 without an owner, 1 parked, 1 hole"
    text = words(rendered(snapshot))
    nonces = [each.member.incarnation.nonce[:6] for each in snapshot.workers]
    for expected in (
        f"w1~{nonces[0]} ████████ 600.0 s 1 of 1 0.2 s working h:7",
        f"w2~{nonces[1]} ████████ 600.0 s 0 of 1 0.0 s draining -",
        "Without an owner: orphan",
        "Parked: cometconn fleet accounts resume UID, after the reason is mended parked refused",
        "Pinned to zed w2, for 60 s more",
        "amy after message 1, before message 9",
        "bots 1 1 of 16 -",
    ):
        assert expected in text, text
    (group,) = snapshot.groups
    late = attrs.evolve(snapshot, groups=(attrs.evolve(group, behind=125.0),))
    assert "bots 1 1 of 16 2.1 min" in words(rendered(late))


async def test_workers_that_are_gone(autojump_clock: MockClock) -> None:
    """One lost its lease; the other ended it."""
    async with MemoryEngine().connect("APP") as connection:
        await fill(connection)
        second = next(m for m in await connection.administration.members() if m.incarnation.name == "w2")
        await connection.lease(second.incarnation, 0)
        snapshot = await take_snapshot(connection)
    members = [attrs.evolve(each, member=attrs.evolve(each.member, remaining=-3.0)) for each in snapshot.workers]
    text = words(rendered(attrs.evolve(snapshot, workers=tuple(members))))
    assert "- - - lost 3 s ago h:7" in text
    assert "- - - left 3 s ago -" in text


async def test_while_it_is_watched(autojump_clock: MockClock) -> None:
    """Rates and changes come with it, and the reason why there is nothing new."""
    snapshot = await filled()
    rates = {str(snapshot.workers[0].member.incarnation): 12.34}
    text = words(rendered(snapshot, rates=rates, recent=("12:00:00 w3~abc has joined",), trouble="It is unreachable."))
    assert "working" in text
    assert "1 of 1 0.2 s 12.3 working" in text
    assert "0 of 1 0.0 s - draining" in text
    assert "It is unreachable." in text
    assert text.endswith("Recent changes 12:00:00 w3~abc has joined")


@pytest.mark.parametrize("width", [120, 80, 60])
async def test_every_line_fits(width: int, autojump_clock: MockClock) -> None:
    """From 80 columns on, no number is cut."""
    snapshot = await filled()
    text = rendered(snapshot, width, rates={}, recent=("x" * 200,))
    assert max(map(len, text.splitlines())) <= width
    assert width < 80 or re.search(r"600\.0 s +1 of 1 ", text)


async def test_versions_are_shown_when_they_differ(autojump_clock: MockClock) -> None:
    """As during a rolling update."""
    snapshot = await filled()
    assert "h:7 1" not in rendered(snapshot)
    first, second = snapshot.workers
    second = attrs.evolve(second, info={"pid": 8, "host": "h", "version": "2"})
    text = rendered(attrs.evolve(snapshot, workers=(first, second)))
    assert "h:7 1" in text
    assert "h:8 2" in text


def crowd(count: int, **changed: Any) -> Snapshot:
    """A fleet with so many accounts and no worker."""
    accounts = tuple(AccountChange(f"u{number:05}", None) for number in range(count))
    return Snapshot(**{
        "app_id": "APP", "partitions": 16, "workers": (), "accounts": accounts, "owners": {}, "holes": (), "groups": (),
        "log": (),
        **changed,
    })  # fmt: skip


@pytest.mark.parametrize(("count", "cells"), [(1, 1), (240, 240), (241, 121), (10_000, 239)])
def test_a_cell_for_each_account_or_for_several(count: int, cells: int) -> None:
    """So the strip has at most three lines at 80 columns."""
    text = rendered(crowd(count))
    assert text.count("○") == cells


def test_long_lists_are_cut() -> None:
    """With the number of those that are not shown."""
    holes = tuple(RecordedHole(f"u{number}", "1", 0.0, b'{"hole": {"dropped": 3}}') for number in range(9))
    text = words(rendered(crowd(20, holes=holes)))
    assert "u00011 and 8 more" in text
    assert "Holes, the newest first (9, of which 6 are shown)" in text
    assert "01-01 00:00:00Z u8 3 events were dropped" in text
    assert "u2 3" not in text


@pytest.mark.parametrize("hostile", ["[red]amy[/red]", "\x1b[2Jamy", "amy\nforged", "\u202eamy", ":smile:"])
def test_words_from_outside(hostile: str) -> None:
    """Neither markup nor control characters work."""
    parked = AccountChange(hostile, None, parked=hostile, pinned_to=hostile, pin_remaining=5.0)
    text = rendered(crowd(0, accounts=(parked, AccountChange(f"{hostile}2", None)), app_id=hostile))
    assert not set("\x1b\u202e") & set(text)
    assert text.count("amy" if "amy" in hostile else ":smile:") == 6
    assert "forged" not in {line.strip() for line in text.splitlines()}
    assert hostile.startswith("[red]") == ("[red]" in text)


async def test_colours(autojump_clock: MockClock) -> None:
    """Each worker has its own, in its row and in the strip; what is wrong is red."""
    text = rendered(await filled(), colour=True)
    assert "\x1b[36m■\x1b[0m\x1b[31m○\x1b[0m\x1b[33m·\x1b[0m\x1b[35m■\x1b[0m" in text


def test_an_empty_fleet() -> None:
    """It has the command with which one begins."""
    assert rendered(crowd(0)).splitlines()[-1].strip() == "No worker runs: cometconn fleet run"
