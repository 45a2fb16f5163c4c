"""The figures of a run in the documentation."""

from __future__ import annotations

import pathlib

import pytest

from benchmarks import page
from benchmarks.row import Row

ROWS = [
    Row("burst", "9 / 3 msg/s", "a|b", 3.0, 0.5, ">= 2", 13),
    Row("burst, TLS", "8 / 8 msg/s", "a|b", 1.0, 0.5, ">= 2", 13),
    Row("worst step", r"text of \u00e9, 64 KiB", "1 ms", 4.0, 0.0, "<= 5", 1),
]


def write(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, rows: list[Row] = ROWS) -> str:
    monkeypatch.setattr(page, "PAGE", path)
    page.write(rows, ["picows: picows is not installed"], "a processor, 2 cores\ntrio 1", quick=False)
    return path.read_text(encoding="utf-8")


def test_the_figures_follow_what_people_wrote(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows over TLS are the first ones, the longest steps have a table of their own, and nothing of it is Markdown."""
    path = tmp_path / "speed.md"
    path.write_text(f"# Speed\n\nWords.\n\n{page._MARK}old figures\n", encoding="utf-8")
    text = write(path, monkeypatch)
    assert text.startswith(f"# Speed\n\nWords.\n\n{page._MARK}## ")
    assert "old figures" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and "question" not in line]
    assert rows == [
        r"| burst, TLS | a\|b | 8 / 8 msg/s | 1.00 | 0.50 | 13 | >= 2 | no |",
        r"| burst | a\|b | 9 / 3 msg/s | 3.00 | 0.50 | 13 | >= 2 | yes |",
        r"| worst step | 1 ms | text of \\u00e9, 64 KiB | 4.00 |  | 1 | \<= 5 | yes |",
    ]
    assert "    a processor, 2 cores\n    trio 1\n" in text
    assert "- Left out: picows: picows is not installed\n" in text


def test_a_later_run_replaces_the_figures(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is written, there is one run on the page."""
    path = tmp_path / "speed.md"
    path.write_text(f"# Speed\n\n{page._MARK}", encoding="utf-8")
    once = write(path, monkeypatch)
    assert write(path, monkeypatch) == once
    assert "9 / 3" not in write(path, monkeypatch, ROWS[2:])


def test_the_real_page_has_its_place() -> None:
    """Without it the figures would be written after the old ones."""
    assert page.PAGE.read_text(encoding="utf-8").count(page._MARK) == 1
