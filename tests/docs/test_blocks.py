"""Every block of code in README, the pages and the public docstrings is run, and every output that they show is compared."""

from __future__ import annotations

import importlib
import inspect
import pathlib
import re
from collections.abc import Callable, Iterator

import pytest
import trio
from sybil import Document, Example, Sybil
from sybil.document import PythonDocStringDocument

import cometconn
from cometconn.emulator import open_emulator

from .blocks import LANGUAGES, PARSERS, docstring_examples
from .stage import Stage

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
# The modules that users read: those without an underscore, and the two that the front door is made of.
PUBLIC = sorted(
    path
    for path in (ROOT / "cometconn").rglob("*.py")
    if not re.search(r"/_(?!_init_|client|open)", str(path.relative_to(ROOT)))
)
DRAWN = {"mermaid"}  # tests/lifecycle/test_diagram.py compares it with the table
BROWSER = {"html", "js"}  # an app like it runs in tests/browser
WITHOUT_CODE = {
    "command-options", "controls", "eval-rst", "event-kinds", "figure", "fleet-sizes", "image", "include", "lifecycle", "note", "rooms",
    "tip", "toctree", "warning",
}  # fmt: skip

DOCUMENTS: list[Document] = [
    *(Sybil(PARSERS).parse(page) for page in PAGES),
    *(Sybil([docstring_examples], document_types={".py": PythonDocStringDocument}).parse(module) for module in PUBLIC),
]
# After the last block of a page everything that runs is ended, which may fail, too.
BLOCKS = [(document, example) for document in DOCUMENTS if document.regions for example in (*document, None)]


def _place(document: Document, example: Example | None) -> str:
    return f"{pathlib.Path(document.path).relative_to(ROOT)}:{'end' if example is None else example.line}"


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Document], Stage]]:
    """Return the stage on which a page's blocks run, one for each page."""
    stages: dict[str, Stage] = {}

    def reader(page: Document) -> Stage:
        if page.path not in stages:
            page.namespace["stage"] = stages[page.path] = Stage(tmp_path_factory.mktemp("reader"), page.namespace)
            if page.path.endswith(".py"):  # a docstring uses the names of its module without imports
                parts = pathlib.Path(page.path).relative_to(ROOT).with_suffix("").parts
                module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
                page.namespace |= {"trio": trio, "cometconn": cometconn, "open_emulator": open_emulator}
                page.namespace |= {**vars(cometconn), **vars(module)}
        return stages[page.path]

    yield reader
    for stage in stages.values():
        stage.close()


@pytest.mark.parametrize(("page", "example"), BLOCKS, ids=[_place(*block) for block in BLOCKS])
def test_a_block_has_the_effect_that_it_shows(
    page: Document, example: Example | None, readers: Callable[[Document], Stage]
) -> None:
    """Code runs, commands run, and the output that the page shows was printed."""
    reader = readers(page)
    if example is None:
        reader.close()
    else:
        example.evaluate()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_block_is_passed_over(page: pathlib.Path) -> None:
    """Each fence is of a language with an evaluator, is drawn, holds no code, or shows a file that has a test."""
    text = page.read_text(encoding="utf-8")
    fences = [info.strip() for info in re.findall(r"^ *(?:`{3,}|~{3,}|:{3,})(.*)$", text, re.MULTILINE)]
    assert not any(fences[1::2]), "a fence is not closed"
    for info in fences[::2]:
        match = re.fullmatch(r"\{([\w-]+)\} ?(.*)", info)
        directive, argument = match.groups() if match else ("", "")
        if directive == "literalinclude":
            assert (page.parent / argument).resolve().parent == ROOT / "tests" / "examples"
        else:
            assert info in LANGUAGES.keys() | DRAWN | BROWSER or directive in WITHOUT_CODE, info


@pytest.mark.parametrize("module", PUBLIC, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_docstring_hides_an_example(module: pathlib.Path) -> None:
    """Examples in docstrings are literal blocks, which are run; other spellings would not be."""
    for _, _, text in PythonDocStringDocument.extract_docstrings(module.read_text(encoding="utf-8")):
        assert not re.search(r"^ *(?:>>> |```|\.\. code)", text, re.MULTILINE)
        assert not re.search(r"(?<!::)\n\n    \S", inspect.cleandoc(text))
