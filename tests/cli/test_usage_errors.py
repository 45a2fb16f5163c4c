"""Errors of the command line, described without the types of Python."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cyclopts import CycloptsError

from cometconn.cli import main
from cometconn.cli.app import app
from cometconn.cli.usage_errors import OPTIONS, in_options, options_of, usage_text

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


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("serve", "--host", "here"), "--host must be an IP address or \"localhost\", not 'here'."),
        (("serve", "--user", "a", "--user", "a"), "--user: the uid 'a' is given twice."),
        (("serve", "--group", "x=y"), "--group: 'x' must be new, not empty, and have known members only, not ['y']."),
        (("listen", "--app-id", "A/B", "--region", "us"), "--app-id must be letters, digits, - and _, not 'A/B'."),
        (
            ("listen", *NEEDED, "--endpoint", "127.0.0.1:9000"),
            "--endpoint must look like https://host:port/path, plain ASCII, not '127.0.0.1:9000': write 'http://127.0.0.1:9000'.",
        ),
        (
            ("doctor", *NEEDED, "--endpoint", "http://example.org"),
            "--endpoint is not encrypted and example.org is not this machine: use https://.",
        ),
    ],
)
def test_errors_of_the_library_name_the_option(
    words: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is one line, and no argument of a function or attribute of a class stands in it."""
    monkeypatch.setattr("sys.argv", ["cometconn", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == f"cometconn: {message}"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("open_client(app_id=...) must be a text, not 5.", "--app-id must be a text, not 5."),
        ("open_client(position=...) must be a whole number.", "open_client(position=...) must be a whole number."),
        ("AppSettings.region must be a region.", "--region must be a region."),
        ("AppSettings.roles is empty.", "AppSettings.roles is empty."),
        ("open_client(store=...) must be a Store.", "--session must be a Store."),
        ('If hikers is a group, add receiver_type="group".', "If hikers is a group, add --group."),
        ("folder/My.session is in use.", "folder/My.session is in use."),
        ("127.0.0.1: Connection refused (example.org).", "127.0.0.1: Connection refused (example.org)."),
    ],
)
def test_only_what_is_an_option_is_named_as_one(message: str, shown: str) -> None:
    """A name for which the command has no option stays as it is."""
    assert in_options(message, options_of(app, ["send", "--app-id", "APP"])) == shown


def test_each_option_of_the_table_exists() -> None:
    """Every option that the table names is one of some command."""
    every = {name for command in ("listen", "send", "serve") for name in options_of(app, [command])}
    named = {word.strip("-,") for option in OPTIONS.values() for word in option.split() if word.startswith("--")}
    assert {f"--{name}" for name in (each.rstrip(":") for each in named)} <= every


def test_a_command_whose_extra_is_missing() -> None:
    """A command imports what it runs; if that cannot be imported, the text of the error is one line and no traceback."""
    # In a process of its own: cyclopts imports `serve` once only.
    program = "import sys; sys.modules['cometconn.cli.serve'] = None; from cometconn.cli import main; main()"
    ended = subprocess.run([sys.executable, "-c", program, "serve"], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == "cometconn: import of cometconn.cli.serve halted; None in sys.modules\n"
