"""`cometconn listen`: log in, and print what arrives."""

from __future__ import annotations

import datetime
import functools
import getpass
import os
import pathlib
import sys
from typing import TYPE_CHECKING

import attrs
import trio

import cometconn
from cometconn import AppSettings, Disconnected, Endpoints, FileStore, Reason, SubscriptionType
from cometconn.errors import AuthenticationError, CometConnError, SettingsError

from .lines import event_line, in_words
from .stopping import until_stopped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cometconn import CometChat, EventStream
    from cometconn._connection.statuses import StatusStream

__all__ = ["Account", "listen", "presence", "secret_of"]

_PRESENCES = {
    "all": SubscriptionType.ALL_USERS,
    "friends": SubscriptionType.FRIENDS,
    "none": SubscriptionType.NONE,
}
_FINAL = frozenset({Reason.AUTHENTICATION_FAILED, Reason.LOGGED_OUT})


@attrs.frozen
class Account:
    """Who listens, and with which right; what is missing is asked for.

    Attributes:
        uid: the user; `None` for whoever is logged in already, or whom the token names.
        auth_key: the app's key.
        auth_token: a token of the user; outranks the key.
    """

    uid: str | None = None
    auth_key: str | None = attrs.field(default=None, repr=False)
    auth_token: str | None = attrs.field(default=None, repr=False)

    async def log_in(self, chat: CometChat) -> None:
        """Log in, unless the saved session is this user's."""
        if self.auth_token is not None:
            await chat.login(auth_token=self.auth_token)
            return
        user = chat.get_logged_in_user()
        if user is not None and self.uid in {None, user.uid}:
            return
        if self.uid is None:
            message = "Nobody is logged in: say who with --uid or COMETCONN_UID, or set COMETCONN_AUTH_TOKEN."
            raise SettingsError(message)
        await chat.login(uid=self.uid, auth_key=self.auth_key or _ask(f"Auth key for {self.uid}: "))


def _ask(prompt: str) -> str:
    if not sys.stdin.isatty():
        message = "No auth key: set COMETCONN_AUTH_KEY, name a file with --auth-key-file, or run this in a terminal."
        raise SettingsError(message)
    return getpass.getpass(prompt)


def secret_of(variable: str, path: pathlib.Path | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return a secret: what stands in the file at *path*, or else in the environment."""
    if path is None:
        return environ.get(variable) or None
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        message = f"{path} holds no text, so no secret either."
        raise SettingsError(message) from error
    except OSError as error:
        message = f"The file with the secret cannot be read: {path}: {error.strerror or error}."
        raise SettingsError(message) from error


def presence(words: str) -> tuple[SubscriptionType, tuple[str, ...]]:
    """Read `all`, `friends`, `none` or `roles=a,b`."""
    name, _, roles = words.partition("=")
    if name == "roles" and roles:
        return SubscriptionType.ROLES, tuple(roles.split(","))
    if words not in _PRESENCES:
        message = f"--presence must be all, friends, none or roles=a,b, not {words!r}."
        raise SettingsError(message)
    return _PRESENCES[words], ()


async def listen(
    app_id: str, account: Account, settings: AppSettings, *, endpoint: str | None, session: pathlib.Path | None
) -> int:
    """Print events until stopped; return the exit status."""
    async with cometconn.open_client(
        app_id,
        settings,
        endpoints=None if endpoint is None else Endpoints.at(endpoint),
        store=None if session is None else FileStore(session),
    ) as chat:
        # Before signals are taken over: Ctrl-C must also end the question for the key.
        await account.log_in(chat)
        manual = not settings.auto_establish_socket_connection
        return await until_stopped(functools.partial(_Printing(chat).run, connect=manual))


@attrs.define(eq=False)
class _Printing:
    """Events to standard output, statuses to standard error, until an error that nothing mends."""

    chat: CometChat
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _failure: CometConnError | OSError | None = attrs.field(default=None, init=False)

    async def run(self, *, connect: bool) -> None:
        """Print. *connect*: in manual mode somebody has to ask for the connection."""
        async with self.chat.events() as events, self.chat.statuses() as statuses:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._print_events, events)
                    nursery.start_soon(self._print_statuses, statuses)
                    if connect:
                        await self._connect()
        if self._failure is not None:
            raise self._failure

    async def _connect(self) -> None:
        try:
            await self.chat.connect()
        except CometConnError as error:
            self._fail(error)

    async def _print_events(self, events: EventStream) -> None:
        while batch := await events.batch():
            text = "".join(f"{event_line(event)}\n" for event in batch)
            try:
                # In a thread, because whoever reads our output may be slow; Ctrl-C does not wait for them.
                await trio.to_thread.run_sync(_write, text, abandon_on_cancel=True)
            except OSError as error:
                self._fail(error)
                return

    async def _print_statuses(self, statuses: StatusStream) -> None:
        async for change in statuses:
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
            print(f"{now} {in_words(change.current)}", file=sys.stderr, flush=True)  # noqa: T201 - a program's output
            if isinstance(change.current, Disconnected) and change.current.reason in _FINAL:
                self._fail(change.current.cause or AuthenticationError(_REFUSED, reason=change.current.reason))

    def _fail(self, error: CometConnError | OSError) -> None:
        self._failure = self._failure or error
        self._scope.cancel(reason="cometconn: nothing more will come")


_REFUSED = "The server does not know this session any more: log in again, with COMETCONN_AUTH_KEY or _TOKEN."


def _write(text: str) -> None:
    # JSON is UTF-8, whatever the terminal's encoding; half a surrogate pair becomes its escape.
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()
