"""The command line."""

from __future__ import annotations

import importlib
import json
import pathlib

import pytest

from benchmarks import __main__ as command
from benchmarks import bench_storm
from benchmarks.process import LeftOutError
from benchmarks.row import Row
from benchmarks.run import Run

KEYS = ["question", "case", "against", "ratio", "spread", "goal", "rounds", "met"]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """The storm is the quickest of the questions; a hundred clients make it quicker."""
    monkeypatch.setattr(bench_storm, "CLIENTS", 100)


def test_machines_get_a_list_of_rows(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And people a table, with the machine that it belongs to."""
    command.main(["storm", "--quick", "--json", str(tmp_path / "rows.json")])
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert len(rows) == 6
    assert all(list(row) == KEYS for row in rows)
    assert {row["question"] for row in rows} == {"storm"}
    assert {row["goal"] for row in rows} == {"<= 0.2", "<= 0.6", "<= 0.5", None}
    shown = capsys.readouterr()
    assert "fixed 5 s timer" in shown.out
    assert "cores" in shown.out
    assert shown.err == "Measuring storm\n"


def test_quick_measures_less() -> None:
    """But for everything that has a goal."""
    quick, full = (bench_storm.measure(Run(quick=quick)) for quick in (True, False))
    assert len(quick) < len(full)
    assert [row for row in full if row.goal] == [row for row in quick if row.goal]


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With those that there are."""
    with pytest.raises(SystemExit, match="2"):
        command.main(["storm", "nonsense"])
    said = capsys.readouterr().err
    assert "there is no nonsense" in said
    assert "burst" in said


def test_a_part_of_the_table_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    """The page has one run, and before anything is measured."""
    with pytest.raises(SystemExit, match="2"):
        command.main(["storm", "--quick", "--write"])
    assert "name no questions" in capsys.readouterr().err


def test_another_run_is_compared(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each row that got worse, with its goal where that is missed now."""
    old, goal = tmp_path / "old.json", ">= 1"
    row = Row("storm", "2.0 / 1.0 s", "a rival", 2.0, 0.2, goal, 5)
    rows = [row, Row("gone", "2.0 / 1.0 s", "a rival", 2.0)]
    old.write_text(json.dumps([each.as_json() for each in rows]), encoding="utf-8")
    monkeypatch.setattr(bench_storm, "measure", lambda _: [Row("storm", "0.9 / 1.0 s", "a rival", 0.9, 0.2, goal, 5)])
    command.main(["storm", "--compare", str(old)])
    shown = " ".join(capsys.readouterr().out.split())
    assert "Worse: storm / a rival: 2.00 -> 0.90 (spread 0.20), goal >= 1: met before, missed now." in shown
    assert "1 of 1 rows" in shown
    assert "1 rows of the other run are not in this one: gone." in shown


def test_a_file_that_is_no_run_is_refused(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is measured."""
    path = tmp_path / "old.json"
    for text in ("", "{}", "[1]", '[{"question": 1}]', '[{"question": 1, "case": 1, "against": 1, "ratio": "x"}]'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(SystemExit, match="2"):
            command.main(["storm", "--compare", str(path)])
        assert "is not the JSON of a run" in capsys.readouterr().err


def test_what_is_left_out_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Under the table, with the reason; it is no crash."""

    def measure(run: Run) -> list[object]:
        run.leave_out("picows", LeftOutError("picows is not installed"))
        run.tell(0.5, "half-way")
        return []

    monkeypatch.setattr(bench_storm, "measure", measure)
    command.main(["storm"])
    assert "Left out: picows: picows is not installed" in " ".join(capsys.readouterr().out.split())


def test_every_question_has_its_file_and_is_in_its_docstring() -> None:
    """One question each, and none without a place in the command."""
    folder = pathlib.Path(command.__file__).parent
    files = {path.stem.removeprefix("bench_") for path in folder.glob("bench_*.py")}
    assert files == set(command._WEIGHTS)
    for name in files:
        module = importlib.import_module(f"benchmarks.bench_{name}")
        assert "?" in (module.__doc__ or "").split("\n\n")[0], name
        assert callable(module.measure)


def test_the_storm_is_drawn(tmp_path: pathlib.Path) -> None:
    """Into a folder that is made."""
    pytest.importorskip("matplotlib")
    command.main(["storm", "--quick", "--plot", str(tmp_path / "new")])
    assert (tmp_path / "new" / "storm.png").read_bytes().startswith(b"\x89PNG")
