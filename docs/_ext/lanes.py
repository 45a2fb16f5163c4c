"""Draws the transition table: a column for each state, a line for each transition."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import attrs

from cometconn._lifecycle.states import OUT, RESTING, WANTED, Input, Mode, State, Wish
from cometconn._lifecycle.table import TRANSITIONS
from cometconn.status import AppState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cometconn._lifecycle.table import Row

__all__ = ["Lane", "draw", "lanes", "reachable"]

_GROUPS = (
    ("no user logged in", OUT),
    ("logged in, disconnected", RESTING),
    ("wanted", WANTED),
    ("left", frozenset({State.CLIENT_CLOSED})),
)
_ORDER = {
    state: number for number, state in enumerate(state for _, members in _GROUPS for state in State if state in members)
}
_WISHES = {Wish.NONE: "no wish", Wish.AWAITED: "awaited", Wish.STANDS: "stands"}
_SAYS = {Input.ENTERED_BACKGROUND: AppState.BACKGROUND, Input.ENTERED_FOREGROUND: AppState.FOREGROUND}

_WIDTH, _LABEL, _LEAN, _ROW, _HEAD, _MARGIN = 740, 222, 50, 25, 112, 6  # pixels; the last name leans out to the right


@attrs.frozen
class Lane:
    """One line of the picture: an input, the states it leads from, and the state it leads to.

    Attributes:
        label: the input and its conditions.
        sources: the states it leads from.
        target: the state it leads to.
    """

    label: str
    sources: frozenset[State]
    target: State


def _places(mode: Mode) -> set[tuple[State, AppState]]:
    """Return every pair of state and app state that a client in *mode* can reach."""
    seen: set[tuple[State, AppState]] = set()
    new = {(State.NOT_LOGGED_IN, AppState.FOREGROUND)}
    while new:
        seen |= new
        new = {_after(row, place) for row in TRANSITIONS for place in seen if _fits(row, mode, *place)} - seen
    return seen


def _fits(row: Row, mode: Mode, state: State, app: AppState) -> bool:
    return row.mode in {None, mode} and row.app in {None, app} and state in row.given


def _after(row: Row, place: tuple[State, AppState]) -> tuple[State, AppState]:
    state, app = place
    return row.to or state, _SAYS.get(row.on, app)


def reachable(mode: Mode) -> list[State]:
    """Return the states that a client in *mode* can be in, in the picture's order."""
    return sorted({state for state, _ in _places(mode)}, key=_ORDER.__getitem__)


def lanes(mode: Mode) -> list[Lane]:
    """Return every transition of *mode* that changes the state; those with the same label and target share a line."""
    places = _places(mode)
    merged: dict[tuple[str, State], frozenset[State]] = {}
    for row in TRANSITIONS:
        if row.to is not None:
            key = (_label(row, mode), row.to)
            sources = frozenset(state for state, app in places if _fits(row, mode, state, app))
            merged[key] = merged.get(key, frozenset()) | sources
    return [Lane(label, sources - {target}, target) for (label, target), sources in merged.items() if sources]


def _label(row: Row, mode: Mode) -> str:
    where = []
    # The app state is shown only where the input does not imply it.
    if row.app is not None and row.on not in _SAYS:
        where.append("in the foreground" if row.app is AppState.FOREGROUND else "in the background")
    if row.wish is not None and mode is Mode.MANUAL:
        where.append(" or ".join(_WISHES[wish] for wish in Wish if wish in row.wish))
    return f"{row.on.value}, {', '.join(where)}" if where else row.on.value


def draw(mode: Mode) -> str:
    """Return the picture of *mode* as SVG that takes its colours from the page around it."""
    states, rows = reachable(mode), lanes(mode)
    step = (_WIDTH - _LABEL - _LEAN) // len(states)
    columns = {state: _LABEL + step * number + step // 2 for number, state in enumerate(states)}
    height = _HEAD + _ROW * len(rows) + 28
    title = f"Transitions in {mode.value} mode"
    parts = [
        f'<svg class="lanes" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{title}">',
        f"<title>{title}</title>",
        *_draw_stripes(len(rows), right=_LABEL + step * len(states)),
        *_draw_groups(states, columns, height, step),
        *_draw_heads(columns, height),
    ]
    for number, lane in enumerate(rows):
        parts += _draw_lane(lane, columns, _HEAD + _ROW * number + _ROW // 2)
    return "\n".join([*parts, "</svg>"])


def _draw_stripes(count: int, *, right: int) -> Iterator[str]:
    for number in range(1, count, 2):
        yield f'<rect class="stripe" x="0" y="{_HEAD + _ROW * number}" width="{right}" height="{_ROW}"/>'


def _draw_groups(states: list[State], columns: dict[State, int], height: int, step: int) -> Iterator[str]:
    for number, (title, members) in enumerate(_GROUPS):
        mine = [columns[state] for state in states if state in members]
        left, right = min(mine) - step // 2 + 2, max(mine) + step // 2 - 2
        yield (
            f'<rect class="group group-{number}" x="{left}" y="{_HEAD - 8}" width="{right - left}" '
            f'height="{height - _HEAD + 8 - _MARGIN}" rx="6"/>'
        )
        yield f'<text class="group-title" x="{(left + right) // 2}" y="{height - 12}" text-anchor="middle">{title}</text>'


def _draw_heads(columns: dict[State, int], height: int) -> Iterator[str]:
    for state, x in columns.items():
        yield f'<line class="state" x1="{x}" y1="{_HEAD}" x2="{x}" y2="{height - 26}"/>'
        yield (
            f'<text class="state-name" transform="translate({x + 4} {_HEAD - 14}) rotate(-50)">'
            f"{escape(state.name.replace('_', ' ').lower())}</text>"
        )


def _draw_lane(lane: Lane, columns: dict[State, int], y: int) -> Iterator[str]:
    yield f'<text class="label" x="{_LABEL - 8}" y="{y + 4}" text-anchor="end">{escape(lane.label)}</text>'
    target, sources = columns[lane.target], sorted(columns[state] for state in lane.sources)
    for near, far in ((-1, min(sources)), (1, max(sources))):
        if (far - target) * near > 0:
            yield f'<line class="arrow" x1="{far}" y1="{y}" x2="{target + near * 9}" y2="{y}"/>'
            tip, back = target + near * 3, target + near * 11
            yield f'<path class="tip" d="M {tip} {y} L {back} {y - 5} L {back} {y + 5} Z"/>'
    yield from (f'<circle class="from" cx="{x}" cy="{y}" r="4"/>' for x in sources)
