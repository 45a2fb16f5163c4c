"""What one lease of a worker consists of, made in one place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import attrs

from cometconn.settings import AppSettings

from .change_feed import ChangeFeed
from .counters import Counters
from .engine import EngineConnection
from .governor import Governor
from .lease import LocalLease
from .log_writer import LogWriter
from .owned import Handler
from .settings import Credentials, FleetSettings
from .values import Account, Incarnation

__all__ = ["LoginFunction", "Tenure", "WorkerOptions"]

LoginFunction: TypeAlias = "Callable[[Account], Awaitable[Credentials]]"


@attrs.frozen(eq=False)
class WorkerOptions:
    """What `open_worker()` was given, checked.

    Attributes:
        settings: of each client.
        fleet: of the fleet.
        run: the handler.
        login: returns how an account logs in; `None`: accounts without a session are parked.
        client: further arguments of `open_client()`.
    """

    app_id: str
    name: str
    settings: AppSettings
    fleet: FleetSettings
    run: Handler
    login: LoginFunction | None
    client: Mapping[str, Any] = attrs.field(repr=False)


@attrs.frozen(eq=False)
class Tenure:
    """One lease of a worker, and what ends with it.

    Attributes:
        incarnation: the holder.
        connection: to the engine. It outlives the lease.
        lease: the lease.
        joined_at: when it began, on Trio's clock.
        options: of the worker.
        counters: of the worker.
        changes: of the worker.
        writer: makes the appends.
        governor: admits connects and logins.
    """

    incarnation: Incarnation
    connection: EngineConnection
    lease: LocalLease
    joined_at: float
    options: WorkerOptions
    counters: Counters
    changes: ChangeFeed
    writer: LogWriter
    governor: Governor

    @classmethod
    def begin(
        cls,
        incarnation: Incarnation,
        connection: EngineConnection,
        lease: LocalLease,
        joined_at: float,
        options: WorkerOptions,
        counters: Counters,
        changes: ChangeFeed,
    ) -> Tenure:
        """Make the parts that belong to *lease*. No task is started."""
        writer = LogWriter(connection, lease, counters)
        governor = Governor(connection, options.fleet.rate, lease, counters)
        return cls(incarnation, connection, lease, joined_at, options, counters, changes, writer, governor)
