"""The `settings` object, from which clients learn the server's hosts, ports and options."""

from __future__ import annotations

import ipaddress
import re
import urllib.parse
from typing import TYPE_CHECKING, Final

from cometconn.emulator.limits import DEFAULT_LIMITS
from cometconn.emulator.world.files import FILES_AT_ONCE
from cometconn.errors import SettingsError

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json

__all__ = ["API_VERSION", "host_port", "parse_host_port", "settings_payload"]

API_VERSION = "v3.0"

_LABEL: Final = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)*(?!\d+\Z){_LABEL}")
"""A name whose last label is a number would be an IPv4 address, of which parts are missing or too large."""

_PARAMETERS: Final = {
    "core.conversations.updateOnCallActivity": True,
    "core.conversations.updateOnCustomMessage": True,
    "core.conversations.updateOnGroupActions": True,
    "core.conversations.updateOnReplies": True,
    "features.ux.conversations.pinned.enabled": True,
    "features.ux.conversations.pinned.limit": 5,
    "features.ux.conversations.pinned.system.limit": 5,
    "features.ux.messages.pinned.enabled": True,
    "features.ux.messages.pinned.limit": 100,
    "features.ux.messages.pinned.system.limit": 100,
    "features.ux.messages.saved.enabled": True,
    "features.ux.messages.saved.limit": 100,
}
"""What CometChat's SDK and UI kit look up before they offer a feature."""

_FLAG_REASONS: Final = {
    "spam": "It is advertising, or was sent many times.",
    "harassment": "It insults or threatens.",
    "inappropriate": "It does not belong here.",
}


def host_port(host: str, port: int) -> str:
    """Return host and port as they stand in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_host_port(text: str, default_port: int | None = None) -> tuple[str, int]:
    """Read `chat.example:443` or `[::1]:443`, and with a *default_port* a host name or an address alone.

    Raises `SettingsError` for anything else.
    """
    try:
        parts = urllib.parse.urlsplit(f"//{text}")
        host = parts.hostname or ""
        if _is_host(host) and parts.port and text == host_port(host, parts.port):
            return host, parts.port
        if _is_host(host) and default_port is not None and text == _bare(host):
            return host, default_port
    except ValueError:
        pass
    message = (
        "The public address must look like chat.example:443: a host name in ASCII and in lower case, or an IP address, "
        f"and no path, not {text!r}."
    )
    raise SettingsError(message)


def _is_host(text: str) -> bool:
    """Whether this is a host name in ASCII or an IP address, without a zone, which is valid on one machine only."""
    if _HOST_NAME.fullmatch(text):
        return True
    try:
        return "%" not in text and bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def _bare(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def settings_payload(
    host: str,
    port: int,
    *,
    now: int,
    mode: str = "DEFAULT",
    media_host: str | None = None,
    file_size: int = DEFAULT_LIMITS.file_size,
) -> Json:
    """Return the settings of a server that has REST, WebSocket and analytics at one host and port.

    Args:
        host: a name or an IP address.
        port: its port.
        now: seconds since 1970.
        mode: the setting `MODE`; see `Faults.mode`.
        media_host: the setting `SECURED_MEDIA_HOST`; see `Faults.secured_media`.
        file_size: the setting `file.size.max`.
    """
    bare = _bare(host)
    api = host_port(host, port)
    return {
        "CHAT_HOST": bare,
        "CHAT_HOST_OVERRIDE": bare,
        "CHAT_HOST_APP_SPECIFIC": bare,
        "CHAT_WSS_PORT": str(port),
        "CHAT_WS_PORT": str(port),
        "CHAT_USE_SSL": 0,
        "ADMIN_API_HOST": api,
        "CLIENT_API_HOST": api,
        "CHAT_API_VERSION": API_VERSION,
        "WS_API_VERSION": API_VERSION,
        "REGION": "local",
        "MAIN_DOMAIN": bare,
        "EXTENSION_DOMAIN": bare,
        "APP_VERSION": 4,
        "MODE": mode,
        "ANALYTICS_HOST": api,
        "ANALYTICS_VERSION": "v1",
        "ANALYTICS_USE_SSL": False,
        "ANALYTICS_PING_DISABLED": False,
        "settingsHash": f"emulator-{port}",
        "settingsHashReceivedAt": now,
        "extensions": [],
        "parameters": dict(_PARAMETERS),
        "flagReasons": [
            {"id": name, "name": name.title(), "description": text, "createdAt": now, "updatedAt": now}
            for name, text in _FLAG_REASONS.items()
        ],
        "file.size.max": file_size,
        "file.count.max": FILES_AT_ONCE,
        **({"SECURED_MEDIA_HOST": media_host} if media_host else {}),
    }
