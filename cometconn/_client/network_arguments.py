"""The `headers` argument of `open_client()`, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cometconn.errors import SettingsError

__all__ = ["checked_headers"]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Headers that frame a request and name its host (sent twice, they let two servers read two different requests), and
# those that identify the client.
_OURS: Final = frozenset(
    [
        "host",
        "connection",
        "keep-alive",
        "proxy-connection",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "content-length",
        "content-type",
        "content-encoding",
        "transfer-encoding",
        "accept",
        "accept-encoding",
        "apikey",
        "appid",
        "authtoken",
        "resource",
        "sdk",
    ]
)
_NONE: Final[Mapping[str, str]] = MappingProxyType({})  # shared, since most clients have none
_OURS_BEGIN: Final = "sec-websocket-"


def checked_headers(headers: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return *headers*; raise `SettingsError` for one that is malformed, or that would change the meaning of requests."""
    for name, value in (headers or {}).items():
        if not (isinstance(name, str) and _NAME.fullmatch(name) and _is_value(value)):
            message = f"open_client(headers=...): {name!r} is no HTTP header, or its value is not plain ASCII."
            raise SettingsError(message)
        if name.lower() in _OURS or name.lower().startswith(_OURS_BEGIN):
            message = f"open_client(headers=...): {name} is cometconn's own."
            raise SettingsError(message)
    return dict(headers) if headers else _NONE


def _is_value(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and value == value.strip()
