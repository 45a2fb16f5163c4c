"""Serving until a signal: what `cometconn serve` and `python -m cometconn.emulator` do, and their options.

The options are attributes with a help text each, from which both commands are made: cyclopts reads them for the first
one, and `command` makes a parser of the standard library for the second one, which starts in half the time.
"""

from __future__ import annotations

import pathlib
import random
import signal
import sys
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import attrs
import trio

from cometconn._groups import open_nursery
from cometconn._text.foreign_text import KnownSecrets
from cometconn.errors import SettingsError

from .limits import DEFAULT_LIMITS, ServerLimits
from .server import open_emulator
from .traffic import make_traffic, parse_rate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .certificate import Certificate
    from .server import Emulator

__all__ = ["ServeOptions", "parse_groups", "parse_port", "serve"]

_LAST_PORT: Final = 65535
_MOST_USERS: Final = 100_000
_NAMED: Final = 20
"""The line that is printed names at most so many users, and so many members of each group."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def _option(default: object, about: str) -> Any:
    return attrs.field(default=default, metadata={"help": about})


@attrs.frozen(kw_only=True)
class ServeOptions:
    """The options of `cometconn serve` and of `python -m cometconn.emulator`, beside those of `ServerLimits`."""

    host: str = _option(
        "127.0.0.1", "The address to listen at: a loopback address, because every program that reaches it can log in."
    )
    port: int = _option(9000, "The port; 0 picks a free one.")
    app_id: str = _option("APP", "The id of the app that it serves.")
    auth_key: str = _option("KEY", "The app's auth key.")
    api_key: str = _option("REST-KEY", "The app's REST API key, for what an auth key may not do.")
    user: tuple[str, ...] = _option((), "A user's uid; may be repeated.")
    users: int = _option(0, "The number of users beside those of --user: user-1, user-2, ...")
    group: tuple[str, ...] = _option((), "A group and its members, as hikers=zed-1,amy-2; may be repeated.")
    flow: str | None = _option(None, "Let the users write to each other and to their groups, as 30/s or 5/min.")
    control: bool = _option(
        False,  # noqa: FBT003 - the default of the option
        "Serve a page for browsers, and /control/..., which sends messages, ends connections and simulates faults.",
    )
    public: str | None = _option(
        None, "HOST:PORT by which clients know the server or the TLS proxy in front of it; with --tls also HOST."
    )
    tls: bool = _option(False, "Serve https and wss, with a certificate that is made for this run.")  # noqa: FBT003
    tls_folder: pathlib.Path | None = attrs.field(
        default=None,
        metadata={
            "help": "A folder to keep that certificate in, for a year, so that it has to be trusted only once; implies --tls."
        },
    )
    webhook: str | None = _option(None, "A URL that gets a POST request for every event, as CometChat's webhooks.")
    webhook_auth: str | None = _option(None, "USER:PASSWORD for these requests (HTTP Basic authentication).")

    @property
    def secrets(self) -> tuple[str | None, ...]:
        """What must not be printed."""
        return self.auth_key, self.api_key, self.webhook_auth


def parse_port(port: int) -> int:
    """Return *port*, if there can be such a port."""
    if not 0 <= port <= _LAST_PORT:
        message = f"--port must be from 0 to {_LAST_PORT}, not {port}."
        raise SettingsError(message)
    return port


def parse_groups(words: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Read words such as `hikers=zed-1,amy-2`: a guid and its members."""
    groups: dict[str, tuple[str, ...]] = {}
    for word in words:
        guid, _, members = word.partition("=")
        if not guid or not members or guid in groups:
            message = f"--group must be like hikers=zed-1,amy-2, with each group once, not {word!r}."
            raise SettingsError(message)
        groups[guid] = tuple(members.split(","))
    return groups


def _uids(options: ServeOptions) -> tuple[str, ...]:
    """Return the users: those that are named, those that are counted, or else two."""
    if not 0 <= options.users <= _MOST_USERS:
        message = f"--users must be from 0 to {_MOST_USERS}, not {options.users}."
        raise SettingsError(message)
    made = tuple(f"user-{number + 1}" for number in range(options.users))
    for uid, times in Counter((*options.user, *made)).items():
        if times > 1:
            why = f"--users makes {uid}, too" if options.user.count(uid) == 1 else f"the uid {uid!r} is given twice"
            message = f"--user: {why}."
            raise SettingsError(message)
    return (*options.user, *made) or ("zed-1", "amy-2")


