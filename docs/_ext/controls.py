"""A Sphinx directive that lists the emulator's controls over HTTP, read from their own description."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sphinx.util.docutils import SphinxDirective

from cometconn.emulator.controls import CONTROLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docutils import nodes
    from sphinx.application import Sphinx

    from cometconn.emulator.control import Control

__all__ = ["setup", "table"]

_MANY = 10
"""A control with more parameters than this refers to the class that describes them."""


class Controls(SphinxDirective):
    """All controls, with their parameters."""

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes("\n".join(table()))


def table() -> Iterator[str]:
    """Return the lines of the table."""
    yield from ("| request | body | what it does |", "|---|---|---|")
    for control in CONTROLS:
        query = "&".join(f"{each.name}=" for each in control.parameters if each.place == "query")
        request = f"{control.method} /control/{control.name}{'?' if query else ''}{query}"
        yield f"| `{request}` | {_body(control)} | {control.about} |"


def _body(control: Control) -> str:
    names = [each.name if each.required else f"{each.name}?" for each in control.parameters if each.place == "body"]
    if len(names) > _MANY:
        return "the fields of `Faults`"
    return "any text" if control.body == "text" else ", ".join(f"`{name}`" for name in names)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("controls", Controls)
    return {"parallel_read_safe": True}
