"""The longest step: its input, its server, its client, and its rows."""

from __future__ import annotations

import contextlib
import gzip
import json
import pathlib
from collections import Counter
from collections.abc import Iterator

import pytest

from benchmarks import bench_worst_step
from benchmarks.bench_worst_step import SMALL, Steps, _against_msgspec, _most_memory, _Pair, _pair, _Taken
from benchmarks.encryption import with_tls
from benchmarks.hostile import KINDS, LARGEST, PLACES, at_place, frames_of, page_of
from benchmarks.process import Process
from benchmarks.row import Row
from benchmarks.run import PLAIN, Run, Way

TLS = Way(", TLS", {"made": "up"})

NO_JSON = {"deeply nested", "no JSON, [[],...", "page of no JSON", "gzip of spaces", "such numbers, a wrong end"}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_fills_what_it_may(name: str) -> None:
    """A message has at most the given length, and at least four fifths of it, unless it is packed."""
    kind = KINDS[name]
    for way in kind.ways:
        made = frames_of(kind, SMALL) if way == "live" else page_of(kind, SMALL)
        if way == "rest":
            _, _, made = made.partition(b"\r\n\r\n")
            made = gzip.decompress(made) if kind.is_packed else made
        elif kind.fragment is not None:
            unit = b"a" * kind.fragment or bytes(2)
            assert made.count(unit) > 900
            assert SMALL - 10 < len(made) < SMALL * 1.1
            continue
        else:
            made = made[4:] if made[1] == 126 else made[10:]
        assert SMALL * 0.8 < len(made) <= SMALL
        if name not in NO_JSON:
            assert json.loads(made)


@pytest.mark.parametrize("place", PLACES)
def test_a_searched_shape_is_json(place: str) -> None:
    """Whatever stands at whatever place."""
    text = at_place(place, "message", "text", '{"a":[1]}', 4_000)
    assert 3_900 < len(text) <= 4_000
    assert json.loads(text)


def test_a_step_is_measured_live_and_over_rest(tmp_path: pathlib.Path) -> None:
    """A client in a process of its own receives what the server sends, and returns its longest step in seconds or bytes."""
    pytest.importorskip("trustme")
    run = Run()
    with with_tls(run):
        for transport in run.ways:
            with _pair(transport) as pair:
                for way in ("live", "rest"):
                    assert 0 < pair.longest(way, kind="plain text", size=SMALL) < 10
                assert pair.longest("live", kind="plain text", size=SMALL, memory=True) > SMALL
                file = tmp_path / "frame.json"
                file.write_text(at_place("tags", "message", "text", "1", SMALL))
                assert 0 < pair.longest("live", file=str(file), size=SMALL) < 10
                steps: Steps = {}
                pair.take("empty fragments", 4_000, steps)
                assert 0 < steps["live"][0] < 10_000


def test_the_best_round_of_the_worse_transport_is_the_rows_figure() -> None:
    """In milliseconds; the goal is that of the size."""
    steps = {"": {"live": [1.0, 2.0], "rest": [0.5, 1.0]}, ", TLS": {"live": [3.0, 2.5], "rest": [2.0, 9.0]}}
    row = _Taken(steps).row("plain text", SMALL)
    assert (row.ratio, row.spread, row.rounds, row.goal, row.met) == (2.5, 7.0, 2, "<= 5", True)
    assert "64 KiB: plain 1.0 ms, TLS 2.5 ms" in row.case
    row = _Taken({"": {"rest": [11.0]}}, LARGEST * 3.0).row("page of 1s", LARGEST)
    assert (row.ratio, row.goal, row.met) == (11.0, "<= 10", False)
    assert "plain 11.0 ms, 3.0 times its bytes of memory" in row.case


