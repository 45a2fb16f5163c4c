"""`nox -s simulate -- [--seed S] [--hours H] [--steps N] [--trace FILE] [--processes N]`: a client for many hours in virtual time, with everything that goes wrong.

Without `--seed` the hours are divided among new seeds, in as many processes as there are processors. A failure prints
its seed, and the shortest prefix of its script that still fails; `--seed S --steps N` runs that again. A prefix ends
with a calm, so now and then none fails: then the whole script is named.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import random
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from .run import Outcome, simulate
from .shorten import shortest_prefix

_HOURS = 1000
_HOURS_OF_A_SEED = 10.0


def _piece(seed: int, hours: float) -> tuple[int, Outcome]:
    return seed, simulate(seed, hours)


def _show_failure(seed: int, outcome: Outcome, again: str) -> None:
    """Show a failure and its shortest prefix. *again*: the options with which it fails if no shorter script does."""
    print(f"seed {seed} failed at step {outcome.steps}: {outcome.failure}", flush=True)
    steps, shorter = shortest_prefix(seed, outcome)
    print("\n".join(line[:400] for line in shorter.last))
    print(shorter.traceback, end="")
    again = again if shorter is outcome else f"--steps {steps}"
    print(f"{shorter.failure}\nTo run it again: nox -s simulate -- --seed {seed} {again}", flush=True)


def _run_one(options: argparse.Namespace) -> bool:
    began = time.monotonic()
    hours = _HOURS_OF_A_SEED if options.hours is None else options.hours
    if options.trace is None:
        outcome = simulate(options.seed, hours, options.steps)
    else:
        with options.trace.open("w", encoding="utf-8") as file:
            outcome = simulate(options.seed, hours, options.steps, lambda line: file.write(f"{line}\n"))
    print(f"seed {options.seed}: {outcome.steps} steps, {outcome.lines} lines, {time.monotonic() - began:.1f} s")
    print(f"hash of the trace: {outcome.digest}")
    if outcome.failure is not None:
        again = f"--hours {hours:g}" if options.steps is None else f"--steps {options.steps}"
        _show_failure(options.seed, outcome, again)
    return outcome.failure is None


def _run_many(hours: float, processes: int | None) -> bool:
    began, first = time.monotonic(), random.randrange(10**9)
    count = max(1, round(hours / _HOURS_OF_A_SEED))
    each = hours / count
    print(f"{hours:g} hours: seeds {first} to {first + count - 1}, {each:g} hours each", flush=True)
    done, failed, counts = 0, 0, Counter[str]()
    with ProcessPoolExecutor(processes or os.cpu_count()) as pool:
        for seed, outcome in pool.map(_piece, range(first, first + count), [each] * count):
            done += 1
            counts.update(outcome.counts)
            if outcome.failure is not None:
                failed += 1
                _show_failure(seed, outcome, f"--hours {each:g}")
            if done % 10 == 0 or done == count:
                print(
                    f"{done * each:.0f} of {hours:g} hours, {time.monotonic() - began:.0f} s, {failed} seeds failed",
                    flush=True,
                )
    print(", ".join(f"{number} {what}" for what, number in sorted(counts.items())))
    return not failed


def main() -> None:
    """Simulate; the exit status is 1 if something failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="run only this seed")
    parser.add_argument(
        "--hours", type=float, help=f"virtual hours (default {_HOURS}, with --seed {_HOURS_OF_A_SEED:g})"
    )
    parser.add_argument("--steps", type=int, help="with --seed: run only so many steps of the script")
    parser.add_argument("--trace", type=pathlib.Path, metavar="FILE", help="with --seed: write the trace to a file")
    parser.add_argument("--processes", type=int, help="without --seed: how many processes (default: the processors)")
    options = parser.parse_args()
    passed = _run_many(options.hours or _HOURS, options.processes) if options.seed is None else _run_one(options)
    sys.exit(not passed)


if __name__ == "__main__":
    main()
