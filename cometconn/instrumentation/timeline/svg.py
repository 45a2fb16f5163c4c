"""A few SVG elements, written by hand."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["fits", "line", "number", "path", "rect", "text", "width_of"]

_LETTER = 5.9  # pixels: the average width of a letter at 11 px


def number(value: float) -> str:
    """Return a coordinate, rounded to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def rect(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> str:
    """Return a rectangle with the class *kind* and, as its tooltip, *title*."""
    at = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
    return _element("rect", at, kind, title)


def path(steps: Iterable[str], kind: str, title: str = "") -> str:
    """Return a path of these steps; an empty string if there are none."""
    data = "".join(steps)
    return _element("path", f'd="{data}"', kind, title) if data else ""


def line(x: float, y: float, to_x: float, to_y: float, kind: str) -> str:
    """Return a straight line."""
    return path([f"M{number(x)} {number(y)}L{number(to_x)} {number(to_y)}"], kind)


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """Return a text element."""
    return f'<text x="{number(x)}" y="{number(y)}"{_class(kind)}>{html.escape(words)}</text>'


def fits(words: str, width: float) -> bool:
    """Return whether *words* fit into *width* pixels."""
    return width_of(words) + 8 <= width


def width_of(words: str) -> float:
    """Return the approximate width of *words* in pixels."""
    return len(words) * _LETTER


def _element(name: str, attributes: str, kind: str, title: str) -> str:
    inside = f"<title>{html.escape(title)}</title></{name}>" if title else f"</{name}>"
    return f"<{name} {attributes}{_class(kind)}>{inside}"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
