"""Errors of the command line, described without the types of Python."""

from __future__ import annotations

import pytest
from cyclopts import CycloptsError

from cometconn.cli.app import app
from cometconn.cli.usage_errors import usage_text

from .child import run

NEEDED = ("--app-id", "APP")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("serve", "--port", "x"), "--port must be a whole number, not 'x'."),
        (("doctor", *NEEDED, "--timeout", "soon"), "--timeout must be a number, not 'soon'."),
        (("listen", *NEEDED, "--manual=maybe"), "--manual must be given without a value, not 'maybe'."),
        (
            ("timeline", "trace", "-o", "out.svg", "--since", "yesterday"),
            "--since must be a date and time such as 2026-03-07T00:10, not 'yesterday'.",
        ),
        (("timeline", "trace"), "--out is missing; see --help."),
        (("send", *NEEDED), "RECEIVER is missing; see --help."),
        (("serve", "--port"), "--port needs a value."),
        (("demo", "one", "two"), "There are too many arguments: one two."),
    ],
)
def test_each_mistake_has_its_text(words: tuple[str, ...], message: str) -> None:
    """The text of each error names the option or argument, and the values that it takes."""
    with pytest.raises(CycloptsError) as caught:
        app(words, exit_on_error=False, print_error=False)
    assert usage_text(caught.value) == message


@pytest.mark.parametrize("words", [("listen", *NEEDED, "--nope"), ("nope",)])
async def test_other_mistakes_are_one_line(words: tuple[str, ...]) -> None:
    """Unknown options and commands are status 2 and one line that names them, without terms of Python."""
    done = await run(*words)
    assert (done.returncode, done.stdout) == (2, b"")
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("cometconn: ")
    assert words[-1] in line
    assert "Error" not in line
    assert "Function defined" not in line
