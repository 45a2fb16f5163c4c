"""What `open_client()` is told about the network, checked before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cometconn.errors import SettingsError

__all__ = ["checked_headers"]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Where a request begins and ends and for whom it is (with two of these, two servers may read two different
# requests), and who we are.
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
_NONE: Final[Mapping[str, str]] = MappingProxyType({})  # one for all: most clients have none
_OURS_BEGIN: Final = "sec-websocket-"


def checked_headers(headers: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return *headers*; `SettingsError` for what is no header, or would change what the request is."""
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
