"""The questions' arithmetic, on made-up figures: rows, goals, and what is left out."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from collections.abc import Sequence

import attrs
import pytest

from benchmarks import (
    bench_asyncio,
    bench_background,
    bench_burst,
    bench_cold_start,
    bench_connects,
    bench_console,
    bench_files,
    bench_fragments,
    bench_growth,
    bench_import,
    bench_lateness,
    bench_login,
    bench_memory,
    bench_paced,
    bench_products,
)
from benchmarks.crowds import BARE, Costs, Gathered
from benchmarks.new_process import new_processes
from benchmarks.process import ROOT, LeftOutError
from benchmarks.receiving import OURS, Rival, compare, draw, rate
from benchmarks.row import Row
from benchmarks.run import PLAIN, Run, Way

BOTH = (PLAIN, Way(", TLS", {"made": "up"}))


def _readings(rivals: Sequence[Rival]) -> dict[str, list[dict[str, float]]]:
    """Ours takes 10 us a message, each of the others 20."""
    ours = {OURS.name: [{"seconds": 1e-5, "cpu": 1e-5}] * 3}
    return ours | {rival.name: [{"seconds": 2e-5, "cpu": 2e-5}] * 3 for rival in rivals}


def _goals(rows: Sequence[Row]) -> set[tuple[str, str]]:
    return {(row.against, row.goal) for row in rows if row.goal is not None}


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be received: each program has made-up figures."""
    for module in (bench_burst, bench_products, bench_paced, bench_fragments):
        monkeypatch.setattr(module, "receive", lambda _, rivals, **__: _readings(rivals))
    monkeypatch.setattr(bench_fragments, "longest_step", lambda *_: 11.0)


@pytest.mark.usefixtures("made_up")
def test_burst_and_products_divide_rates() -> None:
    """More is better, and each goal of the table is there, over TLS as well."""
    rows = bench_burst.measure(Run(ways=BOTH))
    assert [row.ratio for row in rows] == pytest.approx([2.0] * len(rows))
    assert rows[0].case.startswith("100,000 / 50,000 msg/s of CPU; ")
    plain, secure = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    assert ({row.question for row in plain}, {row.question for row in secure}) == ({"burst"}, {"burst, TLS"})
    assert _goals(plain) == {
        ("trio-websocket + json + cattrs", ">= 7"),
        ("picows + orjson + cattrs", ">= 1.3"),
        ("websockets.asyncio + json.loads", ">= 2.0"),
    }
    assert _goals(secure) == {
        ("trio-websocket + json + cattrs", ">= 8.5"),
        ("picows + orjson + cattrs", ">= 1.7"),
        ("websockets.asyncio + json.loads", ">= 1.7"),
    }
    products = bench_products.measure(Run(ways=BOTH))
    assert [row.goal for row in products] == [">= 3", ">= 6", ">= 1.5", *[None] * 7]
    assert [row.question for row in products] == ["products"] * 5 + ["products, TLS"] * 5


@pytest.mark.usefixtures("made_up")
def test_a_quick_run_measures_what_has_a_goal() -> None:
    """Messages are received by the rivals against which there is a goal on that transport, and by no others."""
    run = Run(quick=True, ways=BOTH)
    for bench, count in ((bench_burst, 6), (bench_paced, 2), (bench_products, 3)):
        rows = bench.measure(run)
        assert len(rows) == count
        assert all(row.goal for row in rows)
        assert _goals(rows) == _goals(bench.measure(Run(ways=BOTH)))


@pytest.mark.usefixtures("made_up")
def test_paced_divides_processor_time() -> None:
    """Less is better."""
    rows = bench_paced.measure(Run(ways=BOTH))
    assert [row.ratio for row in rows] == pytest.approx([0.5] * len(rows))
    assert rows[0].case.startswith(
        "10 / 20 us of CPU a message; ours: typed events in an async for (Trio); theirs: typed"
    )
    assert [(row.question, row.goal) for row in rows if row.goal] == [("paced", "<= 0.70"), ("paced, TLS", "<= 0.62")]


