"""The questions' arithmetic, on made-up figures: rows, goals, and what is left out."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import attrs
import pytest

from benchmarks import (
    bench_asyncio,
    bench_background,
    bench_burst,
    bench_cold_start,
    bench_connects,
    bench_files,
    bench_growth,
    bench_import,
    bench_lateness,
    bench_memory,
    bench_paced,
    bench_products,
)
from benchmarks.crowds import Gathered
from benchmarks.new_process import new_processes
from benchmarks.process import ROOT
from benchmarks.receiving import OURS, Rival, compare, cost, draw, rate
from benchmarks.row import Row
from benchmarks.run import Run


def _readings(rivals: Sequence[Rival]) -> dict[str, list[dict[str, float]]]:
    """Ours takes 10 us a message, each of the others 20."""
    ours = {OURS.name: [{"seconds": 1e-5, "cpu": 1e-5}] * 3}
    return ours | {rival.name: [{"seconds": 2e-5, "cpu": 2e-5}] * 3 for rival in rivals}


def _goals(rows: Sequence[Row]) -> set[tuple[str, str]]:
    return {(row.against, row.goal) for row in rows if row.goal is not None}


def test_burst_and_products_divide_rates() -> None:
    """More is better, and each goal of the table is there."""
    rows = compare("burst", _readings(bench_burst.RIVALS), bench_burst.RIVALS, rate, "msg/s")
    assert [row.ratio for row in rows] == pytest.approx([2.0] * len(rows))
    assert rows[0].case.startswith("100,000 / 50,000 msg/s; ")
    assert _goals(rows) == {
        ("trio-websocket + json + cattrs", ">= 7"),
        ("picows + orjson + cattrs", ">= 1.3"),
        ("websockets.asyncio + json.loads", ">= 2.0"),
    }
    products = compare("products", _readings(bench_products.RIVALS), bench_products.RIVALS, rate, "msg/s")
    assert _goals(products) == {
        ("centrifuge-python", ">= 3"),
        ("python-socketio", ">= 6"),
        ("nats-py + json.loads", ">= 1.5"),
    }


def test_paced_divides_processor_time() -> None:
    """Less is better."""
    rows = compare("paced", _readings(bench_paced.RIVALS), bench_paced.RIVALS, cost, "us")
    assert [row.ratio for row in rows] == pytest.approx([0.5] * len(rows))
    assert rows[0].case.startswith("10 / 20 us; ours: typed events in an async for (Trio); theirs: typed")
    assert _goals(rows) == {("trio-websocket + json + cattrs", "<= 0.70")}


def test_asyncio_is_divided_by_trio() -> None:
    """With a goal for each kind of use, and by the others without one."""
    received = {bench_asyncio.AIO.name: [{"seconds": 1e-5, "cpu": 3e-5}] * 3}
    received |= {rival.name: [{"seconds": 1e-5, "cpu": 1e-5}] * 3 for rival in bench_asyncio.RIVALS}
    memory = {bench_asyncio.AIO.name: [{"bytes": 51_200.0}], "cometconn": [{"bytes": 40_960.0}]}
    rows = bench_asyncio.rows_of(received, received, {"ping": received, "memory": memory})
    with_goals = [(row.against, row.goal, row.met) for row in rows if row.goal is not None]
    assert with_goals == [
        ("cometconn", ">= 0.8", True),
        ("cometconn", "<= 2.9", False),
        ("cometconn", "<= 3.1", True),
        ("cometconn", "<= 1.6", True),
    ]
    assert [row.ratio for row in rows] == pytest.approx([1.0] * 4 + [3.0] * 4 + [3.0, 1.0, 1.25])
    assert rows[-1].case.startswith("50 / 40 KiB for a further client")


def test_a_peer_without_figures_has_no_row() -> None:
    """A contender without readings is left out, and without readings of ours there are no rows."""
    readings = _readings(bench_burst.RIVALS)
    del readings["picows + orjson + cattrs"]
    assert len(compare("burst", readings, bench_burst.RIVALS, rate, "msg/s")) == len(bench_burst.RIVALS) - 1
    del readings[OURS.name]
    assert compare("burst", readings, bench_burst.RIVALS, rate, "msg/s") == []


def test_a_crowd_answers_three_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory and lateness have goals."""
    one = Gathered(
        ours={"seconds": 0.002, "bytes": 40_960.0},
        theirs={"seconds": 0.001, "bytes": 20_480.0},
        alone=[{"p50": 0.001, "p99": 0.002}],
        among=[{"p50": 0.001, "p99": 0.003}],
        among_settled=[{"p50": 0.001, "p99": 0.0024}],
        among_silent=[{"p50": 0.001, "p99": 0.001}],
    )
    for module in (bench_memory, bench_connects, bench_lateness):
        monkeypatch.setattr(module, "gathered", lambda _, clients: [one, one] if clients == 5_000 else [])
    (memory,) = bench_memory.measure(Run())
    assert (memory.ratio, memory.goal, "40.0 / 20.0 KiB" in memory.case) == (2.0, "<= 2.0", True)
    (connects,) = bench_connects.measure(Run())
    assert (connects.ratio, connects.goal, "500 / 1,000 a second" in connects.case) == (0.5, None, True)
    middle, _, _, late, settled, silent = bench_lateness.measure(Run())
    assert (middle.ratio, middle.goal) == (1.0, None)
    assert (silent.ratio, silent.goal, "without keepalive" in silent.case) == (0.5, None, True)
    assert (late.ratio, late.goal, "3.00 / 2.00 ms" in late.case) == (1.5, "<= 1.3", True)
    assert (settled.ratio, settled.goal, "how-to guide" in settled.case) == (1.2, None, True)
    monkeypatch.setattr(bench_lateness, "gathered", lambda _, __: [attrs.evolve(one, among_settled=[])])
    assert len(bench_lateness.measure(Run())) == 4


