"""The page on architecture agrees with the source: rooms, imports, and the names in every path through them."""

from __future__ import annotations

import importlib
import inspect
import pathlib
import re
import tomllib
import xml.etree.ElementTree as ET
from typing import Any

import grimp
import pytest

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of the documentation, as Sphinx would import it."""
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_ext"))
    return importlib.import_module("rooms")


def linter() -> dict[str, Any]:
    """The settings of import-linter."""
    settings: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]
    return settings


def room(module: str) -> str:
    """The room of a module."""
    return module.split(".")[1] if "." in module else "cometconn"


def test_the_picture_has_the_imports_that_import_linter_sees(drawn: Any) -> None:
    """The imports of the picture equal those that import-linter's own library finds."""
    graph = grimp.build_graph(
        "cometconn", exclude_type_checking_imports=linter()["exclude_type_checking_imports"], cache_dir=None
    )
    seen: dict[str, set[str]] = {}
    for module in graph.modules:
        targets = {room(target) for target in graph.find_modules_directly_imported_by(module)}
        seen.setdefault(room(module), set()).update(targets - {room(module)})
    ours = drawn.read().imports
    assert len(ours) > 15
    assert {name: set(ours[name]) for name in ours if name != "cometconn"} == {
        name: seen[name] for name in ours if name != "cometconn"
    }


def test_no_line_leads_up(drawn: Any) -> None:
    """No import in the picture leads up, between rooms or from the front door."""
    rooms = drawn.read()
    height = {name: number for number, layer in enumerate(rooms.layers) for name in layer}
    assert all(height[name] <= height[other] for name, others in rooms.imports.items() for other in others)
    assert rooms.imports["cometconn"]
    assert all(height["cometconn"] < height[other] for other in rooms.imports["cometconn"])


def test_the_picture_shows_every_room_and_every_import(drawn: Any) -> None:
    """The picture has a ring for each room and a dot for each import, and draws nothing outside of itself."""
    rooms = drawn.read()
    picture = ET.fromstring(drawn.draw(rooms))  # noqa: S314 - our own
    assert [text.text for text in picture.findall("text")] == rooms.order
    circles = picture.findall("circle")
    titles = [title.text for circle in circles for title in circle]
    imports = [f"{name} imports {other}" for name, others in rooms.imports.items() for other in others]
    assert sorted(map(str, titles)) == sorted([*rooms.order, *imports])
    assert len(picture.findall("rect")) == len(rooms.layers)
    _, _, width, height = map(int, picture.attrib["viewBox"].split())
    assert width <= 480, "its names could not be read on a phone"
    for circle in circles:
        assert 0 < int(circle.attrib["cx"]) < width
        assert 0 < int(circle.attrib["cy"]) < height


def test_every_room_has_its_sentence(drawn: Any) -> None:
    """The table below the picture has the sentence of each room's docstring."""
    rooms = drawn.read()
    lines = list(drawn.table(rooms))[2:]
    assert len(lines) == len(rooms.order)
    for name, line in zip(rooms.order, lines, strict=True):
        module = importlib.import_module(name if name == "cometconn" else f"cometconn.{name}")
        first = (inspect.getdoc(module) or "").split("\n\n")[0].replace("\n", " ")
        assert first.endswith(".")
        assert line == f"| `{name}` | {first} |"


def test_a_layer_that_does_not_exist_is_an_error(drawn: Any, tmp_path: pathlib.Path) -> None:
    """A layer that does not exist, or a room in no layer, is an error, because the picture would omit it."""
    package = tmp_path / "cometconn"
    package.mkdir()
    for name in ("__init__", "above", "below"):
        (package / f"{name}.py").write_text('"""A room."""\n\nfrom . import below\n', encoding="utf-8")
    contract = '[tool.importlinter]\nexclude_type_checking_imports = true\n[[tool.importlinter.contracts]]\ncontainers = ["cometconn"]\n'
    project = tmp_path / "pyproject.toml"
    project.write_text(contract + 'layers = ["above", "below"]\n', encoding="utf-8")
    assert drawn.read(tmp_path).imports["above"] == {"below"}
    for layers in ('["above"]', '["above", "below", "beneath"]'):
        project.write_text(contract + f"layers = {layers}\n", encoding="utf-8")
        with pytest.raises(ValueError, match="layers"):
            drawn.read(tmp_path)


def hops() -> list[str]:
    """Every name of code in the numbered lists of the page."""
    lines = re.findall(r"^\d\. .*(?:\n {3}.*)*", PAGE, re.MULTILINE)
    return [name for line in lines for name in re.findall(r"`(\w+(?:\.\w+)+)(?:\(\))?`", line)]


@pytest.mark.parametrize("name", hops())
def test_every_hop_exists(name: str) -> None:
    """Each name in a path is a module of the library, or something in one."""
    parts = name.split(".")
    found: Any = importlib.import_module("cometconn")
    for number, part in enumerate(parts):
        try:
            found = importlib.import_module(".".join(["cometconn", *parts[: number + 1]]))
        except ModuleNotFoundError:
            found = getattr(found, part)


@pytest.mark.parametrize("title", re.findall(r"^## The life of .*", PAGE, re.MULTILINE))
def test_a_life_has_hops(title: str) -> None:
    """Each path has at most seven hops, and each hop begins with a name."""
    section = PAGE.split(f"{title}\n")[1].split("\n## ")[0]
    numbered = re.findall(r"^(\d)\. `\w+(?:\.\w+)+(?:\(\))?`", section, re.MULTILINE)
    assert numbered == [str(number) for number in range(1, len(numbered) + 1)]
    assert 3 <= len(numbered) <= 8
