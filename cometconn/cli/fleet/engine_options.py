"""Where the fleet keeps its state, from options and environment variables. The fleet itself is imported when it is used."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import ssl
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote, unquote, urlsplit

import attrs
from cyclopts import Parameter

from cometconn._network.os_errors import os_error_text
from cometconn.cli.network_options import tls_context
from cometconn.cli.options import naming_options
from cometconn.cli.terminal import SECRETS
from cometconn.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping

    from cometconn.fleet import Engine, EngineConnection, KeyRing
    from cometconn.fleet.redis_address import RedisAddress

__all__ = ["EngineOptions", "naming_fleet_options"]

# What an error of the library names, and the option.
_OPTIONS: Final = {
    "The URL of Redis must be": "--engine must be",
    "RedisEngine needs coredis": "Redis needs coredis",
    "A KeyRing needs cryptography": "--keys needs cryptography",
    "The keys in": "--keys:",
    "use RedisEngine": "use --engine redis://...",
    "SQLiteEngine": "An engine in a file",
    "use another namespace for": "give another --namespace, or another --engine, for",
    "`namespace`": "--namespace",
    "`partitions`": "--partitions",
    "must be reached by rediss://": "must be reached by rediss://, or with --allow-insecure",
    "choose another name,": "choose another --name,",
    "FleetSettings.lease_ttl": "--lease-ttl",
    "FleetSettings.lease_margin": "--lease-margin",
    "FleetSettings.reconcile_every": "--reconcile-every",
    "FleetSettings.connects_per_second": "--connects-per-second",
    "FleetSettings.connect_burst": "--connect-burst",
    "FleetSettings.starts_at_once": "--starts-at-once",
    "FleetSettings.partitions": "--partitions",
    "FleetSettings.drain_timeout": "--drain-timeout",
    "FleetSettings.retention": "--retention",
    "serve_metrics(port=...)": "--metrics",
    "three quarters of lease_ttl": "three quarters of --lease-ttl",
}
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_OF_REDIS: Final = frozenset({"redis", "rediss", "unix"})
_FILE = "sqlite:"


@contextlib.contextmanager
def naming_fleet_options() -> Iterator[None]:
    """Let the errors of `cometconn.fleet` name options instead of what only programs have."""
    from cometconn.fleet import EngineError  # noqa: PLC0415 - only commands of the fleet import it

    with naming_options(_OPTIONS):
        try:
            yield
        except EngineError as error:
            message = error.message
            for name, option in _OPTIONS.items():
                message = message.replace(name, option)
            raise EngineError(message, code=error.code, worth_retrying=error.worth_retrying) from error


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class EngineOptions:
    """Which fleet, and where it is."""

    app_id: Annotated[str, Parameter(env_var="COMETCONN_APP_ID", help="The app's id, from CometChat's dashboard.")]
    engine: Annotated[
        str | None,
        Parameter(
            help="Where the fleet keeps its state: sqlite:PATH or a path, redis://, rediss:// or unix://. Without it "
            "COMETCONN_ENGINE, else a file of this app in your state folder. The password of Redis: "
            "COMETCONN_ENGINE_PASSWORD."
        ),
    ] = None
    namespace: Annotated[
        str, Parameter(env_var="COMETCONN_NAMESPACE", help="The fleet's name in Redis, for several fleets in one.")
    ] = "cometconn"
    keys: Annotated[
        pathlib.Path | None,
        Parameter(
            help="A file with the keys that encrypt the sessions, in each line id:key in base64. Without it "
            "COMETCONN_FLEET_KEYS, with the same text."
        ),
    ] = None
    encrypt_messages: Annotated[
        bool,
        Parameter(negative=(), show_default=False, help="The messages in the log are encrypted with the keys, too."),
    ] = False
    engine_ca_file: Annotated[
        pathlib.Path | None, Parameter(help="A file with certificates to trust for rediss://, beside the system's.")
    ] = None
    allow_insecure: Annotated[
        bool,
        Parameter(negative=(), show_default=False, help="Allow redis://, without TLS, to another machine."),
    ] = False

    @property
    def _given(self) -> str:
        """What names the engine: a path without its scheme, or a URL with the password, if there is one."""
        if self.engine is not None and (found := _SCHEME.match(self.engine)) and "@" in self.engine[found.end() :]:
            message = (
                "--engine must not hold a user and a password, which other users of this machine could read: set "
                "COMETCONN_ENGINE, or COMETCONN_ENGINE_PASSWORD, instead."
            )
            raise SettingsError(message)
        given = self.engine or os.environ.get("COMETCONN_ENGINE") or str(self._default_path())
        return _with_password(given, os.environ)

    def _default_path(self) -> pathlib.Path:
        import platformdirs  # noqa: PLC0415 - needed only if no engine is named

        return platformdirs.user_state_path("cometconn") / f"fleet-{self.app_id}.sqlite"

    @property
    def path(self) -> pathlib.Path | None:
        """The path of the file; `None` for Redis."""
        given = self._given
        scheme = _SCHEME.match(given.removeprefix(_FILE))
        if given.startswith(_FILE):
            return pathlib.Path(given.removeprefix(_FILE))
        if scheme is None:
            return pathlib.Path(given)
        if scheme[1].lower() not in _OF_REDIS:
            message = f"--engine must be sqlite:PATH, a path, redis://, rediss:// or unix://, not {scheme[0]}."
            raise SettingsError(message)
        return None

    @property
    def label(self) -> str:
        """The engine for people, without a password."""
        if (path := self.path) is not None:
            return f"{_FILE}{path}"
        parts = urlsplit(self._given)
        host = parts.netloc.rpartition("@")[2]
        query = f"?{parts.query}" if parts.query else ""
        return f"{parts.scheme}://{host}{parts.path}{query}, namespace {self.namespace}"

    def make(self, *, new: bool = False) -> Engine:
        """Return the engine.

        Args:
            new: a file may be made, and for the default one its folder.

        Raises:
            SettingsError: the options are wrong, or there is no such file.
        """
        from cometconn.fleet import RedisEngine, SQLiteEngine  # noqa: PLC0415 - only commands of the fleet import it

        with naming_fleet_options():
            if (path := self.path) is not None:
                self._check_file(path, new=new)
                return SQLiteEngine(path, keys=self.ring(), encrypt_messages=self.encrypt_messages)
            return RedisEngine(
                self._given,
                namespace=self.namespace,
                ssl_context=self._ssl_context(),
                allow_insecure=self.allow_insecure,
                keys=self.ring(),
                encrypt_messages=self.encrypt_messages,
            )

    async def redis_address(self) -> RedisAddress:
        """Return where Redis is; with TLS, with the certificates to trust. Only if `path` is `None`."""
        import trio  # noqa: PLC0415 - only commands of the fleet import it

        from cometconn.fleet.redis_address import RedisAddress  # noqa: PLC0415

        with naming_fleet_options():
            address = RedisAddress.from_url(
                self._given, allow_insecure=self.allow_insecure, ssl_context=self._ssl_context()
            )
        if address.is_encrypted and address.ssl_context is None:
            address = attrs.evolve(address, ssl_context=await trio.to_thread.run_sync(ssl.create_default_context))
        return address

    def _check_file(self, path: pathlib.Path, *, new: bool) -> None:
        if path.is_dir():
            message = f"--engine must be a file, but {path} is a folder."
            raise SettingsError(message)
        if path.exists():
            return
        if not new:
            message = (
                f"There is no fleet in {path}: name its place with --engine, or begin one with "
                "cometconn fleet accounts add."
            )
            raise SettingsError(message)
        try:
            if path == self._default_path():
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            message = f"The folder {path.parent} cannot be made: {os_error_text(error)}."
            raise SettingsError(message) from error
        if not path.parent.is_dir():
            message = f"There is no folder {path.parent} for the file of --engine."
            raise SettingsError(message)

    def ring(self) -> KeyRing | None:
        """Return the keys, if there are any. Raises `SettingsError`."""
        from cometconn.fleet import KeyRing  # noqa: PLC0415 - only commands of the fleet import it

        if self.keys is not None:
            return KeyRing.from_file(self.keys)
        if os.environ.get("COMETCONN_FLEET_KEYS"):
            return KeyRing.from_environment()
        if self.encrypt_messages:
            message = "--encrypt-messages needs --keys, or COMETCONN_FLEET_KEYS."
            raise SettingsError(message)
        return None

    def _ssl_context(self) -> ssl.SSLContext | None:
        if self.engine_ca_file is None:
            return None
        with naming_options({"--ca-file": "--engine-ca-file"}):
            return tls_context(self.engine_ca_file, None, None)

    @contextlib.asynccontextmanager
    async def connect(self, *, new: bool = False) -> AsyncGenerator[EngineConnection, None]:
        """Connect to the engine. Its errors name options."""
        with naming_fleet_options():
            async with self.make(new=new).connect(self.app_id) as connection:
                yield connection


def _with_password(given: str, environ: Mapping[str, str]) -> str:
    """Return a URL of Redis with the password of the environment; mask the password in all that is printed."""
    if not (found := _SCHEME.match(given)) or found[1].lower() not in _OF_REDIS:
        return given
    head, tail = found[0], given[found.end() :]
    user_info, at, place = tail.rpartition("@") if "@" in tail.split("/")[0] else ("", "", tail)
    user, _, password = user_info.partition(":")
    separate = environ.get("COMETCONN_ENGINE_PASSWORD")
    SECRETS.learn(separate, password, unquote(password))
    if separate and not password:
        return f"{head}{user}:{quote(separate, safe='')}@{place}"
    return f"{head}{user_info}{at}{place}"
