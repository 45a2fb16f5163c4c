"""Chromium with one page, in a thread, beside the server and the bot in Trio."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import trio

import cometconn
from cometconn import AppSettings, MemoryStore
from cometconn.emulator import Emulator, Kind, open_emulator

from .bot import Bot
from .packages import bundle, chromium

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from playwright.sync_api import Page

T = TypeVar("T")

NAME = "localhost"
USERS = ("zed-1", "amy-2", "bob-3", "cat-4", "dan-5")
_TIMEOUT = 20_000.0  # milliseconds, for a machine that is busy
_ORIGIN = "https://app.test/"
_HTML = '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="page.css"><div id="app"></div><script src="page.js"></script>'


@asynccontextmanager
async def world() -> AsyncIterator[tuple[Emulator, Bot]]:
    """Run a server with TLS that the page knows as `localhost`, and amy-2, who is connected to it."""
    groups = {
        "hikers": ("zed-1", "amy-2", "bob-3"),
        "amys-open": ("amy-2",),
        "amys-secret": ("amy-2",),
        "amys-closed": ("amy-2",),
    }
    async with open_emulator(users=USERS, groups=groups, tls=True, public=NAME) as server:
        secret, closed = server.world.groups["amys-secret"], server.world.groups["amys-closed"]
        secret.kind, secret.password, closed.kind = "password", "open sesame", "private"
        assert server.certificate is not None
        context = server.certificate.client_context()
        settings = AppSettings(subscription_type=cometconn.SubscriptionType.ALL_USERS)
        async with cometconn.open_client(
            "APP", settings, endpoints=server.endpoints, store=MemoryStore(), ssl_context=context
        ) as chat:
            await chat.login(uid="amy-2", auth_key="KEY")
            await chat.connect()
            bot = Bot(chat, server)
            async with trio.open_nursery() as nursery:
                await nursery.start(bot.listen)
                yield server, bot
                nursery.cancel_scope.cancel()


async def in_browser(server: Emulator, bot: Bot, entry: str, work: Callable[[Page], T]) -> T:
    """Run *work* with a page that has the bundle of *entry*, in a thread; its `bot()` is the bot, `server` is the server."""
    return await trio.to_thread.run_sync(_in_thread, server, bot, entry, work)


def _in_thread(server: Emulator, bot: Bot, entry: str, work: Callable[[Page], T]) -> T:
    from playwright.sync_api import expect, sync_playwright

    files = bundle(entry)
    assert server.certificate is not None
    # The SDK requests the number of online users without the port. No host but this machine is looked up.
    rules = f"MAP {NAME}:443 127.0.0.1:{server.port}, MAP {NAME} 127.0.0.1, MAP * ~NOTFOUND"
    arguments = [
        "--no-sandbox",
        f"--ignore-certificate-errors-spki-list={server.certificate.spki}",
        f"--host-resolver-rules={rules}",
        "--disable-features=LocalNetworkAccessChecks",  # the page has no address of its own, and the server is at loopback
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
    ]

    def act(action: str, *given: Any) -> Any:
        return trio.from_thread.run(bot.act, action, *given)

    def serve(route: Any) -> None:
        name = route.request.url.removeprefix(_ORIGIN)
        if name in {"page.js", "page.css"} and (files / name).exists():
            route.fulfill(path=files / name)
        elif not name:
            route.fulfill(body=_HTML, content_type="text/html")
        else:
            route.fulfill(status=404, body="")

    expect.set_options(timeout=_TIMEOUT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(_TIMEOUT)
            page.expose_function("bot", act)
            page.add_init_script(f"window.server = {{ host: '{NAME}:{server.port}' }}")
            page.route(f"{_ORIGIN}**", serve)
            page.goto(_ORIGIN, timeout=3 * _TIMEOUT)
            return work(page)
        finally:
            browser.close()


def refusals(server: Emulator) -> list[str]:
    """Return the requests that the server has no route for."""
    return [
        f"{entry.detail['method']} {entry.detail['path']}: {entry.detail['status']}"
        for entry in server.log.of(Kind.REST)
        if entry.detail["status"] in {404, 405, 501}
        and entry.detail["code"] in {"ERR_API_NOT_FOUND", "ERR_METHOD_NOT_ALLOWED"}
    ]
