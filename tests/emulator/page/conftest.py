"""An emulator in a thread with bots of our own, and its page in Chromium."""

from __future__ import annotations

import functools
import shutil
import threading
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
import trio

import cometconn
from cometconn import AppSettings, MemoryStore, Timing
from cometconn.emulator import Emulator, open_emulator
from cometconn.events import TextMessage
from cometconn.instrumentation import console_hook

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page

    from cometconn.instrumentation.console import ConsoleHook

T = TypeVar("T")

CHROMIUM = shutil.which("chromium")
USERS = ("zed-1", "amy-2", "bob-3")
SETTINGS = AppSettings(auto_establish_socket_connection=False, timing=Timing(retry_base=0.05))


class Stage:
    """An emulator that runs in a thread, because a browser is driven by calls that block."""

    server: Emulator

    def __init__(self) -> None:
        self._port = 0
        self.start()

    def start(self) -> None:
        """Start the emulator; after `stop()` on the same port."""
        ready = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._main, ready), name="stage")
        self._thread.start()
        assert ready.wait(10)

    def stop(self) -> None:
        """Stop the emulator and its bots. Idempotent."""
        if self._thread.is_alive():
            trio.from_thread.run_sync(self._stop.set, trio_token=self._token)
            self._thread.join(10)

    async def _main(self, ready: threading.Event) -> None:
        self._stop, self._token = trio.Event(), trio.lowlevel.current_trio_token()
        async with (
            open_emulator(control=True, port=self._port, users=USERS) as self.server,
            trio.open_nursery() as self._nursery,
        ):
            self._port = self.server.port
            ready.set()
            await self._stop.wait()
            self._nursery.cancel_scope.cancel()

    def do(self, call: Callable[..., T], *args: Any, **more: Any) -> T:
        """Call a function in the emulator's thread."""
        return trio.from_thread.run_sync(functools.partial(call, *args, **more), trio_token=self._token)

    def run(self, call: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Call an async function in the emulator's thread, and wait for it, at most 10 s."""

        async def bounded() -> T:
            with trio.fail_after(10):
                return await call(*args)

        return trio.from_thread.run(bounded, trio_token=self._token)

    def bot(self, uid: str = "zed-1", *, reports: bool = False) -> None:
        """Let a bot connect. It types, marks each message as read, and answers it in capitals."""
        hooks = [console_hook(self.server.url)] if reports else []
        self.do(self._nursery.start_soon, _bot, self.server, uid, hooks)
        self.run(self.server.wait_connected, uid)


async def _bot(server: Emulator, uid: str, hooks: list[ConsoleHook]) -> None:
    async with cometconn.open_client(
        "APP", SETTINGS, store=MemoryStore(), endpoints=server.endpoints, hooks=hooks
    ) as chat:
        await chat.login(uid=uid, auth_key="KEY")
        await chat.connect()
        if hooks:
            chat.enter_background()
            await chat.ping()
        async with chat.events(TextMessage, markers=False) as messages:
            async for message in messages:
                if message.sender.uid != uid:
                    await chat.start_typing(message.sender.uid)
                    await chat.mark_as_read(message)
                    await trio.sleep(0.2)  # so that a page shows that the bot types
                    await chat.send_text(message, message.text.upper())


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Run an emulator."""
    stage = Stage()
    yield stage
    stage.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium, once for all tests of a module."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright")
    if CHROMIUM is None:
        pytest.skip("chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, stage: Stage) -> Iterator[Page]:
    """Open the page. What goes wrong in it fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 860}, accept_downloads=True)
    context.set_default_timeout(10_000)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if _is_wrong(message) else None)
    page.goto(stage.server.url)
    page.locator("#live-words", has_text="Live").wait_for()
    yield page
    context.close()
    assert not wrong


def _is_wrong(message: ConsoleMessage) -> bool:
    """Whether this is an error of the page, and not one of the network, which the page shows in its own words."""
    return message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource")
