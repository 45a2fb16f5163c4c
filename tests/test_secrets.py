"""The net that catches secrets has no holes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from cometconn import Disconnected, Reason
from cometconn._connection.statuses import StatusFeed
from cometconn.emulator.sessions import random_secret
from cometconn.errors import CometConnError


@pytest.fixture
def net(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The search that goes over the whole run; what it finds in this test does not count against the run."""
    plugin = next(p for p in request.config.pluginmanager.get_plugins() if hasattr(p, "FOUND") and hasattr(p, "SECRET"))
    before = list(plugin.FOUND)
    plugin.FOUND.clear()
    yield plugin
    plugin.FOUND[:] = before


@pytest.mark.parametrize("kind", ["token", "jwt"])
def test_a_secret_in_a_log_line_is_caught(net: Any, kind: str) -> None:
    """In the message, or in a traceback that is logged."""
    log = logging.Logger("apart")  # noqa: LOG001 - the others end up in the report of this test
    log.addHandler(net.Everything())
    log.warning("it is %s", random_secret(kind, "zed-1"))
    try:
        raise ValueError(random_secret(kind, "zed-1"))
    except ValueError:
        log.exception("oh")
    assert len(net.FOUND) == 2
    assert any(isinstance(handler, net.Everything) for handler in logging.getLogger().handlers)


def test_a_secret_in_a_status_is_caught(net: Any) -> None:
    """Also behind its cause."""
    cause = CometConnError("x")
    cause.__cause__ = OSError(random_secret("jwt", "zed-1"))
    rest = Disconnected(Reason.NOT_LOGGED_IN, at=0.0)
    StatusFeed().publish(rest, Disconnected(Reason.CONNECT_FAILED, cause=cause, at=1.0))
    assert len(net.FOUND) == 1
