"""The rules that the transition table names as its sources, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OURS", "PAGE", "in_words"]

PAGE: dict[str, str] = {
    "P1": "`login()` logs the user in, saves the user's details, and in auto mode opens the WebSocket.",
    "P2": "When the app reopens, the WebSocket is opened again from what was saved, without a login.",
    "P3": "Auto mode is the default.",
    "P4": "Auto mode, foreground: connected.",
    "P5": "Auto mode, background: disconnected immediately.",
    "P6": "Auto mode, foreground, the network is lost: the library reconnects.",
    "P7": "Manual mode: only `connect()` opens, `disconnect()` closes.",
    "P8": "Manual mode, background: the socket lives 30 s and is then closed, unless `ping()` is called.",
    "P9": "`ping()` within 30 s of entering the background, or of the `ping()` before, keeps it for 30 s more.",
    "P10": "`ping()` sends a ping message to the server.",
    "P11": "Messages sent to the user while disconnected are not delivered by the socket.",
    "P12": "Manual mode, foreground, the network is lost: the library reconnects.",
    "P13": "Manual mode, disconnected in the background or by `disconnect()`: only `connect()` opens it again.",
    "P14": "`connect()` needs a logged-in user; `get_logged_in_user()` returns the user.",
    "P15": "Connected: the events of the user and of the user's groups arrive. Disconnected: none do.",
    "P16": "Every operation reports success, or an error with a code and a message.",
    "P17": "There are settings for the app id, the region, the subscription type and the mode.",
    "P18": "A background service can keep the socket open as long as it pings in a loop.",
}
"""CometChat's Connection Behaviour page (Flutter, v4), line by line."""

OURS: dict[str, str] = {
    "3 retry_now": "`retry_now()` makes a waiting retry at once; without one it does nothing.",
    "4 login": "A login, or a saved session, connects in auto mode and the foreground, and only there.",
    "4 logout": "`logout()` ends the connection, whatever it was.",
    "4 background": "In the background auto mode ends the wish; manual mode keeps a connection, and an attempt that "
    "a task waits for, and gives up any other attempt.",
    "4 foreground": "In the foreground auto mode connects again after the background; manual mode waits "
    "for `connect()`.",
    "4 repeating an app state": "Repeating the app state changes nothing.",
    "4 deadline": "At the deadline the socket is closed.",
    "4 lost in foreground": "A socket lost in the foreground is opened again, without a limit of attempts.",
    "4 lost in background": "A socket lost in the background stays lost.",
    "4 connect not logged in": "`connect()` without a user raises `NotLoggedInError`.",
    "4 connect connected": "`connect()` while connected returns at once.",
    "4 connect under way": "`connect()` during an attempt joins it: one socket, ever.",
    "4 connect waiting": "`connect()` before a retry makes that retry now.",
    "4 connect disconnected": "`connect()` while disconnected begins an attempt; in auto mode and the background it "
    "raises `ConnectError`.",
    "4 attempt fails": "When an attempt fails another one follows, as long as the connection is wanted.",
    "4 connect cancelled": "In manual mode a wish that has never been fulfilled ends when the last task that waits for it is cancelled.",
    "4 disconnect": "`disconnect()` lasts until `connect()`, in auto mode also until `login()`.",
    "4 ping connected": "`ping()` while connected is a sign of life of the app.",
    "4 ping not connected": "`ping()` without a connection raises `NotConnectedError`.",
    "4 server refuses the token": "A refused token is renewed once; if that is refused too, only `login()` or "
    "`connect()` begins again.",
    "4 connected means authenticated": "Connected means authenticated: the server has accepted the auth frame.",
    "4 not logged in, left": "Without a user, or after the client was left, `disconnect()` returns.",
    "4 leaving": "Leaving `open_client()` ends everything; nothing happens after it.",
    "10 refused token": "`login()` of the user who is logged in lifts `AUTHENTICATION_FAILED` and "
    "`DISCONNECT_CALLED`, and leaves everything else alone.",
    "10 reasons": "In auto mode `disconnect()` in the background takes the place of `IN_BACKGROUND`; every other "
    "reason stays.",
}
"""The decisions of cometconn where the page gives no rule, by the names in the table's rows."""


def in_words(rule: str) -> list[str]:
    """Return the sentences behind a row's rule, such as `P7 P13, 4 disconnect`.

    Raises:
        KeyError: there are no words for one of them.
    """
    return list(_words(rule))


def _words(rule: str) -> Iterator[str]:
    head, _, tail = rule.partition(", ")
    if not head.startswith("P"):
        yield OURS[rule]
        return
    for name in head.split():
        yield f"{name}: {PAGE[name]}"
    if tail:
        yield OURS[tail]
