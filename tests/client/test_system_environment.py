"""The default Environment, as a user calls and wraps it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import trio

from cometconn import AppSettings, Connected, MemoryStore, open_client
from cometconn.emulator import open_emulator
from cometconn.environment import SystemEnvironment
from cometconn.errors import SettingsError

if TYPE_CHECKING:
    from cometconn.environment import Environment, Request, Response


@pytest.mark.parametrize("missing", [("CLOCK_BOOTTIME",), ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC")])
async def test_a_system_without_these_clocks(missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a system without these clocks, such as Windows, the client connects with the best clock that exists."""
    for name in missing:
        monkeypatch.delattr(time, name, raising=False)
    with trio.fail_after(30):
        async with open_emulator() as server:
            client = open_client("APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints)
            async with client as chat:
                await chat.login(uid="zed-1", auth_key="KEY")
                await chat.connect()
                assert isinstance(chat.status, Connected)
    first = SystemEnvironment().boot_time()
    assert first <= SystemEnvironment().boot_time() < first + 60


def test_a_kernel_that_does_not_know_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a clock has a name and reading it fails, the next clock is used."""

    def refuse(clock: int) -> float:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(time, "clock_gettime", refuse)
    assert abs(SystemEnvironment().boot_time() - time.monotonic()) < 60


class Counting:
    """An Environment that passes its calls on to another."""

    def __init__(self, inner: Environment) -> None:
        self.inner = inner
        self.urls: list[str] = []

    async def dial(self, url: str) -> trio.abc.Stream:
        """Count the call, and dial."""
        self.urls.append(url)
        return await self.inner.dial(url)

    async def request(self, request: Request) -> Response:
        """Count the call, and make the request."""
        self.urls.append(request.url)
        return await self.inner.request(request)

    def boot_time(self) -> float:
        """Pass the call on."""
        return self.inner.boot_time()

    def random(self) -> float:
        """Pass the call on."""
        return self.inner.random()


async def test_it_can_be_wrapped() -> None:
    """A program's own Environment can pass the four calls on, over real sockets."""
    with trio.fail_after(30):
        async with open_emulator() as server:
            environment = Counting(SystemEnvironment(proxy=""))
            client = open_client(
                "APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints, environment=environment
            )
            async with client as chat:
                await chat.login(uid="zed-1", auth_key="KEY")
                await chat.connect()
            assert environment.urls[0].startswith(server.endpoints.admin_url)
            assert server.endpoints.socket_url in environment.urls


def test_invalid_arguments_are_refused_at_once() -> None:
    """Invalid proxies and headers are refused, and the repr has no secret."""
    with pytest.raises(SettingsError):
        SystemEnvironment(proxy="nonsense")
    with pytest.raises(SettingsError):
        SystemEnvironment(headers={"Host": "elsewhere"})
    assert "SECRET" not in repr(SystemEnvironment(proxy="http://user:SECRET@127.0.0.1:1", headers={"X-Key": "SECRET"}))
