"""The search for secrets that `conftest.py` makes during the whole run finds them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import trio

import cometconn
from cometconn import AppSettings, Disconnected, MemoryStore, Reason
from cometconn._streams.statuses import StatusFeed
from cometconn.emulator import open_emulator
from cometconn.emulator.world.sessions import random_secret
from cometconn.errors import CometConnError


@pytest.fixture
def net(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The search of the whole run. What it finds in this test does not fail the run."""
    plugin = next(p for p in request.config.pluginmanager.get_plugins() if hasattr(p, "FOUND") and hasattr(p, "SECRET"))
    before = list(plugin.FOUND)
    plugin.FOUND.clear()
    yield plugin
    plugin.FOUND[:] = before


@pytest.mark.parametrize("kind", ["token", "jwt"])
def test_a_secret_in_a_log_line_is_found(net: Any, kind: str) -> None:
    """A secret is found in the message of a log line, and in a traceback that is logged."""
    log = logging.Logger("apart")  # noqa: LOG001 - the others end up in the report of this test
    log.addHandler(net.Everything())
    log.warning("it is %s", random_secret(kind, "zed-1"))
    try:
        raise ValueError(random_secret(kind, "zed-1"))
    except ValueError:
        log.exception("oh")
    assert len(net.FOUND) == 2
    assert any(isinstance(handler, net.Everything) for handler in logging.getLogger().handlers)


def test_a_secret_in_a_status_is_found(net: Any) -> None:
    """A secret is found in the cause of a status, and in the causes of that."""
    cause = CometConnError("x")
    cause.__cause__ = OSError(random_secret("jwt", "zed-1"))
    rest = Disconnected(Reason.NOT_LOGGED_IN, at=0.0)
    StatusFeed().publish(rest, Disconnected(Reason.CONNECT_FAILED, cause=cause, at=1.0))
    assert len(net.FOUND) == 1


async def test_at_every_log_level_nothing_is_shown(caplog: pytest.LogCaptureFixture, net: Any) -> None:
    """In a whole session over real sockets, with a refused token, in which all loggers log at DEBUG."""
    caplog.set_level(logging.DEBUG)
    with trio.fail_after(20):
        async with (
            open_emulator() as server,
            cometconn.open_client("APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints) as chat,
        ):
            await chat.login(uid="zed-1", auth_key="KEY")
            await chat.connect()
            await chat.ping()
            server.expire_jwts()
            server.drop("zed-1", "close")
            await server.wait_gone("zed-1")
            await server.wait_connected("zed-1")
            shown = f"{chat!r} {chat.status!r} {chat.statistics()!r} {chat.get_logged_in_user()!r}"
            await chat.logout()
    assert len(caplog.records) > 50
    assert not net.SECRET.search(caplog.text)
    assert not net.SECRET.search(shown)
    assert not net.FOUND
