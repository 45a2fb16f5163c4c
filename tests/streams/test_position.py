"""`cometconn._streams.position`: the arithmetic alone."""

from __future__ import annotations

import pytest

from cometconn._streams import position
from cometconn._streams.position import NOWHERE, acknowledged_beyond, position_of


@pytest.mark.parametrize(
    ("last_id", "unfetched_after", "dropped", "open_ids", "expected"),
    [
        (None, None, [], [], None),
        (9, NOWHERE, [], [], None),
        (9, None, [], [], 9),
        (9, 4, [], [], 4),
        (9, 12, [], [], 9),
        (9, None, [(3, 5)], [], 2),
        (9, None, [(3, 5)], [2, 8], 1),
        (9, 4, [(6, 7)], [5], 4),
        (9, None, [], [10], 9),
        (9, None, [], [0, -1], 9),
    ],
)
def test_the_position_stands_before_what_is_not_handled(
    last_id: int | None,
    unfetched_after: int | None,
    dropped: list[tuple[int, int]],
    open_ids: list[int],
    expected: int | None,
) -> None:
    """The position is before what is missing, dropped and not reported, or open; ids of no message do not hold it."""
    assert position_of(last_id, unfetched_after, dropped, open_ids) == expected


def test_what_is_acknowledged_beyond_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Acknowledged are known ids that are neither open nor in a dropped range, ascending; the largest if there are too many."""
    assert acknowledged_beyond({9, 4, 5, 6, 7, 8}, [(5, 6)], iter([8])) == (4, 7, 9)
    monkeypatch.setattr(position, "_MOST_ACKNOWLEDGED", 2)
    assert acknowledged_beyond({9, 4, 5, 6, 7, 8}, [(5, 6)], iter([8])) == (7, 9)
