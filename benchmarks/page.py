"""The page of the documentation that has the figures of the last whole run."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Iterator, Sequence

from .row import Row

__all__ = ["PAGE", "write"]

PAGE = pathlib.Path(__file__).parent.parent / "docs" / "reference" / "speed.md"
_MARK = "<!-- What follows is written by `nox -s bench -- --write`. -->\n"
_STEPS = "worst step"  # a row for each kind of frame and each size, too many for the first table


def write(rows: Sequence[Row], left_out: Iterable[str], machine: str, *, quick: bool) -> None:
    """Replace the figures on the page. The rows over TLS come first, because CometChat's servers use nothing else."""
    steps = [row for row in rows if row.question == _STEPS and row.against == "1 ms"]
    others = [row for row in rows if row not in steps]
    tls = [row for row in others if row.question.endswith(", TLS")]
    lines = [
        "## The figures of one run",
        "",
        f"All of one {'quick run' if quick else 'run'} of `nox -s bench{' -- --quick' if quick else ''}`, on this machine:",
        "",
        *(f"    {line}" for line in machine.splitlines()),
        "",
        *_table([*tls, *(row for row in others if row not in tls)]),
        "",
        *(f"- Left out: {_cell(reason)}" for reason in left_out),
        "",
        "The longest step of the event loop for one frame or one REST answer of each kind, plain TCP and TLS:",
        "",
        *_table(steps),
        "",
    ]
    text = PAGE.read_text(encoding="utf-8").partition(_MARK)[0]
    PAGE.write_text(text + _MARK + "\n".join(lines), encoding="utf-8")


def _table(rows: Iterable[Row]) -> Iterator[str]:
    yield "| question | against | figures | ratio | spread | rounds | goal | met |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows:
        met = {True: "yes", False: "no", None: ""}[row.met]
        figures = f"{row.ratio:.2f}", f"{row.spread:.2f}" if row.spread else "", str(row.rounds), row.goal or "", met
        yield f"| {' | '.join(map(_cell, (row.question, row.against, row.case, *figures)))} |"


def _cell(text: str) -> str:
    """Return text for a cell that shows it as it is, with every sign that Markdown or HTML would read."""
    for sign in "\\|<[*_":
        text = text.replace(sign, f"\\{sign}")
    return text
