"""The states of a WebSocket and of the stream that trio-websocket reads and writes, and every transition between them."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CloseFrame", "IllegalTransitionError", "Input", "Output", "WebSocketState", "moved"]


class WebSocketState(enum.Enum):
    """What a `TrioWebSocket` does."""

    HANDSHAKE = "handshake"
    """The upgrade request is being written, or its response read."""
    FAILED = "failed"
    """The upgrade has failed, so there was never an open WebSocket."""
    OPEN = "open"
    """Messages come and go."""
    CLOSING = "closing"
    """`close()` was called: every byte that comes is for trio-websocket's closing handshake."""
    ENDED = "ended"
    """trio-websocket reads no longer."""


class Input(enum.Enum):
    """What trio-websocket's reader does with what a `FeedableStream` is fed."""

    BUSY = "busy"
    """It has not come back for more bytes yet."""
    HUNGRY = "hungry"
    """It waits for more bytes, or was not started: all it was fed before has become messages, and they were handed over."""
    ENDED = "ended"
    """It gets the end of the stream, behind what it was fed."""
    CLOSED = "closed"
    """It has closed the stream."""


class Output(enum.Enum):
    """What a `FeedableStream` does with the real stream."""

    READY = "ready"
    """Nothing is being written."""
    SENDING = "sending"
    """`write()` writes a frame of ours."""
    FLUSHING = "flushing"
    """A task writes frames of trio-websocket's."""
    TORN = "torn"
    """A frame of ours was cut, by a cancel or an error: nothing can follow it."""
    BROKEN = "broken"
    """The real stream has refused a frame of trio-websocket's."""


class CloseFrame(enum.Enum):
    """Which close frame a `FeedableStream` has accepted. Nothing is accepted behind it."""

    NONE = "none"
    AHEAD = "ahead"
    """`close_nowait()` has written its first bytes; trio-websocket's own is dropped."""
    ACCEPTED = "accepted"
    """One of trio-websocket's: its closing handshake, its reply to the server's, or its verdict on what the server sent."""


_NEXT: Final[Mapping[enum.Enum, frozenset[enum.Enum]]] = {
    WebSocketState.HANDSHAKE: frozenset({WebSocketState.FAILED, WebSocketState.OPEN}),
    WebSocketState.FAILED: frozenset(),
    WebSocketState.OPEN: frozenset({WebSocketState.CLOSING, WebSocketState.ENDED}),
    WebSocketState.CLOSING: frozenset({WebSocketState.ENDED}),
    WebSocketState.ENDED: frozenset(),
    Input.BUSY: frozenset({Input.HUNGRY, Input.ENDED, Input.CLOSED}),
    Input.HUNGRY: frozenset({Input.BUSY, Input.ENDED, Input.CLOSED}),
    Input.ENDED: frozenset({Input.CLOSED}),
    Input.CLOSED: frozenset(),
    Output.READY: frozenset({Output.SENDING, Output.FLUSHING}),
    Output.SENDING: frozenset({Output.READY, Output.TORN}),
    Output.FLUSHING: frozenset({Output.READY, Output.BROKEN}),
    Output.TORN: frozenset(),
    Output.BROKEN: frozenset(),
    CloseFrame.NONE: frozenset({CloseFrame.AHEAD, CloseFrame.ACCEPTED}),
    CloseFrame.AHEAD: frozenset(),
    CloseFrame.ACCEPTED: frozenset(),
}

_State = TypeVar("_State", WebSocketState, Input, Output, CloseFrame)


class IllegalTransitionError(RuntimeError):
    """No transition leads from the one state to the other: an error in this package."""


def moved(state: _State, to: _State) -> _State:
    """Return *to*, if a transition leads there from *state*; otherwise raise `IllegalTransitionError`."""
    if to not in _NEXT[state]:
        message = f"{state} -> {to}"
        raise IllegalTransitionError(message)
    return to
