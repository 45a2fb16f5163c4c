"""How do throughput and memory grow with the number of clients in a process, and with the subscribers of one client?

All clients together get the same number of messages, in bursts, for 1 client as for 5,000. They are compared with bare
connections of trio-websocket, which deliver text that is not decoded. Each of the subscribers gets every message.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import attrs

from .crowds import LARGE, SMALL, gathered
from .pictures import figure
from .process import LeftOutError, Process
from .row import Row
from .run import Run

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping, Sequence

__all__ = ["Grown", "measure"]

CLIENTS: Sequence[int] = (1, 10, 100, 1_000, 5_000)
QUICK_CLIENTS: Sequence[int] = (1, 10, 100, 1_000)
SUBSCRIBERS: Sequence[int] = (1, 10, 100)
QUICK_SUBSCRIBERS: Sequence[int] = (1, 10)
MESSAGES, QUICK_MESSAGES = 50_000, 10_000
TO_ALL_SUBSCRIBERS, QUICK_TO_ALL_SUBSCRIBERS = 5_000, 2_000
ROUNDS, QUICK_ROUNDS = 2, 1
BURSTS = 3  # of these the median is used
_KINDS = {"ours": "cometconn, typed events", "trio_websocket": "trio-websocket, text"}
_FEW, _FEW_SUBSCRIBERS = 100, 10  # fewer would show no growth: the first ones reuse memory that importing freed
_KIB = 1024


@attrs.frozen
class Grown:
    """The figures by size, one for each round.

    Attributes:
        rates: messages a second.
        memory: bytes of resident memory for each client.
    """

    rates: dict[int, list[float]] = attrs.field(factory=dict)
    memory: dict[int, list[float]] = attrs.field(factory=dict)


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    crowds = {kind: Grown() for kind in _KINDS}
    streams = Grown()
    rounds = QUICK_ROUNDS if run.quick else ROUNDS
    for number in range(rounds):
        for place, (kind, grown) in enumerate(crowds.items()):
            run.tell(
                (number + 0.4 * place) / rounds, f"{_KINDS[kind]}: a growing crowd, round {number + 1} of {rounds}"
            )
            try:
                _grow(kind, grown, run)
            except LeftOutError as reason:
                run.leave_out(_KINDS[kind], reason)
        run.tell((number + 0.8) / rounds, f"more and more subscribers, round {number + 1} of {rounds}")
        _subscribe(streams, run)
    _weigh(crowds, run)
    rows = [*_rows(crowds["ours"], "client", _FEW), *_rows(streams, "subscriber", _FEW_SUBSCRIBERS)]
    if run.plot is not None:
        _draw(crowds, streams, run.plot / "growth.png")
    return rows


def _grow(kind: str, grown: Grown, run: Run) -> None:
    sizes = QUICK_CLIENTS if run.quick else CLIENTS
    messages = QUICK_MESSAGES if run.quick else MESSAGES
    with Process("benchmarks.crowd_server") as server, Process("benchmarks.crowd", kind) as crowd:
        there = 0
        for size in sizes:
            crowd.ask(do="gather", port=server.greeting["port"], clients=size - there)
            there = size
            rates = []
            for _ in range(BURSTS):
                count = messages // size * size
                crowd.ask(do="expect", count=count)
                sent_at = server.ask(push=messages // size)["at"]
                rates.append(count / (crowd.ask(do="received")["at"] - sent_at))
            grown.rates.setdefault(size, []).append(statistics.median(rates))


def _weigh(crowds: Mapping[str, Grown], run: Run) -> None:
    """Measure the memory of crowds that had no burst, because the next clients would reuse what a burst leaves behind."""
    for kind, grown in crowds.items():
        with Process("benchmarks.crowd_server") as server, Process("benchmarks.crowd", kind) as crowd:
            grown.memory[_FEW] = [crowd.ask(do="gather", port=server.greeting["port"], clients=_FEW)["bytes"]]
    for size in (SMALL,) if run.quick else (SMALL, LARGE):
        if rounds := gathered(run, size):
            crowds["ours"].memory[size] = [statistics.median(each.ours["bytes"] for each in rounds)]
            crowds["trio_websocket"].memory[size] = [statistics.median(each.theirs["bytes"] for each in rounds)]


def _subscribe(grown: Grown, run: Run) -> None:
    sizes = QUICK_SUBSCRIBERS if run.quick else SUBSCRIBERS
    messages = QUICK_TO_ALL_SUBSCRIBERS if run.quick else TO_ALL_SUBSCRIBERS
    with Process("benchmarks.replay", "cometchat", messages) as server:
        for size in sizes:
            with Process("benchmarks.contender", "ours:subscribers") as contender:
                reading = contender.ask(port=server.greeting["port"], count=messages, streams=size)
            grown.rates.setdefault(size, []).append(size / reading["seconds"])
            grown.memory.setdefault(size, []).append(reading["bytes"] / size)


def _rows(grown: Grown, name: str, few: int) -> list[Row]:
    rows = []
    for size, rates in grown.rates.items():
        if size > 1:
            alone = grown.rates[1]
            both = f"{statistics.median(rates):,.0f} / {statistics.median(alone):,.0f}"
            rows.append(Row.of("growth", f"{size:,} {name}s: {both} events a second", f"1 {name}", rates, alone))
    for size, memory in grown.memory.items():
        if size > few:
            before = grown.memory[few]
            both = " / ".join(f"{statistics.median(each) / _KIB:.1f}" for each in (memory, before))
            rows.append(Row.of("growth", f"{size:,} {name}s: {both} KiB each", f"{few} {name}s", memory, before))
    return rows


def _draw(crowds: Mapping[str, Grown], streams: Grown, path: pathlib.Path) -> None:
    with figure(path, columns=3) as (rates, memory, subscribers):
        for kind, grown in crowds.items():
            _line(rates, grown.rates, 1_000, _KINDS[kind])
            _line(memory, grown.memory, _KIB, _KINDS[kind])
        _line(subscribers, streams.rates, 1_000, _KINDS["ours"])
        rates.set(title="A burst for all clients of a process", xlabel="clients", ylabel="thousand messages a second")
        memory.set(title="Memory of an idle client", xlabel="clients in the process", ylabel="KiB each")
        subscribers.set(
            title="A burst for all subscribers of a client", xlabel="subscribers", ylabel="thousand events a second"
        )
        for axes in (rates, memory, subscribers):
            axes.set_ylim(bottom=0)
            axes.grid(alpha=0.3)
            axes.legend()


def _line(axes: Any, values: Mapping[int, Sequence[float]], divisor: float, label: str) -> None:
    axes.plot(list(values), [statistics.median(each) / divisor for each in values.values()], marker="o", label=label)
    axes.set_xscale("log")
    axes.set_xticks(list(values), [f"{size:,}" for size in values])
    axes.set_xticks([], minor=True)
