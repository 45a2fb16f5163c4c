"""`package.module:function`: what is found, and what is said of what is not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from cometconn.cli.fleet.functions import load_function
from cometconn.errors import SettingsError

from . import handlers

if TYPE_CHECKING:
    import pathlib

MODULE = "tests.cli.fleet.handlers"


def test_async_functions_are_found() -> None:
    """Also those inside a class, and objects that are called like one."""
    assert load_function("--run", f"{MODULE}:stubborn") is handlers.stubborn
    assert load_function("--run", f"{MODULE}:Callables.handle") is handlers.Callables.handle
    assert load_function("--run", f"{MODULE}:instance") is handlers.instance


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("bot", "--run must be like package.module:function, not 'bot'."),
        (":f", "--run must be like package.module:function, not ':f'."),
        ("bot.py:f(1)", "--run must be like package.module:function, not 'bot.py:f(1)'."),
        ("no_such_bot:f", "--run: there is no module no_such_bot, neither here nor among the installed packages."),
        ("bot.py:f", "--run: there is no module bot, neither here nor among the installed packages."),
        (f"{MODULE}:none", f"--run {MODULE}:none: {MODULE} has no none."),
        (f"{MODULE}:not_async", f"--run {MODULE}:not_async: not_async must be an async function."),
        (f"{MODULE}:Callables", f"--run {MODULE}:Callables: Callables must be an async function."),
        (f"{MODULE}:NOT_A_FUNCTION", f"--run {MODULE}:NOT_A_FUNCTION: NOT_A_FUNCTION must be an async function."),
    ],
)
def test_mistakes(words: str, message: str) -> None:
    """One sentence, which names the option."""
    with pytest.raises(SettingsError) as caught:
        load_function("--run", words)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("1 / 0", "raised ZeroDivisionError: division by zero ("),
        ("import no_such_dependency", "raised ModuleNotFoundError: No module named 'no_such_dependency' ("),
        ("def f(:", "raised SyntaxError: invalid syntax"),
        ("raise SystemExit('no')", "raised SystemExit: no ("),
    ],
)
def test_a_module_that_cannot_be_imported(
    source: str, words: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The working folder is searched; the sentence has the error and its place."""
    (tmp_path / "broken_bot.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    with pytest.raises(SettingsError) as caught:
        load_function("--run", "broken_bot:f")
    assert str(caught.value).startswith(f"--run: importing broken_bot {words}")
    assert "line 1)." in str(caught.value)
