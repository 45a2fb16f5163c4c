"""The WebSocket that the rooms above use, as a `Protocol`, and its errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import trio

__all__ = [
    "LONG_MESSAGE_HEAD",
    "LongMessage",
    "Message",
    "Received",
    "UpgradeRefusedError",
    "WebSocket",
    "WebSocketBrokenError",
    "WebSocketClosedError",
    "WebSocketError",
    "WebSocketFactory",
]


class WebSocketError(Exception):
    """The WebSocket has ended, or the upgrade has failed. The message is shown to users."""


class UpgradeRefusedError(WebSocketError):
    """The response to the upgrade had another HTTP status than 101.

    Attributes:
        status: that status.
        retry_after: the delay that the response asked for, in seconds; 0 without one.
    """

    def __init__(self, status: int, retry_after: float) -> None:
        super().__init__(f"the server answered the WebSocket upgrade with HTTP status {status}")
        self.status = status
        self.retry_after = retry_after


class WebSocketClosedError(WebSocketError):
    """The WebSocket was closed with a close frame, as a rule the server's.

    Attributes:
        code: the close code (RFC 6455, section 7.4); 1005 when the frame had none.
        reason: the close reason, or `None`.
    """

    def __init__(self, code: int, reason: str | None) -> None:
        super().__init__(f"the WebSocket was closed with code {code}" + (f" ({reason!r})" if reason else ""))
        self.code = code
        self.reason = reason


class WebSocketBrokenError(WebSocketError):
    """The byte stream has ended or failed without a close frame, or carried what RFC 6455 does not allow."""


LONG_MESSAGE_HEAD: Final = 64 * 1024
"""Bytes that are kept of a message that is too long."""


@attrs.frozen
class LongMessage:
    """A message that is too long: all of it was read, and only its beginning kept.

    Attributes:
        head: its first 64 KiB, with no character cut; `bytes` if it was a binary message.
        size: bytes of the whole message.
    """

    head: str | bytes = attrs.field(repr=False)
    size: int


Message: TypeAlias = str | bytes | LongMessage
"""A message: text, binary, or too long."""


@attrs.frozen
class Received:
    """What one call of `WebSocket.messages()` returns.

    Attributes:
        messages: in the order in which they came; possibly none, for instance while a message is incomplete. If there
            are several, all are text: a binary message, or one that is too long, comes alone.
        size: bytes that the call has read from the socket: 0 if it did not read, or found the end of the stream.
        more: something of what was read is still to be returned, perhaps only an error: the next call then does not
            read the socket.
    """

    messages: Sequence[Message]
    size: int
    more: bool


class WebSocket(Protocol):
    """One WebSocket over one byte stream. It is opened once and closed once.

    The task that opens the link calls `upgrade` and `wait_open`. The receive loop calls `messages`, the writer `send` and `send_nowait`, and the
    task that ends the link everything that closes.
    """

    async def upgrade(self, nursery: trio.Nursery) -> None:
        """Write the request of the opening handshake. Tasks that the WebSocket needs later run in *nursery*, and end with it.

        Neither it nor these tasks raise anything: the outcome is recorded for the other methods. The response is read by
        `messages`, which must be called again and again. It is no checkpoint if the stream takes the request at once. The
        caller bounds the time.
        """
        ...

    async def wait_open(self) -> None:
        """Wait until the upgrade is done. Raises a `WebSocketError` when it has failed. The caller bounds the time."""
        ...

    @property
    def response_date(self) -> float | None:
        """The `Date` of the response to the upgrade, in seconds since 1970; `None` without one, and before the response."""
        ...

    async def messages(self, most: int) -> Received:
        """Return the next messages of what was read, at most *most*; if nothing is left, read the socket once.

        A call that reads returns directly after the read, so that its caller learns at that moment that the server is
        alive. What needs other tasks, a ping for instance, is left to the next call.

        Args:
            most: how many messages to return. 0: only read the socket and return none, for the closing handshake.

        Always a checkpoint. If cancelled, no message is lost. It waits for the server for as long as that takes, and
        for nothing else: what was read is processed in a bounded number of passes of Trio's scheduler.

        Raises:
            WebSocketError: there will never be another message. All that came before were returned. A call with
                `most=0` does not raise it.
        """
        ...

    def send_nowait(self, text: str) -> bool:
        """Write one text message now, if that takes no waiting; return whether all of it is written. Never blocks or raises.

        If it returns `False`, the message is still to be sent, before any other: `send` takes the same text, and
        continues where this method has stopped.
        """
        ...

    async def send(self, text: str) -> None:
        """Write one text message. The caller bounds the time.

        If cancelled, the frame may be cut; then nothing can follow it, and `can_close` is `False`. Raises a
        `WebSocketError` when the WebSocket is closed or closing.
        """
        ...

    @property
    def can_close(self) -> bool:
        """Whether the closing handshake can begin: the WebSocket is open, and no frame was cut."""
        ...

    def close_nowait(self) -> None:
        """Write the close frame now, if `can_close`, and as far as that takes no waiting. Never blocks or raises.

        The closing handshake is still to be done by `close`, which then does not write a second close frame.
        """
        ...

    @property
    def close_frame_written(self) -> bool:
        """Whether `close_nowait` has written the close frame, all of it."""
        ...

    @property
    def close_reply_pending(self) -> bool:
        """Whether our reply to the server's close frame is still to be written, and can be."""
        ...

    async def wait_close_reply_written(self) -> None:
        """Wait until that reply is written, or never will be. The caller bounds the time."""
        ...

    async def close(self, on_written: Callable[[], object] | None = None) -> None:
        """Do the closing handshake: write a close frame with code 1000, and return when the server's has come.

        Only if `can_close`. Meanwhile the receive loop must call `messages(0)`. If cancelled, the server's close frame
        is not waited for. The caller bounds the time.

        Args:
            on_written: called when our close frame is written.
        """
        ...

    async def aclose_forcefully(self) -> None:
        """Close the byte stream at once, with no closing handshake."""
        ...


WebSocketFactory: TypeAlias = "Callable[[trio.abc.Stream, str, Mapping[str, str], int], WebSocket]"
"""Makes a `WebSocket` from a byte stream, its URL, more headers for the upgrade, and the bytes that a message may have."""
