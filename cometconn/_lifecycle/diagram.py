"""The transition table as a picture: Mermaid text for the page of the lifecycle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .states import HEADING, OUT, RESTING, WANTED, Mode, State
from .table import TRANSITIONS, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["mermaid"]

_GROUPS = {WANTED: "Wanted", RESTING: "Resting", OUT: "Out"}
_TITLES = {
    "Wanted": "logged in, wanted: the lease is alive",
    "Resting": "logged in, disconnected",
    "Out": "no user logged in",
}


def mermaid(rows: Iterable[Row] = TRANSITIONS) -> str:
    """Return a Mermaid state diagram of every row of *rows* that changes the state."""
    lines = ["stateDiagram-v2", "    direction LR", f"    [*] --> {_name(State.NOT_LOGGED_IN)}"]
    for members, group in _GROUPS.items():
        lines.append(f'    state "{_TITLES[group]}" as {group} {{')
        lines += [f"        {_name(state)}" for state in State if state in members]
        lines.append("    }")
    labels: dict[tuple[str, str], dict[str, None]] = {}
    for row in rows:
        for source, target in _edges(row):
            labels.setdefault((source, target), {})[_label(row)] = None
    lines += [f"    {source} --> {target}: {' / '.join(label)}" for (source, target), label in labels.items()]
    return "\n".join(lines) + "\n"


def _edges(row: Row) -> Iterator[tuple[str, str]]:
    if row.to is None:
        return
    left = set(row.given)
    for members, group in _GROUPS.items():
        if members <= left:
            left -= members
            yield group, _name(row.to)
    for state in State:
        if state in left:
            yield _name(state), _name(row.to)


def _label(row: Row) -> str:
    where = [part.value for part in (row.mode, row.app) if part is not None]
    if row.wish is not None and row.mode is Mode.MANUAL and row.given <= HEADING:
        where.append(" or ".join(sorted(wish.value for wish in row.wish)))
    return f"{row.on.value} ({', '.join(where)})" if where else row.on.value


def _name(state: State) -> str:
    return state.name.title().replace("_", "")
