"""Writes every documented program into a folder, for type checkers: `python -m tests.typing.documented FOLDER`.

That is every program of `tests/examples`, and every Python block of README and the pages, each in a file with the name
that its test has, `docs/how-to/bot.md:9` becoming `docs_how_to_bot_md_9.py`. Blocks that are no programs share the names of
their page when they run, so each such block is in the file of the one before it, unless it defines something anew. The line
numbers in a file are those of the page.
"""

from __future__ import annotations

import ast
import json
import pathlib
import re
import sys
import textwrap
from typing import TYPE_CHECKING

from sybil import Sybil

from tests.docs import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NOT_STRICT", "PAGES", "SKIPPED", "documented"]

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]

SKIPPED = {
    "tests/examples/desktop_qt.py": "It needs Qt, which is too large for a test.",
    "tests/examples/driven_qt.py": "It drives the one above.",
}
"""Programs that are not written, with the reason."""

NOT_STRICT = {
    "docs/how-to/test.md": "Functions of pytest suites seldom have annotations.",
    "docs/how-to/store.md": "Its last function is such a one.",
    "docs/how-to/migrate.md": "Its lines are called by hidden ones.",
}
"""Pages whose functions need no annotations, with the reason. What they call is checked, and programs are strict."""

_LOOSE = "# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs, disable-error-code=var-annotated\n# pyright: basic\n"
# What the lines of a page use without making it, with its type.
_GIVEN = {"chat": "cometconn.CometChat", "server": "cometconn.emulator.Emulator", "endpoints": "cometconn.Endpoints"}


def documented() -> dict[str, str]:
    """Return the source of each program by the name of its file."""
    examples = (path for path in (ROOT / "tests" / "examples").glob("*.py") if not path.name.startswith("test_"))
    wanted = (path for path in examples if str(path.relative_to(ROOT)) not in SKIPPED)
    files = {path.name: path.read_text(encoding="utf-8") for path in wanted}
    for page in PAGES:
        files.update(_of_page(page))
    return files


def _of_page(page: pathlib.Path) -> Iterator[tuple[str, str]]:
    place = page.relative_to(ROOT)
    first = _LOOSE if str(place) in NOT_STRICT else "\n\n"
    file, lines, defined = "", first, set[str]()
    for example in Sybil(blocks.PARSERS).parse(page):
        if example.region.evaluator is not blocks.run_python:
            continue
        name = re.sub(r"\W", "_", f"{place}:{example.line}") + ".py"
        source = str(example.parsed)
        tree = ast.parse(source)
        if blocks._is_program(source):
            yield name, "\n" * example.line + source
            continue
        here = {node.name for node in tree.body if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)}
        if here & defined:
            yield file, lines
            imports = (node for node in ast.parse(lines).body if isinstance(node, ast.Import | ast.ImportFrom))
            unused = "  # pyright: ignore[reportUnusedImport]"  # some may be for the lines before only
            file, lines, defined = "", first + "; ".join(map(ast.unparse, imports)) + unused + "\n", set()
        file, defined = file or name, defined | here
        imports, newline, function = _as_function(source, tree, example.line).partition("\n")
        once = "" if imports in lines.splitlines() else imports
        lines = _before_line(lines, example.line - 1) + once + newline + function
    if file:
        yield file, lines


def _before_line(text: str, line: int) -> str:
    """Return *text* with as many empty lines as put what follows on this *line*."""
    return text + "\n" * (line - 1 - text.count("\n"))


def _as_function(source: str, tree: ast.AST, line: int) -> str:
    """Return lines that await as the body of a function, other lines as they are, with two lines before them."""
    try:
        compile(source, "", "exec", dont_inherit=True)
    except SyntaxError:
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        given = {name: kind for name, kind in _GIVEN.items() if name in used}
        imports = "; ".join(f"import {module}" for module in {kind.rpartition(".")[0] for kind in given.values()})
        arguments = ", ".join(f'{name}: "{kind}"' for name, kind in given.items())
        return f"{imports}\nasync def lines_{line}({arguments}) -> None:\n" + textwrap.indent(source, "    ")
    return "\n\n" + source


# A program need not have a case for every event.
_PYRIGHT = {"typeCheckingMode": "strict", "pythonVersion": "3.11", "reportMatchNotExhaustive": "none"}

if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    (folder / "pyrightconfig.json").write_text(json.dumps(_PYRIGHT), encoding="utf-8")
    for file, text in documented().items():
        (folder / file).write_text(text, encoding="utf-8")