class _Made(Process):
    """Decodes plain text in 0.5 ms."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def close(self) -> None: ...

    def ask(self, **job: object) -> dict[str, float]:
        return {"seconds": 0.0005}


def test_the_worst_of_all_is_measured_again_beside_msgspec(monkeypatch: pytest.MonkeyPatch) -> None:
    """For each transport by itself; the best rounds of both are compared."""
    asked: list[tuple[str, str]] = []

    class Pair(_Pair):
        def take(self, name: str, size: int, steps: Steps) -> None:
            asked.append((self.transport.name, name))
            for way, step in (("live", 1.0), ("rest", {"a": 9.0, "b": 8.0}.get(name, 0.5))):
                steps.setdefault(way, []).append(step + len(asked) % 2)

    monkeypatch.setattr(bench_worst_step, "Process", _Made)
    monkeypatch.setattr(bench_worst_step, "WORST", 2)
    monkeypatch.setattr(bench_worst_step, "QUICK_AGAIN", 3)
    figures = ("a", 8.0, 1.0), ("b", 9.0, 9.0), ("c", 1.0, 8.0)
    taken = {name: _Taken({"": {"live": [plain]}, ", TLS": {"live": [tls]}}) for name, plain, tls in figures}
    pairs = [Pair(_Made(), _Made(), way) for way in (PLAIN, TLS)]
    plain, secure = _against_msgspec(Run(quick=True), taken, pairs)
    assert asked == [("", "a"), ("", "b")] * 3 + [(", TLS", "c"), (", TLS", "b")] * 3
    quick = {name: _Taken({", TLS": {"live": [step]}}) for name, _, step in figures}
    asked.clear()
    _against_msgspec(Run(quick=True), quick, pairs)
    assert asked == [("", "c"), ("", "b")] * 3 + [(", TLS", "c"), (", TLS", "b")] * 3
    assert (plain.question, plain.ratio, plain.goal, plain.rounds) == ("worst step", 20.0, "<= 12", 3)
    assert plain.case == "a (rest), the worst, 1 MiB: 10.0 / 0.50 ms"
    assert (secure.question, secure.ratio, secure.case[:8]) == ("worst step, TLS", 16.0, "b (rest)")


def test_the_most_memory_has_a_row() -> None:
    """With the kind that takes it."""
    memory = _most_memory({"a": _Taken({}, 1.0 * LARGEST), "b": _Taken({}, 7.0 * LARGEST)})
    assert (memory.ratio, memory.goal, memory.case.startswith("b, the worst")) == (7.0, "<= 6", True)


def test_every_kind_has_a_row_of_each_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds of both transports alternate, and the memory is that over TLS.

    A quick run has TLS only, and measures again what may miss its goal, until the best round is at most half of it, or four
    times.
    """
    asked: list[str] = []
    held_up = {"tags:[1,...]": 1, "plain text": 99}  # in how many rounds over TLS
    rounds: Counter[tuple[object, ...]] = Counter()

    class Pair(_Pair):
        def longest(self, way: str, *, memory: bool = False, **what: object) -> float:
            asked.append(f"{way}{self.transport.name}{' memory' * memory}")
            if memory:
                return 2.0 * LARGEST
            rounds[self.transport, way, *what.values()] += 1
            slow = held_up.get(str(what["kind"]), 0) if self.transport is TLS else 0
            return 0.009 if rounds[self.transport, way, *what.values()] <= slow else 0.001

    @contextlib.contextmanager
    def pair(way: Way) -> Iterator[_Pair]:
        yield Pair(_Made(), _Made(), way)

    monkeypatch.setattr(bench_worst_step, "Process", _Made)
    monkeypatch.setattr(bench_worst_step, "_pair", pair)
    rows = bench_worst_step.measure(Run(quick=True, ways=(PLAIN, TLS)))
    assert len(rows) == 2 * len(KINDS) + 3
    assert all(row.goal for row in rows)
    assert [row.rounds for row in rows[:4]] == [5, 5, 1, 1]
    assert asked[:12] == [*["live, TLS", "rest, TLS"] * 5, "live, TLS", "rest, TLS"]
    small = next(row for row in rows if row.case.startswith("tags:[1,...]"))
    assert (small.rounds, small.ratio, small.spread) == (2, 1.0, 8.0)
    monkeypatch.setattr(bench_worst_step, "ROUNDS", 2)
    monkeypatch.setattr(
        bench_worst_step, "_search", lambda *_: Row("worst step", "searched", "1 ms", 1.0, goal="<= 10")
    )
    asked.clear()
    rows = bench_worst_step.measure(Run(ways=(PLAIN, TLS)))
    assert len(rows) == 2 * len(KINDS) + 7
    assert {row.rounds for row in rows[: 2 * len(KINDS)]} == {2}
    assert [row.case.partition(":")[0] for row in rows if row.goal is None] == [
        f"{name} (live and rest), 15 MiB, too long" for name in ("plain text", r"text of \u00e9", "quoted messages")
    ]
    both = ["live", "rest", "live, TLS", "rest, TLS"]
    assert asked[:18] == [*both * 4, "live, TLS memory", "rest, TLS memory"]


def test_worse_shapes_are_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row has the worst figure, and the shape that had it."""
    taken: dict[float, str] = {}

    class Pair:
        def longest(self, way: str, *, file: str, size: int) -> float:
            text = pathlib.Path(file).read_text()
            taken[len(taken) % 7 + len(taken) / 1_000] = text
            return max(taken) / 1_000 if max(taken) in list(taken)[-1:] else 0.0

    monkeypatch.setattr(bench_worst_step, "SEARCHED", 30)
    monkeypatch.setattr(bench_worst_step, "LARGEST", 4_000)
    row = bench_worst_step._search(Run(), Pair())  # type: ignore[arg-type]
    assert row.ratio == pytest.approx(max(taken))
    assert row.goal == "<= 10"
    unit = row.case.partition("[")[2].partition(",...]")[0]
    assert unit in taken[max(taken)]
