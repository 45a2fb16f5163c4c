"""Runs the measurements and shows the table."""

from __future__ import annotations

import argparse
import json
import pathlib

from rich.console import Console
from rich.table import Table

from . import bench_storm

_ALL = {"storm": bench_storm.measure}


def main() -> None:
    """Measure what was named, or everything."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"what to measure: {', '.join(_ALL)}; all unless named"
    )
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the rows there")
    parser.add_argument("--plot", type=pathlib.Path, metavar="DIR", help="draw pictures into this folder")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in _ALL]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(_ALL)}")
    if options.plot is not None:
        options.plot.mkdir(parents=True, exist_ok=True)
    rows = [row for name in options.names or _ALL for row in _ALL[name](options.plot)]
    table = Table("question", "case", "against", "ratio", "goal", "met")
    for row in rows:
        met = {True: "[green]yes[/green]", False: "[red]no[/red]", None: ""}[row.met]
        table.add_row(row.question, row.case, row.against, f"{row.ratio:.2f}", row.goal or "", met)
    Console().print(table)
    if options.json is not None:
        options.json.write_text(json.dumps([row.as_json() for row in rows], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