@pytest.mark.usefixtures("made_up")
def test_a_fragment_costs_a_part_of_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a million empty ones block the loop as long as their longest step."""
    rows = bench_fragments.measure(Run(quick=True, ways=BOTH))
    part = pytest.approx(0.5), "<= 0.25", False
    assert [(row.ratio, row.goal, row.met) for row in rows] == [part, part, (11.0, "<= 10", False)] * 2
    assert rows[1].case.startswith("0 / 0 us of CPU a fragment of 5,000 empty ones")
    assert [row.question for row in rows] == ["fragments"] * 3 + ["fragments, TLS"] * 3

    def too_slow(*_: object) -> float:
        raise LeftOutError("it took too long")

    monkeypatch.setattr(bench_fragments, "longest_step", too_slow)
    run = Run(quick=True)
    assert len(bench_fragments.measure(run)) == 2
    assert run.left_out == ["1,000,000 empty fragments: it took too long"]


def test_a_login_has_a_row_for_the_first_and_one_for_later_ones() -> None:
    """Each is the best of the rounds; without one of the two there is none."""
    slow, fast = {"seconds": 0.4, "cpu": 0.3}, {"seconds": 0.2, "cpu": 0.1}
    ours = [{"cold": slow, "warm": slow}, {"cold": slow, "warm": fast}]
    rows = bench_login.rows_of({"ours": ours, "theirs": [{"cold": fast, "warm": fast}] * 2}, BOTH[1])
    assert [(row.question, row.ratio) for row in rows] == [("login, TLS", 2.0), ("login, TLS", 1.0)]
    assert "400.0 / 200.0 ms, of them 300.0 / 100.0 ms of CPU" in rows[0].case
    assert bench_login.rows_of({"ours": ours}, PLAIN) == []


def test_asyncio_is_divided_by_trio() -> None:
    """With a goal for each kind of use, and by the others without one."""
    received = {bench_asyncio.AIO.name: [{"seconds": 1e-5, "cpu": 3e-5}] * 3}
    received |= {rival.name: [{"seconds": 1e-5, "cpu": 1e-5}] * 3 for rival in bench_asyncio.RIVALS}
    memory = {bench_asyncio.AIO.name: [{"bytes": 51_200.0}], "cometconn": [{"bytes": 40_960.0}]}
    burst = received | {bench_asyncio.AIO.name: received["cometconn"]}
    rows = bench_asyncio.rows_of(burst, received, {"ping": received, "memory": memory})
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
        theirs={"cpu": [0.001] * 10, "bytes": 20_480.0},
        saved={"cpu": [0.00125] * 9 + [0.01], "bytes": 41_984.0},
        ours={"cpu": [0.002] * 10, "bytes": 40_960.0},
        alone=[{"late": [0.001] * 95 + [0.002] * 5}] * 2,
        among=[{"late": [0.001] * 95 + [0.002] * 5}, {"late": [0.001] * 95 + [0.004] * 5}],
        uncollected=[{"late": [0.001] * 95 + [0.0024] * 5}] * 2,
        silent=[{"late": [0.001] * 100}] * 2,
    )
    for module in (bench_memory, bench_connects, bench_lateness):
        monkeypatch.setattr(module, "gathered", lambda _, clients, __: [one, one] if clients == 5_000 else [])
    monkeypatch.setattr(bench_memory, "_weigh", lambda kind, **_: 4096.0 if kind == "ours" else 1024.0)
    memory, after, memory_tls, after_tls = bench_memory.measure(Run(ways=BOTH))
    assert (memory.ratio, memory.goal, "40.0 / 20.0 KiB" in memory.case) == (2.0, "<= 2.0", True)
    assert (memory_tls.question, memory_tls.ratio, memory_tls.goal) == ("memory, TLS", 2.0, None)
    assert (after.question, after.ratio, after.goal) == ("memory after a burst", 4.0, "<= 4")
    assert (after_tls.question, after_tls.goal, "4.0 / 1.0 KiB" in after_tls.case) == (
        "memory after a burst, TLS",
        "<= 2.5",
        True,
    )
    saved, connects = bench_connects.measure(Run())
    assert (saved.ratio, saved.goal, "800 / 1,000 a second" in saved.case) == (0.8, ">= 0.75", True)
    assert (saved.rounds, saved.spread) == (20, pytest.approx(0.7))
    assert (connects.ratio, connects.goal, "500 / 1,000 a second" in connects.case) == (0.5, None, True)
    middle, _, _, late, uncollected, silent = bench_lateness.measure(Run())
    assert (middle.ratio, middle.goal) == (1.0, None)
    assert (silent.ratio, silent.goal, "without keepalive" in silent.case) == (0.5, None, True)
    assert (late.ratio, late.spread, late.goal, late.rounds) == (2.0, 1.0, "<= 1.3", 4)
    assert "p99 of 400 leases, 5,000 clients with keepalive: 4.00 / 2.00 ms" in late.case
    assert (uncollected.ratio, uncollected.goal, "no garbage" in uncollected.case) == (
        pytest.approx(1.2),
        "<= 1.3",
        True,
    )
    settled = attrs.evolve(one, settled=one.among, ours=None)
    monkeypatch.setattr(bench_lateness, "gathered", lambda *_: [settled])
    assert len(bench_lateness.measure(Run())) == 8
    assert settled.memory == 41_984.0
    monkeypatch.setattr(bench_connects, "gathered", lambda _, clients, __: [settled] if clients == 1_000 else [])
    assert [row.against for row in bench_connects.measure(Run(quick=True, ways=BOTH))] == [BARE] * 2
    monkeypatch.setattr(bench_memory, "gathered", lambda _, clients, __: [one] if clients == 1_000 else [])
    assert [row.goal for row in bench_memory.measure(Run(ways=BOTH))] == ["<= 2.0", "<= 4", "<= 1.4", "<= 2.5"]

    def weigh(kind: str, messages: int, way: Way) -> float:
        if kind != "ours":
            raise LeftOutError("it is not installed")
        return 4096.0

    monkeypatch.setattr(bench_memory, "_weigh", weigh)
    run = Run(quick=True)
    assert [row.question for row in bench_memory.measure(run)] == ["memory"]
    assert run.left_out == ["memory after a burst: it is not installed"]


def test_a_close_frame_belongs_to_its_connection() -> None:
    """A missing close frame gives `None` for its call; the last connection, which leaving ended, belongs to no call."""
    links = [{"closed_at": 1.25}, {"closed_at": None}, {"closed_at": 5.5}, {"closed_at": 9.0}]
    assert bench_background.delays([1.0, 3.0, 5.0], links) == [0.25, None, 0.5]


def test_a_missing_close_frame_is_counted() -> None:
    """The goal is all of them."""
    rows = bench_background.rows_of([[0.2, None], [0.2, 0.2]], [[0.1, 0.1], [0.1, 0.1]])
    assert [(row.ratio, row.goal) for row in rows] == [(2.0, "<= 2.0"), (0.75, ">= 1")]
    rows_over_tls = bench_background.rows_of([[0.2]], [[0.1]], BOTH[1])
    assert [(row.question, row.goal) for row in rows_over_tls] == [
        ("background, TLS", each) for each in ("<= 1.5", ">= 1")
    ]
    assert "3 of 4" in rows[1].case
    (only,) = bench_background.rows_of([[None]], [[0.1]])
    assert only.ratio == 0.0


def test_a_quick_run_measures_the_clients_own_stream_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a stream of the program's own there is no goal."""
    monkeypatch.setattr(bench_background, "_times", lambda *_, **__: ([[0.2]], [[0.1]]))
    assert [row.goal for row in bench_background.measure(Run(quick=True))] == ["<= 2.0", ">= 1"]
    assert [row.goal for row in bench_background.measure(Run())] == ["<= 2.0", ">= 1", None]


