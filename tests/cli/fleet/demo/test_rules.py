"""The rules of the demo, against records that are right, and against records with one fault each."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from cometconn.cli.fleet.demo.records import Numbered, Socket
from cometconn.cli.fleet.demo.rules import Move, Outcome, check

SENT = [
    Numbered(uid, 2 * number + offset, f"message {number}") for number in range(1, 4) for offset, uid in enumerate("ab")
]
SOCKETS = [
    Socket("a", 1, opened=10, opened_at=1.0, closed=30, closed_at=3.0),
    Socket("b", 2, opened=11, opened_at=1.1),
    Socket("a", 3, opened=31, opened_at=6.0),
]
GOOD = Outcome(
    accounts=2,
    sent=SENT,
    logged=[*SENT[1::2], *SENT[0::2]],  # partition by partition
    holes=0,
    sockets=SOCKETS,
    unseen=0,
    logins=2,
    takeover=Move("w2 killed", {"a": 3.0}, promised=8.0),
    drain_seconds=1.0,
    drain_status=0,
    drain_timeout=10.0,
    joiner="w4",
    joined=1,
    disturbed=0,
)
RULES = ("exactly once", "order", "two connections", "logged in once", "After a kill", "drained", "joins")


def test_records_that_are_right() -> None:
    """Every rule holds."""
    results = check(GOOD)
    assert [result for result in results if not result.held] == []
    assert all(words in result.rule for words, result in zip(RULES, results, strict=True))


LOGGED = list(GOOD.logged)
FAULTS: dict[str, tuple[dict[str, Any], set[str], str]] = {
    "a lost message": ({"logged": LOGGED[1:]}, {"exactly once"}, "1 lost, 0 doubled"),
    "a doubled message": ({"logged": [LOGGED[0], *LOGGED]}, {"exactly once"}, "0 lost, 1 doubled"),
    "one lost, another doubled": ({"logged": [LOGGED[1], *LOGGED[1:]]}, {"exactly once"}, "1 lost, 1 doubled"),
    "another text": (
        {"logged": [attrs.evolve(LOGGED[0], text="?"), *LOGGED[1:]]},
        {"exactly once"},
        "1 lost, 1 doubled",
    ),
    "another account": (
        {"logged": [*LOGGED[1:], attrs.evolve(LOGGED[0], uid="a")]},
        {"exactly once", "order"},
        "1 lost, 1 doubled",
    ),
    "a hole": ({"holes": 1}, {"exactly once"}, "1 places where messages may be missing"),
    "swapped messages": ({"logged": [LOGGED[1], LOGGED[0], *LOGGED[2:]]}, {"order"}, "1 out of order"),
    "nothing at all": ({"sent": [], "logged": []}, {"exactly once", "order"}, "0 sent, 0 in the log"),
    "a second connection": (
        {"sockets": [*SOCKETS, Socket("b", 4, opened=12, opened_at=1.2, closed=13, closed_at=1.3)]},
        {"two connections"},
        "Of 4 connections, 1 began",
    ),
    "a connection that began too early": (
        {"sockets": [*SOCKETS[:2], attrs.evolve(SOCKETS[2], opened=29)]},
        {"two connections"},
        "Of 3 connections, 1 began",
    ),
    "a short one within a long one, then a third": (
        {
            "sockets": [
                Socket("a", 1, opened=1, opened_at=1.0, closed=9, closed_at=9.0),
                Socket("a", 2, opened=2, opened_at=2.0, closed=3, closed_at=3.0),
                Socket("a", 3, opened=4, opened_at=4.0),
            ]
        },
        {"two connections"},
        "Of 3 connections, 2 began",
    ),
    "a record with gaps": ({"unseen": 3}, {"two connections"}, "3 entries of the server's log"),
    "a second login": ({"logins": 3}, {"logged in once"}, "3 logins for 2 accounts"),
    "a slow takeover": ({"takeover": Move("w2 killed", {"a": 8.1}, 8.0)}, {"After a kill"}, "8.1 s at most"),
    "an account that stays away": (
        {"takeover": Move("w2 killed", {"a": 3.0, "b": None}, 8.0)},
        {"After a kill"},
        "1 accounts were not connected again",
    ),
    "a kill that moved nothing": ({"takeover": Move("w2 killed", {}, 8.0)}, {"After a kill"}, "0.0 s at most"),
    "no kill": ({"takeover": None}, {"After a kill"}, "not tried"),
    "a slow drain": ({"drain_seconds": 10.1}, {"drained"}, "after 10.1 s"),
    "a drain that failed": ({"drain_status": 3}, {"drained"}, "with status 3"),
    "a drain without an end": ({"drain_seconds": None, "drain_status": None}, {"drained"}, "It did not end."),
    "a join that moved nothing": ({"joined": 0}, {"joins"}, "0 of 2 accounts moved to w4"),
    "a join that moved others": ({"disturbed": 1}, {"joins"}, "1 others moved"),
    "no join": ({"joined": None}, {"joins"}, "not tried"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_records_with_a_fault(fault: str) -> None:
    """Exactly the rules that it breaks fail, and the observation names it."""
    changes, broken, words = FAULTS[fault]
    results = check(attrs.evolve(GOOD, **changes))
    failed = [result for result in results if not result.held]
    assert {next(rule for rule in RULES if rule in result.rule) for result in failed} == broken
    assert words in " ".join(result.observation for result in failed)


def test_a_move() -> None:
    """Its median and its longest gap are of the accounts that came back."""
    move = Move("w2 killed", {"a": 3.0, "b": 1.0, "c": None, "d": 2.0})
    assert (move.median, move.longest, move.absent) == (2.0, 3.0, 1)
