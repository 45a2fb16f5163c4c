"""`cometconn fleet run`: one worker, until a signal or an operator drains it."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._groups import open_nursery
from cometconn._network.os_errors import os_error_text
from cometconn.cli.terminal import SECRETS
from cometconn.errors import SettingsError
from cometconn.fleet import Account, Credentials, open_worker
from cometconn.fleet.changes import Claimed, Drained, Joined, LeaseLost, Missed, Released

from .engine_options import naming_fleet_options
from .functions import load_function
from .line_writer import LineHandler, LineWriter

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator

    from cometconn.cli.options import ServerOptions
    from cometconn.fleet import Worker
    from cometconn.fleet.change_feed import ChangeStream
    from cometconn.fleet.changes import Change

    from .engine_options import EngineOptions
    from .worker_settings import FleetOptions

__all__ = ["change_line", "default_name", "run_worker"]

NOT_IN_TIME = 3
"""The exit status if a drain took too long: what was left was ended at once."""

_PATIENCE = 2.0  # seconds for handlers that ignore cancellation, after the closing handshakes
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_REASONS = {
    "share": "another worker is to own it, or it was removed",
    "drain": "this worker is drained",
    "lease": "the lease is over",
    "fenced": "another worker owns it",
    "parked": "it is parked",
    "closed": "this worker ends",
}


def default_name() -> str:
    """Return a worker's name for this machine: its host name, as far as names allow."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:64] or "worker"


def change_line(change: Change) -> str | None:
    """Return a change as one line; `None` if the library logs a warning of the same."""
    line = None
    match change:
        case Joined(incarnation=incarnation):
            name, _, nonce = incarnation.partition("~")
            line = f"joined as {name}~{nonce[:6]}"
        case Claimed(uid=uid, token=token):
            line = f"claimed {uid} (claim {token})"
        case Released(uid=uid, reason=reason):
            line = f"released {uid} ({reason}: {_REASONS.get(reason, reason)})"
        case LeaseLost(accounts=accounts):
            line = f"lost the lease, and with it {accounts} accounts; joining again"
        case Drained():
            line = "drained: this worker owns nothing any more"
        case Missed(count=count):
            line = f"{count} lines are missing here"
    return line


async def run_worker(
    engine: EngineOptions,
    server: ServerOptions,
    fleet: FleetOptions,
    *,
    name: str | None,
    run: str | None,
    login: str | None,
    metrics: int | None,
) -> int:
    """Run a worker, and print what it does on standard error; return the exit status."""
    handler = None if run is None else load_function("--run", run)
    log_in = _login_with(server.auth_key) if login is None else load_function("--login", login)
    settings = server.settings()
    made = engine.make(new=True)
    with trio.open_signal_receiver(*_SIGNALS) as signals, _lines() as writer, naming_fleet_options():
        writer.write(f"engine {engine.label}")
        async with open_nursery() as nursery:
            patience = settings.timing.close_timeout + _PATIENCE
            stop = _Stop(fleet.drain_timeout, patience, writer, nursery.cancel_scope)
            nursery.start_soon(stop.watch, signals)
            async with made.connect(engine.app_id, partitions=fleet.partitions) as connection:
                fleet_settings = fleet.settings(connection.partitions)
            async with (
                _serve_metrics(metrics, writer) as collect,
                open_worker(
                    engine.app_id,
                    settings,
                    engine=made,
                    name=name or default_name(),
                    run=handler,
                    login=log_in,
                    fleet_settings=fleet_settings,
                    endpoints=server.endpoints,
                    ssl_context=server.ssl_context(),
                    proxy=server.chosen_proxy,
                ) as worker,
                worker.changes() as changes,
            ):
                collect(worker)
                nursery.start_soon(_print_changes, changes, writer)
                await stop.wait_drained(worker)
            stop.over()
        return stop.status


