"""Sphinx directives that show the transition table: what it says and how it looks, taken from the code itself."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from cometconn._lifecycle import states
from cometconn._lifecycle.states import OUT, RESTING, WANTED, Input, Mode, State, Wish
from cometconn._lifecycle.table import TRANSITIONS
from lanes import draw
from rules import OURS, PAGE, in_words

if TYPE_CHECKING:
    import enum

    from sphinx.application import Sphinx

    from cometconn._lifecycle.table import Row

__all__ = ["meanings", "setup"]

_SETS = {OUT: "nobody logged in", RESTING: "logged in, disconnected", WANTED: "wanted", frozenset(State): "any"}


def meanings(kind: type[enum.Enum]) -> dict[str, str]:
    """Return what the source says below each member of an enumeration, by the member's name."""
    (body,) = (
        node.body
        for node in ast.parse(inspect.getsource(states)).body
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__
    )
    found = {}
    for node, following in zip(body, body[1:], strict=False):
        if isinstance(node, ast.Assign) and isinstance(following, ast.Expr):
            (name,) = node.targets
            found[ast.unparse(name)] = ast.literal_eval(following.value)
    return found


class _Generated(SphinxDirective):
    """A directive that writes Markdown, which the page then reads as its own."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(inspect.getfile(states))
        return self.parse_text_to_nodes("\n".join(self.lines()), allow_section_headings=True)

    def lines(self) -> list[str]:
        raise NotImplementedError


class Picture(_Generated):
    """The picture of one mode: `auto` or `manual`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", draw(Mode(self.arguments[0])), format="html")]


class States(_Generated):
    """Every state and what it means."""

    def lines(self) -> list[str]:
        table = ["| state | `chat.status` | meaning |", "|---|---|---|"]
        for state in sorted(State, key=lambda state: state in WANTED, reverse=True):
            status = f"`Disconnected({state.reason.name})`" if state.reason else f"`{state.name.title()}`"
            table.append(f"| {_name(state)} | {status} | {meanings(State)[state.name]} |")
        return table


class Rows(_Generated):
    """Every row of the table, below its input."""

    def lines(self) -> list[str]:
        lines: list[str] = []
        for on in Input:
            lines += ["", f"### {on.value}", "", meanings(Input)[on.name], ""]
            lines += ["| from | if | to | because |", "|---|---|---|---|"]
            lines += [_line(row) for row in TRANSITIONS if row.on is on]
        return lines


class Rules(_Generated):
    """The lines of CometChat's page (`page`), or what we decide ourselves (`ours`)."""

    required_arguments = 1
    words: ClassVar = {"page": PAGE, "ours": OURS}

    def lines(self) -> list[str]:
        if self.arguments[0] == "ours":
            return [f"- {words}" for words in OURS.values()]
        return ["| | CometChat says |", "|---|---|", *(f"| {name} | {words} |" for name, words in PAGE.items())]


def _name(state: State) -> str:
    return state.name.replace("_", " ").lower()


def _line(row: Row) -> str:
    conditions = [f"{row.mode.value} mode"] if row.mode else []
    if row.app:
        conditions.append(row.app.value)
    if row.wish:
        wishes = {Wish.NONE: "no wish", Wish.AWAITED: "the wish is awaited", Wish.STANDS: "the wish stands"}
        conditions.append(" or ".join(wishes[wish] for wish in Wish if wish in row.wish))
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
    if given in _SETS:
        return _SETS[given]
    words, left = [], set(given)
    for members, title in _SETS.items():
        if members <= left:
            words.append(title)
            left -= members
        elif len(members - given) == 1 and len(given) > len(members) / 2 and given <= members:
            (missing,) = members - given
            return f"{title}, but not {_name(missing)}"
    return ", ".join(words + [_name(state) for state in State if state in left])


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx."""
    app.add_directive("lifecycle-picture", Picture)
    app.add_directive("lifecycle-states", States)
    app.add_directive("lifecycle-rows", Rows)
    app.add_directive("lifecycle-rules", Rules)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
