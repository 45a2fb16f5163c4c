"""Over TLS, as CometChat's cloud has it: bursts, paced messages, memory, the way to the background, and connects?

Each is the twin of a question of its own name, with the same programs and certificates that the client verifies. Memory
after a burst is measured over plain TCP as well.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from . import bench_background, bench_burst, bench_paced
from .crowds import SMALL
from .encryption import certificates
from .process import Process
from .receiving import Rival, compare, cost, rate, receive
from .row import Row
from .run import Run, interleave

__all__ = ["measure"]

_GOALS = {
    "trio-websocket + json + cattrs": (">= 8.5", "<= 0.62"),
    "picows + orjson + cattrs": (">= 1.7", None),
    "websockets.asyncio + json.loads": (">= 1.7", None),
}
ROUNDS, QUICK_ROUNDS = 9, 3
CROWD_ROUNDS, QUICK_CROWD_ROUNDS = 3, 1
AFTER, MESSAGES = 100, 1_000  # clients, and messages to each, after which memory is measured
_BARE = "trio-websocket, bare connection"
_KIB = 1024
Environment = Mapping[str, str]


def measure(run: Run) -> list[Row]:
    """Measure, and return the rows."""
    rounds = QUICK_ROUNDS if run.quick else ROUNDS
    crowd_rounds = QUICK_CROWD_ROUNDS if run.quick else CROWD_ROUNDS
    rows = _after_burst(run, crowd_rounds, {}, "plain TCP", "<= 4")
    with certificates(run) as environment:
        if environment is None:
            return rows
        rows += _received(run, rounds, environment)
        if (took := bench_background.times_of(run, rounds, plain=True, environment=environment)) is not None:
            rows += bench_background.rows_of(*took, "background, TLS", "<= 1.5")
        rows += _idle(run, crowd_rounds, environment)
        rows += _after_burst(run, crowd_rounds, environment, "TLS", "<= 2.5")
    return rows


def _received(run: Run, rounds: int, environment: Environment) -> list[Row]:
    rivals = [
        [
            Rival(rival.name, rival.target, rival.gives, _GOALS[rival.name][place])
            for rival in known
            if rival.name in _GOALS
        ]
        for place, known in enumerate((bench_burst.RIVALS, bench_paced.RIVALS))
    ]
    count = bench_burst.QUICK_COUNT if run.quick else bench_burst.COUNT
    burst = receive(run, rivals[0], rounds=rounds, warm=bench_burst.WARM, count=count, environment=environment)
    count = bench_paced.QUICK_COUNT if run.quick else bench_paced.COUNT
    paced = receive(
        run,
        rivals[1],
        rounds=rounds,
        warm=bench_paced.WARM,
        count=count,
        pace=bench_paced.PACE,
        environment=environment,
    )
    return [
        *compare("burst, TLS", burst, rivals[0], rate, "msg/s"),
        *compare("paced, TLS", paced, rivals[1], cost, "us of CPU a message"),
    ]


def _idle(run: Run, rounds: int, environment: Environment) -> list[Row]:
    """Gather crowds over TLS: their memory, and how many connect in a second."""

    def gather(kind: str) -> dict[str, float]:
        with (
            Process("benchmarks.crowd_server", environment=environment) as server,
            Process("benchmarks.crowd", kind, environment=environment) as crowd,
        ):
            return crowd.ask(do="gather", port=server.greeting["port"], clients=SMALL)

    taken = interleave(run, rounds, {kind: lambda kind=kind: gather(kind) for kind in ("ours", "trio_websocket")})
    if len(taken) < 2:  # noqa: PLR2004 - one of the two was left out
        return []
    sizes = [[each["bytes"] / _KIB for each in taken[kind]] for kind in ("ours", "trio_websocket")]
    rates = [[1 / each["seconds"] for each in taken[kind]] for kind in ("ours", "trio_websocket")]
    return [
        Row.of("memory, TLS", f"{SMALL:,} clients: {_both(sizes, '.1f')} KiB each", _BARE, *sizes, "<= 1.4"),
        Row.of("connects, TLS", f"{SMALL:,} clients, login included: {_both(rates, ',.0f')} a second", _BARE, *rates),
    ]


def _after_burst(run: Run, rounds: int, environment: Environment, how: str, goal: str) -> list[Row]:
    """Measure the memory of clients that are idle again, after each had a burst."""

    def weigh(kind: str) -> float:
        with (
            Process("benchmarks.crowd_server", environment=environment) as server,
            Process("benchmarks.crowd", kind, environment=environment) as crowd,
        ):
            port = server.greeting["port"]
            crowd.ask(do="gather", port=port, clients=1)  # so that the code for a burst is there
            crowd.ask(do="expect", count=MESSAGES)
            server.ask(push=MESSAGES)
            crowd.ask(do="received")
            before = crowd.ask(do="weigh")["bytes"]
            crowd.ask(do="gather", port=port, clients=AFTER)
            crowd.ask(do="expect", count=(1 + AFTER) * MESSAGES)
            server.ask(push=MESSAGES)
            crowd.ask(do="received")
            return (crowd.ask(do="weigh")["bytes"] - before) / AFTER / _KIB

    taken = interleave(run, rounds, {kind: lambda kind=kind: weigh(kind) for kind in ("ours", "trio_websocket")})
    if len(taken) < 2:  # noqa: PLR2004 - one of the two was left out
        return []
    sizes = [taken[kind] for kind in ("ours", "trio_websocket")]
    case = f"{AFTER} clients, idle after {MESSAGES:,} messages to each, {how}: {_both(sizes, '.1f')} KiB each"
    return [Row.of("memory after a burst", case, _BARE, *sizes, goal)]


def _both(figures: list[list[float]], form: str) -> str:
    return " / ".join(format(statistics.median(each), form) for each in figures)
