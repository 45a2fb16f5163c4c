"""Runs the demo, and prints what it will show, what it has shown, and what to do next."""

from __future__ import annotations

import contextlib
import pathlib
import tempfile
from typing import TYPE_CHECKING

import trio
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from cometconn._groups import open_nursery
from cometconn.cli.demo_text import MARKS
from cometconn.cli.stopping import until_stopped
from cometconn.cli.terminal import wrapped
from cometconn.emulator import open_emulator
from cometconn.fleet import SQLiteEngine

from .plan import APP_ID, AUTH_KEY, SENDER
from .rules import check
from .steps import Steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from .plan import Plan
    from .rules import Outcome, Result

__all__ = ["NEXT_STEPS", "fleet_demo", "run_fleet_demo"]

NEXT_STEPS = {
    "Next, start such a server for a fleet of your own:": "cometconn serve",
    "In each of three more terminals, set:": (
        "export COMETCONN_ENDPOINT=http://127.0.0.1:9000 COMETCONN_APP_ID=APP COMETCONN_AUTH_KEY=KEY"
    ),
    "In one of them, add accounts, and run a worker:": (
        "cometconn fleet accounts add zed-1 amy-2; cometconn fleet run --name w1"
    ),
    "In another one, run a second worker, and end it as you like:": "cometconn fleet run --name w2",
    "In the last one, see which worker has which account:": "cometconn fleet status --watch",
}
"""Each step with its command."""

_TIMEOUT = 200.0  # seconds for all steps together


async def fleet_demo(console: Console, plan: Plan) -> int:
    """Run the demo to its end, or until SIGINT or SIGTERM; return the exit status."""
    failed = 0

    async def run_all() -> None:
        nonlocal failed
        failed = len(await run_fleet_demo(console, plan))

    stopped = await until_stopped(run_all)
    if stopped:
        console.print("Stopped before the end. All its processes have ended, and its folder is removed.")
    return stopped or min(failed, 1)


async def run_fleet_demo(console: Console, plan: Plan) -> list[Result]:
    """Run all steps, and print the result of each rule; return those that did not hold.

    If it is cancelled, the worker processes are killed, and the folder with the engine's file is removed.

    Raises:
        WorkerFailedError: a worker process cannot start, takes too long to start, or ended although the demo did not end
            it.
    """
    with tempfile.TemporaryDirectory(prefix="cometconn-fleet-demo-") as folder:
        path = pathlib.Path(folder) / "fleet.db"
        async with (
            open_emulator(app_id=APP_ID, auth_key=AUTH_KEY, users=(SENDER, *plan.uids), groups={}) as server,
            SQLiteEngine(path).connect(APP_ID, partitions=plan.fleet_settings.partitions) as connection,
            open_nursery() as nursery,
        ):
            steps = Steps(console, plan, server, connection, path, nursery)
            _introduce(steps)
            with _live(console) as steps.live:
                outcome = await _run(steps)
            nursery.cancel_scope.cancel(reason="cometconn: the demo is over")
    results = check(outcome)
    _summarise(steps, results)
    return [result for result in results if not result.held]


async def _run(steps: Steps) -> Outcome:
    async with open_nursery() as nursery:
        nursery.start_soon(steps.watch)
        with trio.move_on_after(_TIMEOUT) as limit:
            await steps.run()
        if limit.cancelled_caught:
            steps.print_line("demo", "The steps did not end in time.", "bold red")
        outcome = await steps.finish()
        nursery.cancel_scope.cancel(reason="cometconn: the demo is over")
    return outcome


@contextlib.contextmanager
def _live(console: Console) -> Iterator[Live | None]:
    """Give a display below the printed lines, which is removed at the end; `None` where nothing can be overwritten."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield None
        return
    with Live(
        console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as live:
        yield live


def _introduce(steps: Steps) -> None:
    plan = steps.plan
    steps.print_text(
        f"A fleet connects many accounts in several processes, each account in exactly one of them. The demo runs a "
        f"CometChat server on this machine, at {steps.server.url}, and three worker processes that share "
        f"{plan.accounts} accounts. All that these have in common is one SQLite file in a temporary folder."
    )
    steps.console.print()
    steps.print_text(
        "While messages come to all accounts, the demo kills one worker, drains another, and starts a new one. It shows "
        "how the accounts move. At the end it compares the server's record with the log of the fleet, which must have each "
        "message exactly once. This takes about half a minute."
    )
    steps.console.print()
    steps.print_text(
        "Each account is shown as a digit: 1 if worker w1 has it connected, 2 if it is w2, and so on; a dot if it is not "
        f"connected. The lease of a worker lasts {plan.lease_ttl:g} s here, and 5 s by default."
    )


def _summarise(steps: Steps, results: tuple[Result, ...]) -> None:
    console = steps.console
    steps.heading("How long accounts were not connected")
    table = Table(
        "step", "accounts", "half of them", "all of them", "promised", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for move in steps.moves:
        promised = "" if move.promised is None else f"{move.promised:g} s"
        longest = f"{move.longest:.1f} s" if not move.absent else "not all"
        table.add_row(move.step, str(len(move.gaps)), f"{move.median:.1f} s", longest, promised)
    console.print(table)
    steps.heading("Summary")
    for result in results:
        mark, colour = MARKS[result.held]
        steps.print_text(result.rule, lead=f"{mark} ", lead_style=colour)
        steps.print_text(result.observation, "dim" if result.held else colour, "  ")
    for name, times in steps.leases_lost.items():
        steps.print_text(
            f"{name} lost its lease {'once' if times == 1 else f'{times} times'}, because it could not renew it in time "
            "on this busy machine. Its accounts moved to other workers meanwhile."
        )
    console.print()
    failed = sum(not result.held for result in results)
    if failed:
        steps.print_text("1 rule failed." if failed == 1 else f"{failed} rules failed.", "bold red")
        return
    steps.print_text(f"All {len(results)} rules held.", "bold green")
    for text, command in NEXT_STEPS.items():
        steps.heading(text)
        lines = wrapped(command, console.width - 2, lead=2)
        console.print(escape("  " + lines.replace("\n", " \\\n")))  # the shell reads this as one line
