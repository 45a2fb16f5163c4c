"""`cometconn listen`, as a child process against the emulator."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import sys
from typing import Any

import pytest
import trio

from cometconn.emulator import Emulator, Kind, open_emulator

from .child import run, running


def options(server: Emulator, folder: pathlib.Path, *more: str, uid: str = "zed-1") -> tuple[str, ...]:
    """Return the command line for listening to *server*."""
    session = str(folder / "session.json")
    return ("listen", "--app-id", "APP", "--endpoint", server.url, "--uid", uid, "--session", session, *more)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_events_are_lines_and_a_signal_ends_it(tmp_path: pathlib.Path, number: Any, status: int) -> None:
    """Events are JSON on standard output, statuses go to standard error; it reconnects, and a signal closes the connection."""
    async with open_emulator() as server:
        async with running(*options(server, tmp_path), COMETCONN_AUTH_KEY="KEY") as child:
            await server.wait_connected("zed-1")
            server.say("amy-2", "hello", receiver="zed-1")
            printed = json.loads(await child.line())
            assert (printed["event"], printed["text"], printed["sender"]["uid"]) == ("TextMessage", "hello", "amy-2")
            await child.wait_for_error_text("connected")
            server.drop("zed-1", "close", code=1011)
            await server.wait_gone("zed-1")
            await server.wait_connected("zed-1")
            await child.wait_for_error_text("waiting")
            server.say("amy-2", "again", receiver="zed-1")
            assert json.loads(await child.line())["event"] == "Gap"
            assert json.loads(await child.line())["text"] == "again"
            since = server.log.position
            assert await child.stop(number) == status
        closes = [entry.detail["code"] for entry in server.log.of(Kind.CLOSE_IN, since=since)]
        assert closes == [1000]
        assert b"Traceback" not in child.errors
        assert b"KEY" not in child.errors


async def test_ctrl_z_closes_the_connection_and_fg_opens_it(tmp_path: pathlib.Path) -> None:
    """SIGTSTP closes the connection and then stops the process; after SIGCONT it is connected and prints again."""
    job = (sys.executable, "-c", "import os; os.setpgid(0, 0); from _cometconn_command import main; main()")
    async with open_emulator() as server:
        words = options(server, tmp_path)
        async with running(*words, command=job, COMETCONN_AUTH_KEY="KEY") as child:
            await server.wait_connected("zed-1")
            await child.wait_for_error_text("connected")
            child.process.send_signal(signal.SIGTSTP)
            result = await trio.to_thread.run_sync(os.waitid, os.P_PID, child.process.pid, os.WSTOPPED)
            assert result is not None
            assert result.si_status == signal.SIGTSTP
            assert [entry.detail["code"] for entry in server.log.of(Kind.CLOSE_IN)] == [1000]
            child.process.send_signal(signal.SIGCONT)
            await server.wait_connected("zed-1")
            server.say("amy-2", "hello", receiver="zed-1")
            assert json.loads(await child.line())["event"] == "Gap"
            assert json.loads(await child.line())["text"] == "hello"
            assert await child.stop(signal.SIGTERM) == 143


async def test_the_saved_session_needs_no_key(tmp_path: pathlib.Path) -> None:
    """The second time neither the key nor the uid is needed, and there is no REST request."""
    async with open_emulator() as server:
        async with running(*options(server, tmp_path), COMETCONN_AUTH_KEY="KEY") as child:
            await server.wait_connected("zed-1")
            await child.stop(signal.SIGINT)
        since = server.log.position
        words = options(server, tmp_path)
        words = (*words[:5], *words[7:])  # without --uid
        async with running(*words) as child:
            await server.wait_connected("zed-1")
            await child.stop(signal.SIGINT)
        assert not server.log.of(Kind.REST, since=since)


async def test_manual_mode_and_presence(tmp_path: pathlib.Path) -> None:
    """With --manual the command calls connect(), with --presence it subscribes; the key may come from a file."""
    key = tmp_path / "key"
    key.write_text("KEY\n")
    more = ("--manual", "--presence", "all", "--auth-key-file", str(key))
    async with open_emulator() as server, running(*options(server, tmp_path, *more)) as child:
        await server.wait_connected("zed-1")
        async with running(*options(server, tmp_path / "amy", uid="amy-2"), COMETCONN_AUTH_KEY="KEY") as other:
            printed = json.loads(await child.line())
            assert (printed["event"], printed["user"]["uid"]) == ("UserOnline", "amy-2")
            await other.stop(signal.SIGINT)
        await child.stop(signal.SIGINT)
    assert b"not_requested" in child.errors


async def test_an_invalid_token_ends_it(tmp_path: pathlib.Path) -> None:
    """When the server no longer accepts the session, the command ends with one line and status 1."""
    async with open_emulator() as server:
        async with running(*options(server, tmp_path), COMETCONN_AUTH_KEY="KEY") as child:
            await server.wait_connected("zed-1")
            server.forget_tokens()
            server.drop("zed-1", "reset")
            assert await child.wait() == 1
        assert b"log in again" in child.errors.splitlines()[-1]
        assert b"Traceback" not in child.errors


async def test_a_closed_standard_output_ends_it(tmp_path: pathlib.Path) -> None:
    """When the reader of standard output closes it, as `head -1` does, the command ends with 141, as after SIGPIPE."""
    async with open_emulator() as server:
        async with running(*options(server, tmp_path), COMETCONN_AUTH_KEY="KEY") as child:
            await server.wait_connected("zed-1")
            assert child.process.stdout is not None
            await child.process.stdout.aclose()
            server.say("amy-2", "hello?", receiver="zed-1")
            assert await child.wait() == 141
        assert b"Broken pipe" not in child.errors
        assert b"Traceback" not in child.errors


BAD: list[tuple[tuple[str, ...], dict[str, str], str]] = [
    ((), {}, "No auth key"),
    ((), {"COMETCONN_AUTH_KEY": "WRONG"}, "for a token of the user, use COMETCONN_AUTH_TOKEN."),
    (("--uid", "nobody"), {"COMETCONN_AUTH_KEY": "KEY"}, "nobody"),
    (("--endpoint", "http://127.0.0.1:1"), {"COMETCONN_AUTH_KEY": "KEY"}, "Connection refused"),
    (("--endpoint", "http://example.org"), {"COMETCONN_AUTH_KEY": "KEY"}, "--endpoint is not encrypted"),
    (("--endpoint", "nonsense"), {"COMETCONN_AUTH_KEY": "KEY"}, "--endpoint must look like"),
    (("--presence", "some"), {"COMETCONN_AUTH_KEY": "KEY"}, "--presence"),
    (("--region", "e u"), {"COMETCONN_AUTH_KEY": "KEY"}, "--region must be"),
    (("--app-id", "a b"), {"COMETCONN_AUTH_KEY": "KEY"}, "--app-id"),
    (("--auth-key-file", "/nowhere/key"), {}, "/nowhere/key"),
    ((), {"COMETCONN_AUTH_TOKEN": "STALE-TOKEN"}, "unknown"),
]


@pytest.mark.parametrize(("words", "variables", "message"), BAD, ids=[row[2] for row in BAD])
async def test_bad_input_is_one_line(
    tmp_path: pathlib.Path, words: tuple[str, ...], variables: dict[str, str], message: str
) -> None:
    """The error of an invalid input is one line with status 1, without a traceback and without the secret."""
    async with open_emulator() as server:
        given = dict(zip((all_ := options(server, tmp_path)[1:])[::2], all_[1::2], strict=True))
        given |= dict(zip(words[::2], words[1::2], strict=True))
        done = await run("listen", *(word for pair in given.items() for word in pair), **variables)
    assert done.returncode == 1
    assert done.stdout == b""
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("cometconn: ")
    assert message in line
    assert "=True" not in line
    assert not any(secret in line for secret in variables.values())


async def test_a_session_file_that_cannot_be_read(tmp_path: pathlib.Path) -> None:
    """A damaged file is moved aside with a warning; a folder in its place is an error."""
    (tmp_path / "session.json").write_text("{")
    async with open_emulator() as server:
        async with running(*options(server, tmp_path), COMETCONN_AUTH_KEY="KEY") as child:
            await server.wait_connected("zed-1")
            await child.wait_for_error_text("was moved to")
            await child.stop(signal.SIGINT)
        (tmp_path / "session.json").unlink()
        (tmp_path / "session.json").mkdir()
        done = await run(*options(server, tmp_path), COMETCONN_AUTH_KEY="KEY")
    assert done.returncode == 1
    assert b"session.json" in done.stderr
    assert b"Traceback" not in done.stderr


async def test_a_missing_app_id() -> None:
    """Without an app id, the error is one line that names the option, with status 2."""
    done = await run("listen")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"cometconn: --app-id is missing; see --help.\n"
