"""A Sphinx directive that shows the kinds of events, and the places of their attributes in the JSON."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

from sphinx.util.docutils import SphinxDirective

import event_tables
from cometconn._wire import kinds

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

__all__ = ["setup"]


class EventKinds(SphinxDirective):
    """The kinds of events in one module of `cometconn.events`, and the places of their attributes."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Write the tables; the page is built again when their sources have changed."""
        module = importlib.import_module(f"cometconn.events.{self.arguments[0]}")
        for source in (kinds, module, event_tables):
            self.env.note_dependency(inspect.getfile(source))
        lines = [*event_tables.kind_table(self.arguments[0]), "", *event_tables.attribute_table(self.arguments[0])]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("event-kinds", EventKinds)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
