"""A Sphinx directive that shows the rooms of the source: a picture of their imports, or a table of their sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

import rooms

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup"]


class RoomsDirective(SphinxDirective):
    """One view of the rooms: `picture` or `table`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Draw or write it; the page is built again when the source or the contract has changed."""
        for path in (rooms.ROOT / "pyproject.toml", *sorted((rooms.ROOT / "cometconn").rglob("*.py"))):
            self.env.note_dependency(str(path))
        found = rooms.read()
        if self.arguments[0] == "table":
            return self.parse_text_to_nodes("\n".join(rooms.table(found)))
        return [nodes.raw("", rooms.draw(found), format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("rooms", RoomsDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
