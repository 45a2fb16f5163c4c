"""Details are written to a file and read back."""

from __future__ import annotations

import json
import pathlib
import stat

import pytest

from cometconn import instrumentation
from cometconn.errors import TraceError
from cometconn.instrumentation import CloseFrameSent, Detail, PingSent, TraceFile, read_trace
from cometconn.instrumentation.trace import to_line

from .examples import KINDS, example


def test_every_detail_comes_back_as_it_was(tmp_path: pathlib.Path) -> None:
    """The details that are read equal those that were written, in their order."""
    details = tuple(example(kind) for kind in KINDS)
    with TraceFile(tmp_path / "trace") as trace:
        for detail in details:
            trace(detail)
    read = read_trace(tmp_path / "trace")
    assert read.details == details
    assert read.unreadable == 0


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_line_is_json_that_begins_with_the_name(kind: type[Detail], tmp_path: pathlib.Path) -> None:
    """Each line is one object: the class's name first, then its fields."""
    with TraceFile(tmp_path / "trace") as trace:
        trace(example(kind))
    (line,) = (tmp_path / "trace").read_text(encoding="utf-8").splitlines()
    fields = json.loads(line)
    assert next(iter(fields.items())) == ("detail", kind.__name__)
    assert fields["at_utc"] == "2026-03-06T21:40:00.123456+00:00"


def test_a_line_is_written_before_the_next_step(tmp_path: pathlib.Path) -> None:
    """There is no buffer: the file can be read while it is written."""
    with TraceFile(tmp_path / "trace") as trace:
        trace(example(PingSent))
        assert len(read_trace(tmp_path / "trace").details) == 1
        assert str(tmp_path / "trace") in repr(trace)


def test_the_file_is_for_its_owner(tmp_path: pathlib.Path) -> None:
    """A new file can be read and written only by its owner."""
    with TraceFile(tmp_path / "trace"):
        assert stat.S_IMODE((tmp_path / "trace").stat().st_mode) == 0o600


def test_a_file_that_exists_is_continued(tmp_path: pathlib.Path) -> None:
    """After the incomplete line of a killed program, only that line is lost."""
    for _ in range(2):
        with TraceFile(tmp_path / "trace") as trace:
            trace(example(PingSent))
        with (tmp_path / "trace").open("ab") as file:
            file.write(b'{"detail": "Ping')
    read = read_trace(tmp_path / "trace")
    assert len(read.details) == 2
    assert read.unreadable == 2


def test_a_detail_under_its_previous_name_is_read(tmp_path: pathlib.Path) -> None:
    """A trace of version 0.1.0 has `GoodbyeSaid` where `CloseFrameSent` stands now; the class has kept its alias."""
    line = to_line(example(CloseFrameSent)).replace("CloseFrameSent", "GoodbyeSaid")
    (tmp_path / "trace").write_text(line + "\n", encoding="utf-8")
    assert read_trace(tmp_path / "trace").details == (example(CloseFrameSent),)
    with pytest.warns(DeprecationWarning, match=r"instrumentation\.GoodbyeSaid is deprecated .* use CloseFrameSent\."):
        assert instrumentation.GoodbyeSaid is CloseFrameSent


def test_after_a_full_disk_the_next_line_is_whole(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the line that was written in part is lost."""
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
    """At `max_bytes` a new file is started, and only one earlier file is kept."""
    with TraceFile(tmp_path / "trace", max_bytes=1000) as trace:
        for at in range(100):
            trace(example(PingSent, at=float(at)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trace", "trace.1"]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())
    assert read_trace(tmp_path / "trace").details[-1].at == 99.0
    older, newer = read_trace(tmp_path / "trace.1").details, read_trace(tmp_path / "trace").details
    assert older[-1].at + 1 == newer[0].at


def test_a_closed_file_ignores_details(tmp_path: pathlib.Path) -> None:
    """Closing is idempotent, and the file may be closed before the client."""
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
def test_a_file_that_is_not_a_trace_is_an_error(tmp_path: pathlib.Path, content: bytes | None, words: str) -> None:
    """A missing, an empty and an unrelated file raise `TraceError` with the reason."""
    if content is not None:
        (tmp_path / "trace").write_bytes(content)
    with pytest.raises(TraceError, match=words) as raised:
        read_trace(tmp_path / "trace")
    assert str(tmp_path / "trace") in str(raised.value)
    assert raised.value.code == "UNREADABLE_TRACE"


def test_lines_of_a_newer_version_are_counted(tmp_path: pathlib.Path) -> None:
    """An unknown kind of detail is skipped and counted, an unknown field is ignored."""
    with TraceFile(tmp_path / "trace") as trace:
        trace(example(PingSent))
    line = (tmp_path / "trace").read_text()
    (tmp_path / "trace").write_text(line + line.replace("PingSent", "PingFelt") + line.replace('"by"', '"x": 1, "by"'))
    read = read_trace(tmp_path / "trace")
    assert read.details == (example(PingSent), example(PingSent))
    assert read.unreadable == 1
