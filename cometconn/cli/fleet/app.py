"""The subcommands of `cometconn fleet`. A command imports the fleet when it runs, so that other commands start sooner."""

from __future__ import annotations

import pathlib
import sys
from functools import partial
from typing import Annotated

from cyclopts import App, Parameter

from cometconn.cli.options import ServerOptions
from cometconn.cli.stopping import run
from cometconn.cli.terminal import TerminalConsole
from cometconn.errors import SettingsError

from .engine_options import EngineOptions
from .worker_settings import FleetOptions

__all__ = ["fleet"]

fleet: App = App(
    name="fleet", help="Many accounts in many processes, each connected in exactly one: run workers, look at them."
)
accounts: App = App(name="accounts", help="The accounts that the fleet keeps connected.")
keys: App = App(name="keys", help="The keys that encrypt the saved sessions.")
fleet.command(accounts)
fleet.command(keys)

_NO_SERVER, _DEFAULTS = ServerOptions(), FleetOptions()
_Json = Annotated[bool, Parameter(negative=(), show_default=False, help="Print JSON, for programs.")]


@fleet.command(name="run")
def run_command(
    engine: EngineOptions,
    server: ServerOptions = _NO_SERVER,
    settings: FleetOptions = _DEFAULTS,
    *,
    name: Annotated[
        str | None, Parameter(env_var="COMETCONN_WORKER", help="The worker's name; the machine's host name by default.")
    ] = None,
    run_: Annotated[
        str | None,
        Parameter(
            name="--run",
            help="The async function that handles an account, as package.module:function. By default every event is "
            "recorded in the log.",
        ),
    ] = None,
    login: Annotated[
        str | None,
        Parameter(
            help="The async function that returns an account's Credentials, as package.module:function. By default the "
            "auth key is used (COMETCONN_AUTH_KEY or --auth-key-file)."
        ),
    ] = None,
    metrics: Annotated[
        int | None,
        Parameter(
            help="Serve metrics for Prometheus at this port of this machine, at /metrics; 0 picks a free port. Needs the "
            "extra prometheus."
        ),
    ] = None,
) -> None:
    """Run one worker: it keeps its share of the accounts connected, until SIGTERM, Ctrl-C or `fleet drain`.

    Prints on standard error what it claims, releases and loses. A signal drains it: other workers get its
    accounts, and it ends. A second signal ends it at once; as after a kill, nothing is lost.

    Exit status: 0 drained; 1 an option is wrong, or the engine cannot be used; 3 the drain took longer than
    --drain-timeout; 130 or 143 a signal came before the worker had joined, or a second one came.
    """
    from .run import run_worker

    sys.exit(run(partial(run_worker, engine, server, settings, name=name, run=run_, login=login, metrics=metrics)))


@fleet.command(name="demo")
def demo_command(
    *, accounts: Annotated[int, Parameter(help="How many accounts the workers share, 6 to 180.")] = 60
) -> None:
    """Run a CometChat server and three workers on this machine, kill one worker, drain one, start one, and count.

    Shows how the accounts move, while messages come to all of them, and checks at the end that each message is
    in the log exactly once. Takes less than a minute, and needs neither an account nor a network.
    """
    from .demo.command import fleet_demo
    from .demo.plan import Plan

    sys.exit(run(partial(fleet_demo, TerminalConsole(highlight=False, soft_wrap=True), Plan(accounts=accounts))))


@fleet.command(name="status")
def status_command(
    engine: EngineOptions,
    *,
    json: _Json = False,
    watch: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Show it again each second, until Ctrl-C.")
    ] = False,
) -> None:
    """Show the workers with their leases and accounts, accounts without an owner, parked ones, pins, holes, consumers."""
    from .status import status

    sys.exit(run(partial(status, engine, as_json=json, watch=watch)))


@fleet.command(name="drain")
def drain_command(
    worker: Annotated[str, Parameter(help="The worker's name.")],
    /,
    *,
    engine: EngineOptions,
    wait: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Wait until it has given everything back.")
    ] = False,
    timeout: Annotated[float, Parameter(help="Seconds that --wait waits at most.")] = 60.0,
) -> None:
    """Let a worker give its accounts to others, one by one, and end. It is not to be started again before."""
    from .operate import drain

    run(partial(drain, engine, worker, wait=wait, timeout=timeout))


@fleet.command(name="move")
def move_command(
    uid: Annotated[str, Parameter(help="The account's uid.")],
    /,
    *,
    engine: EngineOptions,
    to: Annotated[str | None, Parameter(help="The name of the worker that is to own it.")] = None,
    for_: Annotated[float, Parameter(help="Seconds until the hash decides again who owns it.")] = 3600.0,
    unpin: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Instead of --to: let the hash decide again now.")
    ] = False,
) -> None:
    """Pin an account to a worker, for a time."""
    from .operate import move
    from .operate import unpin as unpin_account

    if (to is None) != unpin:
        message = "Give --to WORKER or --unpin, and not both."
        raise SettingsError(message)
    run(partial(unpin_account, engine, uid) if to is None else partial(move, engine, uid, to=to, lasts=for_))


