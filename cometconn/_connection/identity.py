"""Who speaks on the socket, and where it is."""

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
    """Let what the new *session* holds be shown nowhere."""
    if session is not None:
        identity.secrets.learn(session.jwt, session.auth_token)
    return session


@attrs.define(eq=False)
class Identity:
    """This client on the wire. The facade puts the session in at login and takes it out at logout.

    Attributes:
        app_id: CometChat's app.
        session_id: this run of this client ("resource"); the server's echoes carry it.
        device_id: this device, the same for ever.
        client: what we say about ourselves.
        settings: presence and roles.
        endpoints: outrank what the server's settings name.
        headers: more headers for the upgrade request.
        secrets: what we have sent or were given, and nobody may show.
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
        """The logged-in user's uid."""
        return self.session.uid if self.session else None

    @property
    def socket_url(self) -> str:
        """Where the WebSocket is."""
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
        """Return the first frame of a connection."""
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
        """Return what is around the body of every frame to another user or a group."""
        session = self.logged_in("the frame")
        return Envelope(self.app_id, self.session_id, session.uid, session.user, receiver, receiver_type)
