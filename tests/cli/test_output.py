"""What the commands print to: a reader that leaves, a full disk, a narrow terminal."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pty
import re
import sys
from collections.abc import Iterator
from typing import TextIO

import pytest

from cometconn.cli import main
from cometconn.cli.terminal import wrapped
from tests.docs.terminals import ServerThread, free_port


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server in a thread, because a command needs the main thread for its signals."""
    port = free_port()
    server = ServerThread(port)
    yield f"http://127.0.0.1:{port}"
    server.stop()


def run_main(words: tuple[str, ...], out: TextIO, patch: pytest.MonkeyPatch) -> object:
    """Run the command in this process with *out* as standard output; return what it passes to `sys.exit()`."""
    patch.setattr(sys, "argv", ["cometconn", *words])
    patch.setattr(sys, "stdout", out)
    with pytest.raises(SystemExit) as ended:
        main()
    out.close()  # as at exit: this raises if something is left to write that cannot be written
    return ended.value.code


COMMANDS = [
    ("--help",),
    ("--version",),
    ("send", "--help"),
    ("send", "amy-2", "hello"),
    ("doctor",),
    ("doctor", "--json"),
    ("serve", "--port", "0"),
    ("demo",),
]


def with_options(words: tuple[str, ...], url: str, folder: pathlib.Path) -> tuple[str, ...]:
    """Add the options that a command needs to log in."""
    if words[0] not in {"send", "doctor"} or "--help" in words:
        return words
    return (*words, "--app-id", "APP", "--uid", "amy-2", "--endpoint", url, "--session", str(folder / "amy.json"))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_reader_that_has_left_ends_it(
    words: tuple[str, ...],
    url: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Every command that prints then ends with status 141, as after SIGPIPE, and without a message."""
    monkeypatch.setenv("COMETCONN_AUTH_KEY", "KEY")
    reader, writer = os.pipe()
    os.close(reader)
    status = run_main(with_options(words, url, tmp_path), os.fdopen(writer, "w"), monkeypatch)
    assert (status, capfd.readouterr().err) == (141, "")


@pytest.mark.skipif(not pathlib.Path("/dev/full").exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize("words", [("--version",), ("doctor", "--json")], ids=" ".join)
def test_a_full_disk_is_an_error(
    words: tuple[str, ...], url: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Output that cannot be written is an error of one line, not a traceback at exit."""
    monkeypatch.setenv("COMETCONN_AUTH_KEY", "KEY")
    with open("/dev/full", "w", encoding="utf-8") as full:
        status = run_main(with_options(words, url, tmp_path), full, monkeypatch)
    assert str(status).startswith("cometconn: ")
    assert "No space left on device" in str(status)
    assert len(str(status).splitlines()) == 1


@pytest.mark.parametrize("width", [80, 60, 40])
def test_the_doctor_breaks_lines_between_words(
    width: int, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a terminal every line fits, and no word is broken."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COMETCONN_AUTH_KEY", "KEY")
    monkeypatch.chdir(tmp_path)
    ours, theirs = pty.openpty()
    words = with_options(("doctor",), "http://127.0.0.1:1", pathlib.Path())
    with os.fdopen(theirs, "w") as stream:
        assert run_main(words, stream, monkeypatch) == 3
    received = b""
    with os.fdopen(ours, "rb") as terminal, contextlib.suppress(OSError):  # which Linux raises at the end
        while piece := terminal.read1(65536):
            received += piece
    printed = re.sub("\x1b\\[[\\d;]*m", "", received.decode()).replace("\r\n", "\n")
    assert "No server listens at 127.0.0.1:1 on this machine: start it (for example with" in " ".join(printed.split())
    assert [line for line in printed.splitlines() if len(line) > width] == []


TEXT = "Words that are broken into lines, but never inside of a word such as ERROR_USER_NOT_LOGGED_IN."


@pytest.mark.parametrize(
    ("width", "lead", "beside"),
    [
        (80, 0, True), (80, 19, True), (80, 35, True), (60, 0, True), (60, 19, True), (60, 35, False),
        (40, 0, True), (40, 19, False), (40, 35, False),
    ],
)  # fmt: skip
def test_lines_are_broken_between_words(width: int, lead: int, beside: bool) -> None:
    """No line is longer than the width; the text stands beside its lead, or below it if that leaves too little room."""
    lines = f"{'.' * lead}{wrapped(TEXT, width, lead)}".splitlines()
    assert " ".join(lines)[lead:].split() == TEXT.split()
    assert max(map(len, lines)) <= width
    assert (lines[0] != "." * lead) == beside
    assert all(line.startswith(" " * (lead if beside else 4)) for line in lines[1:])
