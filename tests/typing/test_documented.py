"""The programs that type checkers get are all those that the documentation shows."""

from __future__ import annotations

import ast
import re

import pytest

from tests.typing.documented import NOT_STRICT, PAGES, ROOT, SKIPPED, documented

FILES = documented()


def test_every_line_of_every_block_is_in_a_file() -> None:
    """Each line of Python on a page stands, but for its indent, on the line of the same number in a file of that page."""
    for page in PAGES:
        of_page = re.sub(r"\W", "_", str(page.relative_to(ROOT)))
        files = [text.splitlines() for name, text in FILES.items() if re.fullmatch(rf"{of_page}_\d+\.py", name)]
        inside = False
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines()):
            inside = inside and not line.strip().startswith("```")
            if inside and line.strip():
                assert any(file[number : number + 1] and file[number].strip() == line.strip() for file in files), line
            inside = inside or line.strip() == "```python"


@pytest.mark.parametrize("name", FILES)
def test_each_is_a_module(name: str) -> None:
    """It is valid Python outside of a REPL: lines that await are in a function."""
    ast.parse(FILES[name])
    compile(FILES[name], name, "exec", dont_inherit=True)
    assert name.removesuffix(".py").isidentifier()


def test_no_entry_is_stale() -> None:
    """What is left out, or is not strict, exists, and has its reason in one sentence; there are at most 20."""
    assert all((ROOT / name).exists() for name in SKIPPED | NOT_STRICT)
    assert len(SKIPPED | NOT_STRICT) <= 20
    assert all(re.fullmatch(r"[A-Z][^.]+[.]", reason) for reason in (SKIPPED | NOT_STRICT).values())
