"""The default `Environment`: the network, the boot-time clock, and chance."""

from __future__ import annotations

import random
import ssl
import time
from typing import TYPE_CHECKING

import attrs

from ._account.http import fetch
from ._groups import Ungrouped
from ._transport.dial import dial

if TYPE_CHECKING:
    from collections.abc import Mapping

    import trio

    from ._proxies import Proxies
    from .environment import Request, Response

__all__ = ["SystemEnvironment"]

# Where there is no boot-time clock, sleep goes unnoticed until the server is found to be gone.
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@attrs.define(eq=False)
class SystemEnvironment:
    """The real world. REST and socket get there in the same way: one dialling, one TLS setting, one choice of proxies.

    Attributes:
        headers: more headers for REST requests.
        proxies: which proxy leads where; `None` for none at all.
    """

    headers: Mapping[str, str] = attrs.field(repr=False)
    proxies: Proxies | None
    _ssl_context: ssl.SSLContext | None = attrs.field(repr=False)

    async def dial(self, url: str) -> trio.abc.Stream:
        """Open a byte stream: name lookup, TCP, proxy, TLS."""
        return await dial(url, self.tls, None if self.proxies is None else self.proxies.leading_to(url))

    async def request(self, request: Request) -> Response:
        """Make one REST request with httpx."""
        with Ungrouped():  # httpx closes what it has while it handles errors
            return await fetch(request, dial=self.dial, headers=self.headers)

    def boot_time(self) -> float:
        """Return seconds on a clock that goes on while the machine sleeps, where there is one."""
        return time.clock_gettime(_BOOT_CLOCK)

    def random(self) -> float:
        """Return a number from 0 to 1."""
        return random.random()  # noqa: S311 - jitter, not secrets

    def tls(self) -> ssl.SSLContext:
        """Return the TLS setting."""
        # Loading the system's certificates takes tens of milliseconds: once, when first needed.
        if self._ssl_context is None:
            self._ssl_context = ssl.create_default_context()
        return self._ssl_context
