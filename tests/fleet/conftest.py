"""The Redis server that the tests of one process share."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

from . import redis_server as servers

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.RedisServer]:
    """Start a Redis server without persistence, on a unix socket. Skips where a test of Redis cannot run."""
    if servers.PROGRAM is None:
        pytest.skip("redis-server is not installed")
    if importlib.util.find_spec("coredis") is None:
        pytest.skip("coredis is not installed: pip install cometconn[fleet]")
    with servers.RedisServer(tmp_path_factory.mktemp("redis")).running() as server:
        yield server
