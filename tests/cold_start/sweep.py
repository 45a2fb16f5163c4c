"""Ctrl-C at many moments of a cold start: `python -m tests.cold_start.sweep --rounds N --seed S`."""

from __future__ import annotations

import argparse
import itertools
import json
import pathlib
import random
import subprocess
import sys
import tempfile
from typing import Any

ROOT = pathlib.Path(__file__).parents[2]
SAVED = {
    "schema": 2,
    "app_id": "APP",
    "device_id": "DEVICE",
    "session": {"uid": "zed-1", "auth_token": "token", "jwt": "jwt", "user": {"uid": "zed-1"}, "settings": {}},
}
WAYS = ("in_loop", "before_loop", "from_nothing")
KINDS = ("any", "implicit")
PATIENCE = 200.0  # seconds for one program; it takes two


def start(way: str, kind: str, numbers: list[int]) -> dict[str, Any]:
    """Run the program, interrupted after each of so many events of a kind, and return its JSON report."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "session.json")
        file.write_text(json.dumps(SAVED), encoding="utf-8")
        file.chmod(0o600)
        command = [sys.executable, "-m", "tests.cold_start.interrupted", way, kind, str(file), *map(str, numbers)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode:
        return {"risen": 0, "wrong": [done.stderr], "events": 0}
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def sweep(way: str, kind: str, events: int, seed: int, interrupts: int) -> tuple[int, list[str]]:
    """Interrupt so many starts in a way, each at one of its *events* of a kind.

    Returns:
        How often that rose as it should, and what else came of it.
    """
    chance = random.Random(seed)
    if way == "from_nothing":
        numbers = [chance.randrange(1, events) for _ in range(interrupts)]
    else:  # what was imported is not imported again: the starts become shorter and shorter
        numbers = [int(events ** chance.random()) for _ in range(interrupts)]
    told = start(way, kind, numbers)
    return told["risen"], [f"{way}, {kind}, seed {seed}: {wrong}" for wrong in told["wrong"]]


def main() -> int:
    """Sweep, print what came of it, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="programs of each kind (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="of the first of them (default: 0)")
    options = parser.parse_args()
    failed = False
    for way, kind in itertools.product(WAYS, KINDS):
        events, risen, wrong = start(way, kind, [])["events"], 0, []
        for seed in range(options.seed, options.seed + options.rounds):
            rose, others = sweep(way, kind, events, seed, 40)
            risen, wrong = risen + rose, wrong + others
        print(f"{way}, {kind}: {risen} of {risen + len(wrong)} interrupts rose, in {events:,} events", flush=True)
        print(*wrong, sep="\n", end="\n" if wrong else "", flush=True)
        failed = failed or bool(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
