"""The `settings` object, from which clients learn the server's hosts, ports and options."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING

from cometconn.errors import SettingsError

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json

__all__ = ["API_VERSION", "host_port", "parse_host_port", "settings_payload"]

API_VERSION = "v3.0"


def host_port(host: str, port: int) -> str:
    """Return host and port as they stand in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_host_port(text: str) -> tuple[str, int]:
    """Read `chat.example:443` or `[::1]:443`. Raises `SettingsError` for anything else."""
    try:
        parts = urllib.parse.urlsplit(f"//{text}")
        if parts.hostname and parts.port and text == host_port(parts.hostname, parts.port):
            return parts.hostname, parts.port
    except ValueError:
        pass
    message = f"The public address must look like chat.example:443, in lower case and without a path, not {text!r}."
    raise SettingsError(message)


def settings_payload(host: str, port: int, *, now: int, mode: str = "DEFAULT", media_host: str | None = None) -> Json:
    """Return the settings of a server that has REST, WebSocket and analytics at one host and port.

    Args:
        host: a name or an IP address.
        port: its port.
        now: seconds since 1970.
        mode: the setting `MODE`; see `Faults.mode`.
        media_host: the setting `SECURED_MEDIA_HOST`; see `Faults.secured_media`.
    """
    bare = f"[{host}]" if ":" in host else host
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
        "parameters": {},
        **({"SECURED_MEDIA_HOST": media_host} if media_host else {}),
    }