def _rate(options: ServeOptions, uids: tuple[str, ...]) -> float | None:
    """Return how many messages a second the users write; `None` for none."""
    if options.flow is None:
        return None
    if len(uids) < 2:  # noqa: PLR2004 - a sender and a receiver
        message = f"--flow needs two users, and there is only {uids[0]}: add another --user, or --users."
        raise SettingsError(message)
    return parse_rate(options.flow)


@contextmanager
def _folder_named(folder: pathlib.Path | None) -> Iterator[None]:
    """Name the option in the error of a folder that cannot be made, read or written."""
    try:
        yield
    except OSError as error:
        if folder is None or not isinstance(error.filename, str):
            raise
        whole, path = folder.absolute(), pathlib.Path(error.filename)
        if not (path.is_relative_to(whole) or whole.is_relative_to(path)):
            raise
        message = f"--tls-folder: {error.strerror}: {error.filename}"
        raise SettingsError(message) from error


async def serve(options: ServeOptions, limits: ServerLimits = DEFAULT_LIMITS) -> None:
    """Print the addresses as one line of JSON when the server is ready, and serve until SIGINT or SIGTERM.

    Raises:
        SettingsError: an option is not valid, or the folder of the certificate cannot be made, read or written.
        OSError: the server cannot listen, or the line cannot be printed.
    """
    secrets = KnownSecrets(*options.secrets)
    uids = _uids(options)
    rate = _rate(options, uids)
    with trio.open_signal_receiver(*_SIGNALS) as signals, _folder_named(options.tls_folder):
        async with open_emulator(
            host=options.host,
            port=parse_port(options.port),
            app_id=options.app_id,
            auth_key=options.auth_key,
            api_key=options.api_key,
            users=uids,
            groups=parse_groups(options.group) if options.group else None,
            limits=limits,
            control=options.control,
            public=options.public,
            tls=options.tls_folder or options.tls,
            webhook=options.webhook,
            webhook_auth=options.webhook_auth,
        ) as server:
            if server.certificate is not None:
                _show_certificate(server.certificate, server.url, options.app_id, secrets)
            print(secrets.json(_ready(server, options)), flush=True)  # noqa: T201 - a program's output
            async with open_nursery() as nursery:
                if rate is not None:
                    nursery.start_soon(make_traffic, server, rate, random.Random())  # noqa: S311 - no secrets
                await anext(signals)
                nursery.cancel_scope.cancel(reason="a signal")


def _ready(server: Emulator, options: ServeOptions) -> dict[str, Any]:
    certificate = server.certificate
    users = list(server.world.people)
    groups = {guid: list(group.members) for guid, group in server.world.groups.items()}
    unnamed = {guid: len(members) - _NAMED for guid, members in groups.items() if len(members) > _NAMED}
    more = {"more_users": len(users) - _NAMED} if len(users) > _NAMED else {}
    return {
        "url": server.url,
        "rest": server.endpoints.client_url,
        "socket": server.endpoints.socket_url,
        "control": f"{server.url}/control" if options.control else None,
        "app_id": options.app_id,
        "users": users[:_NAMED],
        "groups": {guid: members[:_NAMED] for guid, members in groups.items()},
        **more,
        **({"more_members": unnamed} if unnamed else {}),
        "ca_file": None if certificate is None else str(certificate.ca_file),
        "fingerprint": None if certificate is None else certificate.fingerprint,
    }


def _show_certificate(certificate: Certificate, url: str, app_id: str, secrets: KnownSecrets) -> None:
    """Print to standard error what the certificate is, and how each kind of client comes to trust it."""
    lines = (
        f"The certificate is for {', '.join(certificate.names)}. SHA-256: {certificate.fingerprint}",
        f"cometconn: --ca-file {certificate.ca_file}, such as",
        f"  cometconn listen --app-id {app_id} --endpoint {url}/v3.0 --ca-file {certificate.ca_file}",
        "Python: open_client(..., ssl_context=ssl.create_default_context(cafile=...)) with that file",
        f"Chromium: --ignore-certificate-errors-spki-list={certificate.spki}, or import that file as an authority",
    )
    for line in lines:
        print(secrets.masked(line), file=sys.stderr)  # noqa: T201 - a program's output
    sys.stderr.flush()
