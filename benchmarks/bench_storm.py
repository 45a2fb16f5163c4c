"""How many attempts a second does a server see after its restart, and when are all clients connected again?

10,000 clients lose their socket within a fifth of a second. Each is a real `Lifecycle`, the client's state machine without
input or output, so that TLS makes no difference. Time is an argument, so an hour passes in a second. It is compared with the
official SDKs' fixed timer of 5 s.
"""

from __future__ import annotations

import collections
import heapq
import random
import statistics
from typing import TYPE_CHECKING

import attrs

from cometconn import Timing
from cometconn._lifecycle.reducer import InputDetails, Lifecycle, begin, due, reduce
from cometconn._lifecycle.states import Input, Mode

from .pictures import figure
from .row import Row

if TYPE_CHECKING:
    import pathlib

    from .run import Run

__all__ = ["measure"]

CLIENTS = 10_000
SPREAD = 0.2  # seconds within which all sockets are lost
STABLE = 1_000.0  # the time of the loss, on the clients' clock
OFFICIAL_TIMER = 5.0  # seconds; protocol.md section 5
DOWN = (0.0, 0.5, 1.0, 3.0, 10.0, 30.0)  # seconds for which the server is away
MAIN = 0.5  # a process that is restarted; the goals apply to this case
_PERCENT = 100


@attrs.frozen
class Storm:
    """What the server received.

    Attributes:
        attempts: the number for each second since the loss.
        back: for each client the seconds until it was connected again.
    """

    attempts: collections.Counter[int]
    back: list[float]

    @property
    def peak(self) -> int:
        """The most attempts within one second."""
        return max(self.attempts.values())

    @property
    def median(self) -> float:
        """The seconds until half of the clients were connected again."""
        return statistics.median(self.back)

    @property
    def late(self) -> float:
        """The seconds until 99 % of the clients were connected again."""
        return statistics.quantiles(self.back, n=_PERCENT)[-1]


def ours(down: float, *, announced: bool, seed: int = 1) -> Storm:
    """Let our clients reconnect."""
    chance = random.Random(seed)  # noqa: S311 - jitter, not secrets
    attempts, back = collections.Counter[int](), []
    heap: list[tuple[float, int, Lifecycle, float]] = []
    for number in range(CLIENTS):
        life = begin(Mode.AUTO, Timing(), 0.0)
        for on in (Input.LOGGED_IN, Input.AUTHENTICATED):
            life = reduce(life, on, 0.0)
        lost_at = STABLE + chance.random() * SPREAD
        life = reduce(life, Input.LINK_LOST, lost_at, InputDetails(jitter=chance.random(), restarting=announced))
        heap.append((due(life)[0], number, life, lost_at))
    heapq.heapify(heap)
    while heap:
        now, number, life, lost_at = heapq.heappop(heap)
        life = reduce(life, Input.RETRY_DUE, now)
        attempts[int(now - STABLE)] += 1
        if now >= STABLE + down:
            back.append(now - lost_at)
            continue
        life = reduce(life, Input.ATTEMPT_FAILED, now, InputDetails(jitter=chance.random()))
        heapq.heappush(heap, (due(life)[0], number, life, lost_at))
    return Storm(attempts, back)


def official(down: float, *, seed: int = 1) -> Storm:
    """Let clients with the fixed timer reconnect. They ignore an announced restart."""
    chance = random.Random(seed)  # noqa: S311 - jitter, not secrets
    attempts, back = collections.Counter[int](), []
    for _ in range(CLIENTS):
        lost_at = chance.random() * SPREAD
        now = lost_at
        while True:
            now += OFFICIAL_TIMER
            attempts[int(now)] += 1
            if now >= down:
                break
        back.append(now - lost_at)
    return Storm(attempts, back)


def measure(run: Run) -> list[Row]:
    """Measure all cases, and draw the main one."""
    question, rows, drawn = "storm", [], {}
    downs = (MAIN,) if run.quick else DOWN
    for done, down in enumerate(downs):
        run.tell(done / len(downs), f"{CLIENTS:,} clients, the server away for {down:g} s")
        theirs = official(down)
        for announced, goal in ((True, "<= 0.2"), (False, "<= 0.6")):
            storm = ours(down, announced=announced)
            case = f"{'announced restart' if announced else 'crash'}, away {down:g} s"
            is_main = down == MAIN
            rows.append(
                Row(
                    question,
                    f"{case}: peak attempts a second ({storm.peak} / {theirs.peak})",
                    "fixed 5 s timer",
                    storm.peak / theirs.peak,
                    goal=goal if is_main else None,
                )
            )
            rows.append(
                Row(
                    question,
                    f"{case}: median time back ({storm.median:.1f} / {theirs.median:.1f} s)",
                    "fixed 5 s timer",
                    storm.median / theirs.median,
                    goal="<= 0.5" if is_main and not announced else None,
                )
            )
            rows.append(
                Row(
                    question,
                    f"{case}: time until 99 % are back ({storm.late:.1f} / {theirs.late:.1f} s)",
                    "fixed 5 s timer",
                    storm.late / theirs.late,
                )
            )
            if is_main:
                drawn[case] = storm
        if down == MAIN:
            drawn["fixed 5 s timer"] = theirs
    if run.plot is not None:
        _draw(drawn, run.plot / "storm.png")
    return rows


def _draw(storms: dict[str, Storm], path: pathlib.Path) -> None:
    with figure(path) as axes:
        seconds = range(max(max(storm.attempts) for storm in storms.values()) + 2)
        for name, storm in storms.items():
            axes.step(seconds, [storm.attempts[second] for second in seconds], where="post", label=name)
        axes.set_xlabel("seconds since the loss")
        axes.set_ylabel("attempts a second")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_title(f"{CLIENTS:,} clients, the server away for {MAIN:g} s")
        axes.legend()
