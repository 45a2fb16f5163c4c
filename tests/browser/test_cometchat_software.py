"""CometChat's own software on the emulator: the JavaScript SDK and the React UI kit in Chromium, and one of our bots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from .browser import in_browser, refusals, world
from .packages import MissingError, chromium, packages

pytest.importorskip("playwright.sync_api", reason="no playwright")

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from cometconn.emulator import Emulator

    from .bot import Bot


@pytest.fixture(autouse=True)
def _browser_and_packages() -> None:
    """Skip, with the reason, where there is no browser, or no package."""
    try:
        chromium()
        packages()
    except MissingError as error:
        pytest.skip(str(error))


async def test_the_javascript_sdk() -> None:
    """Every step of the list in `sdk_steps.js` succeeds, and the server has a route for each request."""

    def work(page: Page) -> tuple[int, list[str]]:
        names = page.evaluate("stepNames")
        failures = {name: page.evaluate("number => runStep(number)", number) for number, name in enumerate(names)}
        return len(names), [f"{name}: {failure}" for name, failure in failures.items() if failure is not None]

    async with world() as (server, bot):
        number, failed = await in_browser(server, bot, "sdk_steps.js", work)
        refused = refusals(server)
    assert not failed
    assert not refused
    assert number >= 124


async def test_the_ui_kit() -> None:
    """Every step of the list in `kit_steps.py` succeeds, without an error in the page, and the server has each route."""
    from .kit_steps import STEPS

    async with world() as (server, bot):
        for sender, text, receiver in (
            ("amy-2", "hello from amy", "zed-1"),
            ("zed-1", "hello from zed", "amy-2"),
            ("amy-2", "what about <@uid:zed-1>?", "zed-1"),
        ):
            server.say(sender, text, receiver=receiver)
        server.say("bob-3", "hi hikers", group="hikers")
        server.say("amy-2", "hi bob", group="hikers")
        failed = await in_browser(server, bot, "kit_page.jsx", _kit(server, bot))
        refused = refusals(server)
    assert not failed
    assert not refused
    assert len(STEPS) >= 49


def _kit(server: Emulator, bot: Bot) -> Callable[[Page], list[str]]:
    """Return what does the steps, and returns which failed."""
    from .kit_steps import STEPS, Kit

    def call(action: str, *given: Any) -> Any:
        return trio.from_thread.run(bot.act, action, *given)

    def work(page: Page) -> list[str]:
        failed: list[str] = []
        page.on("pageerror", lambda error: failed.append(f"an error in the page: {error}"))
        page.evaluate("logIn()")
        for name, step in STEPS:
            try:
                step(Kit(page, server, call))
            except Exception as error:
                failed.append(f"{name}: {type(error).__name__} {error}")
        return failed

    return work
