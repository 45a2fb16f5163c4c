"""A chat client as the guest of a toolkit's event loop; which toolkit, nothing here knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

import cometconn
from cometconn import AppSettings, CometChat, Endpoints
from cometconn.events import TextMessage

if TYPE_CHECKING:
    from collections.abc import Callable

SERVER = "http://127.0.0.1:9000"


class GuestChat:
    """One client in Trio's guest mode: another event loop runs it, in that loop's thread.

    `post(function)` hands a function to the loop, from any thread; `show(text)` is called
    with every message, `ended(outcome)` once at the end. The methods are for the toolkit.
    """

    def __init__(
        self,
        post: Callable[[Callable[[], object]], object],
        show: Callable[[str], object],
        ended: Callable[[Any], object],
    ) -> None:
        self._post, self._show, self._ended = post, show, ended
        self._visible, self._left = True, False
        self._scope = trio.CancelScope()
        self._token: trio.lowlevel.TrioToken | None = None
        self._chat: CometChat | None = None

    def start(self) -> None:
        """Begin; `ended` will be called, whatever happens."""
        trio.lowlevel.start_guest_run(self._main, run_sync_soon_threadsafe=self._post, done_callback=self._ended)

    def in_sight(self, visible: bool) -> None:
        """Enter the foreground or the background, depending on whether the window is visible."""
        self._visible = visible
        self._soon()

    def leave(self) -> None:
        """Close the connection; then `ended` is called."""
        self._left = True
        self._soon()

    def _soon(self) -> None:
        # A toolkit's callback is not a Trio task, though it runs in the same thread, so Trio has to run this.
        if self._token is not None:
            self._token.run_sync_soon(self._apply)

    def _apply(self) -> None:
        if self._left:
            self._scope.cancel(reason="the window was closed")
        if self._chat is not None and self._visible:
            self._chat.enter_foreground()
        elif self._chat is not None:
            self._chat.enter_background()

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        server = Endpoints.at(SERVER)  # leave it out for CometChat's cloud
        with self._scope:
            async with cometconn.open_client("APP", AppSettings(region="us"), endpoints=server) as self._chat:
                self._apply()  # calls made before Trio has started
                await self._chat.login(uid="amy-2", auth_key="KEY")
                async with self._chat.events(TextMessage, markers=False) as messages:
                    async for message in messages:
                        self._show(f"{message.sender.name}: {message.text}")
