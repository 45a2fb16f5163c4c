"""What can happen to a program that holds a connection, one class for each thing.

A script is a sequence of these. They are values: they can be compared, shown as the code
that makes them, and shrunk. `cometconn.testing.scripts.run_script` performs them.
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
    """One thing that happens. Every subclass is one kind."""


# What the application does.


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
    """Cancel the call that has waited longest."""


@attrs.frozen
class Leave(Action):
    """Leave `open_client()`."""


@attrs.frozen
class Reopen(Action):
    """Open a client again, with the same store, if it was left."""


# What the server and the network do.


@attrs.frozen
class Dialling(Action):
    """From now on dials succeed, are refused, or hang."""

    how: Literal["accept", "refuse", "hang"]


@attrs.frozen
class Upgrade(Action):
    """From now on WebSocket upgrades are accepted, answered with an HTTP status, or never answered."""

    how: Literal["accept", "hang"] | int


@attrs.frozen
class TokenAnswer(Action):
    """From now on auth frames are accepted, refused, or never answered."""

    how: Literal["accept", "refuse", "silent"]


@attrs.frozen
class RestAnswers(Action):
    """From now on REST requests are answered, answered with an HTTP status, or never answered.

    Attributes:
        how: `accept`, an HTTP status from 400 to 599, or `hang`. A request that hangs is never answered, whatever
            comes later: the client gives it up after `request_timeout`.
        retry_after: the `Retry-After` header beside such a status, of REST and of a refused upgrade, in seconds;
            `None` for none.
    """

    how: Literal["accept", "hang"] | int
    retry_after: int | None = None


@attrs.frozen
class RestDelay(Action):
    """From now on so many seconds lie between a REST request, which takes effect when it comes, and its answer.

    Attributes:
        seconds: the delay; 0 for none.
    """

    seconds: float


@attrs.frozen
class ForgetTokens(Action):
    """The server forgets every auth token and every JWT that it has given out. Open sockets stay."""


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
    """The server closes the sockets whose auth frame it has left unanswered with this code."""

    code: int = 1011


@attrs.frozen
class Reset(Action):
    """The user's authenticated sockets break."""


@attrs.frozen
class Silence(Action):
    """The user's authenticated sockets go half-open: nothing comes through any more."""


@attrs.frozen
class Push(Action):
    """Somebody sends the user a text message."""


@attrs.frozen
class Duplicate(Action):
    """The last pushed message comes once more."""


@attrs.frozen
class Reordered(Action):
    """Two messages come, the later one first."""


@attrs.frozen
class LatePong(Action):
    """A pong comes, asked for or not."""


@attrs.frozen
class Garbage(Action):
    """A frame comes that is not JSON."""


# Time.


@attrs.frozen
class Wait(Action):
    """Time passes, in seconds."""

    seconds: float


Script: TypeAlias = "list[Action] | tuple[Action, ...]"
"""What happens, in this order."""
