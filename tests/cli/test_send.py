"""`cometconn send`, as a child process against the emulator."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
from typing import Any

import pytest
import trio

from cometconn.cli.options import Options
from cometconn.cli.send import OutgoingMessage, parse_json_object, send
from cometconn.cli.usage_errors import in_options
from cometconn.emulator import Emulator, Kind, open_emulator
from cometconn.errors import CometConnError, SettingsError

from .child import COMMAND, environ, run, running


def options(server: Emulator, folder: pathlib.Path, *more: str) -> tuple[str, ...]:
    """Return the command line for sending by *server*."""
    session = str(folder / "session.json")
    return ("send", *more, "--app-id", "APP", "--endpoint", server.url, "--uid", "zed-1", "--session", session)


async def test_a_text_and_a_custom_message(tmp_path: pathlib.Path) -> None:
    """Each message is printed as the server stored it; the second needs no key, and neither opens a WebSocket."""
    async with open_emulator() as server:
        words = ("amy-2", "hello, amy", "--muid", "m-1", "--metadata", '{"a": 1}')
        first = await run(*options(server, tmp_path, *words), COMETCONN_AUTH_KEY="KEY")
        second = await run(*options(server, tmp_path, "hikers", '{"x": 1}', "--group", "--custom", "place"))
        assert not server.log.of(Kind.CONNECT)
    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stderr == second.stderr == b""
    sent = json.loads(first.stdout)
    assert (sent["event"], sent["id"], sent["text"]) == ("TextMessage", 1, "hello, amy")
    assert (sent["muid"], sent["metadata"], sent["receiver"]["uid"]) == ("m-1", {"a": 1}, "amy-2")
    sent = json.loads(second.stdout)
    assert (sent["event"], sent["type"], sent["custom_data"]) == ("CustomMessage", "place", {"x": 1})
    assert sent["receiver"]["guid"] == "hikers"


async def test_standard_input(tmp_path: pathlib.Path) -> None:
    """`-` sends standard input without its last newline; a text may begin with a hyphen."""
    async with open_emulator() as server:
        words = options(server, tmp_path, "amy-2", "-")
        done = await run(*words, stdin="two\nlines 🔥\n".encode(), COMETCONN_AUTH_KEY="KEY")
        assert json.loads(done.stdout)["text"] == "two\nlines 🔥"
        done = await run(*options(server, tmp_path, "amy-2", "-1 and counting"))
        assert json.loads(done.stdout)["text"] == "-1 and counting"
        done = await run(*words, stdin=b"\xff\xfe")
    assert done.returncode == 1
    assert b"not UTF-8" in done.stderr


async def test_files_and_a_caption(
    emulator: Emulator, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The files are uploaded and sent as one message; without a terminal there is no bar."""
    monkeypatch.setenv("COMETCONN_AUTH_KEY", "KEY")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # it makes rich take every output for a terminal
    given = Options(app_id="APP", endpoint=emulator.url, uid="zed-1", session=tmp_path / "zed.json")
    files = tuple(tmp_path / name for name in ("a.png", "b.png"))
    for file in files:
        file.write_bytes(b"x" * 100_000)
    message = OutgoingMessage("hikers", "group", "two pictures", None, "m-1", {"a": 1}, files)
    assert await send(given, message) == 0
    printed, errors = capfd.readouterr()
    sent = json.loads(printed)
    assert (sent["event"], sent["type"], sent["caption"], sent["muid"]) == (
        "MediaMessage",
        "image",
        "two pictures",
        "m-1",
    )
    assert [(each["name"], each["size"]) for each in sent["attachments"]] == [("a.png", 100_000), ("b.png", 100_000)]
    assert errors == ""


