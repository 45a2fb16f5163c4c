"""How do throughput and memory grow with the number of clients in a process, and with the subscribers of one client?

All clients together get the same number of messages, in bursts, whether they are 1 or 5,000; trio-websocket's bare
connections stand beside, which hand over text that nobody decodes. Each of the subscribers gets every message.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import attrs

from .pictures import figure
from .process import LeftOutError, Process
from .row import Row
from .run import Run

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Grown", "measure"]

CLIENTS, QUICK_CLIENTS = (1, 10, 100, 1_000, 5_000), (1, 10, 100)
SUBSCRIBERS, QUICK_SUBSCRIBERS = (1, 10, 100), (1, 10)
MESSAGES, QUICK_MESSAGES = 50_000, 10_000
TO_ALL_SUBSCRIBERS, QUICK_TO_ALL_SUBSCRIBERS = 5_000, 2_000
ROUNDS, QUICK_ROUNDS = 3, 1
BURSTS = 3  # of which the median counts
_KINDS = {"ours": "cometconn, typed events", "trio_websocket": "trio-websocket, text"}
_KIB = 1024


@attrs.frozen
class Grown:
    """Figures by size, one a round.

    Attributes:
        rates: messages a second.
        memory: bytes of resident memory for each, over what the process had before.
    """

    rates: dict[int, list[float]] = attrs.field(factory=dict)
    memory: dict[int, list[float]] = attrs.field(factory=dict)

    def add(self, size: int, rate: float, memory: float) -> None:
        """Add one round's figures."""
        self.rates.setdefault(size, []).append(rate)
        self.memory.setdefault(size, []).append(memory)


def measure(run: Run) -> list[Row]:
    """Answer the question."""
    crowds = {kind: Grown() for kind in _KINDS}
    streams = Grown()
    rounds = QUICK_ROUNDS if run.quick else ROUNDS
    for number in range(rounds):
        for kind, grown in crowds.items():
            run.tell(number / rounds, f"{_KINDS[kind]}: a growing crowd, round {number + 1} of {rounds}")
            try:
                _grow(kind, grown, run)
            except LeftOutError as reason:
                run.leave_out(_KINDS[kind], reason)
        run.tell((number + 0.8) / rounds, f"more and more subscribers, round {number + 1} of {rounds}")
        _subscribe(streams, run)
    rows = [*_rows(crowds["ours"], "client", "clients"), *_rows(streams, "subscriber", "subscribers")]
    if run.plot is not None:
        _draw(crowds, streams, run)
    return rows


def _grow(kind: str, grown: Grown, run: Run) -> None:
    sizes, messages = (QUICK_CLIENTS, QUICK_MESSAGES) if run.quick else (CLIENTS, MESSAGES)
    with Process("benchmarks.crowd_server") as server, Process("benchmarks.crowd", kind) as crowd:
        there, taken = 0, 0.0
        for size in sizes:
            more = crowd.ask(do="gather", port=server.greeting["port"], clients=size - there)
            taken += more["bytes"] * (size - there)
            there = size
            rates = []
            for _ in range(BURSTS):
                crowd.ask(do="expect", count=messages // size * size)
                server.ask(push=messages // size)
                rates.append(1 / crowd.ask(do="received")["seconds"])
            grown.add(size, statistics.median(rates), taken / size)


def _subscribe(grown: Grown, run: Run) -> None:
    if run.quick:
        sizes, messages = QUICK_SUBSCRIBERS, QUICK_TO_ALL_SUBSCRIBERS
    else:
        sizes, messages = SUBSCRIBERS, TO_ALL_SUBSCRIBERS
    with Process("benchmarks.replay", "cometchat", messages) as server:
        for size in sizes:
            with Process("benchmarks.contender", "ours:subscribers") as contender:
                reading = contender.ask(port=server.greeting["port"], count=messages, streams=size)
            grown.add(size, size / reading["seconds"], reading["bytes"] / size)


def _rows(grown: Grown, one: str, many: str) -> list[Row]:
    rows = []
    first = next(iter(grown.rates), None)
    for size, rates in grown.rates.items():
        if size == first:
            continue
        alone = grown.rates[first]
        case = (
            f"{size:,} {many}: {statistics.median(rates):,.0f} / {statistics.median(alone):,.0f} events a second in all"
        )
        rows.append(Row.of("growth", case, f"1 {one}", rates, alone))
    smallest = min((size for size in grown.memory if size >= 10), default=None)  # noqa: PLR2004 - of one, pages are seen
    for size, memory in grown.memory.items():
        if smallest is None or size <= smallest:
            continue
        few = grown.memory[smallest]
        sizes = " / ".join(f"{statistics.median(each) / _KIB:.1f}" for each in (memory, few))
        rows.append(Row.of("growth", f"{size:,} {many}: {sizes} KiB each", f"{smallest} {many}", memory, few))
    return rows


def _draw(crowds: Mapping[str, Grown], streams: Grown, run: Run) -> None:
    with figure(run.plot, "growth", columns=3) as (rates, memory, subscribers):
        for kind, grown in crowds.items():
            for axes, of in ((rates, grown.rates), (memory, grown.memory)):
                divisor = _KIB if of is grown.memory else 1_000
                values = [statistics.median(each) / divisor for each in of.values()]
                axes.plot(list(of), values, marker="o", label=_KINDS[kind])
        rates.set(xscale="log", xlabel="clients in one process", ylabel="thousand messages a second, all together")
        rates.set_title("Throughput stays, or falls, with more clients")
        memory.set(xscale="log", xlabel="clients in one process", ylabel="KiB of resident memory for each")
        memory.set_title("Memory of one idle client")
        values = [statistics.median(each) / 1_000 for each in streams.rates.values()]
        subscribers.plot(list(streams.rates), values, marker="o", label=_KINDS["ours"])
        subscribers.set(
            xscale="log", xlabel="subscribers of one client", ylabel="thousand events a second, all together"
        )
        subscribers.set_title("Handing the same messages to many")
        for axes in (rates, memory, subscribers):
            axes.set_ylim(bottom=0)
            axes.grid(alpha=0.3)
            axes.legend()
