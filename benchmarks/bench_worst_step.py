"""How long can one message or page block the Trio loop, and how much memory can it take?

Each of `hostile.KINDS` is sent to a client of its own, over plain TCP and TLS, with 64 KiB and with 1 MiB, the largest
message that is allowed, and some with 15 MiB: live on the socket, as a page of missed messages, or both. The figures are
the CPU time of the longest step of any task and, in a second pass, the peak of Python's allocated memory. Without
`--quick` Hypothesis searches for worse shapes.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import statistics
import tempfile
from collections.abc import Iterator

import attrs

from .encryption import make_certificates
from .hostile import KINDS, LARGEST, PLACES, at_place
from .process import LeftOutError, Process
from .row import Row
from .run import Run

__all__ = ["measure"]

SMALL = 64 * 1024
HUGE = 15 * 1024 * 1024  # about as long as a response may be
ROUNDS, QUICK_ROUNDS = 5, 2
SEARCHED = 300  # shapes
_GOALS = {SMALL: "<= 5", LARGEST: "<= 10"}
_SIZES = {SMALL: "64 KiB", LARGEST: "1 MiB"}
_TOO_LONG = ("plain text", "text of \\u00e9", "quoted messages")
"""Kinds that are also sent with 15 MiB, of which the client keeps the beginning."""


@attrs.frozen
class _Pair:
    """A server and a client, in processes of their own."""

    server: Process
    client: Process
    certificate: str | None

    def longest(self, way: str, *, memory: bool = False, **what: object) -> float:
        """Return the seconds of the longest step, or the peak in bytes."""
        self.server.ask(way=way, **what)
        reading = self.client.ask(
            port=self.server.greeting["port"], way=way, certificate=self.certificate, memory=memory
        )
        return float(reading["bytes" if memory else "seconds"])


@attrs.frozen
class _Taken:
    """The figures of one kind in one size, by its worst way.

    Attributes:
        plain, tls: milliseconds, one figure for each round.
        memory: bytes.
    """

    plain: list[float]
    tls: list[float]
    memory: float | None

    @property
    def worst(self) -> list[float]:
        """The worse of both for each round."""
        return [max(both) for both in zip(self.plain, self.tls or self.plain, strict=True)]


@contextlib.contextmanager
def _pair(certificates: pathlib.Path | None = None) -> Iterator[_Pair]:
    server, ca = ([certificates / "server.pem"], str(certificates / "ca.pem")) if certificates else ([], None)
    with (
        Process("benchmarks.step_server", *server) as serving,
        Process("benchmarks.contender", "steps:longest") as client,
    ):
        yield _Pair(serving, client, ca)


def _take(name: str, size: int, rounds: int, plain: _Pair, tls: _Pair | None) -> _Taken:
    ways = KINDS[name].ways

    def figures(pair: _Pair) -> list[float]:
        return [max(pair.longest(way, kind=name, size=size) for way in ways) * 1e3 for _ in range(rounds)]

    memory = max(plain.longest(way, kind=name, size=size, memory=True) for way in ways) if size == LARGEST else None
    return _Taken(figures(plain), [] if tls is None else figures(tls), memory)


def _row(name: str, size: int, taken: _Taken) -> Row:
    figures = [f"plain {statistics.median(taken.plain):.1f} ms"]
    if taken.tls:
        figures.append(f"TLS {statistics.median(taken.tls):.1f} ms")
    if taken.memory is not None:
        figures.append(f"{taken.memory / LARGEST:.1f} times its bytes of memory")
    length = _SIZES.get(size, "15 MiB, too long")
    case = f"{name} ({' and '.join(KINDS[name].ways)}), {length}: {', '.join(figures)}"
    return Row.of("worst step", case, "1 ms", taken.worst, [1.0] * len(taken.worst), _GOALS.get(size))


def _rows_of_all(all_taken: dict[str, _Taken], decoding: float) -> list[Row]:
    """Return the two rows for the worst kind of the largest size."""
    times = {name: statistics.median(taken.worst) for name, taken in all_taken.items()}
    memory = {name: taken.memory or 0.0 for name, taken in all_taken.items()}
    slowest, greediest = max(times, key=times.__getitem__), max(memory, key=memory.__getitem__)
    return [
        Row(
            "worst step",
            f"{slowest}, the worst, 1 MiB: {times[slowest]:.1f} / {decoding * 1e3:.2f} ms",
            "msgspec.json.decode of plain text",
            times[slowest] / (decoding * 1e3),
            goal="<= 12",
        ),
        Row(
            "memory of a step",
            f"{greediest}, the worst, 1 MiB: {memory[greediest] / LARGEST:.1f} / 1 MiB",
            "the largest message",
            memory[greediest] / LARGEST,
            goal="<= 6",
        ),
    ]


def _search(run: Run, pair: _Pair) -> Row:
    """Let Hypothesis search for a shape that takes longer than the kinds of the list."""
    try:
        import hypothesis  # noqa: PLC0415 - not needed for anything else
        from hypothesis import strategies as st  # noqa: PLC0415
    except ImportError:
        message = "hypothesis is not installed"
        raise LeftOutError(message) from None

    leaves = st.sampled_from([None, True, 0, 1, -1.5, 10**30, "", "a", "\u00e9", '"', "[", "\\"])
    values = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=3), inner, max_size=3),
        max_leaves=6,
    )
    worst, count, shape = 0.0, 0, ""

    @hypothesis.settings(
        max_examples=SEARCHED, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(
        place=st.sampled_from(sorted(PLACES)),
        category=st.sampled_from(["message", "custom", "interactive", "action", "call"]),
        kind=st.sampled_from(["text", "image", "message", "groupMember"]),
        value=values,
    )
    def look(place: str, category: str, kind: str, value: object) -> None:
        nonlocal worst, count, shape
        count += 1
        run.tell(0.6 + 0.4 * min(1.0, count / SEARCHED), f"shape {count} of {SEARCHED}")
        unit = json.dumps(value)
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "frame.json")
            file.write_text(at_place(place, category, kind, unit, LARGEST), encoding="utf-8")
            took = pair.longest("live", file=str(file), size=LARGEST) * 1e3
        if took > worst:
            worst, shape = took, f"{category}/{kind}, {place}: [{unit},...]"
        hypothesis.target(took)

    look()
    return Row(
        "worst step", f"{shape}, the worst of {count} shapes that were searched, 1 MiB", "1 ms", worst, goal="<= 10"
    )


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rows: list[Row] = []
    rounds = QUICK_ROUNDS if run.quick else ROUNDS
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plain, tls = stack.enter_context(_pair()), None
        try:
            make_certificates(folder)
            tls = stack.enter_context(_pair(folder))
        except LeftOutError as reason:
            run.leave_out("worst step over TLS", reason)
        largest: dict[str, _Taken] = {}
        for number, name in enumerate(KINDS):
            run.tell((1.0 if run.quick else 0.6) * number / len(KINDS), name)
            for size in _SIZES:
                taken = _take(name, size, rounds, plain, tls)
                rows.append(_row(name, size, taken))
            largest[name] = taken
        rows += [_row(name, HUGE, _take(name, HUGE, rounds, plain, tls)) for name in _TOO_LONG]
        with Process("benchmarks.contender", "steps:decode") as decoder:
            rows += _rows_of_all(largest, decoder.ask(size=LARGEST)["seconds"])
        if not run.quick:
            try:
                rows.append(_search(run, plain))
            except LeftOutError as reason:
                run.leave_out("random shapes", reason)
    return rows
