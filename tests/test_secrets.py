"""The search for secrets that `conftest.py` makes during the whole run finds them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import trio

import cometconn
from cometconn import AppSettings, Disconnected, MemoryStore, Reason
from cometconn.emulator import open_emulator
from cometconn.emulator.world.sessions import random_secret
from cometconn.errors import ConnectError
from cometconn.testing import open_memory_server


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


async def test_a_secret_in_a_status_is_found(net: Any) -> None:
    """A secret is found in the cause of a status, and in the causes of that."""
    manual = AppSettings(auto_establish_socket_connection=False)
    async with open_memory_server() as server:

        async def dial(_: str) -> trio.abc.Stream:
            raise OSError(random_secret("jwt", "zed-1"))

        environment: Any = SimpleNamespace(
            dial=dial, request=server.request, boot_time=server.boot_time, random=server.random
        )
        async with cometconn.open_client(
            "APP", manual, store=MemoryStore(), environment=environment, endpoints=server.endpoints
        ) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            with pytest.raises(ConnectError):
                await chat.connect()
            assert isinstance(chat.status, Disconnected)
            assert chat.status.reason is Reason.CONNECT_FAILED
    assert [where.partition(":")[0] for where in net.FOUND] == ["a status", "the cause of a status"]


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
