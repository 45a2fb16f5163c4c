"""The user, device and session on the socket, and its URL."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import attrs

from cometconn._text.foreign_text import KnownSecrets
from cometconn._wire.outgoing import Envelope, auth_frame
from cometconn.errors import NotLoggedInError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cometconn._account.session import Session
    from cometconn._wire.outgoing import ClientInfo
    from cometconn.events import User
    from cometconn.settings import AppSettings, Endpoints

__all__ = ["Identity"]


def _learn(identity: Identity, _: object, session: Session | None) -> Session | None:
    """Keep the tokens of the new *session* out of logs and errors."""
    if session is not None:
        identity.secrets.learn(session.jwt, session.auth_token)
    return session


@attrs.define(eq=False)
class Identity:
    """How this client identifies itself to the server. Login sets the session, and logout removes it.

    Attributes:
        app_id: the CometChat app.
        session_id: names this run of this client ("resource"); echoes of what it sends carry it.
        device_id: names this device; it never changes.
        client: the library's name and version, and the platform.
        settings: subscription type, roles and limits.
        endpoints: the servers that were given to `open_client()`; they outrank those that the server's settings name.
        headers: more headers for the upgrade request.
        secrets: the tokens and keys that were sent or received, and that no log or error may contain.
        session: the logged-in user's, or `None`.
        user: the logged-in user, or `None`.
    """

    app_id: str
    session_id: str
    device_id: str
    client: ClientInfo
    settings: AppSettings
    endpoints: Endpoints | None
    headers: Mapping[str, str] = attrs.field(repr=False)
    secrets: KnownSecrets = attrs.field(factory=KnownSecrets, repr=False)
    session: Session | None = attrs.field(default=None, init=False, on_setattr=_learn)
    user: User | None = attrs.field(default=None, init=False)

    @property
    def uid(self) -> str | None:
        """The logged-in user's uid, or `None`."""
        return self.session.uid if self.session else None

    @property
    def socket_url(self) -> str:
        """The URL of the WebSocket. Raises `ProtocolError` if the server's settings name no host."""
        if self.endpoints is not None:
            return self.endpoints.socket_url
        return self.logged_in("the connection").socket_url()

    def logged_in(self, call: str) -> Session:
        """Return the session; `NotLoggedInError` naming *call* when there is none."""
        if self.session is None:
            message = f"{call} needs a logged-in user: call login() first."
            raise NotLoggedInError(message)
        return self.session

    def is_current(self, session: Session) -> bool:
        """Return whether the user of *session* has been logged in with its token ever since."""
        return self.session is not None and self.session.auth_token == session.auth_token

    def auth_frame(self) -> str:
        """Return the auth frame, the first one of a connection (protocol.md, section 3)."""
        session = self.logged_in("the auth frame")
        return auth_frame(
            app_id=self.app_id,
            session_id=self.session_id,
            device_id=self.device_id,
            uid=session.uid,
            jwt=session.jwt,
            presence=self.settings.subscription_type,
            roles=self.settings.roles,
            client=self.client,
            uts=time.time_ns() // 1_000_000,
        )

    def envelope(self, receiver: str, receiver_type: str) -> Envelope:
        """Return the fields that every frame to a user or a group has around its body."""
        session = self.logged_in("the frame")
        return Envelope(self.app_id, self.session_id, session.uid, session.user, receiver, receiver_type)
