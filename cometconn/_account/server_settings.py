"""The settings that come with a login: where the servers are, and what they accept."""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from cometconn._text.foreign_text import KnownSecrets

__all__ = ["SOCKET_HOSTS", "usable_setting", "usable_settings"]

_LOG = logging.getLogger("cometconn")
SOCKET_HOSTS: Final = ("CHAT_HOST_OVERRIDE", "CHAT_HOST_APP_SPECIFIC", "CHAT_HOST")
"""The settings that name the host of the WebSocket. The first that is usable counts."""
_LABEL: Final = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_VERSION: Final = re.compile(r"v[0-9]{1,5}(\.[0-9]{1,5}){0,5}")
_LONGEST_SHOWN: Final = 60  # characters of a setting's value in a WARNING


def _is_host(value: object) -> bool:
    """Return whether *value* is a host and nothing else: tokens are sent there, so no path, no user, no query."""
    if not isinstance(value, str):
        return False
    if value.startswith("[") and value.endswith("]"):
        try:
            return ipaddress.IPv6Address(value[1:-1]).scope_id is None
        except ValueError:
            return False
    return _NAME.fullmatch(value) is not None


def _is_address(value: object) -> bool:
    """Return whether *value* is a host, with or without a port."""
    host, _, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    return _is_host(value) or (_is_host(host) and _is_port(port))


def _is_port(value: object) -> bool:
    is_number = isinstance(value, int | str) and not isinstance(value, bool) and _PORT.fullmatch(str(value))
    return bool(is_number) and 0 < int(str(value)) < 65536  # noqa: PLR2004 - TCP's


def _is_version(value: object) -> bool:
    return isinstance(value, str) and _VERSION.fullmatch(value) is not None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_READ: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    **dict.fromkeys(SOCKET_HOSTS, (_is_host, "another host that they name is used, if there is one")),
    "CHAT_WSS_PORT": (_is_port, "443 is used"),
    "CLIENT_API_HOST": (_is_address, "the host of the region is used"),
    "CHAT_API_VERSION": (_is_version, "v3.0 is used"),
    "SECURED_MEDIA_HOST": (_is_address, "files are requested without the user's file token"),
    "MODE": (_is_text, "everything may be sent"),
}
"""Every setting that is read: whether a value can be used, and what happens if it cannot."""


def usable_setting(settings: Mapping[str, Any], *names: str) -> str | None:
    """Return the first of the settings with these *names* that can be used, as text; `None` if none can."""
    for name in names:
        can_be_used, _ = _READ[name]
        if can_be_used(value := settings.get(name)):
            return str(value)
    return None


def usable_settings(settings: Mapping[str, Any], secrets: KnownSecrets, *, hosts: bool) -> dict[str, Any]:
    """Return *settings* without those that are read and cannot be used. Each of these is named by a WARNING.

    Args:
        settings: what the server sent.
        secrets: what no WARNING may contain.
        hosts: whether the hosts, the port and the version matter: not when the client was given its servers.
    """
    usable = dict(settings)
    for name, (can_be_used, instead) in _READ.items():
        value = settings.get(name)
        if value is None or value == "" or can_be_used(value):
            continue
        del usable[name]
        if hosts or name == "MODE":
            shown = secrets.masked_line(repr(value) if isinstance(value, str) else type(value).__name__, _LONGEST_SHOWN)
            _LOG.warning("The server's settings have no usable %s (%s): %s.", name, shown, instead)
    return usable
