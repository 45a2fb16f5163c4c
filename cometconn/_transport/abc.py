"""What a WebSocket looks like to the rooms above, and how it can fail."""

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
    """The WebSocket is over, or never came to be. The message is for people."""


class UpgradeRefusedError(WebSocketError):
    """The server answered the upgrade with another HTTP status than 101.

    Attributes:
        status: that status.
        retry_after: the delay it asked for, in seconds; 0 when it did not.
    """

    def __init__(self, status: int, retry_after: float) -> None:
        super().__init__(f"the server answered the WebSocket upgrade with HTTP status {status}")
        self.status = status
        self.retry_after = retry_after


class WebSocketClosedError(WebSocketError):
    """The WebSocket was closed with a close code: the server's, or our verdict on what it sent.

    Attributes:
        code: the close code (RFC 6455 section 7.4); 1005 when the frame had none.
        reason: the close reason, or `None`.
    """

    def __init__(self, code: int, reason: str | None) -> None:
        super().__init__(f"the WebSocket was closed with code {code}" + (f" ({reason!r})" if reason else ""))
        self.code = code
        self.reason = reason


class WebSocketBrokenError(WebSocketError):
    """The byte stream ended or broke, or carried what RFC 6455 does not allow."""


LONG_MESSAGE_HEAD: Final = 64 * 1024
"""Bytes that are kept of a message that is longer than it may be."""


@attrs.frozen
class LongMessage:
    """A message that was longer than it may be: all of it was read, and little of it kept.

    Attributes:
        head: its first 64 KiB, with no character cut; `bytes` if it was a binary message.
        size: how many bytes it had.
    """

    head: str | bytes = attrs.field(repr=False)
    size: int


Message: TypeAlias = str | bytes | LongMessage
"""A message as it came: text, binary, or too long."""


@attrs.frozen
class Received:
    """What one call of `WebSocket.messages()` returns.

    Attributes:
        messages: in the order in which they came; none, for instance, while a message is incomplete. More than one are
            all text: a binary message, or one that is too long, comes alone.
        size: how many bytes the call read from the socket: 0 if it did not read, or found the end of the stream.
        more: whether something of what was read is still to be returned, if only an error: the next call then does
            not read the socket.
    """

    messages: Sequence[Message]
    size: int
    more: bool


class WebSocket(Protocol):
    """One WebSocket over one byte stream. It lives once.

    `upgrade` is a task of its own, as long as it takes; `messages` belongs to the receive loop, `send` and `send_nowait` to the writer, the goodbye and `aclose_forcefully` to whoever ends the link.
    """

    async def upgrade(self, nursery: trio.Nursery) -> None:
        """Do the handshake. Tasks that the WebSocket then needs stay in *nursery*, and end with it.

        Records its outcome and does not raise; neither do they.
        """
        ...

    async def wait_open(self) -> None:
        """Return when the upgrade is done; raise a `WebSocketError` when it has failed."""
        ...

    @property
    def response_date(self) -> float | None:
        """The `Date` of the answer to the upgrade, in seconds since 1970; `None` without one, and before the answer."""
        ...

    async def messages(self, most: int) -> Received:
        """Return the messages that come next of what was read, at most *most*; if nothing is left, read the socket once.

        A call that reads returns at once behind the read, so that the caller learns in that moment that the server is
        alive; what of these bytes needs other tasks first, a ping for instance, is left to the next call.

        Args:
            most: how many messages to return. 0: only read the socket, and leave everything to the closing handshake,
                when nobody takes messages any longer.

        Always a checkpoint. If cancelled, no message is lost. It waits for the server as long as that takes, and for
        nothing else: what was read is worked off in a bounded number of passes of Trio's scheduler.

        Raises:
            WebSocketError: there will never be another message. Every one that came before was returned.
        """
        ...

    def send_nowait(self, text: str) -> bool:
        """Send one text message now, if that takes no waiting; return whether all of it is written. Never fails, or blocks.

        If not, it is still to be sent, before any other: `send` takes the same text, and goes on where this has stopped.
        """
        ...

    async def send(self, text: str) -> None:
        """Send one text message. If cancelled, the frame may be torn: see `can_close`."""
        ...

    @property
    def can_close(self) -> bool:
        """Whether a close frame can still be written and understood."""
        ...

    def close_nowait(self) -> None:
        """Write the close frame of a goodbye now, if it can be said and takes no waiting. Never fails, or blocks.

        The goodbye is still to be said: its frame has then left already, and no second one will.
        """
        ...

    @property
    def close_frame_written(self) -> bool:
        """Whether `close_nowait` has written the close frame, all of it."""
        ...

    @property
    def close_reply_pending(self) -> bool:
        """Whether our answer to the server's close frame is still to be written, and can be."""
        ...

    async def wait_close_reply_written(self) -> None:
        """Wait until that answer is written, or never will be. The caller bounds the time."""
        ...

    async def close(self, on_written: Callable[[], object] | None = None) -> None:
        """Send a close frame with code 1000 and return when the server has answered it.

        *on_said* is called when the frame is written. Needs the receive loop to go on. The
        caller bounds the time.
        """
        ...

    async def aclose_forcefully(self) -> None:
        """Close the byte stream without another word."""
        ...


WebSocketFactory: TypeAlias = "Callable[[trio.abc.Stream, str, Mapping[str, str], int], WebSocket]"
"""Makes a `WebSocket` from a byte stream, the URL, extra headers, and how many bytes a message may have."""
