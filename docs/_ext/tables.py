"""The transition table as tables of Markdown, from the code itself."""

from __future__ import annotations

import ast
import inspect
import itertools
from typing import TYPE_CHECKING

from cometconn._lifecycle import states
from cometconn._lifecycle.states import OUT, RESTING, WANTED, Input, State, Wish
from cometconn._lifecycle.table import TRANSITIONS
from rules import OURS, PAGE, in_words

if TYPE_CHECKING:
    import enum
    from collections.abc import Iterable, Iterator

    from cometconn._lifecycle.table import Row

__all__ = ["our_rules", "page_rules", "row_tables", "state_table"]

_SETS = {OUT: "no user logged in", RESTING: "logged in, disconnected", WANTED: "wanted", frozenset(State): "any"}
_WISHES = {Wish.NONE: "no wish", Wish.AWAITED: "the wish is awaited", Wish.STANDS: "the wish stands"}


def state_table() -> Iterator[str]:
    """Give every state, its status, and its meaning."""
    yield from ("| state | `chat.status` | meaning |", "|---|---|---|")
    words = _meanings(State)
    for state in sorted(State, key=lambda state: state in WANTED, reverse=True):
        status = f"Disconnected({state.reason.name})" if state.reason else state.name.title()
        yield f"| {_name(state)} | `{status}` | {words[state.name]} |"


def row_tables(rows: Iterable[Row] = TRANSITIONS) -> Iterator[str]:
    """Give every row, below a heading for its input."""
    words = _meanings(Input)
    for on in Input:
        yield from ("", f"### {on.value}", "", words[on.name], "")
        yield from ("| from | if | to | because |", "|---|---|---|---|")
        yield from (_line(row) for row in rows if row.on is on)


def page_rules() -> Iterator[str]:
    """Give the lines of CometChat's page."""
    yield from ("| | CometChat says |", "|---|---|")
    yield from (f"| {name} | {words} |" for name, words in PAGE.items())


def our_rules() -> Iterator[str]:
    """Give our decisions where the page gives no rule."""
    return (f"- {words}" for words in OURS.values())


def _meanings(kind: type[enum.Enum]) -> dict[str, str]:
    """Return the docstring below each member of an enumeration, by the member's name."""
    (body,) = (
        node.body
        for node in ast.parse(inspect.getsource(states)).body
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__
    )
    return {
        ast.unparse(node.targets[0]): ast.literal_eval(below.value)
        for node, below in itertools.pairwise(body)
        if isinstance(node, ast.Assign) and isinstance(below, ast.Expr)
    }


def _name(state: State) -> str:
    return state.name.replace("_", " ").lower()


def _line(row: Row) -> str:
    conditions = [f"{row.mode.value} mode"] if row.mode else []
    if row.app:
        conditions.append(row.app.value)
    if row.wish:
        conditions.append(" or ".join(_WISHES[wish] for wish in Wish if wish in row.wish))
    if row.refusal:
        to = f"stays; the call is refused: {row.refusal.value}"
    elif row.to is None:
        to = "stays"
    else:
        to = f"**{_name(row.to)}**"
    if row.life:
        to += "; a sign of life"
    return f"| {_given(row.given)} | {', '.join(conditions)} | {to} | {' '.join(in_words(row.rule))} |"


def _given(given: frozenset[State]) -> str:
    """Name a set of states by the groups that it contains, completely or except for one state."""
    if given in _SETS:
        return _SETS[given]
    for members, title in _SETS.items():
        if given < members and len(members - given) == 1:
            (missing,) = members - given
            return f"{title}, but not {_name(missing)}"
    words, left = [], set(given)
    for members, title in _SETS.items():
        if members <= left:
            words.append(title)
            left -= members
    return ", ".join(words + [_name(state) for state in State if state in left])
