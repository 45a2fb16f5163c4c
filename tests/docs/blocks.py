"""How each block of a page is checked, by its language. A block in another language fails the tests."""

from __future__ import annotations

import argparse
import ast
import configparser
import itertools
import json
import os
import re
import shlex
import textwrap
from typing import TYPE_CHECKING
from unittest import SkipTest
from unittest.mock import patch

from sybil import Region
from sybil.parsers.myst import CodeBlockParser, SkipParser

from cometconn.cli.app import app as cli

from .stage import COMETCONN, Stage
from .terminals import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sybil import Document, Example

__all__ = ["LANGUAGES", "NOT_RUN", "PARSERS", "docstring_examples"]

NOT_RUN = {
    "python3": "it makes a virtual environment; `nox` has made one",
    ".": "it enters the virtual environment that the tests run in",
    "pip": "it installs the package, from the network; `nox` has done so",
    "nox": "this runs inside one of its sessions",
    "pytest": "this runs inside it",
    "cometconn demo": "twenty seconds; tests/cli/test_demo.py runs it",
    "--region": "it would connect to CometChat's cloud",
    "npm": "it installs CometChat's packages, from the network; tests/browser does so",
    "npx": "it bundles the app of the page; tests/browser bundles one like it",
    "--tls": "its port and its folder are those of the page; tests/cli/test_serve.py runs it",
    "https://localhost:9443/v3.0": "the server above is not run",
}
"""Commands that pages show and the tests do not run, with the reason. Their options are checked all the same."""


def _stage(example: Example) -> Stage:
    stage = example.namespace["stage"]
    assert isinstance(stage, Stage)
    return stage


# Python


def run_python(example: Example) -> None:
    """Start a program, run tests with pytest, and run other lines with a client."""
    stage, source = _stage(example), str(example.parsed)
    tree = ast.parse(source)
    if _is_program(source):
        stage.run_saved()
        stage.settle()  # the program before this one is seen to connect, too
        stage.save(source)
    elif any(getattr(node, "name", "").startswith("test_") for node in tree.body):
        stage.run_tests(source)
    else:
        stage.run_lines(source, example.path, example.line, _called(example.document))


def _is_program(source: str) -> bool:
    """Return whether it starts its loop itself: at the top, in a `with` block or below `if __name__`."""
    top = [node for node in ast.parse(source).body if isinstance(node, ast.Expr | ast.If | ast.With)]
    calls = [node for part in top for node in ast.walk(part) if isinstance(node, ast.Call)]
    return any(ast.unparse(call.func) in {"trio.run", "asyncio.run"} for call in calls)


def _called(document: Document) -> set[str]:
    """Return the names that the page's lines use outside of definitions. Programs are not counted."""
    sources = [str(other.parsed) for other in document.examples() if other.region.evaluator is run_python]
    trees = [ast.parse(source) for source in sources if not _is_program(source)]
    return {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}


# Commands


def run_shell(example: Example) -> None:
    """Run each command, except those of `NOT_RUN`."""
    stage = _stage(example)
    source = str(example.parsed).replace("\\\n", " ")
    commands = [part for line in source.splitlines() for part in line.split("&&") if part.strip()]
    reasons = [_run_command(stage, shlex.split(command, comments=True)) for command in commands]
    if reasons and all(reasons):
        raise SkipTest("; ".join(dict.fromkeys(reason for reason in reasons if reason)))


def _run_command(stage: Stage, words: list[str]) -> str | None:
    """Run one command; return why it is not run, if it is not."""
    variables = {}
    if words and words[0] == "export":
        stage.variables |= dict(word.split("=", 1) for word in words[1:])
        return None
    while words and "=" in words[0]:
        name, _, variables[name] = words.pop(0).partition("=")
    if not words:
        return None
    name, *rest = os.path.basename(words[0]), *words[1:]
    if name == "cometconn":
        return _run_cometconn(stage, rest, variables)
    if name in NOT_RUN:
        return NOT_RUN[name]
    if name == "python" and rest[0] == "-m":
        stage.start_repl(rest[1])
    elif name == "python":
        stage.python(*rest)
    elif name == "curl":
        stage.run_saved()
        given = _CURL.parse_args(rest)
        stage.curl(given.request or ("POST" if given.data is not None else "GET"), given.url, given.data)
    else:
        raise AssertionError(f"the tests cannot run {name}")
    return None


