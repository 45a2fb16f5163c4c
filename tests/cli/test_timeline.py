"""`cometconn timeline`, as users run it, and the picture in the documentation."""

from __future__ import annotations

import pathlib
import signal
import xml.etree.ElementTree as ET

import pytest

from cometconn.emulator import open_emulator
from cometconn.instrumentation import Detail, PingSent, TraceFile, read_trace
from tests.cli.child import run, running
from tests.cli.night import picture
from tests.cli.test_listen import options
from tests.instrumentation.examples import example

PICTURE = pathlib.Path(__file__).parents[2] / "docs" / "timeline.svg"


def test_the_picture_is_of_this_version() -> None:
    """The picture in the documentation equals that of the night, run again: `python -m tests.cli.night docs/timeline.svg`."""
    assert picture() == PICTURE.read_text(encoding="utf-8")


def test_the_picture_shows_what_happened() -> None:
    """The picture is XML, and its texts and titles contain every event of the night."""
    root = ET.fromstring(PICTURE.read_text(encoding="utf-8"))  # noqa: S314 - our own
    texts = " ".join(root.itertext())
    for words in (
        "APP-1, 2026-03-06 21:40 to 2026-03-07 05:05 UTC",
        "connected 91% of it",
        "lost 5 times",
        "background timeout",
        "asleep 3 h 20 min",
        "no deadline",
        "close 1011",
        "no pong",
        "recovered",
        "asking for a new one",
        "a full stream lost",
    ):
        assert words in texts


def write(path: pathlib.Path, *details: Detail) -> pathlib.Path:
    """Write a trace of these details."""
    with TraceFile(path) as trace:
        for detail in details:
            trace(detail)
    return path


async def test_listen_writes_a_trace_and_timeline_draws_it(tmp_path: pathlib.Path) -> None:
    """Over real sockets a loss and a message are in the trace, the picture is drawn, and neither contains a secret."""
    trace, out = tmp_path / "bot.trace", tmp_path / "bot.svg"
    async with open_emulator() as server:
        words = options(server, tmp_path, "--trace", str(trace))
        async with running(*words, COMETCONN_AUTH_KEY="KEY") as child:
            await server.wait_connected("zed-1")
            server.say("amy-2", "hello", receiver="zed-1")
            await child.line()
            server.drop("zed-1", "close", code=1011)
            await server.wait_gone("zed-1")
            assert "Gap" in await child.line()
            await child.stop(signal.SIGTERM)
    names = [type(detail).__name__ for detail in read_trace(trace).details]
    assert {"EventsReceived", "ConnectionLost", "GapMarked", "SocketClosed"} < set(names)
    done = await run("timeline", str(trace), "-o", str(out))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert "lost once" in out.read_text()
    written = trace.read_text() + out.read_text()
    assert "KEY" not in written
    assert "hello" not in written


async def test_a_torn_line_is_left_out_with_a_note(tmp_path: pathlib.Path) -> None:
    """Of a trace whose program was killed while writing, the picture is drawn, and one line reports what was left out."""
    trace = write(tmp_path / "trace", example(PingSent), example(PingSent, at=1240.0))
    trace.write_bytes(trace.read_bytes()[:-20])
    done = await run("timeline", str(trace), "--out", str(tmp_path / "out.svg"))
    assert done.returncode == 0
    assert done.stderr.decode().startswith("cometconn: 1 line of ")
    assert (tmp_path / "out.svg").exists()


BAD: list[tuple[tuple[str, ...], str]] = [
    (("missing",), "missing cannot be read: No such file"),
    (("folder",), "folder cannot be read: Is a directory"),
    (("foreign",), "foreign is no trace"),
    (("two",), "choose one with --connection: APP-1, APP-2"),
    (("two", "--connection", "APP-3"), "holds no client APP-3"),
    (("one", "--since", "2027-01-01"), "covers 2026-03-06T21:40:00 to 2026-03-06T21:40:00 UTC"),
    (("one", "--until", "2025-01-01T00:00:00+02:00"), "Nothing is left between --since and --until"),
    (("one", "-o", "nowhere/out.svg"), "nowhere/out.svg"),
]


@pytest.mark.parametrize(("words", "message"), BAD, ids=[row[1] for row in BAD])
async def test_an_error_is_one_line(tmp_path: pathlib.Path, words: tuple[str, ...], message: str) -> None:
    """An error is one line with status 1, without a traceback, and no picture is written."""
    write(tmp_path / "one", example(PingSent))
    write(tmp_path / "two", example(PingSent), example(PingSent, connection_id="APP-2"))
    (tmp_path / "foreign").write_text("Dear diary\n")
    (tmp_path / "folder").mkdir()
    out = tmp_path / "out.svg"
    name, *more = (str(tmp_path / word) if word == "nowhere/out.svg" else word for word in words)
    done = await run("timeline", str(tmp_path / name), *([] if "-o" in more else ["-o", str(out)]), *more)
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("cometconn: ")
    assert message in line
    assert not out.exists()


async def test_one_of_several_clients_can_be_chosen(tmp_path: pathlib.Path) -> None:
    """--connection chooses the client; --since without a time zone is UTC."""
    trace = write(tmp_path / "two", example(PingSent), example(PingSent, connection_id="APP-2"))
    out = tmp_path / "out.svg"
    done = await run("timeline", str(trace), "-o", str(out), "--connection", "APP-2", "--since", "2026-03-06T20:00")
    assert done.returncode == 0
    assert "<title>APP-2, 2026-03-06 21:40" in out.read_text()
