"""The printed log of a demo: headings, and lines with the time and their source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio
from rich.markup import escape

from .terminal import safe_text, wrapped

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["MARKS", "DemoText"]

MARKS = {True: ("✓", "green"), False: ("✗", "bold red")}
"""The mark of a rule that held, and of one that failed, each with its style."""


@attrs.define(eq=False)
class DemoText:
    """Prints what a demo does.

    Attributes:
        console: prints it.
    """

    console: Console
    _began: float = attrs.field(factory=trio.current_time, init=False)

    @property
    def elapsed(self) -> float:
        """Seconds since the demo began."""
        return trio.current_time() - self._began

    def heading(self, title: str) -> None:
        """Print the heading of a part."""
        self.console.print()
        self.print_text(title, "bold")

    def print_text(self, text: str, style: str = "default", lead: str = "", lead_style: str = "default") -> None:
        """Print *text* after *lead*, broken between words at the width of the terminal."""
        lines = wrapped(safe_text(text), self.console.width, len(lead))
        self.console.print(f"[{lead_style}]{escape(lead)}[/{lead_style}][{style}]{escape(lines)}[/{style}]")

    def print_line(self, source: str, text: str, colour: str = "default") -> None:
        """Print one line of the log: the time, *source* and *text*."""
        self.print_text(text, colour, f"{self.elapsed:7.2f} s  {source:<7} ")
