"""Run the measurements and print the table."""

from __future__ import annotations

import argparse
import importlib
import json
import pathlib
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from . import page
from .comparison import Change, changes, missing, read_rows
from .encryption import with_tls
from .machine import description
from .row import Row
from .run import Run

__all__ = ["main"]

_WEIGHTS = {
    "burst": 20,
    "paced": 25,
    "fragments": 20,
    "products": 15,
    "asyncio": 30,
    "memory": 110,  # gathers the clients that the next two and `growth` measure
    "connects": 1,
    "lateness": 1,
    "login": 12,
    "background": 16,
    "import": 4,
    "cold_start": 8,
    "worst_step": 35,
    "growth": 12,
    "files": 5,
    "fleet": 30,
    "storm": 2,
    "console": 20,
}
"""The questions, in order, and roughly how many seconds each takes with `--quick`: for the bar."""


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"what to measure: {', '.join(_WEIGHTS)}; all unless named"
    )
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the rows there")
    parser.add_argument(
        "--compare", type=pathlib.Path, metavar="OLD", help="list what got worse since the run whose --json is in OLD"
    )
    parser.add_argument("--plot", type=pathlib.Path, metavar="DIR", help="draw pictures into this folder")
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds: every goal, in less than six minutes on an idle machine"
    )
    parser.add_argument(
        "--write", action="store_true", help="write the table into the documentation; without names only"
    )
    for name in ("accounts", "workers"):
        parser.add_argument(f"--{name}", type=int, default=0, metavar="N", help=f"{name} of the question `fleet`")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in _WEIGHTS]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(_WEIGHTS)}")
    if min(options.accounts, options.workers) < 0 or 0 < options.accounts < options.workers:
        parser.error("--accounts and --workers are positive numbers, with at least one account for each worker")
    if options.write and options.names:
        parser.error("--write replaces the whole table: name no questions with it")
    options.old = None
    if options.compare is not None:
        try:  # before minutes are spent on measuring
            options.old = read_rows(options.compare)
        except ValueError as error:
            parser.error(str(error))
    options.names = [name for name in _WEIGHTS if not options.names or name in options.names]
    return options


def _measure(options: argparse.Namespace, console: Console) -> tuple[list[Row], list[str]]:
    columns = (
        TextColumn("{task.fields[name]:>10}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    rows: list[Row] = []
    run = Run(options.quick, options.plot, accounts=options.accounts, workers=options.workers)
    with (
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
        with_tls(run),
    ):
        bar = progress.add_task("", total=sum(_WEIGHTS[name] for name in options.names), name="")
        done = 0
        for name in options.names:
            weight = _WEIGHTS[name]

            def tell(part: float, words: str, name: str = name, done: int = done, weight: int = weight) -> None:
                progress.update(bar, completed=done + part * weight, description=words, name=name)

            run.tell = tell
            tell(0.0, "starting")
            if not console.is_terminal:  # a progress bar would not show
                console.print(f"Measuring {name}")
            rows += importlib.import_module(f"benchmarks.bench_{name}").measure(run)
            done += weight
    return rows, run.left_out


def _table(rows: list[Row], machine: str) -> Table:
    table = Table("question", "ours / theirs", caption=machine, caption_justify="left", show_lines=True)
    for heading in ("ratio", "spread", "rounds", "goal"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("met", no_wrap=True)
    for row in rows:
        met = {True: "[green]yes[/green]", False: "[red]no[/red]", None: ""}[row.met]
        figures = f"{row.ratio:.2f}", f"{row.spread:.2f}" if row.spread else "", str(row.rounds)
        table.add_row(row.question, f"[bold]/ {row.against}[/bold]\n{row.case}", *figures, row.goal or "", met)
    return table


def _comparison(found: list[Change], gone: list[Row]) -> list[str]:
    """Return a line for each row that got worse, and a summary."""
    lines = []
    for change in found:
        if change.worse or change.fell:
            spread = max(change.new.spread, change.old.spread)
            goal = f", goal {change.new.goal}: met before, missed now" if change.fell else ""
            lines.append(
                f"{'Worse' if change.worse else 'Within the spread'}: {change.new.question} / {change.new.against}: "
                f"{change.old.ratio:.2f} -> {change.new.ratio:.2f} (spread {spread:.2f}){goal}. {change.new.case}"
            )
    worse = sum(bool(change.worse) for change in found)
    lines.append(f"{worse} of {len(found)} rows that both runs have got worse by more than their rounds vary.")
    if gone:
        questions = ", ".join(dict.fromkeys(row.question for row in gone))
        lines.append(f"{len(gone)} rows of the other run are not in this one: {questions}.")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the named questions, or all."""
    options = _parse(arguments)
    if options.plot is not None:
        options.plot.mkdir(parents=True, exist_ok=True)
    machine, console = description(), Console()
    rows, left_out = _measure(options, Console(stderr=True))
    console.print(_table(rows, machine))
    for reason in left_out:
        console.print(f"Left out: {reason}", markup=False)
    if options.old is not None:
        for line in _comparison(changes(rows, options.old), missing(rows, options.old)):
            console.print(line, markup=False)
    if options.write:
        page.write(rows, left_out, machine, quick=options.quick)
    if options.json is not None:
        options.json.write_text(json.dumps([row.as_json() for row in rows], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
