"""CONTRIBUTING.md names every session, and the files that a new kind of event really needs."""

from __future__ import annotations

import ast
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def sessions() -> set[str]:
    """The sessions that noxfile.py defines."""
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {each.name for each in functions if any("nox.session" in ast.unparse(by) for by in each.decorator_list)}


def test_every_session_is_in_the_table() -> None:
    """Each session of nox is in the table once, and no other."""
    table = PAGE.split("## Sessions of nox")[1].split("\n## ")[0]
    named = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert sorted(named) == sorted(sessions())


def test_every_session_that_is_named_exists() -> None:
    """The sessions named in README, documentation, pull-request template and CI script exist."""
    texts = [ROOT / "README.md", ROOT / ".github" / "PULL_REQUEST_TEMPLATE.md", ROOT / ".ci" / "run"]
    for path in (*texts, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        for words in re.findall(r"nox -s ([a-z .\d-]+)", path.read_text(encoding="utf-8")):
            known = [word.partition("-")[0] for word in words.split(" -- ")[0].split()]
            assert known[0] in sessions(), (path, words)


def test_every_file_that_it_names_exists() -> None:
    """Each file, and each folder with a slash at its end, that CONTRIBUTING.md names exists."""
    names = re.findall(r"`([\w.-]+/[\w./-]*|[A-Z]+\.md|\w+\.toml)`", PAGE.replace("FOLDER/bin", ""))
    assert len(names) > 10
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_a_new_kind_needs_the_files_of_the_list() -> None:
    """The list has the files that the test edits which adds a kind to a copy of the source."""
    steps = PAGE.split("## Add an event kind")[1].split("\n## ")[0]
    listed = set(re.findall(r"^\d\. `([^`]+)`", steps, re.MULTILINE))
    test = ast.parse((ROOT / "tests" / "wire" / "test_adding_a_kind.py").read_text(encoding="utf-8"))
    edited = {
        node.args[0].value
        for node in ast.walk(test)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"tree.edit", "tree.add"}
        and isinstance(node.args[0], ast.Constant)
    }
    golden = {str(name) for name in edited if str(name).startswith("tests/golden/")}
    assert len(golden) == 1
    assert listed == (edited - golden) | {"tests/golden/"}
    assert len(listed) == 7