@contextlib.asynccontextmanager
async def _serve_metrics(port: int | None, writer: LineWriter) -> AsyncGenerator[Callable[[Worker], object], None]:
    """Serve metrics in the block, if there is a port. Give a function that adds the worker to them."""
    if port is None:
        yield lambda _: None
        return
    # An extra, and slow to import: not under a lease.
    from cometconn.fleet.prometheus import FleetCollector, serve_metrics  # noqa: PLC0415

    with contextlib.ExitStack() as registered:
        async with open_nursery() as nursery:
            try:
                port = await nursery.start(serve_metrics, port)
            except OSError as error:
                message = f"--metrics: the port {port} cannot be opened: {os_error_text(error)}."
                raise SettingsError(message) from error
            writer.write(f"metrics at http://127.0.0.1:{port}/metrics")
            yield lambda worker: registered.enter_context(FleetCollector(worker).registered())
            nursery.cancel_scope.cancel(reason="cometconn: the worker has left")


@attrs.define(eq=False)
class _Stop:
    """What the signals ask for: the first one to drain, the second one to end at once.

    Attributes:
        drain_timeout: seconds that a drain may take after a signal.
        patience: seconds after which the process ends, once everything was cancelled or drained: a handler that ignores
            cancellation must not keep it.
        writer: where the signals are recorded.
        everything: is cancelled by the second signal.
        status: the exit status.
    """

    drain_timeout: float
    patience: float
    writer: LineWriter
    everything: trio.CancelScope
    status: int = attrs.field(default=0, init=False)
    _watching: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _waiting: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _worker: Worker | None = attrs.field(default=None, init=False)
    _reaper: threading.Timer | None = attrs.field(default=None, init=False)

    async def watch(self, signals: AsyncIterator[int]) -> None:
        """Drain the worker at the first signal, and end everything at the second, or if there is no worker yet."""
        is_stopping = False
        with self._watching:
            async for number in signals:
                name = signal.Signals(number).name
                if is_stopping or self._worker is None:
                    self.writer.write(f"{name}: ending at once")
                    self._end(128 + number)
                else:
                    self.writer.write(f"{name}: draining; a second signal ends this worker at once")
                    self._worker.drain()
                    self._waiting.deadline = trio.current_time() + self.drain_timeout
                is_stopping = True

    async def wait_drained(self, worker: Worker) -> None:
        """Wait until the worker is drained, by a signal or by an operator. End everything if that takes too long."""
        self._worker = worker
        with self._waiting:
            await worker.drained()
            self._reap_later()
        if self._waiting.cancelled_caught:
            self.writer.write(f"the drain took longer than {self.drain_timeout:g} s: the rest ends at once")
            self._end(NOT_IN_TIME)

    def over(self) -> None:
        """Note that the worker has left."""
        self._watching.cancel(reason="cometconn: the worker has left")
        if self._reaper is not None:
            self._reaper.cancel()

    def _end(self, status: int) -> None:
        self.status = status
        self._reap_later()
        self.everything.cancel(reason="cometconn: the worker ends at once")

    def _reap_later(self) -> None:
        if self._reaper is None:
            self._reaper = threading.Timer(self.patience, self._reap)
            self._reaper.daemon = True
            self._reaper.start()

    def _reap(self) -> None:
        self.writer.write("a handler ignores cancellation: the process ends without it")
        self.writer.close()
        os._exit(self.status or NOT_IN_TIME)


async def _print_changes(changes: ChangeStream, writer: LineWriter) -> None:
    async for change in changes:
        if (line := change_line(change)) is not None:
            writer.write(line)


@contextlib.contextmanager
def _lines() -> Iterator[LineWriter]:
    """Open standard error for lines, and let the library's warnings go there, unless the program has set logging up."""
    writer = LineWriter(sys.stderr)
    handler = LineHandler(writer)
    logger = logging.getLogger("cometconn")
    if not logging.getLogger().handlers:
        logger.addHandler(handler)
    try:
        yield writer
    finally:
        logger.removeHandler(handler)
        writer.close()


@attrs.frozen(eq=False)
class _LoginWithKey:
    """Logs accounts in with the app's auth key."""

    auth_key: str | None = attrs.field(repr=False)

    async def __call__(self, account: Account) -> Credentials:
        """Return the key. Without one, the account is parked with this reason."""
        await trio.lowlevel.checkpoint()
        if self.auth_key is None:
            message = "there is no saved session, and the worker has no auth key: set COMETCONN_AUTH_KEY or give --auth-key-file."
            raise SettingsError(message)
        return Credentials(auth_key=self.auth_key)


def _login_with(auth_key: str | None) -> _LoginWithKey:
    SECRETS.learn(auth_key)
    return _LoginWithKey(auth_key)
