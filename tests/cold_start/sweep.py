"""Ctrl-C at many moments of a cold start: `python -m tests.cold_start.sweep --rounds N --seed S`."""

from __future__ import annotations

import argparse
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
PATIENCE = 200.0  # seconds for one program; it takes two


def start(way: str, numbers: list[int]) -> dict[str, Any]:
    """Run the program, interrupted after each of so many events, and return what it tells."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "session.json")
        file.write_text(json.dumps(SAVED), encoding="utf-8")
        file.chmod(0o600)
        command = [sys.executable, "-m", "tests.cold_start.interrupted", way, str(file), *map(str, numbers)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode:
        return {"risen": 0, "wrong": [done.stderr], "events": 0}
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def sweep(way: str, events: int, seed: int, interrupts: int) -> tuple[int, list[str]]:
    """Interrupt starts of that kind so often, of so many *events* each.

    Returns:
        How often that rose as it should, and what else came of it.
    """
    chance = random.Random(seed)
    if way == "from_nothing":
        numbers = [chance.randrange(1, events) for _ in range(interrupts)]
    else:  # what was imported is not imported again: the starts become shorter and shorter
        numbers = [int(10 * (events / 10) ** chance.random()) for _ in range(interrupts)]
    told = start(way, numbers)
    return told["risen"], [f"{way}, seed {seed}: {wrong}" for wrong in told["wrong"]]


def main() -> int:
    """Sweep, print what came of it, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="programs of each kind (default: 30)")
    parser.add_argument("--seed", type=int, default=0, help="of the first of them (default: 0)")
    options = parser.parse_args()
    failed = False
    for way in WAYS:
        events, risen, wrong = start(way, [])["events"], 0, []
        for seed in range(options.seed, options.seed + options.rounds):
            rose, else_ = sweep(way, events, seed, 40)
            risen, wrong = risen + rose, wrong + else_
        print(f"{way}: {risen} of {risen + len(wrong)} interrupts rose, within {events:,} events", flush=True)
        print(*wrong, sep="\n", end="\n" if wrong else "", flush=True)
        failed = failed or bool(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