def test_a_close_frame_belongs_to_its_connection() -> None:
    """A missing close frame gives `None` for its call; the last connection, which leaving ended, belongs to no call."""
    links = [{"closed_at": 1.25}, {"closed_at": None}, {"closed_at": 5.5}, {"closed_at": 9.0}]
    assert bench_background.delays([1.0, 3.0, 5.0], links) == [0.25, None, 0.5]


def test_a_missing_close_frame_is_counted() -> None:
    """The goal is all of them."""
    rows = bench_background.rows_of([[0.2, None], [0.2, 0.2]], [[0.1, 0.1], [0.1, 0.1]])
    assert [(row.ratio, row.goal) for row in rows] == [(2.0, "<= 2.0"), (0.75, ">= 1")]
    assert "3 of 4" in rows[1].case
    (only,) = bench_background.rows_of([[None]], [[0.1]])
    assert only.ratio == 0.0


def test_imports_are_timed_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of each is not counted."""
    asked: list[str] = []

    def seconds(_: object, statement: str) -> float:
        asked.append(statement)
        return 9.0 if asked.count(statement) == 1 else 0.3 if statement == bench_import.OURS else 0.2

    monkeypatch.setattr(bench_import, "_seconds", seconds)
    (row,) = bench_import.measure(Run(quick=True))
    assert (row.ratio, row.goal, row.spread) == (pytest.approx(1.5), "<= 1.3", 0.0)
    assert asked == [bench_import.OURS, bench_import.THEIRS] * (bench_import.QUICK_ROUNDS + 1)


def test_a_cold_start_is_timed_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours and the libraries' in each round, and the first of each is not counted."""
    asked: list[str] = []

    def seconds(_: object, program: str) -> float:
        asked.append(program)
        return 9.0 if asked.count(program) == 1 else 0.3 if program == bench_cold_start.OURS else 0.2

    monkeypatch.setattr(bench_cold_start, "_seconds", seconds)
    (row,) = bench_cold_start.measure(Run(quick=True))
    assert (row.ratio, row.goal, "300 / 200 ms" in row.case) == (pytest.approx(1.5), "<= 1.6", True)
    assert asked == [bench_cold_start.OURS, bench_cold_start.THEIRS] * (bench_cold_start.QUICK_ROUNDS + 1)


def test_new_processes_find_compiled_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """An import and a first client are timed with modules that the run before has compiled, whatever the environment is."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    with new_processes() as start:
        assert 0 < bench_import._seconds(start, "import fractions") < 30
        assert 0 < bench_cold_start._seconds(start, bench_cold_start.OURS) < 60
        program = "import os, cometconn.errors as module; print(os.path.exists(module.__cached__), module.__file__)"
        is_compiled, file = start(program).split()
    assert is_compiled == "True"
    assert pathlib.Path(file).is_relative_to(ROOT)


def test_growth_is_given_against_one_and_against_a_few() -> None:
    """Memory only where there are enough to see it."""
    grown = bench_growth.Grown()
    for size in (1, 10, 100, 1_000):
        grown.rates[size], grown.memory[size] = [1_000.0 / size], [size * 1024.0]
    rows = bench_growth._rows(grown, "client", 100)
    assert [(row.against, row.ratio) for row in rows] == [
        ("1 client", 0.1),
        ("1 client", 0.01),
        ("1 client", 0.001),
        ("100 clients", 10.0),
    ]
    assert bench_growth._rows(bench_growth.Grown(), "client", 100) == []


def test_bars_are_drawn(tmp_path: pathlib.Path) -> None:
    """A PNG of the given name."""
    pytest.importorskip("matplotlib")
    readings = _readings(bench_burst.RIVALS[:2])
    draw(tmp_path / "burst.png", "title", readings, bench_burst.RIVALS, rate, "unit")
    assert (tmp_path / "burst.png").read_bytes().startswith(b"\x89PNG")


def test_files_are_given_in_mebibytes_above_the_memory_of_before() -> None:
    """The median of the rounds, with the rate beside it."""
    taken = [{"up_seconds": 2.0, "up_bytes": 3 * 1024 * 1024}, {"up_seconds": 2.0, "up_bytes": 1024 * 1024}] * 2
    row = bench_files._row("up", "sent", taken)
    assert (row.ratio, row.spread, row.goal, row.met) == (2.0, 2.0, "<= 8", True)
    assert "52 MB a second" in row.case
