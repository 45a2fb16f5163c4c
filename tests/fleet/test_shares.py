"""Rendezvous hashing, and the settling time of a member that joins."""

from __future__ import annotations

import collections

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cometconn.fleet.shares import Roster, roster, weight, winner
from cometconn.fleet.values import Incarnation, Member

NAME = st.integers(0, 50).map("worker-{}".format)
NAMES = st.sets(NAME, min_size=1, max_size=8)
KEY = st.integers(0, 10**6).map("user-{}".format)
ME = Incarnation("me", "now")


@settings(max_examples=50)
@given(names=NAMES, new=NAME, key=KEY)
def test_a_new_name_moves_only_what_it_wins(names: set[str], new: str, key: str) -> None:
    """F18: with one name more, a key stays where it is or goes to the new name; with one less, only its keys move."""
    before, after = winner(names, key), winner({*names, new}, key)
    assert after in {before, new}
    left = names - {new}
    if before != new and left:
        assert winner(left, key) == before


@settings(max_examples=20)
@given(names=NAMES, key=KEY)
def test_the_order_of_the_names_does_not_matter(names: set[str], key: str) -> None:
    """Every member computes the same."""
    assert winner(sorted(names), key) == winner(sorted(names, reverse=True), key)


def test_nobody_wins_without_names() -> None:
    """All are draining."""
    assert winner(set(), "key") is None


def test_shares_are_even() -> None:
    """Of 4,000 keys each of four names gets a quarter, within 10 %; the weights are the same in every version."""
    counts = collections.Counter(winner(["w1", "w2", "w3", "w4"], f"user-{number}") for number in range(4000))
    assert all(900 < count < 1100 for count in counts.values())
    assert weight("w1", "user-1") != weight("w", "1user-1")


def member(
    name: str, *, remaining: float = 3.0, draining: bool = False, left: bool = False, nonce: str = "old", info: str = ""
) -> Member:
    """A member as the engine lists it."""
    return Member(Incarnation(name, nonce), remaining, draining, left, info)


MYSELF = Member(ME, 5.0)
DEAD = member("dead", remaining=-1.0)


@pytest.mark.parametrize(
    ("others", "joined_for", "names", "may_claim", "settled"),
    [
        # A fleet that starts: nobody was there before, so wait for two ticks, then claim.
        ([], 0.0, {"me"}, False, False),
        ([], 1.0, {"me"}, True, True),
        ([member("a")], 0.5, {"me", "a"}, False, False),
        ([member("a")], 1.0, {"me", "a"}, True, True),
        # After an outage: the others are missing. Their shares are left to them for the time of one lease.
        ([member("a", remaining=-1.0)], 0.0, {"me", "a"}, False, False),
        ([member("a", remaining=-1.0)], 1.0, {"me", "a"}, True, False),
        ([member("a", remaining=-1.0)], 4.99, {"me", "a"}, True, False),
        ([member("a", remaining=-1.0)], 5.0, {"me"}, True, True),
        # All names of the past are back: settled at once.
        ([member("a", remaining=-1.0), member("a", nonce="new")], 0.0, {"me", "a"}, True, True),
        ([member("me", remaining=-1.0)], 0.0, {"me"}, True, True),
        ([member("me", remaining=-1.0), member("a", remaining=-1.0)], 0.0, {"me", "a"}, False, False),
        # After a death: another one has been there for one lease, and has taken over; this one has its whole share at once.
        ([DEAD, member("a", info='{"joined_for": 5.0}')], 0.5, {"me", "a", "dead"}, False, False),
        ([DEAD, member("a", info='{"joined_for": 5.0}')], 1.0, {"me", "a"}, True, True),
        ([DEAD, member("a", info='{"joined_for": 4.9}')], 1.0, {"me", "a", "dead"}, True, False),
        ([DEAD, member("a", info='{"joined_for": 9}', draining=True)], 1.0, {"me", "dead"}, True, False),
        ([member("dead", remaining=-1.0, info='{"joined_for": 9}')], 1.0, {"me", "dead"}, True, False),
        ([DEAD, member("a", info='["joined_for"]')], 1.0, {"me", "a", "dead"}, True, False),
        ([DEAD, member("a", info='{"joined_for": "long"}')], 1.0, {"me", "a", "dead"}, True, False),
        ([DEAD, member("a", info='{"joined')], 1.0, {"me", "a", "dead"}, True, False),
        # Those that have left are not missing; those that drain get nothing.
        ([member("a", remaining=-1.0, left=True)], 0.0, {"me"}, True, True),
        ([member("a", draining=True)], 9.0, {"me"}, True, True),
    ],
)
def test_settling(others: list[Member], joined_for: float, names: set[str], may_claim: bool, settled: bool) -> None:
    """F18: two ticks of 0.5 s, and then one lease of 5 s with the names of the past."""
    made = roster([MYSELF, *others], me=ME, joined_for=joined_for, tick=0.5, ttl=5.0)
    assert made == Roster(frozenset(names), may_claim, settled)


def test_a_draining_member_claims_nothing() -> None:
    """F19."""
    made = roster([Member(ME, 5.0, draining=True), member("a")], me=ME, joined_for=9.0, tick=0.5, ttl=5.0)
    assert made == Roster(frozenset({"a"}), may_claim=False, settled=True)
