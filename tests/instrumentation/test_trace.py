"""Details in a file, and back."""

from __future__ import annotations

import json
import pathlib
import stat

import pytest

from cometconn.errors import TraceError
from cometconn.instrumentation import Detail, PingSent, TraceFile, read_trace

from .examples import KINDS, example


def test_every_detail_comes_back_as_it_was(tmp_path: pathlib.Path) -> None:
    """What is written is read as the very same details, in their order."""
    details = tuple(example(kind) for kind in KINDS)
    with TraceFile(tmp_path / "trace") as trace:
        for detail in details:
            trace(detail)
    read = read_trace(tmp_path / "trace")
    assert read.details == details
    assert read.unreadable == 0


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_line_is_json_that_begins_with_the_name(kind: type[Detail], tmp_path: pathlib.Path) -> None:
    """One object a line: the class's name first, then its fields."""
    with TraceFile(tmp_path / "trace") as trace:
        trace(example(kind))
    (line,) = (tmp_path / "trace").read_text(encoding="utf-8").splitlines()
    fields = json.loads(line)
    assert next(iter(fields.items())) == ("detail", kind.__name__)
    assert fields["at_utc"] == "2026-03-06T21:40:00.123456+00:00"


def test_a_line_is_on_its_way_before_the_next_step(tmp_path: pathlib.Path) -> None:
    """Nothing waits in a buffer of ours: the file can be read while it is written."""
    with TraceFile(tmp_path / "trace") as trace:
        trace(example(PingSent))
        assert len(read_trace(tmp_path / "trace").details) == 1
        assert str(tmp_path / "trace") in repr(trace)


def test_the_file_is_for_its_owner(tmp_path: pathlib.Path) -> None:
    """Where we make it, nobody else may read it."""
    with TraceFile(tmp_path / "trace"):
        assert stat.S_IMODE((tmp_path / "trace").stat().st_mode) == 0o600


def test_a_file_that_exists_is_continued(tmp_path: pathlib.Path) -> None:
    """Also behind the torn line that a killed program left: only that one is lost."""
    for _ in range(2):
        with TraceFile(tmp_path / "trace") as trace:
            trace(example(PingSent))
        with (tmp_path / "trace").open("ab") as file:
            file.write(b'{"detail": "Ping')
    read = read_trace(tmp_path / "trace")
    assert len(read.details) == 2
    assert read.unreadable == 2


def test_after_a_full_disk_the_next_line_is_whole(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could be written only in half is left out, and nothing else."""
    with TraceFile(tmp_path / "trace") as trace:
        whole = trace._file

        class Full:
            """A file on a disk with room for ten bytes."""

            closed = False

            def write(self, data: bytes) -> int:
                return whole.write(data[:10]) or 0

        trace(example(PingSent))
        monkeypatch.setattr(trace, "_file", Full())
        trace(example(PingSent))
        monkeypatch.undo()
        trace(example(PingSent))
    read = read_trace(tmp_path / "trace")
    assert len(read.details) == 2
    assert read.unreadable == 1


def test_it_never_grows_beyond_its_bound(tmp_path: pathlib.Path) -> None:
    """At `max_bytes` the file is begun anew; the one before it is kept, and no more."""
    with TraceFile(tmp_path / "trace", max_bytes=1000) as trace:
        for at in range(100):
            trace(example(PingSent, at=float(at)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trace", "trace.1"]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())
    assert read_trace(tmp_path / "trace").details[-1].at == 99.0
    older, newer = read_trace(tmp_path / "trace.1").details, read_trace(tmp_path / "trace").details
    assert older[-1].at + 1 == newer[0].at


def test_a_closed_file_takes_nothing(tmp_path: pathlib.Path) -> None:
    """Closing is idempotent, and a client that outlives the file lives on."""
    trace = TraceFile(tmp_path / "trace")
    trace.close()
    trace.close()
    trace(example(PingSent))
    assert (tmp_path / "trace").read_bytes() == b""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"", "it is empty"),
        (b"\x00\xff\n[1, 2]\n3\n", "none of its lines is a detail"),
        (b'{"detail": "Unheard"}\n{"detail": "PingSent"}\n{"detail": ["a"]}\n', "none of its lines is a detail"),
    ],
)
def test_what_is_no_trace_is_said_to_be_none(tmp_path: pathlib.Path, content: bytes | None, words: str) -> None:
    """A missing, empty or foreign file is one clear error."""
    if content is not None:
        (tmp_path / "trace").write_bytes(content)
    with pytest.raises(TraceError, match=words) as raised:
        read_trace(tmp_path / "trace")
    assert str(tmp_path / "trace") in str(raised.value)
    assert raised.value.code == "UNREADABLE_TRACE"


def test_lines_of_a_newer_version_are_counted(tmp_path: pathlib.Path) -> None:
    """A kind we do not know is left out, a field we do not know is ignored."""
    with TraceFile(tmp_path / "trace") as trace:
        trace(example(PingSent))
    line = (tmp_path / "trace").read_text()
    (tmp_path / "trace").write_text(line + line.replace("PingSent", "PingFelt") + line.replace('"by"', '"x": 1, "by"'))
    read = read_trace(tmp_path / "trace")
    assert read.details == (example(PingSent), example(PingSent))
    assert read.unreadable == 1