async def test_the_bar_on_a_terminal(emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """Standard error shows how much is uploaded, up to the end, and is then cleared; standard output has one line of JSON."""
    file = tmp_path / "large.bin"
    file.write_bytes(b"x" * 300_000)
    ours, theirs = os.openpty()
    words = options(emulator, tmp_path, "amy-2", "--file", str(file))
    with trio.fail_after(120):
        done = await trio.run_process(
            (*COMMAND, *words), capture_stdout=True, stderr=theirs, env=environ(COMETCONN_AUTH_KEY="KEY", TERM="xterm")
        )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # Linux reports EIO at the end
        while chunk := os.read(ours, 65536):
            shown += chunk
    os.close(ours)
    assert json.loads(done.stdout)["attachments"][0]["size"] == 300_000
    assert b"Uploading" in shown
    assert b"300.0/300.0 kB" in shown
    assert shown.rstrip().endswith(b"\x1b[2K")


FILES: list[tuple[dict[str, Any], str]] = [
    ({"files": ("missing.png",)}, "--file: the file 'missing.png' cannot be read: No such file"),
    ({"files": ("file.png",) * 11}, "--file: a message has 1 to 10 files, not 11"),
    ({"files": (".",)}, "--file: the file '.' cannot be read: Is a directory"),
    ({"files": ("file.png",), "custom": "place"}, "--file and --custom do not go together"),
    ({"content": None}, "CONTENT is missing: give a text, or files with --file."),
]


@pytest.mark.parametrize("case", FILES, ids=[row[1] for row in FILES])
async def test_files_that_cannot_be_sent(
    case: tuple[dict[str, Any], str], emulator: Emulator, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One error in the words of the command line, and nothing is sent."""
    monkeypatch.setenv("COMETCONN_AUTH_KEY", "KEY")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.png").write_bytes(b"x")
    given = Options(app_id="APP", endpoint=emulator.url, uid="zed-1", session=tmp_path / "zed.json")
    values: dict[str, Any] = {"content": "caption", "custom": None, **case[0]}
    values["files"] = tuple(map(pathlib.Path, values.get("files", ())))
    with pytest.raises(CometConnError) as caught:
        await send(given, OutgoingMessage("amy-2", "user", muid=None, metadata=None, **values))
    assert case[1] in in_options(str(caught.value), ())
    assert not len(emulator.world.messages)


BAD: list[tuple[tuple[str, ...], dict[str, str], str]] = [
    (("nobody", "x"), {"COMETCONN_AUTH_KEY": "KEY"}, "nobody"),
    (("amy-2", "x"), {}, "No auth key"),
    (("hikers", "x"), {"COMETCONN_AUTH_KEY": "KEY"}, "If hikers is a group, add --group."),
    (("amy-2", "x", "--group"), {"COMETCONN_AUTH_KEY": "KEY"}, "If amy-2 is a user, leave --group out."),
    (("amy-2", "x", "--custom", "place"), {"COMETCONN_AUTH_KEY": "KEY"}, "JSON object"),
]


@pytest.mark.parametrize(("words", "variables", "message"), BAD, ids=[row[2] for row in BAD])
async def test_an_error_is_one_line(
    tmp_path: pathlib.Path, words: tuple[str, ...], variables: dict[str, str], message: str
) -> None:
    """The error is one line with status 1, without a traceback and without a secret."""
    async with open_emulator() as server:
        done = await run(*options(server, tmp_path, *words), **variables)
    assert (done.returncode, done.stdout) == (1, b"")
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("cometconn: ")
    assert message in line
    assert "KEY" not in line.replace("COMETCONN_AUTH_KEY", "")


def test_json_on_the_command_line() -> None:
    """The JSON of an option must be an object; otherwise the error names the option."""
    assert parse_json_object("--metadata", '{"x": 1}') == {"x": 1}
    for bad in ("", "x", "[1]", "3", "[" * 100_000):
        with pytest.raises(SettingsError, match="--metadata must be a JSON object"):
            parse_json_object("--metadata", bad)


async def test_a_signal_ends_it(tmp_path: pathlib.Path) -> None:
    """SIGTERM ends the command while the server does not reply."""
    async with open_emulator() as server:
        done = await run(*options(server, tmp_path, "amy-2", "hello"), COMETCONN_AUTH_KEY="KEY")
        assert done.returncode == 0
        server.set(rest="hang")
        since = server.log.position
        async with running(*options(server, tmp_path, "amy-2", "hello")) as child:
            await server.log.wait_for(lambda entry: entry.kind is Kind.REST, since=since)
            assert await child.stop(signal.SIGTERM) == 143
        assert b"Traceback" not in child.errors


async def test_a_missing_receiver() -> None:
    """A missing receiver is status 2, and one line that names the argument."""
    done = await run("send", "--app-id", "APP")
    assert (done.returncode, done.stderr) == (2, b"cometconn: RECEIVER is missing; see --help.\n")
