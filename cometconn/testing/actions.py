"""The actions of a script: one class for each thing that can happen to a program with a connection.

Actions are values: they can be compared, printed as the code that makes them, and shrunk by Hypothesis.
`cometconn.testing.scripts.run_script()` performs them.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

__all__ = [
    "Action",
    "CancelCall",
    "CloseFromServer",
    "CloseUnanswered",
    "Connect",
    "Dialling",
    "Disconnect",
    "Duplicate",
    "EnterBackground",
    "EnterForeground",
    "ForgetTokens",
    "Garbage",
    "LatePong",
    "Leave",
    "Login",
    "Logout",
    "Ping",
    "Pongs",
    "Push",
    "Reopen",
    "Reordered",
    "Reset",
    "RestAnswers",
    "RestDelay",
    "RetryNow",
    "Script",
    "Silence",
    "TokenAnswer",
    "Upgrade",
    "Wait",
]


@attrs.frozen
class Action:
    """The base class of all actions."""


# Actions of the application.


@attrs.frozen
class Login(Action):
    """`login()` with a uid and the app's key."""

    uid: str = "zed-1"


@attrs.frozen
class Logout(Action):
    """`logout()`."""


@attrs.frozen
class Connect(Action):
    """`connect()`, in a task of its own."""

    retry: bool = False


@attrs.frozen
class Disconnect(Action):
    """`disconnect()`, in a task of its own."""


@attrs.frozen
class Ping(Action):
    """`ping()`, in a task of its own."""


@attrs.frozen
class EnterBackground(Action):
    """`enter_background()`."""


@attrs.frozen
class EnterForeground(Action):
    """`enter_foreground()`."""


@attrs.frozen
class RetryNow(Action):
    """`retry_now()`."""


@attrs.frozen
class CancelCall(Action):
    """Cancel the call that has been waiting longest."""


@attrs.frozen
class Leave(Action):
    """Leave the block of `open_client()`."""


@attrs.frozen
class Reopen(Action):
    """Open a client with the same store, if the last one was left."""


# Actions of the server and of the network.


@attrs.frozen
class Dialling(Action):
    """From now on dials succeed, are refused, or hang."""

    how: Literal["accept", "refuse", "hang"]


@attrs.frozen
class Upgrade(Action):
    """From now on WebSocket upgrades are accepted, refused with an HTTP status, or never answered."""

    how: Literal["accept", "hang"] | int


@attrs.frozen
class TokenAnswer(Action):
    """From now on auth frames are accepted, refused, or never answered."""

    how: Literal["accept", "refuse", "silent"]


@attrs.frozen
class RestAnswers(Action):
    """From now on REST requests are answered, refused with an HTTP status, or never answered.

    Attributes:
        how: `accept`, an HTTP status from 400 to 599, or `hang`. A request that hangs is never answered, whatever
            actions follow: the client gives up after `request_timeout`.
        retry_after: the `Retry-After` header that is sent with such a status, and with that of a refused upgrade, in
            seconds; `None` for no header.
    """

    how: Literal["accept", "hang"] | int
    retry_after: int | None = None


@attrs.frozen
class RestDelay(Action):
    """From now on REST responses are delayed. A request takes effect when it is received.

    Attributes:
        seconds: the delay; 0 for no delay.
    """

    seconds: float


@attrs.frozen
class ForgetTokens(Action):
    """The server forgets every auth token and every JWT that it has issued. Open sockets stay open."""


@attrs.frozen
class Pongs(Action):
    """From now on pings are answered, or not."""

    answered: bool


@attrs.frozen
class CloseFromServer(Action):
    """The server closes the user's authenticated sockets with this code."""

    code: int = 1011


@attrs.frozen
class CloseUnanswered(Action):
    """The server closes, with this code, the sockets whose auth frame it has not answered."""

    code: int = 1011


@attrs.frozen
class Reset(Action):
    """The user's authenticated sockets are reset."""


@attrs.frozen
class Silence(Action):
    """The user's authenticated sockets become half-open: nothing is delivered any more, in either direction."""


@attrs.frozen
class Push(Action):
    """Another user sends the user a text message."""


@attrs.frozen
class Duplicate(Action):
    """The server sends the last message again."""


@attrs.frozen
class Reordered(Action):
    """The server sends two messages, the later one first."""


@attrs.frozen
class LatePong(Action):
    """The server sends a pong, whether or not there was a ping."""


@attrs.frozen
class Garbage(Action):
    """The server sends a frame that is not JSON."""


# Time.


@attrs.frozen
class Wait(Action):
    """Time passes, in seconds."""

    seconds: float


Script: TypeAlias = list[Action] | tuple[Action, ...]
"""Actions, in their order."""
