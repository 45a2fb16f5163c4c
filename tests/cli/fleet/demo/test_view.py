"""The accounts as rows of digits."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cometconn.cli.fleet.demo.view import LEAD, account_rows, counts

UIDS = [f"user-{number:02}" for number in range(1, 61)]


@pytest.mark.parametrize(
    ("accounts", "width", "lengths"),
    [
        (60, 80, [32, 32]),
        (60, 120, [65]),
        (60, 60, [32, 32]),
        (60, 40, [21] * 3),
        (60, 20, [10] * 6),
        (25, 80, [27]),
        (7, 80, [7]),
        (180, 80, [54, 54, 54, 32]),
    ],
)
def test_rows_fit(accounts: int, width: int, lengths: list[int]) -> None:
    """The rows are of about the same length, and fit beside the time, unless the terminal is too narrow for ten."""
    uids = [f"user-{number}" for number in range(accounts)]
    rows = account_rows(uids, {}, width)
    assert [len(row) for row in rows] == lengths
    assert width < LEAD + 10 or all(LEAD + len(row) <= width for row in rows)
    assert "".join(row.plain for row in rows).count("·") == accounts


def test_digits() -> None:
    """An account has the digit of its worker, which needs no colour to be read."""
    owners = {"user-01": 1, "user-02": 4, "user-60": 2}
    rows = account_rows(UIDS, owners, 80)
    assert rows[0].plain == "14········ ·········· ··········"
    assert rows[1].plain == "·········· ·········· ·········2"
    assert counts(UIDS, owners, {1: "w1", 2: "w2", 3: "w3", 4: "w4"}) == "w1 1, w2 1, w4 1, not connected 57"
    out = io.StringIO()
    Console(file=out, force_terminal=True, color_system="standard", no_color=True).print(rows[0])
    assert "3" not in out.getvalue(), "no colour"
