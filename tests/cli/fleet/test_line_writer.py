"""Lines that never block: a reader that is slow, that has left, and words that must not be printed."""

from __future__ import annotations

import io
import logging
import threading

import pytest

from cometconn.cli.fleet import line_writer
from cometconn.cli.fleet.line_writer import LineHandler, LineWriter
from cometconn.cli.terminal import SECRETS


def written(stream: io.StringIO) -> list[str]:
    """The lines without their times."""
    return [line.partition(" ")[2] for line in stream.getvalue().splitlines()]


def test_each_line_is_one_line() -> None:
    """Secrets are masked, and control characters are escaped."""
    stream = io.StringIO()
    writer = LineWriter(stream)
    SECRETS.learn("line-secret")
    writer.write("claimed amy\n2026 forged\x1b[31m line-secret")
    writer.close()
    (line,) = written(stream)
    assert line.startswith("claimed amy\\n2026 forged\\u001b[31m ")
    assert "line-secret" not in line


def test_the_librarys_warnings() -> None:
    """With their level, and a traceback line by line."""
    stream = io.StringIO()
    writer = LineWriter(stream)
    logger = logging.getLogger("tests.lines")
    logger.propagate = False
    logger.addHandler(handler := LineHandler(writer))
    logger.info("not shown")
    try:
        raise ValueError("bad\nline")
    except ValueError:
        logger.exception("The handler of %r has failed", "amy")
    logger.removeHandler(handler)
    writer.close()
    lines = written(stream)
    assert lines[0] == "error: The handler of 'amy' has failed"
    assert lines[1].lstrip() == "Traceback (most recent call last):"
    assert "ValueError: bad" in lines[-2]


class Stuck(io.StringIO):
    """A stream whose reader does not read until it is freed."""

    def __init__(self) -> None:
        super().__init__()
        self.free, self.entered = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        self.entered.set()
        self.free.wait(30)
        return super().write(text)


def test_a_slow_reader_blocks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is counted, and the count is written when there is room again."""
    monkeypatch.setattr(line_writer, "_MOST", 3)
    monkeypatch.setattr(line_writer, "_PATIENCE", 0.01)
    stream = Stuck()
    writer = LineWriter(stream)
    writer.write("0")
    stream.entered.wait(30)
    for number in range(1, 6):
        writer.write(str(number))
    writer.close()  # returns although nothing is read
    stream.free.set()
    while len(stream.getvalue().splitlines()) < 4:
        writer._thread.join(0.01)
    writer.write("after")
    monkeypatch.setattr(line_writer, "_PATIENCE", 30.0)
    writer.close()
    assert written(stream) == ["0", "1", "2", "3", "2 lines were dropped, because nothing read them", "after"]


def test_a_reader_that_has_left() -> None:
    """The worker goes on."""
    stream = io.StringIO()
    stream.close()
    writer = LineWriter(stream)
    writer.write("one")
    writer._thread.join(30)
    assert not writer._thread.is_alive()
    writer.write("two")
    writer.close()
