"""The hook that shows a client's details beside the log of a local server."""

from __future__ import annotations

import secrets
from collections import deque
from typing import TYPE_CHECKING, Final

import attrs

from cometconn._arguments import checked, made_by
from cometconn._network.urls import is_loopback, read_url
from cometconn.errors import SettingsError

from .lease import DetailsDropped

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from .detail import Detail

__all__ = ["MOST_WAITING", "ConsoleHook", "TraceBuffer", "buffer_of", "console_hook"]

MOST_WAITING: Final = 10_000
"""At most this many details wait to be sent. It is as many as wait for the hooks."""

_IN_A_BATCH: Final = 100  # details, about 20 kB and 2.5 ms of the loop


@attrs.frozen
class _Batch:
    """What one request carries. It is repeated unchanged until the server has it, and has it once: it has a number."""

    number: int
    text: str
    details: int
    reported_dropped: int


class TraceBuffer:
    """The details of one hook that its server has not taken yet.

    Attributes:
        sent: the number of details that the server has taken.
        dropped: the number of details that were dropped.
    """

    def __init__(self) -> None:
        self.sent: int = 0
        self.dropped: int = 0
        self._waiting: deque[Detail] = deque()
        self._unreported = 0
        self._batch: _Batch | None = None
        self._batches = 0
        self._senders: list[Callable[[], object]] = []

    @property
    def waiting(self) -> int:
        """The number of details that wait."""
        return len(self._waiting) + (0 if self._batch is None else self._batch.details)

    @property
    def has_full_batch(self) -> bool:
        """Whether nothing is gained by waiting for more details."""
        return self._batch is not None or len(self._waiting) >= _IN_A_BATCH

    def put(self, detail: Detail) -> None:
        """Queue *detail*, and drop the oldest one if too many wait."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self._drop(1)
        self._waiting.append(detail)
        if self._senders:
            self._senders[0]()

    def attach(self, wake: Callable[[], object]) -> None:
        """Add a client's task. The one that was added first sends; *wake* is called when there is something to send."""
        self._senders.append(wake)

    def detach(self, wake: Callable[[], object]) -> None:
        """Remove a client's task, and let the next one go on."""
        self._senders.remove(wake)
        if self._senders:
            self._senders[0]()

    def is_turn(self, wake: Callable[[], object]) -> bool:
        """Whether this client's task is the one that sends."""
        return self._senders[0] == wake

    def next_batch(self) -> tuple[int, str] | None:
        """Return the number and the text of the batch to send now: the last one, until its outcome is known."""
        if self._batch is None and self._waiting:
            self._batch = self._make_batch()
        return None if self._batch is None else (self._batch.number, self._batch.text)

    def note_taken(self) -> None:
        """Note that the server has the batch."""
        batch, self._batch = self._batch, None
        assert batch is not None, "it was sent"
        self.sent += batch.details
        self._unreported -= batch.reported_dropped

    def note_refused(self) -> None:
        """Note that the server will never take the batch."""
        batch, self._batch = self._batch, None
        assert batch is not None, "it was sent"
        self._drop(batch.details)

    def _drop(self, details: int) -> None:
        self.dropped += details
        self._unreported += details

    def _make_batch(self) -> _Batch:
        from .trace import to_line  # noqa: PLC0415 - cattrs takes a while, and the client is opened first

        details = [self._waiting.popleft() for _ in range(min(_IN_A_BATCH, len(self._waiting)))]
        lines = [to_line(detail) for detail in details]
        if self._unreported:
            first = details[0]
            dropped = DetailsDropped(
                connection_id=first.connection_id,
                generation=first.generation,
                at=first.at,
                at_utc=first.at_utc,
                dropped=self._unreported,
            )
            lines.insert(0, to_line(dropped))
        self._batches += 1
        return _Batch(self._batches, "\n".join(lines), len(details), self._unreported)


@made_by("console_hook()")
class ConsoleHook:
    """The hook that `console_hook()` returns. The clients that it is given to send its details.

    Attributes:
        url: where they are sent.
        ssl_context: the TLS settings, for `https`.
    """

    def __init__(self, address: str, ssl_context: ssl.SSLContext | None) -> None:
        # A random name, by which the server distinguishes the clients of this hook from those of other programs.
        self.url: str = f"{address}/control/traces?source={secrets.token_hex(4)}"
        self.ssl_context: ssl.SSLContext | None = ssl_context
        self._buffer: TraceBuffer = TraceBuffer()

    def __repr__(self) -> str:
        return f"<ConsoleHook to {self.url}: {self.sent} sent, {self.waiting} waiting, {self.dropped} dropped>"

    def __call__(self, detail: Detail, /) -> None:
        """Queue *detail*. It takes less than a microsecond and never fails."""
        self._buffer.put(detail)

    @property
    def sent(self) -> int:
        """The number of details that the server has taken."""
        return self._buffer.sent

    @property
    def waiting(self) -> int:
        """The number of details that wait to be sent."""
        return self._buffer.waiting

    @property
    def dropped(self) -> int:
        """The number of details that were dropped: too many waited, or the server refused them."""
        return self._buffer.dropped


def buffer_of(hook: ConsoleHook) -> TraceBuffer:
    """Return what the tasks that send need, and programs do not."""
    return hook._buffer  # noqa: SLF001


@checked
def console_hook(url: str, *, ssl_context: ssl.SSLContext | None = None) -> ConsoleHook:
    """Return a hook that sends a client's details to a local server, which shows them beside its own log.

    For example::

        async with cometconn.open_client("APP", endpoints=server.endpoints, hooks=[console_hook(server.url)]) as chat:
            ...

    The server is one of `cometconn serve --control`, or of `open_emulator(control=True)`. Its log has an entry of the
    kind `TRACE` for each detail, with the number of the WebSocket connection that it belongs to, so that both ends of a
    connection can be read in one place. Several clients of one Trio run may share a hook.

    A task of the client sends the details, a tenth of a second after they came and at most 100 in one request. It never
    delays the client and never makes it fail. While the server is away, or has no `/control`, it tries again after 0.5
    seconds, and then ever later, up to 10 s; the first failure is a WARNING. Meanwhile at most 10,000 details wait; then
    the oldest are dropped, and the server is sent how many. The last details are sent when the client is left; that
    takes at most half a second more, also when the client is cancelled.

    Details contain no secrets and no texts of messages.

    Args:
        url: the server, as `http://127.0.0.1:9000`. Only loopback addresses are accepted, because the server has no
            access control.
        ssl_context: the TLS settings for a server with `https`, which have to trust its certificate.

    Raises:
        SettingsError: the URL is not that of a server on this machine.
    """
    address = read_url(url)
    if address is None or address.scheme not in {"http", "https"} or address.user is not None:
        message = "console_hook(url=...) must be the URL of a local server, such as http://127.0.0.1:9000."
        raise SettingsError(message)
    if not is_loopback(address.host):
        message = f"console_hook(url=...) must be a server on this machine, such as http://127.0.0.1:9000: {address.host} is not."
        raise SettingsError(message)
    return ConsoleHook(url.rstrip("/"), ssl_context)
