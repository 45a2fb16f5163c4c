"""`nox -s autobahn -- [--write]`: Autobahn's cases against our WebSocket, with and without the scanner, and two others."""

from __future__ import annotations

import argparse
import json
import sys
import time

import trio

from .clients import CLIENTS, OURS
from .examination import FINE, examine
from .results import exceptions, table, write

_AT_ONCE = 2  # clients, each in a process of its own


async def _examine_apart(name: str, limiter: trio.CapacityLimiter, verdicts: dict[str, dict[str, str]]) -> None:
    """Examine one client in a process of its own: one that computes for long would keep the others from their replies."""
    async with limiter:
        began = time.monotonic()
        command = [sys.executable, "-m", "tests.autobahn", "--client", name]
        done = await trio.run_process(command, capture_stdout=True)
        verdicts[name] = json.loads(done.stdout)
        print(f"{name}: {len(verdicts[name])} cases in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


async def _examine_all() -> dict[str, dict[str, str]]:
    verdicts: dict[str, dict[str, str]] = {name: {} for name in CLIENTS}
    limiter = trio.CapacityLimiter(_AT_ONCE)
    async with trio.open_nursery() as nursery:
        for name in CLIENTS:
            nursery.start_soon(_examine_apart, name, limiter, verdicts)
    return verdicts


def main() -> int:
    """Return 1 if a verdict on our WebSocket is not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.autobahn", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the results into the documentation")
    parser.add_argument("--client", choices=CLIENTS, help="examine only this client, and print its verdicts as JSON")
    options = parser.parse_args()
    if options.client:
        print(json.dumps(trio.run(examine, CLIENTS[options.client])))
        return 0
    verdicts = trio.run(_examine_all)
    print(*table(verdicts), "", sep="\n")
    for name, each in verdicts.items():
        print(*exceptions(name, each), sep="\n")
    if options.write:
        write(verdicts)
    return int(any(verdict not in FINE for name in OURS for verdict in verdicts[name].values()))


if __name__ == "__main__":
    sys.exit(main())
