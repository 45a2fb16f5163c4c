"""How much resident memory does an idle connection take: a whole client of ours, and a bare trio-websocket connection?

Ours is logged in, and has its tasks, a stream of events and a `MemoryStore`. Both have a task of the application that
waits for the next message, and have sent one ping. In further rows they are idle again after each had a burst of messages,
which is shorter in a quick run.
The server is a process of its own and not counted.
"""

from __future__ import annotations

import functools
import statistics
from concurrent.futures import ThreadPoolExecutor

from .crowds import BARE, SMALL, crowd_of, gathered, sizes
from .process import LeftOutError
from .row import Row
from .run import Run, Way

__all__ = ["measure"]

BURST_ROUNDS, QUICK_BURST_ROUNDS = 3, 1
AFTER = 100  # clients, whose memory is measured after a burst
MESSAGES, QUICK_MESSAGES = 1_000, 300  # to each
_KIB = 1024


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rows = []
    for way in run.ways:
        for clients in sizes(run, way):
            if rounds := gathered(run, clients, way):
                figures = [r.memory for r in rounds], [r.theirs["bytes"] for r in rounds]
                case = f"{clients:,} clients: {_both(*figures)} KiB each; ours: the whole client, theirs: a socket"
                goal = "<= 2.0" if way.is_plain else "<= 1.4" if clients == SMALL else None
                rows.append(Row.of(f"memory{way.name}", case, BARE, *figures, goal))
        rows += _after_burst(run, way)
    return rows


def _after_burst(run: Run, way: Way) -> list[Row]:
    """Measure the memory of clients that are idle again, after each had a burst; ours and theirs at the same time."""
    rounds, messages = (QUICK_BURST_ROUNDS, QUICK_MESSAGES) if run.quick else (BURST_ROUNDS, MESSAGES)
    question = f"memory after a burst{way.name}"
    taken = []
    with ThreadPoolExecutor(2) as pool:
        for number in range(rounds):
            run.tell(number / rounds, f"{question}, round {number + 1} of {rounds}")
            try:
                taken.append(
                    list(pool.map(functools.partial(_weigh, messages=messages, way=way), ("ours", "trio_websocket")))
                )
            except LeftOutError as reason:
                run.leave_out(question, reason)
                return []
    ours, theirs = map(list, zip(*taken, strict=True))
    case = f"{AFTER} clients, idle after {messages:,} messages to each: {_both(ours, theirs)} KiB each"
    return [Row.of(question, case, BARE, ours, theirs, "<= 4" if way.is_plain else "<= 2.5")]


def _weigh(kind: str, messages: int, way: Way) -> float:
    """Return the bytes of each of the clients."""
    with crowd_of(kind, way) as crowd:
        memory = []
        for clients in (1, AFTER):  # the first one, so that the code for a burst is there
            crowd.ask(do="gather", clients=clients)
            crowd.ask(do="ping")
            crowd.ask(do="expect", count=(len(memory) + clients) * messages)
            crowd.server.ask(push=messages)
            crowd.ask(do="received")
            memory.append(float(crowd.ask(do="weigh")["bytes"]))
        return (memory[1] - memory[0]) / AFTER


def _both(ours: list[float], theirs: list[float]) -> str:
    return " / ".join(f"{statistics.median(each) / _KIB:.1f}" for each in (ours, theirs))
