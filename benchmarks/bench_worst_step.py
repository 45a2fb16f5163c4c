"""How long can one message or page block the Trio loop, and how much memory can it take?

Each of `hostile.KINDS` is sent to a client of its own, over plain TCP and TLS, with 64 KiB and with 1 MiB, the largest
message that is allowed, and some with 15 MiB: live on the socket, as a page of missed messages, or both. The figures are
the CPU time of the longest step of any task and, in a second pass, the peak of Python's allocated memory. A quick run
sends each kind over TLS only, once, and again only if the figure is over half of the goal, because other load of the machine
only adds to it; the slowest kinds it then measures over both. Without `--quick` 15 MiB are sent, too, and Hypothesis searches
for worse shapes.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence

import attrs

from .hostile import KINDS, LARGEST, PLACES, at_place
from .process import LeftOutError, Process
from .row import Row
from .run import Run, Way

__all__ = ["longest_step", "measure"]

SMALL = 64 * 1024
HUGE = 15 * 1024 * 1024  # about as long as a response may be
ROUNDS, QUICK_ROUNDS = 5, 1
QUICK_MORE = 4  # more rounds for a kind that may miss its goal
WORST, AGAIN, QUICK_AGAIN = 2, 15, 5  # the slowest kinds, and in how many rounds they are measured again
SEARCHED = 300  # shapes
_GOALS = {SMALL: 5.0, LARGEST: 10.0}  # milliseconds
_SIZES = {SMALL: "64 KiB", LARGEST: "1 MiB"}
_TOO_LONG = ("plain text", "text of \\u00e9", "quoted messages")
"""Kinds that are also sent with 15 MiB, of which the client keeps the beginning."""
Steps = dict[str, list[float]]
"""Milliseconds of each round, by the way in which the input is sent."""


@attrs.frozen
class _Pair:
    """A server and a client, in processes of their own."""

    server: Process
    client: Process
    transport: Way

    def longest(self, way: str, *, memory: bool = False, **what: object) -> float:
        """Return the seconds of the longest step, or the peak in bytes."""
        self.server.ask(way=way, **what)
        reading = self.client.ask(port=self.server.greeting["port"], way=way, memory=memory)
        return float(reading["bytes" if memory else "seconds"])

    def take(self, name: str, size: int, steps: Steps) -> None:
        """Add the milliseconds of the longest step with a kind of input to *steps*, for each way in which it is sent."""
        for way in KINDS[name].ways:
            steps.setdefault(way, []).append(self.longest(way, kind=name, size=size) * 1e3)


def _worst(steps: Steps) -> tuple[str, float]:
    """Return the worst way and its best round: other load of the machine only adds to the time of a step."""
    return max(((way, min(taken)) for way, taken in steps.items()), key=lambda pair: pair[1])


@attrs.frozen
class _Taken:
    """The figures of one kind in one size.

    Attributes:
        steps: milliseconds, by the name of the transport, and then by the way in which the kind is sent.
        memory: bytes.
    """

    steps: Mapping[str, Steps]
    memory: float | None = None

    def longest(self, transport: str) -> float:
        """Return the milliseconds of the longest step on the transport of this name; on any, if it was not measured on it."""
        longest = {name: _worst(steps)[1] for name, steps in self.steps.items()}
        return longest.get(transport, max(longest.values()))

    def row(self, name: str, size: int) -> Row:
        """Return the row: the worse transport, and its worst way."""
        worst = {transport: _worst(steps)[1] for transport, steps in self.steps.items()}
        rounds = [taken for steps in self.steps.values() for taken in steps.values()]
        goal = f"<= {_GOALS[size]:g}" if size in _GOALS else None
        spread = max(max(taken) - min(taken) for taken in rounds)
        length = _SIZES.get(size, "15 MiB, too long")
        case = f"{name} ({' and '.join(KINDS[name].ways)}), {length}: {self._words(worst)}"
        return Row("worst step", case, "1 ms", max(worst.values()), spread, goal, len(rounds[0]))

    def _words(self, worst: Mapping[str, float]) -> str:
        figures = [f"{name.removeprefix(', ') or 'plain'} {step:.1f} ms" for name, step in worst.items()]
        if self.memory is not None:
            figures.append(f"{self.memory / LARGEST:.1f} times its bytes of memory")
        return ", ".join(figures)


@contextlib.contextmanager
def _pair(transport: Way) -> Iterator[_Pair]:
    with (
        Process("benchmarks.step_server", environment=transport.environment) as server,
        Process("benchmarks.contender", "steps:longest", environment=transport.environment) as client,
    ):
        yield _Pair(server, client, transport)


def longest_step(transport: Way, name: str, size: int) -> float:
    """Return the milliseconds of the longest step with one kind of input, in new processes."""
    steps: Steps = {}
    with _pair(transport) as pair:
        pair.take(name, size, steps)
    return _worst(steps)[1]


def _take(name: str, size: int, pairs: Sequence[_Pair], *, quick: bool) -> _Taken:
    steps: dict[str, Steps] = {pair.transport.name: {} for pair in pairs}
    for number in range(QUICK_ROUNDS + QUICK_MORE if quick else ROUNDS):
        if quick and number >= QUICK_ROUNDS and max(_worst(each)[1] for each in steps.values()) <= _GOALS[size] / 2:
            break
        for pair in pairs:
            pair.take(name, size, steps[pair.transport.name])
    if size != LARGEST:
        return _Taken(steps)
    secure = pairs[-1]  # if there is TLS: its buffers count, too
    return _Taken(steps, max(secure.longest(way, kind=name, size=size, memory=True) for way in KINDS[name].ways))


def _against_msgspec(run: Run, largest: Mapping[str, _Taken], pairs: Sequence[_Pair]) -> list[Row]:
    """Return a row for each transport: the slowest kind, measured again in turn with msgspec."""
    rounds = QUICK_AGAIN if run.quick else AGAIN
    rows = []
    with Process("benchmarks.contender", "steps:decode") as decoder:
        for pair in pairs:
            slowest = sorted(largest, key=lambda kind: largest[kind].longest(pair.transport.name))[-WORST:]
            steps: dict[str, Steps] = {kind: {} for kind in slowest}
            decoding: list[float] = []
            for _ in range(rounds):
                for kind, taken in steps.items():
                    pair.take(kind, LARGEST, taken)
                decoding.append(decoder.ask(size=LARGEST)["seconds"] * 1e3)
            kind = max(steps, key=lambda kind: _worst(steps[kind])[1])
            way, step = _worst(steps[kind])
            case = f"{kind} ({way}), the worst, 1 MiB: {step:.1f} / {min(decoding):.2f} ms"
            against = "msgspec.json.decode of plain text"
            rows.append(
                Row.of_best(f"worst step{pair.transport.name}", case, against, steps[kind][way], decoding, "<= 12")
            )
    return rows


def _most_memory(largest: Mapping[str, _Taken]) -> Row:
    memory = {name: taken.memory or 0.0 for name, taken in largest.items()}
    greediest = max(memory, key=memory.__getitem__)
    case = f"{greediest}, the worst, 1 MiB: {memory[greediest] / LARGEST:.1f} / 1 MiB"
    return Row("memory of a step", case, "the largest message", memory[greediest] / LARGEST, goal="<= 6")


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
    with contextlib.ExitStack() as stack:
        pairs = [stack.enter_context(_pair(way)) for way in run.ways]
        largest: dict[str, _Taken] = {}
        for number, name in enumerate(KINDS):
            run.tell((0.9 if run.quick else 0.6) * number / len(KINDS), name)
            for size in _SIZES:
                taken = _take(name, size, pairs[-1:] if run.quick else pairs, quick=run.quick)
                rows.append(taken.row(name, size))
            largest[name] = taken
        if not run.quick:
            rows += [_take(name, HUGE, pairs, quick=False).row(name, HUGE) for name in _TOO_LONG]
        rows += [*_against_msgspec(run, largest, pairs), _most_memory(largest)]
        if not run.quick:
            try:
                rows.append(_search(run, pairs[0]))
            except LeftOutError as reason:
                run.leave_out("random shapes", reason)
    return rows
