"""The packages and modules of `cometconn`, their layers and their imports, as a picture and as a table.

The layers come from import-linter's contract in `pyproject.toml`, the imports from the source, and each sentence from the
docstring of the package, so that the page cannot disagree with the code.
"""

from __future__ import annotations

import ast
import pathlib
import re
import tomllib
from html import escape
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FRONT", "Rooms", "draw", "read", "table"]

ROOT = pathlib.Path(__file__).parents[2]
FRONT = "cometconn"
"""The row of `cometconn/__init__.py`: it is the package itself, so no layer of the contract names it."""

_LABEL, _STEP, _ROW, _GAP, _TOP = 140, 10, 19, 6, 4  # pixels


@attrs.frozen
class Rooms:
    """What the page shows.

    Attributes:
        layers: the rooms from top to bottom, those of one layer together.
        imports: the rooms that each room imports, itself left out.
        sentences: the first sentence of each room's docstring.
    """

    layers: tuple[tuple[str, ...], ...]
    imports: dict[str, frozenset[str]]
    sentences: dict[str, str]

    @property
    def order(self) -> list[str]:
        """All rooms from top to bottom."""
        return [room for layer in self.layers for room in layer]


def read(root: pathlib.Path = ROOT) -> Rooms:
    """Read the rooms of the source tree at *root*.

    Raises:
        ValueError: the contract lists a room that does not exist, or leaves one out.
    """
    linter = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (contract,) = (each for each in linter["contracts"] if each.get("containers") == [FRONT])
    layers = [tuple(re.split(r" *[|:] *", layer)) for layer in contract["layers"]]
    package = root / "cometconn"
    paths = {path.relative_to(package): path for path in sorted(package.rglob("*.py"))}
    modules = {_module(path): ast.parse(text.read_text(encoding="utf-8")) for path, text in paths.items()}
    packages = {_module(path) for path in paths if path.name == "__init__.py"}
    names = {_room(module) for module in modules}
    if names - {FRONT} != {room for layer in layers for room in layer}:
        message = "the layers in pyproject.toml are not the packages and modules of the source"
        raise ValueError(message)
    imports: dict[str, set[str]] = {name: set() for name in names}
    for module, tree in modules.items():
        # The front door imports a module when one of its names is used; type checkers see these imports.
        types = module == FRONT or not linter["exclude_type_checking_imports"]
        for target in _targets(tree, module if module in packages else module.rpartition(".")[0], types=types):
            known = target if target in modules else target.rpartition(".")[0]
            if known in modules:
                imports[_room(module)].add(_room(known))
    above = [number for number, layer in enumerate(layers) if any(FRONT in imports[room] for room in layer)]
    layers.insert(max(above, default=-1) + 1, (FRONT,))
    return Rooms(
        tuple(layers),
        {name: frozenset(targets - {name}) for name, targets in imports.items()},
        {name: _sentence(modules[name if name == FRONT else f"{FRONT}.{name}"]) for name in names},
    )


def _module(path: pathlib.Path) -> str:
    return ".".join((FRONT, *path.with_suffix("").parts)).removesuffix(".__init__")


def _room(module: str) -> str:
    return module.split(".")[1] if "." in module else FRONT


def _sentence(tree: ast.Module) -> str:
    first, *_ = (ast.get_docstring(tree) or "").split("\n\n")
    return first.replace("\n", " ")


def _targets(node: ast.AST, package: str, *, types: bool) -> Iterator[str]:
    """Give the absolute name of everything that is imported in *node*, wherever it stands."""
    if isinstance(node, ast.If) and not types and "TYPE_CHECKING" in ast.unparse(node.test):
        children: list[ast.AST] = list(node.orelse)
    else:
        children = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parents = package.split(".")
        start = parents[: len(parents) - node.level + 1] if node.level else []
        base = ".".join([*start, *filter(None, [node.module])])
        yield from (f"{base}.{alias.name}" for alias in node.names)
    for child in children:
        yield from _targets(child, package, types=types)


def draw(rooms: Rooms) -> str:
    """Return the picture as SVG that takes its colours from the page around it.

    A row is a room and has a ring. The line at the ring leads to a dot for each room that this one imports.
    """
    rows: dict[str, int] = {}
    bands = []
    y = _TOP
    for layer in rooms.layers:
        bands.append((y, _ROW * len(layer)))
        for room in layer:
            rows[room] = y + _ROW // 2
            y += _ROW
        y += _GAP
    columns = {room: _LABEL + 8 + _STEP * number for number, room in enumerate(rooms.order)}
    width = _LABEL + _STEP * len(columns) + 8
    title = "The rooms of cometconn and their imports"
    parts = [
        f'<svg class="rooms" viewBox="0 0 {width} {y - _GAP + _TOP}" role="img" aria-label="{title}">',
        f"<title>{title}</title>",
        *(f'<rect class="layer" x="0" y="{top}" width="{width}" height="{height}" rx="4"/>' for top, height in bands),
    ]
    for room in rooms.order:
        parts += _draw_room(room, rooms.imports[room], columns, rows)
    return "\n".join([*parts, "</svg>"])


def _draw_room(room: str, imports: frozenset[str], columns: dict[str, int], rows: dict[str, int]) -> Iterator[str]:
    x, y = columns[room], rows[room]
    yield f'<text class="room" x="{_LABEL - 4}" y="{y + 4}" text-anchor="end">{escape(room)}</text>'
    if imports:
        ends = [y, *(rows[other] for other in imports)]
        yield f'<line class="imports" x1="{x}" y1="{min(ends)}" x2="{x}" y2="{max(ends)}"/>'
    yield f'<circle class="from" cx="{x}" cy="{y}" r="3.5"><title>{escape(room)}</title></circle>'
    for other in sorted(imports, key=rows.__getitem__):
        words = f"{escape(room)} imports {escape(other)}"
        yield f'<circle class="to" cx="{x}" cy="{rows[other]}" r="3"><title>{words}</title></circle>'


def table(rooms: Rooms) -> Iterator[str]:
    """Give each room with its sentence, from top to bottom, as a table of Markdown."""
    yield from ("| room | what it is for |", "|---|---|")
    yield from (f"| `{room}` | {rooms.sentences[room].replace('|', '&#124;')} |" for room in rooms.order)
