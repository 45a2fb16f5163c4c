"""Sends webhook events over HTTP: one after the other, in the order in which they happened."""

from __future__ import annotations

import base64
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import trio

from cometconn._environment import Request
from cometconn._network.urls import read_url
from cometconn.errors import SettingsError

from .jsontext import render
from .log import Kind

if TYPE_CHECKING:
    from .jsontext import Json
    from .log import ServerLog

__all__ = ["ATTEMPT_TIMEOUT", "RETRY_DELAYS", "Webhook"]

RETRY_DELAYS: Final = (0.5, 1.0)
"""Seconds before the first and the second repetition of a request that failed. CometChat's documentation has 10 and 30."""

ATTEMPT_TIMEOUT: Final = 10.0
"""Seconds that one request may take."""

_logger = logging.getLogger("cometconn.emulator")


class Webhook:
    """The events of a server, and the URL that they are sent to.

    `offer()` never blocks, so a receiver that is slow or gone does not delay the server.

    Args:
        url: `http://` or `https://`.
        auth: `USER:PASSWORD` for HTTP Basic authentication; `None` for none.
        log: records every attempt.
        limit: the most events that wait; a further one is dropped.

    Raises:
        SettingsError: an argument is not valid.
    """

    def __init__(self, url: str, auth: str | None, log: ServerLog, *, limit: int) -> None:
        address = read_url(url.partition("?")[0])
        if address is None or address.scheme not in {"http", "https"} or address.user is not None:
            message = "open_emulator(webhook=...) must be a URL such as http://127.0.0.1:8000/events, without a user."
            raise SettingsError(message)
        if auth is not None and ":" not in auth:
            message = "open_emulator(webhook_auth=...) must look like USER:PASSWORD."
            raise SettingsError(message)
        self._url = url
        self._headers = {"content-type": "application/json"}
        if auth is not None:
            self._headers["authorization"] = f"Basic {base64.b64encode(auth.encode()).decode()}"
        self._log = log
        # Imported here, because what dials for a client is not needed by a server without a webhook.
        from cometconn.environment import SystemEnvironment  # noqa: PLC0415

        self._environment = SystemEnvironment()
        self._waiting, self._events = trio.open_memory_channel[tuple[str, bytes]](limit)
        self._sent_all = trio.Event()

    def offer(self, event: Json) -> None:
        """Queue an event. It is dropped, with an entry in the log, when too many wait or after `finish()`."""
        trigger = event["trigger"]
        try:
            self._waiting.send_nowait((trigger, render(event).encode()))
        except (trio.WouldBlock, trio.ClosedResourceError):
            self._drop(trigger, 0, None)

    async def run(self) -> None:
        """Send the events until `finish()`, and then those that wait."""
        async for trigger, body in self._events:
            await self._deliver(trigger, body)
        self._sent_all.set()

    async def finish(self) -> None:
        """Take no more events, and wait until those that wait are sent. Bound it with `trio.move_on_after`."""
        self._waiting.close()
        await self._sent_all.wait()

    async def _deliver(self, trigger: str, body: bytes) -> None:
        """Send one event, with two repetitions; then drop it."""
        delays, attempt = iter(RETRY_DELAYS), 0
        while True:
            attempt += 1
            status = await self._post(body)
            if status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
                self._log.add(Kind.WEBHOOK, trigger=trigger, attempt=attempt, status=status, dropped=False)
                return
            delay = next(delays, None)
            if delay is None:
                self._drop(trigger, attempt, status)
                return
            self._log.add(Kind.WEBHOOK, trigger=trigger, attempt=attempt, status=status, dropped=False)
            await trio.sleep(delay)

    async def _post(self, body: bytes) -> int | None:
        """Make one request; return the status of its answer, or `None` if there is none."""
        with trio.move_on_after(ATTEMPT_TIMEOUT):
            try:
                return (await self._environment.request(Request("POST", self._url, self._headers, body))).status
            except (OSError, trio.BrokenResourceError):
                pass
        return None

    def _drop(self, trigger: str, attempt: int, status: int | None) -> None:
        self._log.add(Kind.WEBHOOK, trigger=trigger, attempt=attempt, status=status, dropped=True)
        _logger.warning(
            "the webhook event %s was dropped after %d attempts, the last status: %s", trigger, attempt, status
        )
