"""A worker: joins the fleet, and keeps the accounts connected that are its share (`open_worker()`)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, final

import attrs
import trio

import cometconn
from cometconn._arguments import checked, made_by
from cometconn._groups import async_block, open_nursery, protected
from cometconn.environment import SystemEnvironment
from cometconn.errors import SettingsError
from cometconn.settings import AppSettings

from .change_feed import ChangeFeed, ChangeStream
from .changes import Drained, Joined, LeaseLost
from .counters import Counters, WorkerStatistics, counted
from .engine import Engine, EngineConnection
from .membership import Membership
from .owned import Handler, recorder
from .ownership import Ownership
from .reconciler import Reconciler
from .retention import remove_old_entries
from .settings import FleetSettings
from .tenure import LoginFunction, Tenure, WorkerOptions
from .values import Incarnation

if TYPE_CHECKING:
    import ssl

    from cometconn import Endpoints, Environment
    from cometconn.instrumentation import Hook

    from .lease import LocalLease

__all__ = ["Worker", "open_worker"]


@final
@made_by("fleet.open_worker()")
@checked
class Worker:
    """One worker of a fleet. Made by `open_worker()`, not by you. None of its calls needs the engine."""

    def __init__(
        self,
        options: WorkerOptions,
        connection: EngineConnection,
        boot_time: Callable[[], float],
        nursery: trio.Nursery,
    ) -> None:
        self._options = options
        self._connection = connection
        self._boot_time = boot_time
        self._nursery = nursery
        self._changes = ChangeFeed()
        self._counters = Counters()
        self._stuck: set[Ownership] = set()
        self._is_draining = False
        self._joining = trio.CancelScope()
        self._drained = trio.Event()
        self._tenure: Tenure | None = None
        self._reconciler: Reconciler | None = None
        self._membership = self._new_membership()

    def __repr__(self) -> str:
        return f"<Worker {self._options.name!r}, {len(self.accounts)} accounts>"

    @property
    def name(self) -> str:
        """Its name."""
        return self._options.name

    @property
    def incarnation(self) -> Incarnation:
        """What it is at present in the engine: a new one after each lost lease."""
        return self._membership.incarnation

    @property
    def lease(self) -> LocalLease:
        """Its present lease. Read its `deadline` and `remaining`; leave the rest to the worker."""
        return self._membership.lease

    @property
    def accounts(self) -> tuple[str, ...]:
        """The uids of the accounts that it owns now, sorted. Those that are being closed are not among them."""
        owned = () if self._reconciler is None else self._reconciler.owned.values()
        return tuple(sorted(each.account.uid for each in owned if each.ended_because is None))

    def drain(self) -> None:
        """Give every account back, and claim none any more (F19). Idempotent, never blocks; `drained()` waits for the end.

        Each account's client is closed, what it is appending is appended, and then another worker gets it. Do this when
        the process gets SIGTERM.
        """
        self._is_draining = True
        self._membership.drain()
        self._joining.cancel(reason="cometconn: the worker is drained")
        if self._reconciler is not None:
            self._reconciler.wake()

    async def drained(self) -> None:
        """Return when the worker owns nothing any more and its lease has ended, because it was drained.

        An operator can drain it, too: `EngineAdministration.drain()`. A checkpoint; cancelling it ends only the wait.
        After `drain()`, `FleetSettings.drain_timeout` at most.
        """
        await self._drained.wait()

    @async_block("worker.changes", "changes", "change")
    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[ChangeStream, None]:
        """Open a stream of what changes from now on: see `cometconn.fleet.changes`.

        At most 1,024 wait; then the oldest are dropped and counted in a `Missed`. The stream ends when the worker is left.
        """
        with self._changes.subscribe() as stream:
            yield stream

    def statistics(self) -> WorkerStatistics:
        """Return counters. Not a checkpoint."""
        reconciler = self._reconciler
        owned = [] if reconciler is None else list(reconciler.owned.values())
        return WorkerStatistics(
            **counted(self._counters),
            owned=len(owned),
            connected=sum(each.is_connected for each in owned),
            starting=sum(each.is_starting for each in owned),
            orphans=0 if reconciler is None else reconciler.orphans,
            lease_remaining=self.lease.remaining,
            append_lag=0.0 if self._tenure is None else self._tenure.writer.lag,
        )

    # Internal.

    def _new_membership(self) -> Membership:
        options = self._options
        return Membership(
            Incarnation(options.name), self._connection, options.fleet, self._boot_time, self._counters, self._info
        )

    def _info(self) -> dict[str, object]:
        """Return what `status` commands show."""
        seen = self.statistics()
        return {
            "owned": seen.owned,
            "connected": seen.connected,
            "starting": seen.starting,
            "appended": seen.appended,
            "append_lag": round(seen.append_lag, 3),
        }

    async def _join(self) -> None:
        """Join for the first time. Raises what `open_worker()` raises."""
        await self._membership.join_in_turn()

    @trio.lowlevel.enable_ki_protection
    async def _run(self) -> None:
        """Serve one lease after the other, until drained."""
        while True:
            lost = await self._serve_lease()
            await self._wait_ended()  # first: a socket that is being closed is not to overlap with the next one
            await self._membership.end()
            if not lost:
                break
            self._membership = self._new_membership()
            with trio.CancelScope() as self._joining:
                if not self._is_draining:
                    await self._membership.join_at_last()
            if self._is_draining:
                await self._membership.end()
                break
        self._changes.publish(Drained(at=trio.current_time()))
        self._drained.set()

    async def _serve_lease(self) -> bool:
        """Serve the present lease until its end. Return whether it was lost, rather than given back."""
        member = self._membership
        now = trio.current_time()
        self._changes.publish(Joined(at=now, incarnation=str(member.incarnation)))
        self._tenure = tenure = Tenure.begin(
            member.incarnation,
            self._connection,
            member.lease,
            member.joined_at,
            self._options,
            self._counters,
            self._changes,
        )
        self._reconciler = reconciler = Reconciler(tenure, member, self._nursery, self._stuck)
        if self._is_draining:
            member.drain()
        lost = True
        try:
            with member.lease.scope:
                async with open_nursery() as nursery:
                    nursery.start_soon(tenure.writer.run, name="cometconn.fleet.append")
                    nursery.start_soon(member.renew, self._audit, name="cometconn.fleet.renew")
                    nursery.start_soon(reconciler.run, name="cometconn.fleet.reconcile")
                    nursery.start_soon(remove_old_entries, tenure, name="cometconn.fleet.retention")
                    await reconciler.is_drained.wait()
                    lost = member.lease.is_over
                    nursery.cancel_scope.cancel(reason="cometconn: the worker was drained")
        finally:
            # Every ownership ends in the same step as the lease (F4).
            held = len(self.accounts)
            reconciler.end_all("lease" if member.lease.is_over else "closed")
        if lost:
            self._counters.leases_lost += 1
            self._changes.publish(LeaseLost(at=trio.current_time(), accounts=held))
        return lost

    def _audit(self) -> None:
        if self._reconciler is not None and self._tenure is not None:
            owned = self._reconciler.owned.values()
            self._tenure.writer.audit([each.log for each in owned if each.ended_because is None])
            if self._membership.is_draining:
                self._is_draining = True
                self._reconciler.wake()

    async def _wait_ended(self) -> None:
        """Wait until the clients of the lease are closed, but not for handlers that ignore cancellation."""
        assert self._reconciler is not None, "a lease was served"
        reconciler = self._reconciler
        with trio.move_on_after(self._options.settings.timing.close_timeout + 1.0):
            await reconciler.wait_ended()
        self._stuck.update(reconciler.owned.values())

    async def _leave(self) -> None:
        """Drain; if that is cancelled or takes too long, end everything at once."""
        try:
            with trio.move_on_after(self._options.fleet.drain_timeout):
                self.drain()
                await self.drained()
        finally:
            if self._reconciler is not None:
                self._reconciler.end_all("closed")
                # First the sockets are closed, then others may own the accounts.
                with trio.move_on_after(self._options.settings.timing.close_timeout, shield=True):
                    await self._reconciler.wait_ended()
            await self._membership.end()
            self._changes.close()


@protected
@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def open_worker(
    app_id: str,
    settings: AppSettings,
    *,
    engine: Engine,
    name: str,
    run: Handler | None = None,
    login: LoginFunction | None = None,
    fleet_settings: FleetSettings | None = None,
    endpoints: Endpoints | None = None,
    ssl_context: ssl.SSLContext | None = None,
    proxy: str | None = None,
    headers: Mapping[str, str] | None = None,
    environment: Environment | None = None,
    hooks: Iterable[Hook] = (),
) -> AsyncGenerator[Worker, None]:
    """Join a fleet, and keep its share of the accounts connected for as long as the `async with` block runs.

    Each account of `engine` is owned by exactly one worker at a time. For each that this worker owns it opens a client with
    `catch_up`, logs it in if there is no session, and runs *run* with an `Owned`. Which accounts it owns follows from the
    list of workers alone. When a worker dies, its accounts are connected elsewhere `lease_ttl` + 5 s later at the latest,
    without a login. When a worker joins or leaves, only its share moves. A worker whose lease ends gives everything up in
    the same step, and joins again by itself.

    Args:
        app_id: the app's id, from CometChat's dashboard.
        settings: of each client: region, presence, timing, limits. The mode must be auto; `catch_up` is always on.
        engine: where the fleet keeps leases, owners, sessions, positions and the log.
        name: the worker's name, which survives restarts: letters, digits, `.`, `_` and `-`, at most 64. No two workers
            may have the same name at the same time.
        run: called with an `Owned` for each account, and cancelled when the ownership ends. If it raises or returns, it is
            logged and called again after a pause of 1 to 60 s; other accounts are not affected. By default `recorder()`.
        login: called with an `Account` that has no session, and once when the server no longer knows its token; returns
            its `Credentials`. An account whose login is refused is parked (`EngineAdministration.resume()`). A login that
            fails for a passing reason is tried again. Without *login*, accounts without a session are parked.
        fleet_settings: of the fleet; the same in all its processes.
        endpoints: as for `open_client()`, for every client; and so are the following.
        ssl_context: see there.
        proxy: see there.
        headers: see there.
        environment: see there. Its boot-time clock also judges the lease.
        hooks: see there.

    Raises:
        SettingsError: an argument is invalid.
        NameInUseError: another worker of this name has a lease, and has renewed it since: choose another name. A worker
            of this name that was killed is waited for, for `lease_ttl` at most.
        EngineError: the engine is unreachable (`worth_retrying`), or cannot be used. Once joined, a worker waits for an
            unreachable engine instead.

    An exception that the block raises propagates unchanged, in no exception group. Leaving the block drains the worker
    first, within `FleetSettings.drain_timeout`. If it is cancelled, everything ends at once, as if the process were
    killed, except that other workers are notified: at most `close_timeout` + 1 s. A handler that ignores cancellation is
    waited for in both cases, but its socket is closed.
    """
    made = environment or SystemEnvironment(ssl_context=ssl_context, proxy=proxy, headers=headers, endpoints=endpoints)
    client = {"endpoints": endpoints, "headers": headers, "environment": made, "hooks": hooks}
    options = _checked(app_id, settings, name, run, login, fleet_settings or FleetSettings(), client)
    # Nothing that blocks the loop may happen for the first time under a lease (F5).
    cometconn.preload()
    if isinstance(made, SystemEnvironment) and (endpoints is None or endpoints.client_url.startswith("https")):
        made.tls()
    async with (
        engine.connect(app_id, partitions=options.fleet.partitions) as connection,
        open_nursery() as nursery,
    ):
        worker = Worker(options, connection, made.boot_time, nursery)
        await worker._join()  # noqa: SLF001 - made here
        nursery.start_soon(worker._run, name="cometconn.fleet.worker")  # noqa: SLF001
        try:
            yield worker
        finally:
            await worker._leave()  # noqa: SLF001
            nursery.cancel_scope.cancel(reason="cometconn: open_worker() was left")


def _checked(
    app_id: str,
    settings: AppSettings,
    name: str,
    run: Handler | None,
    login: LoginFunction | None,
    fleet: FleetSettings,
    client: Mapping[str, object],
) -> WorkerOptions:
    for argument, value, kind in (("settings", settings, AppSettings), ("fleet_settings", fleet, FleetSettings)):
        if not isinstance(value, kind):
            message = f"open_worker({argument}=...) must be {kind.__name__}(...), not of type {type(value).__name__}."
            raise SettingsError(message)
    if not settings.auto_establish_socket_connection:
        message = "open_worker() needs auto mode: leave out auto_establish_socket_connection=False."
        raise SettingsError(message)
    for argument, function in (("run", run), ("login", login)):
        if function is not None and not callable(function):
            message = f"open_worker({argument}=...) must be an async function, not of type {type(function).__name__}."
            raise SettingsError(message)
    Incarnation(name)  # checks the name
    return WorkerOptions(app_id, name, attrs.evolve(settings, catch_up=True), fleet, run or recorder(), login, client)
