"""What `open_client()` is told about the network, checked before anything is sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ._urls import is_loopback, read_url
from .errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .settings import Endpoints

__all__ = ["checked_headers", "checked_proxy"]

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
_OURS_BEGIN: Final = "sec-websocket-"


def checked_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Return *headers*; `SettingsError` for what is no header, or would change what the request is."""
    for name, value in (headers or {}).items():
        if not (isinstance(name, str) and _NAME.fullmatch(name) and _is_value(value)):
            message = f"open_client(headers=...): {name!r} is no HTTP header, or its value is not plain ASCII."
            raise SettingsError(message)
        if name.lower() in _OURS or name.lower().startswith(_OURS_BEGIN):
            message = f"open_client(headers=...): {name} is cometconn's own."
            raise SettingsError(message)
    return dict(headers or {})


def _is_value(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and value == value.strip()


def checked_proxy(proxy: str | None, endpoints: Endpoints | None) -> str | None:
    """Return *proxy*; `SettingsError` if it is no HTTP proxy, or would read what is plain for this machine's eyes."""
    if proxy is None:
        return None
    address = read_url(proxy)
    if address is None or address.scheme != "http" or address.path not in {"", "/"}:
        message = "open_client(proxy=...) must look like http://[user:password@]host:port."
        raise SettingsError(message)
    if endpoints is not None and _is_plain(endpoints) and not endpoints.allow_insecure:
        message = (
            "open_client(proxy=...) would be told the tokens, because the endpoints are not encrypted: "
            "leave it out, or say allow_insecure=True there."
        )
        if not is_loopback(address.host):
            raise SettingsError(message)
    return proxy


def _is_plain(endpoints: Endpoints) -> bool:
    addresses = map(read_url, (endpoints.admin_url, endpoints.client_url, endpoints.socket_url))
    return any(address is not None and address.scheme in {"http", "ws"} for address in addresses)
