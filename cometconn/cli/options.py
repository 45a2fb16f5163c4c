"""The options that `listen`, `send` and `doctor` share: the server, the user and the credentials."""

from __future__ import annotations

import contextlib
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
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from cometconn import CometChat, User
    from cometconn.instrumentation import Hook

__all__ = [
    "Credentials",
    "ListenOptions",
    "Options",
    "ServerOptions",
    "naming_options",
    "parse_presence",
    "read_secret",
]

_PRESENCES = {
    "all": SubscriptionType.ALL_USERS,
    "friends": SubscriptionType.FRIENDS,
    "none": SubscriptionType.NONE,
}


@attrs.frozen
class Credentials:
    """What is needed to log in.

    Attributes:
        uid: the user; `None` for the user of the saved session or of the token.
        auth_key: the app's auth key.
        auth_token: a token of the user; it takes precedence over the key.
    """

    uid: str | None = None
    auth_key: str | None = attrs.field(default=None, repr=False)
    auth_token: str | None = attrs.field(default=None, repr=False)

    def completed(self, saved: User | None) -> Credentials:
        """Return them with an auth key, prompted for if need be, unless a token or the saved session will do."""
        if self.auth_token is not None or (saved is not None and self.uid in {None, saved.uid}):
            return self
        if self.uid is None:
            message = "No user is logged in: name one with --uid or COMETCONN_UID, or set COMETCONN_AUTH_TOKEN."
            raise SettingsError(message)
        return attrs.evolve(self, auth_key=self.auth_key or _prompt(f"Auth key for {self.uid}: "))

    async def log_in(self, chat: CometChat) -> User:
        """Log in, unless the saved session is this user's, and return the user."""
        saved = chat.get_logged_in_user()
        whole = self.completed(saved)
        if whole.auth_token is not None:
            return await chat.login(auth_token=whole.auth_token)
        if saved is None or whole.uid not in {None, saved.uid}:
            return await chat.login(uid=whole.uid, auth_key=whole.auth_key)
        return saved


def _prompt(text: str) -> str:
    if not sys.stdin.isatty():
        message = "No auth key: set COMETCONN_AUTH_KEY, give --auth-key-file, or run this in a terminal, which prompts for it."
        raise SettingsError(message)
    key = getpass.getpass(text)
    SECRETS.learn(key)
    return key


@contextlib.contextmanager
def naming_options(names: Mapping[str, str]) -> Iterator[None]:
    """Replace what a `SettingsError` of the library names by the option: *names* maps the one to the other.

    For what `usage_errors.in_options()`, which sees every error, would take for another option.
    """
    try:
        yield
    except SettingsError as error:
        message = error.message
        for name, option in names.items():
            message = message.replace(name, option)
        raise SettingsError(message) from error


