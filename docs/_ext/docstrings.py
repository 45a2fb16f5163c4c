"""Converts docstrings and signatures, which are written for `help()`, to what Sphinx reads."""

from __future__ import annotations

import enum
import importlib
import pkgutil
import re
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import attrs
from sphinx.pycode import ModuleAnalyzer

import cometconn
from cometconn.events import Event

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup"]

# Classes that `open_client()` and similar calls make, as their docstrings state: their constructors are not documented.
_MADE = re.compile(r"\bmakes it; do not build it yourself|\bMade by `|, not by you\b")


def _choices() -> dict[str, str]:
    """Return the text of each alias of a `Literal`, such as `_ReceiverType`, because readers need the values."""
    found: dict[str, set[str]] = {}
    for module in pkgutil.walk_packages(cometconn.__path__, "cometconn."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if get_origin(value) is Literal:
                found.setdefault(name, set()).add(f"Literal{list(get_args(value))}")
    return {name: words.pop() for name, words in found.items() if len(words) == 1}


SPELLED_OUT = _choices()
_ALIAS = re.compile(r"(?<![\w.])(?:cometconn\.[\w.]+\.)?(" + "|".join(SPELLED_OUT) + r")\b(?!:)")
_SEVERAL = re.compile(r"(?P<indent>\s+)(?P<names>\w+(?:, \w+)+): ")


def show_signature(
    _app: Sphinx, what: str, _name: str, obj: Any, _options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Leave out constructors that are not public, and replace aliases by their values."""
    if what == "class" and (issubclass(obj, Event | enum.Enum) or _MADE.search(obj.__doc__ or "")):
        return "", None
    if what == "class" and attrs.has(obj):
        signature = _show_defaults(signature, obj)
    if returns is not None and hasattr(obj, "__wrapped__"):  # made by contextlib.asynccontextmanager
        returns = re.sub(r"^(?:[\w.]+\.)?AsyncGenerator\[(.*), None\]$", r"AbstractAsyncContextManager[\1]", returns)
    return _spell_out(signature), _spell_out(returns)


def _show_defaults(signature: str | None, kind: type[attrs.AttrsInstance]) -> str | None:
    """Put the real defaults into a signature made by attrs."""
    for field in attrs.fields(kind):
        default: Any = field.default
        if isinstance(default, attrs.Factory):  # type: ignore[arg-type] - a class, whatever its annotation says
            shown = f"{default.factory.__name__}()"
        else:
            shown = str(default) if isinstance(default, enum.Enum) else repr(default)
        made = rf"attr_dict\['{field.name}'\]\.default|(?<={field.name}: )([^=]*) = NOTHING"
        signature = signature and re.sub(
            made, lambda match, shown=shown: f"{match[1]} = {shown}" if match[1] else shown, signature
        )
    return signature


def _spell_out(text: str | None) -> str | None:
    return text and _ALIAS.sub(lambda match: SPELLED_OUT[match[1]], text)


def show_docstring(_app: Sphinx, what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    """Change what napoleon would misread."""
    if what in {"attribute", "property", "data"}:
        # Napoleon reads the text before a colon in the first line as the type: make the first line an empty comment.
        lines[:0] = ["..", ""]
    for number, line in enumerate(lines.copy()):
        if match := _SEVERAL.match(line):
            # Napoleon reads the first of two names as the type.
            names = match["names"].replace(", ", "/")
            lines[number] = f"{match['indent']}{names}: {line[match.end() :]}"
        if line.strip() == "Returns:" and ": " in lines[number + 1]:
            indent = " " * (len(lines[number + 1]) - len(lines[number + 1].lstrip()))
            lines[number + 1 : number + 1] = [f"{indent}..", ""]


def show_one_signature(_app: Sphinx) -> None:
    """Show the one signature that `events()` has at run time instead of its ten overloads, which are for type checkers."""
    analyzer = ModuleAnalyzer.for_module("cometconn._client.client")  # Sphinx keeps it, and autodoc gets the same
    analyzer.analyze()
    analyzer.overloads.clear()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the converters."""
    app.connect("builder-inited", show_one_signature)
    app.connect("autodoc-process-signature", show_signature)
    app.connect("autodoc-process-docstring", show_docstring, priority=400)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}
