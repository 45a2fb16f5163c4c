"""Logging in with an auth key, which takes two requests, and the same two requests by httpx2 alone."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from benchmarks.encryption import client_context, url
from benchmarks.frames import APP, ME, TOKEN
from cometconn import AppSettings, Endpoints, MemoryStore, open_client
from cometconn.environment import SystemEnvironment

from .stopwatch import Reading, Stopwatch

__all__ = ["ours", "theirs"]

_SETTINGS = AppSettings(auto_establish_socket_connection=False)


async def _ours(port: int, context: ssl.SSLContext | None) -> None:
    environment, endpoints = SystemEnvironment(proxy="", ssl_context=context), Endpoints.at(url(port, "http"))
    async with open_client(APP, _SETTINGS, store=MemoryStore(), endpoints=endpoints, environment=environment) as chat:
        await chat.login(uid=ME, auth_key=TOKEN)


async def _theirs(port: int, context: ssl.SSLContext | None) -> None:
    import httpx2  # noqa: PLC0415 - ours imports it with the first request, too

    secure: dict[str, Any] = {} if context is None else {"verify": context}
    async with httpx2.AsyncClient(base_url=url(port, "http"), trust_env=False, **secure) as client:
        created = await client.post(f"/users/{ME}/auth_tokens", headers={"apiKey": TOKEN}, content=b"{}")
        token = created.json()["data"]["authToken"]
        logged_in = await client.put("/me", headers={"authToken": token}, content=b"{}")
        assert logged_in.json()["data"]["uid"] == ME


def _measure(log_in: Callable[[int, ssl.SSLContext | None], Awaitable[None]], port: int, times: int) -> Reading:
    async def repeat() -> Reading:
        watch = Stopwatch()
        for _ in range(times):
            await log_in(port, client_context())
        return watch.read(times)

    return trio.run(repeat)


def ours(port: int, times: int) -> Reading:
    """Open a client and log in, as many times."""
    return _measure(_ours, port, times)


def theirs(port: int, times: int) -> Reading:
    """Open a client of httpx2 and make the two requests, as many times."""
    return _measure(_theirs, port, times)