def test_imports_are_timed_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of each is not counted."""
    asked: list[str] = []

    def seconds(_: object, statement: str) -> float:
        asked.append(statement)
        return 9.0 if asked.count(statement) == 1 else 0.3 if statement == bench_import.OURS else 0.2

    monkeypatch.setattr(bench_import, "_seconds", seconds)
    (row,) = bench_import.measure(Run(quick=True))
    assert (row.ratio, row.goal, row.spread) == (pytest.approx(1.5), "<= 1.3", 0.0)
    assert sorted(asked[:2]) == sorted(asked[2:4]) == [bench_import.OURS, bench_import.THEIRS]
    assert len(asked) == 2 * (bench_import.QUICK_ROUNDS + 1)


def test_a_cold_start_is_timed_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours and the libraries' in each round, and the first of each is not counted."""
    asked: list[str] = []

    def seconds(_: object, program: str) -> float:
        asked.append(program)
        return 9.0 if asked.count(program) == 1 else 0.3 if program == bench_cold_start.OURS else 0.2

    monkeypatch.setattr(bench_cold_start, "_seconds", seconds)
    (row,) = bench_cold_start.measure(Run(quick=True))
    assert (row.ratio, row.goal, "300 / 200 ms" in row.case) == (pytest.approx(1.5), "<= 1.6", True)
    assert set(asked[:2]) == set(asked[2:4]) == {bench_cold_start.OURS, bench_cold_start.THEIRS}
    assert len(asked) == 2 * (bench_cold_start.QUICK_ROUNDS + 1)


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
        grown.costs[size], grown.memory[size] = [1.0 * size, 2.0 * size], [size * 1024.0]
    rows = bench_growth._rows(grown, "client", 100, BOTH[1], "<= 1.2")
    assert [(row.against, row.ratio) for row in rows] == [
        ("1 client", 10.0),
        ("1 client", 100.0),
        ("1 client", 1_000.0),
        ("100 clients", 10.0),
    ]
    assert {(row.question, row.goal) for row in rows} == {("growth, TLS", "<= 1.2")}
    assert bench_growth._rows(bench_growth.Grown(), "client", 100) == []


