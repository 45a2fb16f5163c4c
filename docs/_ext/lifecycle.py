"""Sphinx directives that show the transition table as tables and pictures."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

import lanes
import rules
import tables
from cometconn._lifecycle import states, table
from cometconn._lifecycle.states import Mode

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup"]

_TABLES = {
    "states": tables.state_table,
    "rows": tables.row_tables,
    "page-rules": tables.page_rules,
    "our-rules": tables.our_rules,
}


class Lifecycle(SphinxDirective):
    """One part of the lifecycle: a picture (`auto`, `manual`), or a table."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Draw or write it; the page is built again when its sources have changed."""
        for module in (states, table, lanes, rules, tables):
            self.env.note_dependency(inspect.getfile(module))
        part = self.arguments[0]
        if part in _TABLES:
            return self.parse_text_to_nodes("\n".join(_TABLES[part]()), allow_section_headings=True)
        # In a box that scrolls on a narrow screen, also by the keyboard.
        return [nodes.raw("", f'<div class="wide" tabindex="0">{lanes.draw(Mode(part))}</div>', format="html")]


class Mermaid(SphinxDirective):
    """The picture for viewers of Markdown, which the built page leaves out: it has a picture for each mode."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Leave it out."""
        return []


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("lifecycle", Lifecycle)
    app.add_directive("mermaid", Mermaid)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
