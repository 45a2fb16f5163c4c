"""`cometconn._streams.seen_ids`: which ids it contains, which it forgets, and in how many bytes."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from cometconn._streams.seen_ids import SeenIds

WINDOW = 8
SMALLEST, LARGEST = -(2**63), 2**63 - 1
IDS = st.integers(-20, 60) | st.sampled_from([SMALLEST, LARGEST])
PIECES = st.lists(st.lists(IDS, min_size=1, max_size=5, unique=True).map(sorted), max_size=60)


@given(PIECES)
def test_the_latest_are_known_and_nothing_else(pieces: list[list[int]]) -> None:
    """In any order, the last ids of the window are known, one that never came is not, and at most two windows are kept."""
    seen, came = SeenIds(WINDOW), list[int]()
    for piece in pieces:
        seen.add(piece)
        came += piece
        latest = came[-WINDOW:]
        assert all(number in seen for number in latest)
        assert not any(number in seen for number in range(-20, 61) if number not in came)
        assert len(seen) < 2 * WINDOW + 5
        assert {number for number in latest if number > 20} <= set(seen.beyond(20)) <= {n for n in came if n > 20}
    seen.clear()
    assert len(seen) == 0
    assert not any(number in seen for number in came)


def test_ten_bytes_for_each_id() -> None:
    """A thousand ascending ids, the usual case, fit into 10 KB; a set of them takes 60 KB."""
    seen = SeenIds(4096)
    for number in range(2**40, 2**40 + 1000):
        seen.add((number,))
    assert sys.getsizeof(seen._new) < 10_000
