"""`nox -s conformance -- [--rounds N] [--bare] [words]`: every way a server misbehaves, and what the client makes of it."""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import time

import trio

from cometconn import Timing
from cometconn._transport import websocket as door

from .catalogue import CATALOGUE
from .verdict import QUICK, run_case

_STRAY_OBJECTS = 300  # caches of the interpreter and of Trio
_CUT = 12.0  # seconds after which bare trio-websocket is no longer waited for


def run(words: str, rounds: int) -> int:
    """Run the rows whose names have these words, with quick and with the default timing; count what is wrong."""
    wrong = 0
    for number, case in enumerate(CATALOGUE):
        if words not in case.name:
            continue
        objects: list[int] = []
        for timing, scanner in [(QUICK, True)] * rounds + [(QUICK, False), (Timing(), True)]:
            began = time.monotonic()
            door.SCANS_TEXT_FRAMES = scanner
            verdict = trio.run(run_case, case, timing)
            took = ", ".join(f"{name} {seconds:.2f}" for name, seconds in verdict.took.items())
            patience = (
                f"{'quick' if timing is QUICK else 'default'} timing{'' if scanner else ', no text frame scanner'}"
            )
            mark = "WRONG" if verdict.wrong else "holds"
            print(
                f"{mark} {number:2} {case.name} ({patience}, {time.monotonic() - began:.1f} s: {took})",
                flush=True,
            )
            if timing is QUICK and scanner:
                print(f"         {verdict.said}")
            for line in verdict.wrong:
                print(f"         !! {line}")
            wrong += bool(verdict.wrong)
            gc.collect()
            objects.append(len(gc.get_objects()))
        # The first round imports and warms up. What a round leaves behind would be left by each.
        if len(objects) > 2 and min(objects[2:]) > objects[1] + _STRAY_OBJECTS:
            print(f"WRONG {number:2} {case.name}: objects pile up: {objects}")
            wrong += 1
    return wrong


def compare(words: str) -> None:
    """Run the same rows against bare trio-websocket: for information, whatever comes of it."""
    for number, case in enumerate(CATALOGUE):
        if words not in case.name or case.script is None:
            continue
        command = (sys.executable, "-m", "tests.conformance.bare", str(number))
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_CUT, check=False)
            out = done.stdout + "".join(done.stderr.splitlines()[-1:])
        except subprocess.TimeoutExpired as error:
            out = (error.stdout or b"").decode() + f"never ends: cut off after {_CUT:g} s"
        print(f"bare  {number:2} {case.name}: {'; '.join(out.split(chr(10))).strip('; ')}", flush=True)


def main() -> None:
    """Exit status 1 when a row does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("words", nargs="?", default="", help="only the rows that have these words in their name")
    parser.add_argument("--rounds", type=int, default=3, help="how often each row is run with quick timing (default 3)")
    parser.add_argument("--bare", action="store_true", help="then show what bare trio-websocket makes of them")
    options = parser.parse_args()
    wrong = run(options.words, options.rounds)
    if options.bare:
        compare(options.words)
    print(f"conformance: {wrong} wrong" if wrong else "conformance: every row holds")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
