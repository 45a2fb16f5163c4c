"""Close codes: what they mean, and which of them announce a restart."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ANNOUNCED_RESTARTS", "MEANINGS", "describe_close", "is_announced_restart"]

MEANINGS: Mapping[int, str] = {
    1000: "normal closure",
    1001: "the server is going away",
    1002: "protocol error",
    1003: "unsupported data",
    1005: "no close code",
    1006: "closed without a close frame",
    1007: "invalid payload",
    1008: "policy violation",
    1009: "message too big",
    1010: "a required extension is missing",
    1011: "internal error of the server",
    1012: "the server is restarting",
    1013: "the server is overloaded, try again later",
    1014: "bad gateway",
    1015: "TLS handshake failed",
}
"""What a close code says. Source: RFC 6455, section 7.4.1, and IANA's WebSocket close code registry."""

ANNOUNCED_RESTARTS = frozenset({1001, 1012, 1013})
"""Codes after which every client of the server comes back at once."""

_RANGES = (
    (range(3000, 4000), "registered by a library or framework"),
    (range(4000, 5000), "the server's own code"),
)


def is_announced_restart(code: int | None) -> bool:
    """Tell whether *code* announces a restart, so that many clients come back at the same time."""
    return code in ANNOUNCED_RESTARTS


def describe_close(code: int | None, reason: str = "") -> str:
    """Return a close code and reason in words: `1001 (the server is going away), "deploy"`.

    Args:
        code: the close code, or `None` if no close frame came.
        reason: the close reason as the peer sent it. Control characters in it are escaped.
    """
    if code is None:
        return "no close frame"
    meaning = MEANINGS.get(code) or next((text for codes, text in _RANGES if code in codes), "unknown code")
    words = f"{code} ({meaning})"
    if reason:
        printable = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in reason)
        words += f', "{printable}"'
    return words
