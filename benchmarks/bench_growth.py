"""How do the cost of a message and the memory of a client grow with the number of clients in a process?

In bursts each client gets the same number of messages, whether there is 1 or 5,000 of them. They send no keepalive pings.
With thousands of clients one of Python's full garbage collections falls into some of the bursts. It adds 18 to 46 us a
message; the best burst has none.
For the picture bare connections of trio-websocket deliver text that is not decoded. In further rows one client has more and
more subscribers, each of which gets every message; they have no twin over TLS, because what each adds is above the socket.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import attrs

from .crowds import BURSTS, LARGE, QUICK_BURSTS, SMALL, Costs, crowd_of, gathered, grow, sizes
from .pictures import figure
from .process import LeftOutError, Process
from .row import Row
from .run import PLAIN, Run, Way

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping, Sequence

__all__ = ["Grown", "measure"]

SUBSCRIBERS: Sequence[int] = (1, 10, 100)
QUICK_SUBSCRIBERS: Sequence[int] = (1, 10)
TO_ALL_SUBSCRIBERS, QUICK_TO_ALL_SUBSCRIBERS = 5_000, 2_000
ROUNDS, QUICK_ROUNDS = 5, 1
_KINDS = {"ours": "cometconn, typed events", "trio_websocket": "trio-websocket, text"}
_FEW, _FEW_SUBSCRIBERS = 100, 10  # fewer would show no growth: the first ones reuse memory that importing freed
_GOAL = "<= 1.2"
_KIB = 1024


@attrs.define
class Grown:
    """The figures by size, one for each round.

    Attributes:
        costs: microseconds of CPU time for each message, or for each event of a subscriber.
        beside: those of a client alone, measured in turn with each. There are none of a subscriber.
        memory: bytes of resident memory for each client or subscriber.
    """

    costs: Costs = attrs.field(factory=dict)
    beside: Costs = attrs.field(factory=dict)
    memory: dict[int, list[float]] = attrs.field(factory=dict)


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rows = []
    crowds = {way: _crowd(run, part, way) for way, part in run.part(0.0, 0.8).each_way()}
    for way, grown in crowds.items():
        rows += _rows(grown, "client", _FEW, way, _GOAL)
    streams = Grown()
    rounds = QUICK_ROUNDS if run.quick else ROUNDS
    for number in range(rounds):
        run.tell(0.8 + 0.2 * number / rounds, f"more and more subscribers, round {number + 1} of {rounds}")
        _subscribe(streams, run)
    rows += _rows(streams, "subscriber", _FEW_SUBSCRIBERS)
    if run.plot is not None:
        theirs = _theirs(run)
        _draw({"ours": crowds[PLAIN], "trio_websocket": theirs}, streams, run.plot / "growth.png")
    return rows


def _crowd(run: Run, part: Run, way: Way) -> Grown:
    """Measure a growing crowd of ours. Over plain TCP it is the one in which leases are measured."""
    part.tell(0.0, f"a growing crowd{way.name}")
    grown = Grown()
    try:
        if way.is_plain:
            for each in gathered(run, LARGE, way)[:1]:
                grown.costs, grown.beside = each.costs, each.beside
        else:
            bursts = QUICK_BURSTS if run.quick else BURSTS
            grown.costs, grown.beside = _grow("ours_silent", max(sizes(run, way)), way, bursts)
        grown.memory[_FEW] = [_weigh("ours_saved", way)]
    except LeftOutError as reason:
        run.leave_out(f"a growing crowd{way.name}", reason)
    # Crowds that had no burst, because the next clients would reuse what a burst leaves behind.
    for size in sizes(run, way) if grown.memory else ():
        if rounds := gathered(run, size, way):
            grown.memory[size] = [each.saved["bytes"] for each in rounds]
    return grown


def _theirs(run: Run) -> Grown:
    grown = Grown()
    try:
        grown.costs, grown.beside = _grow("trio_websocket", LARGE, PLAIN, BURSTS)
        grown.memory[_FEW] = [_weigh("trio_websocket", PLAIN)]
    except LeftOutError as reason:
        run.leave_out(_KINDS["trio_websocket"], reason)
    for size in (SMALL, LARGE):
        grown.memory[size] = [each.theirs["bytes"] for each in gathered(run, size, PLAIN)]
    return grown


def _grow(kind: str, most: int, way: Way, bursts: int) -> tuple[Costs, Costs]:
    with crowd_of(kind, way) as crowd:
        return grow(crowd, most, bursts)


def _weigh(kind: str, way: Way) -> float:
    """Return the bytes of each client of a small crowd."""
    with crowd_of(kind, way) as crowd:
        crowd.ask(do="gather", clients=_FEW)
        return float(crowd.ask(do="ping")["bytes"])


def _subscribe(grown: Grown, run: Run) -> None:
    numbers = QUICK_SUBSCRIBERS if run.quick else SUBSCRIBERS
    messages = QUICK_TO_ALL_SUBSCRIBERS if run.quick else TO_ALL_SUBSCRIBERS
    with Process("benchmarks.replay", "cometchat", messages) as server:
        for size in numbers:
            with Process("benchmarks.contender", "ours:subscribers") as contender:
                reading = contender.ask(port=server.greeting["port"], count=messages, streams=size)
            grown.costs.setdefault(size, []).append(reading["cpu"] * 1e6 / size)
            grown.memory.setdefault(size, []).append(reading["bytes"] / size)


def _rows(grown: Grown, name: str, few: int, way: Way = PLAIN, goal: str | None = None) -> list[Row]:
    rows = []
    question = f"growth{way.name}"
    for size, costs in grown.costs.items():
        if size > 1:
            alone = grown.beside.get(size) or grown.costs[1]
            case = f"{size:,} {name}s: {min(costs):.1f} / {min(alone):.1f} us of CPU a message"
            rows.append(Row.of_best(question, case, f"1 {name}", costs, alone, goal))
    for size, memory in grown.memory.items():
        if size > few and memory:
            before = statistics.median(grown.memory[few])
            case = f"{size:,} {name}s: {statistics.median(memory) / _KIB:.1f} / {before / _KIB:.1f} KiB each"
            rows.append(Row.of(question, case, f"{few} {name}s", memory, [before] * len(memory), goal))
    return rows


def _draw(crowds: Mapping[str, Grown], streams: Grown, path: pathlib.Path) -> None:
    with figure(path, columns=3) as (costs, memory, subscribers):
        for kind, grown in crowds.items():
            _line(costs, grown.costs, 1, _KINDS[kind])
            _line(memory, grown.memory, _KIB, _KINDS[kind])
        _line(subscribers, streams.costs, 1, _KINDS["ours"])
        costs.set(title="CPU time of a message in bursts", xlabel="clients in the process", ylabel="microseconds")
        memory.set(title="Memory of an idle client", xlabel="clients in the process", ylabel="KiB each")
        subscribers.set(
            title="CPU time of an event of a subscriber", xlabel="subscribers of a client", ylabel="microseconds"
        )
        for axes in (costs, memory, subscribers):
            axes.set_ylim(bottom=0)
            axes.grid(alpha=0.3)
            axes.legend()


def _line(axes: Any, values: Mapping[int, Sequence[float]], divisor: float, label: str) -> None:
    axes.plot(list(values), [statistics.median(each) / divisor for each in values.values()], marker="o", label=label)
    axes.set_xscale("log")
    axes.set_xticks(list(values), [f"{size:,}" for size in values])
    axes.set_xticks([], minor=True)
