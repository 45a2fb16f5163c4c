"""The longest step: its input, its server, its client, and its rows."""

from __future__ import annotations

import gzip
import json
import pathlib

import pytest

from benchmarks import bench_worst_step
from benchmarks.bench_worst_step import SMALL, _pair, _row, _rows_of_all, _Taken
from benchmarks.encryption import make_certificates
from benchmarks.hostile import KINDS, LARGEST, PLACES, at_place, frames_of, page_of
from benchmarks.process import LeftOutError
from benchmarks.run import Run

NO_JSON = {"deeply nested", "no JSON, [[],...", "page of no JSON", "gzip of spaces"}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_fills_what_it_may(name: str) -> None:
    """A message has at most the given length, and at least four fifths of it, unless it is packed."""
    kind = KINDS[name]
    for way in kind.ways:
        made = frames_of(kind, SMALL) if way == "live" else page_of(kind, SMALL)
        if way == "rest":
            _, _, made = made.partition(b"\r\n\r\n")
            made = gzip.decompress(made) if kind.is_packed else made
        elif kind.in_fragments:
            assert made.count(b"a" * 64) > 900
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


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_a_step_is_measured_live_and_over_rest(secure: bool, tmp_path: pathlib.Path) -> None:
    """A client in a process of its own receives what the server sends, and returns its longest step in seconds or bytes."""
    if secure:
        pytest.importorskip("trustme")
        make_certificates(tmp_path)
    with _pair(tmp_path if secure else None) as pair:
        for way in ("live", "rest"):
            assert 0 < pair.longest(way, kind="plain text", size=SMALL) < 10
            assert pair.longest(way, kind="plain text", size=SMALL, memory=True) > SMALL
        file = tmp_path / "frame.json"
        file.write_text(at_place("tags", "message", "text", "1", SMALL))
        assert 0 < pair.longest("live", file=str(file), size=SMALL) < 10


def test_the_worse_of_plain_and_tls_is_the_rows_figure() -> None:
    """In milliseconds; the goal is that of the size."""
    row = _row("plain text", SMALL, _Taken([1.0, 2.0], [3.0, 1.0], None))
    assert (row.ratio, row.goal, row.met) == (2.5, "<= 5", True)
    assert "64 KiB: plain 1.5 ms, TLS 2.0 ms" in row.case
    row = _row("page of 1s", LARGEST, _Taken([11.0], [], LARGEST * 3.0))
    assert (row.ratio, row.goal, row.met) == (11.0, "<= 10", False)
    assert "plain 11.0 ms, 3.0 times its bytes of memory" in row.case


def test_the_worst_of_all_has_two_rows() -> None:
    """One against msgspec alone, one for the memory."""
    taken = {"a": _Taken([8.0], [9.0], 1.0 * LARGEST), "b": _Taken([1.0], [2.0], 7.0 * LARGEST)}
    against_msgspec, memory = _rows_of_all(taken, 0.0005)
    assert (against_msgspec.ratio, against_msgspec.goal) == (18.0, "<= 12")
    assert against_msgspec.case.startswith("a, the worst")
    assert (memory.ratio, memory.goal, memory.case.startswith("b, the worst")) == (7.0, "<= 6", True)


def test_every_kind_has_a_row_of_each_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is not installed is left out, with the reason."""

    def no_certificates(folder: pathlib.Path) -> None:
        raise LeftOutError("trustme is not installed")

    def take(name: str, size: int, rounds: int, plain: object, tls: object) -> _Taken:
        assert tls is None
        return _Taken([1.0] * rounds, [], LARGEST if size == LARGEST else None)

    monkeypatch.setattr(bench_worst_step, "make_certificates", no_certificates)
    monkeypatch.setattr(bench_worst_step, "_take", take)
    run = Run(quick=True)
    rows = bench_worst_step.measure(run)
    assert len(rows) == 2 * len(KINDS) + 5
    assert [row.case.partition(":")[0] for row in rows if row.goal is None] == [
        f"{name} (live and rest), 15 MiB, too long" for name in ("plain text", r"text of \u00e9", "quoted messages")
    ]
    assert run.left_out == ["worst step over TLS: trustme is not installed"]


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