def test_a_growing_crowd_over_plain_tcp_is_the_one_of_the_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is gathered once for both; over TLS it has a thousand clients in a quick run, and processes of its own."""
    asked: list[tuple[str, int]] = []

    def grow(kind: str, most: int, way: Way, bursts: int) -> tuple[Costs, Costs]:
        asked.append((kind, most))
        return {1: [1.0], most: [3.0]}, {1: [1.0], most: [2.0]}

    one = Gathered({"bytes": 1024.0}, {"bytes": 2048.0}, costs={1: [1.0], 5_000: [1.1]}, beside={5_000: [1.0]})
    monkeypatch.setattr(bench_growth, "gathered", lambda *_: [one])
    monkeypatch.setattr(bench_growth, "_grow", grow)
    monkeypatch.setattr(bench_growth, "_weigh", lambda *_: 2048.0)
    monkeypatch.setattr(bench_growth, "_subscribe", lambda *_: None)
    rows = bench_growth.measure(Run(quick=True, ways=BOTH))
    assert [(row.question, row.case.split(":")[0], row.ratio) for row in rows] == [
        ("growth", "5,000 clients", 1.1),
        ("growth", "1,000 clients", 1.0),
        ("growth", "5,000 clients", 1.0),
        ("growth, TLS", "1,000 clients", 1.5),
        ("growth, TLS", "1,000 clients", 1.0),
    ]
    assert asked == [("ours_silent", 1_000)]


def test_bars_are_drawn(tmp_path: pathlib.Path) -> None:
    """A PNG of the given name."""
    pytest.importorskip("matplotlib")
    readings = _readings(bench_burst.RIVALS[:2])
    draw(tmp_path / "burst.png", "title", readings, bench_burst.RIVALS, rate, "unit")
    assert (tmp_path / "burst.png").read_bytes().startswith(b"\x89PNG")


def test_files_are_given_in_mebibytes_above_the_memory_of_before() -> None:
    """The median of the rounds, with the rate beside it."""
    taken = [{"up_seconds": 2.0, "up_bytes": 3 * 1024 * 1024}, {"up_seconds": 2.0, "up_bytes": 1024 * 1024}] * 2
    row = bench_files._row("up", "sent", 100 * 1024 * 1024, taken)
    assert (row.ratio, row.spread, row.goal, row.met) == (2.0, 2.0, "<= 8", True)
    assert "52 MB a second" in row.case


def test_the_console_is_divided_by_a_server_without_it() -> None:
    """The unwatched server has a goal, and so has the page, in seconds; without a browser that row is missing."""
    taken = {"no page": [1e-4] * 3, "unwatched": [1.02e-4] * 3, "watched": [2e-4] * 3, "1,000 connections": [0.4] * 3}
    rows = bench_console.rows_of(taken)
    assert [(row.goal, row.met) for row in rows] == [("<= 1.05", True), (None, None), ("<= 1", True)]
    assert rows[0].case == "unwatched: 102 / 100 us of CPU a ping"
    assert rows[2].case == "a page shows 1,000 connections after 0.40 s"
    del taken["1,000 connections"], taken["watched"]
    assert [row.goal for row in bench_console.rows_of(taken)] == ["<= 1.05"]


def test_two_servers_of_one_process_are_two_figures() -> None:
    """Each server has its figure of each round; a process with one figure is that figure."""
    taken = {"unwatched": [{"no page": 1.0, "unwatched": 2.0}, {"no page": 3.0, "unwatched": 4.0}], "page": [5.0]}
    assert bench_console.by_name(taken) == {"no page": [1.0, 3.0], "unwatched": [2.0, 4.0], "page": [5.0]}


def test_the_console_is_measured_beside_a_server_without_it() -> None:
    """Both get pings in one process, and each has a figure."""

    def start(program: str, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", program, *arguments], check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    taken = bench_console._pings(start, 100, ["no page", "unwatched", "watched"])
    assert list(taken) == ["no page", "unwatched", "watched"]
    assert all(0 < seconds < 1 for seconds in taken.values())
