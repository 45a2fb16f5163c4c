"""`nox -s fleet -- [--quick] [--scenario NAME ...] [--seed S] [--breaks]`: a fleet of real processes that are killed and stopped."""

from __future__ import annotations

import argparse
import pathlib
import shutil
import sys
import tempfile
import time

import trio

from .breaks import BREAKS
from .report import Report
from .scenarios import SCENARIOS
from .stage import StageError, open_stage

FOUND_BY = {
    "no-fence": "redis-zombie",
    "no-rewind": "engine-cuts",
    "no-catch-up": "redis-kills",
    "early-position": "redis-run-kills",
    "release-once": "engine-kills",
    "no-settling": "engine-stops",
    "other-shares": "redis-joins",
    "no-governor": "reset-2",
    "early-release": "redis-rolling",
    "stuck-drain": "redis-rolling",
    "early-ack": "consumers",
}
"""The scenario that has to find each break."""
_NOT_REACHED = "not reached"
_LONGEST = 900.0  # seconds for one scenario


async def run(name: str, report: Report, *, seed: int, quick: bool, breaks: tuple[str, ...] = ()) -> None:
    """Run one scenario. Its files are kept if a goal is missed."""
    scenario = SCENARIOS[name]
    setup = scenario.setup.smaller() if quick else scenario.setup
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fleet-", dir="/tmp"))
    began, missed = time.monotonic(), len(report.missed)
    with trio.move_on_after(_LONGEST) as bound:
        try:
            async with open_stage(name, setup, folder, report, seed=seed, breaks=breaks) as stage:
                await scenario.run(stage, scenario.quick if quick else scenario.full)
                await stage.finish()
        except StageError as error:
            report.note(name, f"{_NOT_REACHED}: {error}", 1, 0)
        except BaseException:
            shutil.rmtree(folder)
            raise
    if bound.cancelled_caught:
        report.note(name, f"{_NOT_REACHED}: its end, within {_LONGEST:g} s", 1, 0)
    if len(report.missed) == missed or breaks:
        shutil.rmtree(folder)
    else:
        print(f"{name}: the files of the processes are in {folder}")
    print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)


async def run_all(names: list[str], report: Report, *, seed: int, quick: bool) -> None:
    """Run scenarios, one after the other."""
    for name in names:
        await run(name, report, seed=seed, quick=quick)


async def run_breaks(names: list[str], *, seed: int) -> list[str]:
    """Break the workers on purpose; return the breaks that no goal has noticed."""
    unnoticed = []
    for name in names:
        report = Report()
        await run(FOUND_BY[name], report, seed=seed, quick=True, breaks=(name,))
        # A fleet that did not start proves nothing about the break.
        missed = [row.what for row in report.missed if not row.what.startswith(_NOT_REACHED)]
        print(f"{name}: {FOUND_BY[name]} has missed: {'; '.join(missed) or 'nothing'}", flush=True)
        if not missed:
            unnoticed.append(name)
    return unnoticed


def main() -> None:
    """Run; the exit status is 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fleet.proof", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a part of it, in less than 3 minutes")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, metavar="NAME", help=", ".join(SCENARIOS))
    parser.add_argument(
        "--breaks", nargs="*", choices=FOUND_BY, metavar="NAME", help="break the workers; all breaks if none is named"
    )
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of all random choices; otherwise a new one")
    options = parser.parse_args()
    assert FOUND_BY.keys() == BREAKS.keys() - {"ignore-lease"}
    print(f"seed {options.seed}", flush=True)
    if options.breaks is not None:
        unnoticed = trio.run(lambda: run_breaks(options.breaks or list(FOUND_BY), seed=options.seed))
        print(f"breaks that no goal has noticed: {', '.join(unnoticed) or 'none'}")
        sys.exit(bool(unnoticed))
    every = [name for name, scenario in SCENARIOS.items() if scenario.is_quick or not options.quick]
    report = Report()
    try:
        trio.run(lambda: run_all(options.scenario or every, report, seed=options.seed, quick=options.quick))
    except KeyboardInterrupt:
        sys.exit("interrupted: every process of the fleet has ended")
    finally:
        print(report.table())
    print(f"{len(report.missed)} goals missed" if report.missed else "all goals met")
    sys.exit(bool(report.missed))


if __name__ == "__main__":
    main()
