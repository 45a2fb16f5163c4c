"""One server for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .harness import Server, running_server


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    """The server of this module."""
    with running_server() as server:
        yield server


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    """The server of this module, which behaves as it should when a test begins."""
    running.do("heal")
    yield running
    running.do("heal")