_CURL = argparse.ArgumentParser(exit_on_error=False)
_CURL.add_argument("url")
_CURL.add_argument("-d", "--data")
_CURL.add_argument("-X", "--request")


def _run_cometconn(stage: Stage, words: list[str], variables: dict[str, str]) -> str | None:
    with patch.dict(os.environ, {**stage.variables, **variables}):
        cli.parse_args(words, exit_on_error=False, print_error=False)
    for what, reason in NOT_RUN.items():
        if what in words or what == f"cometconn {words[0]}":
            return reason
    real = [stage.real(word) for word in words]
    if words[0] == "serve":
        stage.serve(*real[1:])
    elif words[0] == "listen":
        stage.start((*COMETCONN, *real), **variables)
    else:
        stage.run_saved()
        stage.command(real, **variables)
    return None


# What is shown


def _alike(text: str) -> str:
    """Replace the parts of *text* that differ from run to run: fractions of a second, and points in time."""
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:\+00:00)?", "<time>", text)
    return re.sub(r"\d+\.\d+(?![.\d])", "<number>", text)


def compare_output(example: Example) -> None:
    """Compare the output on the page with the next lines of the reader's program, or with what the last command printed.

    A line of three dots stands for any number of lines.
    """
    stage = _stage(example)
    stage.run_saved()
    output = stage.output
    printed = iter(output.line, None) if isinstance(output, Terminal) else iter(output.splitlines())
    dots = False
    for line in str(example.parsed).rstrip("\n").splitlines():
        if line == "...":
            dots = True
            continue
        came = _alike(stage.shown(next(printed, "")))
        while dots and came != _alike(line):
            came = _alike(stage.shown(next(printed)))
        assert came == _alike(line)
        dots = False
    if isinstance(output, Terminal):
        output.shown_to_the_end = not dots
    else:
        assert dots or not list(printed), "more was printed than is shown"


def compare_json(example: Example) -> None:
    """Compare JSON after a command with the command's output. Elsewhere it must be valid JSON."""
    stage, shown = _stage(example), [json.loads(line) for line in str(example.parsed).splitlines()]
    if stage.result:
        text, stage.result = stage.result, ""
        real = [json.loads(line) for line in text.splitlines()]
        assert _alike(json.dumps(real)) == _alike(json.dumps(shown))


def run_repl(example: Example) -> None:
    """Type the lines after the prompts into the page's REPL, and compare what it prints."""
    stage = _stage(example)
    repl = stage.repl
    assert repl is not None, "the page starts none"
    lines = str(example.parsed).splitlines()
    while lines:
        typed = lines.pop(0)
        repl.type(stage.real(typed[4:]))
        shown = itertools.takewhile(lambda line: not line.startswith((">>>", "...")), lines)
        expected = list(shown)
        del lines[: len(expected)]
        printed = repl.printed()
        if repl.continues and not "".join(lines[:1]).startswith("..."):
            repl.type("")  # an empty line ends a block
            printed += repl.printed()
        assert [_alike(line) for line in printed] == [_alike(line) for line in expected], typed


def press_ctrl_c(example: Example) -> None:
    """Stop the reader's program."""
    _stage(example).interrupt()


def read_unit(example: Example) -> None:
    """Check that a systemd unit can be parsed."""
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(str(example.parsed))
    assert parser.sections()


def _ctrl_c(document: Document) -> Iterator[Region]:
    for match in re.finditer(r"^<!-- ctrl-c -->$", document.text, re.MULTILINE):
        yield Region(match.start(), match.end(), "", press_ctrl_c)


def docstring_examples(document: Document) -> Iterable[Region]:
    """Find the examples of a docstring: literal blocks, after a line that ends with two colons."""
    for match in re.finditer(r"::\n\n(?P<code>(?P<indent> +)\S[^\n]*\n(?:(?:(?P=indent)[^\n]*)?\n)*)", document.text):
        code = textwrap.dedent(match["code"])
        yield Region(match.start("code"), match.end("code"), code, run_python)


LANGUAGES = {
    "python": run_python,
    "sh": run_shell,
    "text": compare_output,
    "json": compare_json,
    "ini": read_unit,
    "pycon": run_repl,
}
PARSERS = [*(CodeBlockParser(language, evaluator) for language, evaluator in LANGUAGES.items()), _ctrl_c, SkipParser()]
