"""A Sphinx directive that lists a command's arguments and options as the command itself knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sphinx.util.docutils import SphinxDirective

from cometconn.cli.app import app as cli

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

__all__ = ["setup"]


class CommandOptions(SphinxDirective):
    """The arguments and options of the command that is named."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        lines = ["| | | |", "|---|---|---|"]
        for argument in cli[self.arguments[0]].assemble_argument_collection():
            parameter = argument.parameter
            default = argument.field_info.default
            if not argument.parse or not argument.names:
                continue
            names = ", ".join(f"`{name}`" for name in argument.names)
            environment = "".join(f"`{name}`" for name in parameter.env_var or ())
            shown = "" if default in (argument.field_info.empty, None, False, ()) else f" Default: `{default}`."
            lines.append(f"| {names} | {environment} | {parameter.help}{shown} |")
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx."""
    app.add_directive("command-options", CommandOptions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
