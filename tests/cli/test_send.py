"""`cometconn send`, as a child process against the emulator."""

from __future__ import annotations

import json
import pathlib
import signal

import pytest

from cometconn.cli.send import parse_json_object
from cometconn.emulator import Emulator, Kind, open_emulator
from cometconn.errors import SettingsError

from .child import run, running


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
