"""The witness finds what is wrong, and nothing else: from records that are written by hand."""

from __future__ import annotations

import json
import pathlib

import pytest

from .report import Report
from .witness import Entry, Handled, Journal, Socket, crowded, judge_handled, judge_log, most_in

SAID = {"amy": {1: 0.0, 3: 0.0}, "bob": {2: 0.0, 4: 0.0}}
ALL = {(uid, number) for uid, numbers in SAID.items() for number in numbers}


@pytest.mark.parametrize(
    ("log", "wrong"),
    [
        ("amy 1, bob 2, amy 3, bob 4", {}),
        ("bob 2, bob 4, amy 1, amy 3", {}),
        ("amy 1, bob 2, amy 3", {"lost": [("bob", 4)]}),
        ("amy 1, bob 2, bob 2, amy 3, bob 4", {"doubled": [("bob", 2)]}),
        ("amy 3, amy 1, bob 2, bob 4", {"disordered": [("amy", 1)]}),
        ("amy 1, bob 2, amy 3, bob 4, amy 5", {"invented": [("amy", 5)]}),
        ("amy 1, bob 2, bob 3, bob 4", {"lost": [("amy", 3)], "invented": [("bob", 3)]}),
    ],
)
def test_the_log(log: str, wrong: dict[str, list[tuple[str, int]]]) -> None:
    """What is lost, doubled, out of order for its account, or was never sent."""
    entries = [Entry(uid, int(number), 0.0, "") for uid, number in (words.split() for words in log.split(", "))]
    verdict = judge_log(SAID, entries)
    found = {name: getattr(verdict, name) for name in ("lost", "doubled", "disordered", "invented")}
    assert {name: keys for name, keys in found.items() if keys} == wrong


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ("7 amy 1, 7 bob 2, 8 amy 3, 8 bob 4", {}),
        ("7 amy 1, 7 amy 3, 8 bob 2", {"lost": [("bob", 4)]}),
        ("9 amy 1, 7 amy 1, 7 amy 3, 7 bob 2, 7 bob 4", {"repeated": [("amy", 1)]}),
        ("7 amy 1, 9 amy 1, 7 amy 3, 7 bob 2, 7 bob 4", {"repeated": [("amy", 1)], "unexcused": [("amy", 1)]}),
        ("7 amy 3, 7 amy 1, 7 bob 2, 7 bob 4", {"disordered": [("amy", 1)]}),
        ("9 amy 1, 9 amy 3, 7 amy 1, 7 amy 3, 7 bob 2, 7 bob 4", {"repeated": [("amy", 1), ("amy", 3)]}),
    ],
)
def test_what_was_handled(lines: str, wrong: dict[str, list[tuple[str, int]]]) -> None:
    """Process 9 was killed: what it had handled may be handled again, and only that."""
    handled = [Handled(int(p), uid, int(number)) for p, uid, number in (words.split() for words in lines.split(", "))]
    verdict = judge_handled(ALL, handled, {9})
    found = {name: getattr(verdict, name) for name in ("lost", "repeated", "unexcused", "disordered")}
    assert {name: keys for name, keys in found.items() if keys} == wrong


def test_two_sockets_of_one_account() -> None:
    """For how long there were two: those of a process that was stopped meanwhile are counted apart."""
    sockets = [
        Socket("amy", 0.0, 10.0),
        Socket("amy", 10.0, 20.0),
        Socket("amy", 18.0),
        Socket("bob", 0.0),
        Socket("bob", 29.0),
    ]
    assert crowded(sockets, 30.0, []) == ([2.0, 1.0], [])
    assert crowded(sockets, 30.0, [({"bob"}, 28.0, 31.0), ({"amy"}, 0.0, 19.0)]) == ([2.0], [1.0])


def test_the_fullest_window() -> None:
    """It begins at any attempt."""
    assert most_in([0.0, 0.9, 1.0, 1.1, 1.9, 3.0], 1.0) == 4
    assert most_in([], 1.0) == 0


def test_a_journal_that_is_being_written(tmp_path: pathlib.Path) -> None:
    """Half a line is read when its rest has come; the first sign of a socket's end counts."""
    path = tmp_path / "journal"
    lines = [
        [1.0, "attempt", 7],
        [1.1, "login", "amy"],
        [1.5, "open", 7, "amy"],
        [1.6, "rate", 30],
        [2.0, "said", "amy", 12, 1000.5],
        [3.0, "end", 7],
        [4.0, "end", 7],
        [4.0, "end", 8],
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines).encode()
    path.write_bytes(text[:-30])
    journal = Journal(path)
    journal.read()
    path.write_bytes(text)
    journal.read()
    assert (journal.said, journal.attempts, journal.logins, journal.rate) == ({"amy": {12: 1000.5}}, [1.0], 1, 30)
    assert (journal.sockets[7].opened, journal.sockets[7].ended) == (1.5, 3.0)
    assert journal.connected() == {}
    assert journal.opened(since=1.0) == ["amy"]


def test_a_missed_goal(capsys: pytest.CaptureFixture[str]) -> None:
    """One value beyond the goal misses it, and is printed at once."""
    report = Report()
    report.note("kills", "takeover", [1.0, 2.0], 10.0)
    assert report.missed == []
    report.note("kills", "takeover", 11.0, 10.0)
    assert "MISSED: kills takeover 1 11 11 11" in capsys.readouterr().out
    assert [row.what for row in report.missed] == ["takeover"]
    assert report.table().splitlines()[1].endswith("<= 10  MISSED")