def read_secret(variable: str, path: pathlib.Path | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the secret in the file at *path*, else that in the environment variable *variable*."""
    if path is None:
        return environ.get(variable) or None
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        message = f"The file with the secret does not hold text: {path}."
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


_Region = Annotated[str | None, Parameter(env_var="COMETCONN_REGION", help="The app's region: us, eu or in.")]
_AuthKeyFile = Annotated[
    pathlib.Path | None, Parameter(help="A file with the app's auth key, instead of COMETCONN_AUTH_KEY.")
]
_Endpoint = Annotated[
    str | None,
    Parameter(env_var="COMETCONN_ENDPOINT", help="Another server instead of a region, as http://127.0.0.1:9000."),
]
_Proxy = Annotated[
    str | None,
    Parameter(
        help='A proxy, as http://proxy.example:3128 or socks5h://...; "" for none. One with a password: COMETCONN_PROXY.'
    ),
]
_CaFile = Annotated[
    pathlib.Path | None,
    Parameter(env_var="COMETCONN_CA_FILE", help="A file with certificates to trust in addition to the system's."),
]
_ClientCert = Annotated[
    pathlib.Path | None,
    Parameter(env_var="COMETCONN_CLIENT_CERT", help="A file with a client certificate, for servers that want one."),
]
_ClientKey = Annotated[
    pathlib.Path | None,
    Parameter(
        env_var="COMETCONN_CLIENT_KEY", help="A file with the key of that certificate, if it is not in the same file."
    ),
]


class _Server:
    """What both classes below make of their fields. It has none itself, because --help would list them first."""

    __slots__ = ()
    if TYPE_CHECKING:
        region: str | None
        auth_key_file: pathlib.Path | None
        endpoint: str | None
        proxy: str | None
        ca_file: pathlib.Path | None
        client_cert: pathlib.Path | None
        client_key: pathlib.Path | None

    @property
    def auth_key(self) -> str | None:
        """The app's auth key, from the file or the environment."""
        return read_secret("COMETCONN_AUTH_KEY", self.auth_key_file)

    def settings(self) -> AppSettings:
        """Return the client's settings."""
        if self.endpoint is None and self.region is None:
            message = "No server: give --region (us, eu or in), or --endpoint for another server."
            raise SettingsError(message)
        return AppSettings(region=self.region)

    @property
    def endpoints(self) -> Endpoints | None:
        """The server of `--endpoint`; `None` for CometChat's cloud."""
        return None if self.endpoint is None else Endpoints.at(self.endpoint)

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS context; `None` for the default."""
        return tls_context(self.ca_file, self.client_cert, self.client_key)

    @property
    def chosen_proxy(self) -> str | None:
        """The value for `open_client(proxy=...)`."""
        return proxy_choice(self.proxy)


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class ServerOptions(_Server):
    """The server, how to reach it, and the app's auth key: for commands that know the app and the users from elsewhere."""

    region: _Region = None
    auth_key_file: _AuthKeyFile = None
    endpoint: _Endpoint = None
    proxy: _Proxy = None
    ca_file: _CaFile = None
    client_cert: _ClientCert = None
    client_key: _ClientKey = None


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Options(_Server):
    """The options and environment variables that the commands of one user share."""

    app_id: Annotated[str, Parameter(env_var="COMETCONN_APP_ID", help="The app's id, from CometChat's dashboard.")]
    region: _Region = None
    uid: Annotated[
        str | None, Parameter(env_var="COMETCONN_UID", help="The user's uid; a saved session or a token needs none.")
    ] = None
    auth_key_file: _AuthKeyFile = None
    auth_token_file: Annotated[
        pathlib.Path | None, Parameter(help="A file with a token of the user, instead of COMETCONN_AUTH_TOKEN.")
    ] = None
    endpoint: _Endpoint = None
    session: Annotated[
        pathlib.Path | None, Parameter(help="The file in which the session is saved; one for each app by default.")
    ] = None
    proxy: _Proxy = None
    ca_file: _CaFile = None
    client_cert: _ClientCert = None
    client_key: _ClientKey = None

    @property
    def credentials(self) -> Credentials:
        """The user, with the secrets from files or the environment."""
        return Credentials(self.uid, self.auth_key, read_secret("COMETCONN_AUTH_TOKEN", self.auth_token_file))

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
    """The options of a command that stays connected."""

    presence: Annotated[str, Parameter(help="Users whose presence to receive: all, friends, none, or roles=a,b.")] = (
        "none"
    )
    manual: Annotated[
        bool,
        Parameter(
            negative=(),
            show_default=False,
            help="Use manual mode: call connect() once, and reconnect only as CometChat's rules allow.",
        ),
    ] = False
    catch_up: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Fetch the messages that were missed while disconnected.")
    ] = False

    def settings(self) -> AppSettings:
        """Return the client's settings, with presence, mode and catching up."""
        subscription, roles = parse_presence(self.presence)
        return attrs.evolve(
            super().settings(),
            subscription_type=subscription,
            roles=roles,
            auto_establish_socket_connection=not self.manual,
            catch_up=self.catch_up,
        )
