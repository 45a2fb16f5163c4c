"""The session of a logged-in user, and the hosts of its servers."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
from typing import Any, Final, TypeGuard

import attrs

from cometconn._text.foreign_text import KnownSecrets
from cometconn._text.secret_names import is_secret_name
from cometconn.errors import ProtocolError, SettingsError
from cometconn.settings import Endpoints
from cometconn.status import Features

__all__ = ["Hosts", "Session", "is_token", "new_device_id", "new_session_id"]

_APP_ID = re.compile(r"[A-Za-z0-9_-]+")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")
_PORT = re.compile(r"[0-9]{1,5}")
_VERSION = re.compile(r"v[0-9]+(\.[0-9]+)*")
_LONGEST_HOST = 253 + 6  # characters: a DNS name, a colon and a port
_LONGEST_SETTING = 60  # characters of a setting's value in an error message
_NOT_THROTTLED: Final = Features()
_THROTTLED: Final = {
    features.mode: features
    for features in (
        Features(typing=False, receipts=False, mode="LIMITED_TRANSIENT"),
        Features(typing=False, receipts=False, transient=False, mode="NO_TRANSIENT"),
    )
}


def _public(user: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in user.items() if key != "settings" and not is_secret_name(key)}


@attrs.frozen
class Session:
    """What the server sent about the logged-in user, as it is saved.

    Attributes:
        app_id: the app that it belongs to.
        uid: the user's id.
        auth_token: authenticates REST requests; not in the `repr`.
        jwt: authenticates the WebSocket; not in the `repr`.
        user: CometChat's user object, without tokens.
        settings: CometChat's settings object, with hosts and ports.
    """

    app_id: str
    uid: str
    auth_token: str = attrs.field(repr=False)
    jwt: str | None = attrs.field(repr=False)
    user: Mapping[str, Any] = attrs.field(repr=False, converter=_public)
    settings: Mapping[str, Any] = attrs.field(repr=False, factory=dict)

    @property
    def features(self) -> Features:
        """What may be sent, according to the setting `MODE`. A missing or unknown mode throttles nothing."""
        mode = self.settings.get("MODE")
        return _THROTTLED.get(mode, _NOT_THROTTLED) if isinstance(mode, str) else _NOT_THROTTLED

    def socket_url(self) -> str:
        """Return the URL of the WebSocket, from the settings `CHAT_HOST*` and `CHAT_WSS_PORT`."""
        keys = ("CHAT_HOST_OVERRIDE", "CHAT_HOST_APP_SPECIFIC", "CHAT_HOST")
        key = next((key for key in keys if self.settings.get(key)), "CHAT_HOST")
        secrets = KnownSecrets(self.jwt, self.auth_token)
        host = _plain_host(key, self.settings.get(key), secrets)
        port = self.settings.get("CHAT_WSS_PORT")
        if isinstance(port, bool) or not isinstance(port, int | str) or not _is_port(str(port)):
            message = f"The server's settings name no usable CHAT_WSS_PORT: {_shown(port, secrets)}."
            raise ProtocolError(message)
        return f"wss://{host}:{int(port)}"


@attrs.frozen
class Hosts:
    """The base URLs of REST requests.

    Attributes:
        app_id: the id of CometChat's app.
        region: the app's region; `None` only with *endpoints*.
        endpoints: used in place of all other hosts if given.
        secrets: the keys and tokens that no error message may contain.
    """

    app_id: str
    region: str | None
    endpoints: Endpoints | None
    secrets: KnownSecrets = attrs.field(factory=KnownSecrets, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        """Validate the app id, because it becomes part of host names."""
        if not (isinstance(self.app_id, str) and _APP_ID.fullmatch(self.app_id)):
            message = f"The app id must be letters, digits, - and _, not {self.app_id!r}."
            raise SettingsError(message)

    def admin(self, settings: Mapping[str, Any]) -> str:
        """Return the base URL of calls that need the auth key."""
        if self.endpoints is not None:
            return self.endpoints.admin_url.rstrip("/")
        return self._cloud("ADMIN_API_HOST", "api", settings)

    def client(self, settings: Mapping[str, Any]) -> str:
        """Return the base URL of calls that need the auth token."""
        if self.endpoints is not None:
            return self.endpoints.client_url.rstrip("/")
        return self._cloud("CLIENT_API_HOST", "apiclient", settings)

    def _cloud(self, key: str, kind: str, settings: Mapping[str, Any]) -> str:
        if settings.get(key):
            version = settings.get("CHAT_API_VERSION", "v3.0")
            if not (isinstance(version, str) and _VERSION.fullmatch(version)):
                message = f"The server's settings name no usable CHAT_API_VERSION: {_shown(version, self.secrets)}."
                raise ProtocolError(message)
            return f"https://{_plain_host(key, settings[key], self.secrets)}/{version}"
        return f"https://{self.app_id}.{kind}-{self.region}.cometchat.io/v3.0"


def _plain_host(key: str, value: object, secrets: KnownSecrets) -> str:
    # Tokens are sent there, so it must be a host and nothing else: no path, no user, no query.
    if not (
        isinstance(value, str)
        and len(value) <= _LONGEST_HOST
        and _HOST.fullmatch(value)
        and _is_port(value.partition(":")[2] or "443")
    ):
        message = f"The server's settings name no usable {key}: {_shown(value, secrets)}."
        raise ProtocolError(message)
    return value


def _is_port(text: str) -> bool:
    return _PORT.fullmatch(text) is not None and 0 < int(text) < 65536  # noqa: PLR2004 - TCP's


def _shown(value: object, secrets: KnownSecrets) -> str:
    if isinstance(value, str):
        return f"'{secrets.masked_line(value, _LONGEST_SETTING)}'"
    return "None" if value is None else type(value).__name__


def is_token(value: object) -> TypeGuard[str]:
    """Return whether *value* can be sent in a header and in a frame: printable ASCII without spaces."""
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable() and " " not in value


def new_session_id(platform: str, version: str) -> str:
    """Return a new id for one run of a client, in CometChat's format."""
    return f"{platform}-{version.replace('.', '_')}-{uuid.uuid4()}-{time.time_ns() // 1_000_000}"


def new_device_id(app_id: str) -> str:
    """Return a new id for a device, in CometChat's format. A store keeps it after a logout, too."""
    return f"{app_id}_{uuid.uuid4()}_{time.time_ns() // 1_000_000}"
