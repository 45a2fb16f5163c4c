"""The session of a logged-in user, and the hosts of its servers."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
from typing import Any, Final, TypeGuard

import attrs

from cometconn._network.urls import canonical_url
from cometconn._text.foreign_text import KnownSecrets
from cometconn._text.secret_names import is_secret_name
from cometconn.errors import ProtocolError, SettingsError
from cometconn.settings import Endpoints
from cometconn.status import Features

from .server_settings import SOCKET_HOSTS, usable_setting

__all__ = ["Hosts", "Session", "is_token", "new_device_id", "new_session_id"]

_APP_ID = re.compile(r"[A-Za-z0-9_-]+")
_NOT_THROTTLED: Final = Features()
_THROTTLED: Final[Mapping[str | None, Features]] = {
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
        return _THROTTLED.get(usable_setting(self.settings, "MODE"), _NOT_THROTTLED)

    def socket_url(self) -> str:
        """Return the URL of the WebSocket, from the settings `CHAT_HOST*` and `CHAT_WSS_PORT`.

        Raises:
            ProtocolError: they have no usable host. A login refuses such settings, but a saved session may have them.
        """
        host = usable_setting(self.settings, *SOCKET_HOSTS)
        if host is None:
            message = "The server's settings have no usable host of the WebSocket (CHAT_HOST), so nothing can be connected to."
            raise ProtocolError(message)
        return f"wss://{host}:{int(usable_setting(self.settings, 'CHAT_WSS_PORT') or 443)}"


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

    @property
    def origin(self) -> str:
        """The servers that a session's tokens are sent to, to recognise a saved session of others.

        In CometChat's cloud it is the REST host of the region: the login to it names the other hosts. The server for the
        auth key is not part of it, because no key is saved.
        """
        if self.endpoints is None:
            return self._of_region("apiclient")
        return " and ".join(map(canonical_url, (self.endpoints.client_url, self.endpoints.socket_url)))

    def admin(self) -> str:
        """Return the base URL of calls that need the auth key. They come before a login, so there are no settings yet."""
        return self._of_region("api") if self.endpoints is None else self.endpoints.admin_url.rstrip("/")

    def client(self, settings: Mapping[str, Any]) -> str:
        """Return the base URL of calls that need the auth token. A host in *settings* that cannot be used does not count."""
        if self.endpoints is not None:
            return self.endpoints.client_url.rstrip("/")
        host = usable_setting(settings, "CLIENT_API_HOST")
        if host is None:
            return self._of_region("apiclient")
        return f"https://{host}/{usable_setting(settings, 'CHAT_API_VERSION') or 'v3.0'}"

    def _of_region(self, kind: str) -> str:
        return f"https://{self.app_id}.{kind}-{self.region}.cometchat.io/v3.0"


def is_token(value: object) -> TypeGuard[str]:
    """Return whether *value* can be sent in a header and in a frame: printable ASCII without spaces."""
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable() and " " not in value


def new_session_id(platform: str, version: str) -> str:
    """Return a new id for one run of a client, in CometChat's format."""
    return f"{platform}-{version.replace('.', '_')}-{uuid.uuid4()}-{time.time_ns() // 1_000_000}"


def new_device_id(app_id: str) -> str:
    """Return a new id for a device, in CometChat's format. A store keeps it after a logout, too."""
    return f"{app_id}_{uuid.uuid4()}_{time.time_ns() // 1_000_000}"
