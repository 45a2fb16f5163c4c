"""The machine that the figures belong to."""

from __future__ import annotations

import platform
import resource

from benchmarks.machine import description, raise_file_limit, resident


def test_the_machine_is_described() -> None:
    """Processor, cores, Python and the versions that matter."""
    text = description()
    assert "cores" in text
    assert platform.python_version() in text
    assert "trio-websocket " in text


def test_the_limit_of_open_files_is_raised_as_far_as_allowed() -> None:
    """Every connection is one."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
        assert raise_file_limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 512
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_memory_is_counted_in_bytes() -> None:
    """A Python is tens of megabytes."""
    assert 5_000_000 < resident() < 50_000_000_000
