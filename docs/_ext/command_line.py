"""A Sphinx directive that lists a command's arguments and options, read from the command itself."""

from __future__ import annotations

import re
from functools import reduce
from typing import TYPE_CHECKING, Any

from cyclopts import App
from sphinx.util.docutils import SphinxDirective

from cometconn.cli.app import app as cli
from cometconn.cli.fleet.engine_options import EngineOptions

if TYPE_CHECKING:
    from cyclopts.argument import Argument
    from docutils import nodes
    from sphinx.application import Sphinx

__all__ = ["setup"]

_FLEET = App()
_OPTION = re.compile(r"(?<!\S)(--?[\w-]*)(?=\s)")


@_FLEET.default
def _any_command_of_a_fleet(engine: EngineOptions) -> None:
    """Have the options that the commands of a fleet share."""


class CommandOptions(SphinxDirective):
    """The arguments and options of one command, as `listen` or `fleet run`; for `fleet`, those of all its commands."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        arguments = _arguments(self.arguments[0].split())
        variables = any(each.parameter.env_var for each in arguments)
        lines = ["| argument | environment | |", "|---|---|---|"] if variables else ["| argument | |", "|---|---|"]
        for each in arguments:
            cells = [", ".join(f"`{name}`" for name in each.names)]
            if variables:
                cells.append(", ".join(f"`{name}`" for name in each.parameter.env_var or ()))
            cells.append(_words(each))
            lines.append(f"| {' | '.join(cells)} |")
        return self.parse_text_to_nodes("\n".join(lines))


def _arguments(words: list[str]) -> list[Argument]:
    # An argument without help is a group of options, which are listed on their own.
    shared = [each for each in _FLEET.assemble_argument_collection() if each.parameter.help]
    if words == ["fleet"]:
        return shared
    found = [each for each in reduce(App.__getitem__, words, cli).assemble_argument_collection() if each.parameter.help]
    return found if words[0] != "fleet" else [each for each in found if each.names not in [one.names for one in shared]]


def _words(argument: Argument) -> str:
    """Return the help and the default of an argument, with options as code."""
    default = argument.field_info.default
    help_text = _OPTION.sub(r"`\1`", argument.parameter.help or "")
    return (
        f"{help_text} Default: `{default}`." if isinstance(default, str | int) and default is not False else help_text
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("command-options", CommandOptions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