@fleet.command(name="events")
def events_command(
    *,
    engine: EngineOptions,
    group: Annotated[
        str | None,
        Parameter(
            help="Consume as one of this group: what it has not acknowledged is printed and acknowledged. Without it "
            "the log is only read."
        ),
    ] = None,
    follow: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Wait for new events, until Ctrl-C.")
    ] = False,
    account: Annotated[str | None, Parameter(help="Print only the events of this account.")] = None,
    json: _Json = False,
) -> None:
    """Print the log: the events of all accounts, in the order of time; holes and late messages are marked.

    With --group, and without --follow, it ends when nothing has come for 2 s.
    """
    from .events import consume, show

    if group is None:
        run(partial(show, engine, account=account, follow=follow, as_json=json))
    else:
        run(partial(consume, engine, group=group, account=account, follow=follow, as_json=json))


@fleet.command(name="doctor")
def doctor_command(
    engine: EngineOptions,
    *,
    json: _Json = False,
    timeout: Annotated[float, Parameter(help="Seconds that each call of the engine may take at most.")] = 5.0,
) -> None:
    """Check whether the engine can be trusted with a fleet, and whether the fleet is well; print why and what to do.

    Of Redis: version, persistence, eviction, memory, replicas, latency, clock, permissions. Of a file: its file
    system, permissions, disk and fsync. Of the fleet: workers, accounts without an owner, parked ones, holes,
    consumer groups that are behind, the log, the keys. Nothing is changed, but for keys of its own in Redis.

    Exit status: 0 nothing failed (there may be warnings); 1 the options are invalid; 3 the engine cannot be
    reached; 4 a check of the engine failed; 5 a check of the fleet failed.
    """
    from .doctor import doctor

    sys.exit(run(partial(doctor, engine, as_json=json, timeout=timeout)))


@keys.command(name="rotate")
def rotate_command(
    engine: EngineOptions,
    *,
    plain: Annotated[
        bool,
        Parameter(
            negative=(),
            show_default=False,
            help="Encrypt also sessions that are not encrypted, of a fleet that had no keys.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Only show which keys are needed.")
    ] = False,
    json: _Json = False,
) -> None:
    """Encrypt every saved session with the first key, while the fleet runs, and show which keys are still needed.

    First give all workers a ring with the new key at its end, then one with it in front, and then call this.
    The old key can be removed when no session and no entry of the log needs it.
    """
    from .keys import rotate

    run(partial(rotate, engine, plain=plain, dry_run=dry_run, as_json=json))


@accounts.command(name="add")
def add_command(
    first: Annotated[str, Parameter(name="UID", help="The uids of the accounts.")],
    /,
    *more: str,
    engine: EngineOptions,
    metadata: Annotated[
        str | None, Parameter(help="A JSON object of yours for each of them, which handlers can read.")
    ] = None,
) -> None:
    """Add accounts. Those that exist keep their metadata, unless --metadata is given."""
    from .accounts import add

    run(partial(add, engine, (first, *more), metadata))


@accounts.command(name="remove")
def remove_command(
    first: Annotated[str, Parameter(name="UID", help="The uids of the accounts.")], /, *more: str, engine: EngineOptions
) -> None:
    """Remove accounts with their sessions and positions. Their entries in the log stay."""
    from .accounts import remove

    run(partial(remove, engine, (first, *more)))


@accounts.command(name="import")
def import_command(
    file: Annotated[
        pathlib.Path,
        Parameter(
            allow_leading_hyphen=True,
            help="One uid a line; or JSON lines or CSV with uid and metadata. - is standard input.",
        ),
    ],
    /,
    *,
    engine: EngineOptions,
) -> None:
    """Add the accounts of a file: all of them, or none if a line is wrong or an account occurs twice."""
    from .accounts import import_

    run(partial(import_, engine, file))


@accounts.command(name="list")
def list_command(*, engine: EngineOptions, json: _Json = False) -> None:
    """List the accounts with their owners. With --json, one line each, which import can read."""
    from .accounts import list_accounts

    run(partial(list_accounts, engine, as_json=json))


@accounts.command(name="resume")
def resume_command(
    first: Annotated[str, Parameter(name="UID", help="The uids of the accounts.")], /, *more: str, engine: EngineOptions
) -> None:
    """Let parked accounts be claimed again, after their reason is mended."""
    from .accounts import resume

    run(partial(resume, engine, (first, *more)))
