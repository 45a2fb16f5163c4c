"""The file of a transcript: complete lines, readable only by its owner, and validated when it is read."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
import trio

from cometconn.errors import SettingsError
from cometconn.testing import TranscriptLine, read_transcript, transcript
from cometconn.testing.transcript import TranscriptFile


async def written(path: pathlib.Path) -> TranscriptFile:
    """Return an open file with two lines after the first one."""
    file = TranscriptFile.create(path)
    file.write("dial", 1)
    file.write("server", 1, text="ü\n")
    return file


async def test_what_was_written_is_read(tmp_path: pathlib.Path, autojump_clock: trio.testing.MockClock) -> None:
    """Each line is read with its time, even before the file is closed; only the owner can read the file."""
    path = tmp_path / "t.jsonl"
    file = await written(path)
    await trio.sleep(1.5)
    file.write("client_end", 1)
    lines = read_transcript(path)
    assert [line.what for line in lines] == ["begin", "dial", "server", "client_end"]
    assert lines[2:] == (TranscriptLine(0.0, "server", 1, {"text": "ü\n"}), TranscriptLine(1.5, "client_end", 1))
    assert path.stat().st_mode & 0o777 == 0o600
    assert str(lines[2]) == 'server 1 {"text": "ü\\n"}'
    file.close()


async def test_an_incomplete_last_line_is_skipped(tmp_path: pathlib.Path) -> None:
    """Wherever the file is cut, all complete lines are read."""
    path = tmp_path / "t.jsonl"
    (await written(path)).close()
    whole = path.read_bytes()
    for size in range(whole.index(b"\n") + 1, len(whole)):
        path.write_bytes(whole[:size])
        assert len(read_transcript(path)) == whole[:size].count(b"\n")


@pytest.mark.parametrize(
    "text", ["", "x\n", '{"at":0,"what":"begin","number":0,"version":2}\n', '{"at":0,"what":"dial","number":1}\n']
)
def test_other_files_are_refused(tmp_path: pathlib.Path, text: str) -> None:
    """So are transcripts of another version."""
    path = tmp_path / "t.jsonl"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"t\.jsonl"):
        read_transcript(path)


@pytest.mark.parametrize("line", ["[]", '{"at":"x","what":"y","number":1}', '{"at":1}', "[" * 100_000, "\x00"])
async def test_an_invalid_line_is_an_error(tmp_path: pathlib.Path, line: str) -> None:
    """The message contains its number and not its content."""
    path = tmp_path / "t.jsonl"
    (await written(path)).close()
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(SettingsError, match="line 4"):
        read_transcript(path)


async def test_a_file_that_is_too_long_is_refused(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not read at all."""
    path = tmp_path / "t.jsonl"
    (await written(path)).close()
    monkeypatch.setattr(transcript, "_LIMIT", 50)
    with pytest.raises(SettingsError, match="longer than 50 bytes"):
        read_transcript(path)


class FullDisk:
    """A file on a full disk."""

    def write(self, text: str) -> None:
        raise OSError("no space left")

    def close(self) -> None:
        raise OSError("still no space left")


async def test_closing_raises_the_error_of_a_full_disk(tmp_path: pathlib.Path) -> None:
    """Writing never raises; closing raises the first error."""
    disk: Any = FullDisk()
    file = TranscriptFile(disk)
    file.write("dial", 1)
    file.write("dial", 2)
    with pytest.raises(OSError, match="^no space left"):
        file.close()
    with pytest.raises(OSError, match="still no space left"):
        TranscriptFile(disk).close()
