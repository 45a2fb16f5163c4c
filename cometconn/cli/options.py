"""What `listen`, `send` and `doctor` have in common: where to, as whom, and with which right."""

from __future__ import annotations

import getpass
import os
import pathlib
import sys
from typing import TYPE_CHECKING, Annotated

import attrs
from cyclopts import Parameter

import cometconn
from cometconn import AppSettings, Endpoints, FileStore, SubscriptionType
from cometconn.errors import SettingsError

from .network_options import proxy_choice, tls_context
from .terminal import SECRETS

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from cometconn import CometChat, User
    from cometconn.instrumentation import Hook

__all__ = ["Credentials", "ListenOptions", "Options", "parse_presence", "read_secret"]

_PRESENCES = {
    "all": SubscriptionType.ALL_USERS,
    "friends": SubscriptionType.FRIENDS,
    "none": SubscriptionType.NONE,
}


@attrs.frozen
class Credentials:
    """Who it is, and with which right; what is missing is asked for.

    Attributes:
        uid: the user; `None` for whoever is logged in already, or whom the token names.
        auth_key: the app's key.
        auth_token: a token of the user; outranks the key.
    """

    uid: str | None = None
    auth_key: str | None = attrs.field(default=None, repr=False)
    auth_token: str | None = attrs.field(default=None, repr=False)

    def completed(self, saved: User | None) -> Credentials:
        """Return it with a key if one is needed, which is when the saved session is not this user's."""
        if self.auth_token is not None or (saved is not None and self.uid in {None, saved.uid}):
            return self
        if self.uid is None:
            message = "Nobody is logged in: say who with --uid or COMETCONN_UID, or set COMETCONN_AUTH_TOKEN."
            raise SettingsError(message)
        return attrs.evolve(self, auth_key=self.auth_key or _ask(f"Auth key for {self.uid}: "))

    async def log_in(self, chat: CometChat) -> None:
        """Log in, unless the saved session is this user's."""
        saved = chat.get_logged_in_user()
        whole = self.completed(saved)
        if whole.auth_token is not None:
            await chat.login(auth_token=whole.auth_token)
        elif saved is None or whole.uid not in {None, saved.uid}:
            await chat.login(uid=whole.uid, auth_key=whole.auth_key)


def _ask(prompt: str) -> str:
    if not sys.stdin.isatty():
        message = "No auth key: set COMETCONN_AUTH_KEY, name a file with --auth-key-file, or run this in a terminal."
        raise SettingsError(message)
    key = getpass.getpass(prompt)
    SECRETS.learn(key)
    return key


def read_secret(variable: str, path: pathlib.Path | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return a secret: what stands in the file at *path*, or else in the environment."""
    if path is None:
        return environ.get(variable) or None
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        message = f"{path} holds no text, so no secret either."
        raise SettingsError(message) from error
    except OSError as error:
        message = f"The file with the secret cannot be read: {path}: {error.strerror or error}."
        raise SettingsError(message) from error
    SECRETS.learn(secret)
    return secret


def parse_presence(words: str) -> tuple[SubscriptionType, tuple[str, ...]]:
    """Read `all`, `friends`, `none` or `roles=a,b`."""
    name, _, roles = words.partition("=")
    if name == "roles" and roles:
        return SubscriptionType.ROLES, tuple(roles.split(","))
    if words not in _PRESENCES:
        message = f"--presence must be all, friends, none or roles=a,b, not {words!r}."
        raise SettingsError(message)
    return _PRESENCES[words], ()


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Options:
    """The options and environment variables that the commands share, as the command line fills them in."""

    app_id: Annotated[str, Parameter(env_var="COMETCONN_APP_ID", help="The app's id, from CometChat's dashboard.")]
    region: Annotated[str | None, Parameter(env_var="COMETCONN_REGION", help="The app's region: us, eu, in.")] = None
    uid: Annotated[str | None, Parameter(env_var="COMETCONN_UID", help="Who it is.")] = None
    auth_key_file: Annotated[pathlib.Path | None, Parameter(help="A file with the app's auth key.")] = None
    auth_token_file: Annotated[pathlib.Path | None, Parameter(help="A file with a token of the user.")] = None
    endpoint: Annotated[
        str | None, Parameter(env_var="COMETCONN_ENDPOINT", help="Another server, as http://127.0.0.1:9000.")
    ] = None
    session: Annotated[pathlib.Path | None, Parameter(help="Where the session is saved.")] = None
    proxy: Annotated[
        str | None,
        Parameter(
            help='A proxy, as http://proxy.example:3128, or socks5h; "" for none. With a password: in COMETCONN_PROXY.'
        ),
    ] = None
    ca_file: Annotated[
        pathlib.Path | None, Parameter(env_var="COMETCONN_CA_FILE", help="Certificates to trust beside the system's.")
    ] = None
    client_cert: Annotated[
        pathlib.Path | None, Parameter(env_var="COMETCONN_CLIENT_CERT", help="A certificate to show to the server.")
    ] = None
    client_key: Annotated[
        pathlib.Path | None, Parameter(env_var="COMETCONN_CLIENT_KEY", help="Its key, if it is in a file of its own.")
    ] = None

    @property
    def credentials(self) -> Credentials:
        """Who it is, with the secrets from files or the environment."""
        key = read_secret("COMETCONN_AUTH_KEY", self.auth_key_file)
        return Credentials(self.uid, key, read_secret("COMETCONN_AUTH_TOKEN", self.auth_token_file))

    def settings(self) -> AppSettings:
        """Return the client's settings; `SettingsError` in the words of the options where they make no sense."""
        if self.endpoint is None and self.region is None:
            message = "Where to? Say --region (us, eu, in), or --endpoint for another server."
            raise SettingsError(message)
        return AppSettings(region=self.region)

    @property
    def endpoints(self) -> Endpoints | None:
        """The other server."""
        return None if self.endpoint is None else Endpoints.at(self.endpoint)

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS setting; `None` for the default."""
        return tls_context(self.ca_file, self.client_cert, self.client_key)

    @property
    def chosen_proxy(self) -> str | None:
        """What `open_client(proxy=...)` is to be told."""
        return proxy_choice(self.proxy)

    def open_client(self, settings: AppSettings, hooks: Sequence[Hook] = ()) -> AbstractAsyncContextManager[CometChat]:
        """Open the client that the options describe."""
        return cometconn.open_client(
            self.app_id,
            settings,
            endpoints=self.endpoints,
            store=None if self.session is None else FileStore(self.session),
            ssl_context=self.ssl_context(),
            proxy=self.chosen_proxy,
            hooks=hooks,
        )


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class ListenOptions(Options):
    """The options of a program that stays connected."""

    presence: Annotated[str, Parameter(help="Whose presence: all, friends, none, roles=a,b.")] = "none"
    manual: Annotated[bool, Parameter(negative=(), help="Manual mode: connect once, by request.")] = False
    catch_up: Annotated[bool, Parameter(negative=(), help="Fetch the messages missed while away.")] = False

    def settings(self) -> AppSettings:
        """Return the client's settings, as above."""
        subscription, roles = parse_presence(self.presence)
        return attrs.evolve(
            super().settings(),
            subscription_type=subscription,
            roles=roles,
            auto_establish_socket_connection=not self.manual,
            catch_up=self.catch_up,
        )
