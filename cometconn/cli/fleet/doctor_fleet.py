"""`cometconn fleet doctor`: the fleet's own state: workers, accounts, holes, consumer groups and the log."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from cometconn.fleet.key_rotation import PLAIN, key_use

from .snapshot import take_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cometconn.fleet import EngineConnection, KeyRing
    from cometconn.fleet.values import PartitionStatus

    from .doctor_checks import Checks
    from .snapshot import GroupView, Snapshot

__all__ = ["check_fleet"]

_MOST_NAMES = 5
_LONG_LAG = 2.0  # seconds for which an append may wait
_FAR_BEHIND = 60.0  # seconds


async def check_fleet(checks: Checks, connection: EngineConnection, keys: KeyRing | None) -> None:
    """Make all checks. Raises `EngineError`."""
    snapshot = await take_snapshot(connection)
    _workers(checks, snapshot)
    _accounts(checks, snapshot)
    _holes(checks, snapshot)
    _groups(checks, snapshot.groups)
    _log(checks, snapshot.log)
    await _keys(checks, connection, keys)


def _named(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - _MOST_NAMES} more" if len(found) > _MOST_NAMES else ""
    return f"{', '.join(found[:_MOST_NAMES])}{more}"


def _workers(checks: Checks, snapshot: Snapshot) -> None:
    alive = [each for each in snapshot.workers if each.member.is_alive]
    names = {each.name for each in alive}
    gone = {each.name for each in snapshot.workers if not each.member.is_alive and not each.member.left} - names
    if not alive and snapshot.accounts:
        checks.fail(
            "workers",
            "none has a lease",
            "No account is connected.",
            "Start one: cometconn fleet run. Does it end early?",
        )
        return
    if gone:
        checks.warn(
            "workers",
            f"{len(alive)} alive; the leases of {_named(sorted(gone))} ended in the last 60 s",
            "A process was killed, was stopped, or could not reach the engine. Other workers take its accounts over.",
            "Look at its log, and whether it is started again.",
        )
    else:
        checks.ok(
            "workers", f"{len(alive)} alive: {_named(each.name for each in alive)}" if alive else "none, no accounts"
        )
    late = [each for each in alive if each.number("append_lag") > _LONG_LAG]
    if late:
        longest = max(each.number("append_lag") for each in late)
        checks.warn(
            "appends",
            f"those of {_named(each.name for each in late)} wait for up to {longest:.0f} s",
            "Events are received, but not in the log. If their worker is killed, they are fetched from CometChat again.",
            "Look at the latency of the engine, above.",
        )


def _accounts(checks: Checks, snapshot: Snapshot) -> None:
    orphans, parked, count = snapshot.orphans, snapshot.parked, len(snapshot.accounts)
    if orphans and any(each.member.is_alive for each in snapshot.workers):
        checks.fail(
            "owners",
            f"{len(orphans)} of {count} accounts have none: {_named(orphans)}",
            "They are not connected. Right after a worker was killed or an account was added that lasts for some seconds.",
            "Call the doctor again. If it stays: does a worker run, and what does its log have about these accounts?",
        )
    elif not orphans:
        checks.ok("owners", f"{count - len(parked)} of {count} accounts are owned by a living worker")
    if parked:
        reasons = (f"{uid} ({reason})" for uid, reason in sorted(parked.items()))
        checks.warn(
            "parked",
            f"{len(parked)}: {_named(reasons)}",
            "No worker claims them, because CometChat has refused their login or token.",
            "Mend the reason; then cometconn fleet accounts resume UID.",
        )
    owned = len(snapshot.owners)
    if owned > snapshot.connected:
        checks.warn(
            "connected",
            f"{snapshot.connected} of {owned} owned accounts",
            "The others are starting, wait for the rate limit, or cannot reach CometChat.",
            "Call the doctor again; cometconn doctor checks one account's way to CometChat.",
        )
    else:
        checks.ok("connected", f"{snapshot.connected} of {owned} owned accounts")
    living = {each.name for each in snapshot.workers if each.member.is_alive}
    lost = [f"{pin.uid} to {pin.pinned_to}" for pin in snapshot.pins if pin.pinned_to not in living]
    if lost:
        checks.warn(
            "pins",
            f"to workers without a lease: {_named(lost)}",
            "Such a pin has no effect: the hash decides.",
            "Start that worker, or wait until the pin expires.",
        )


def _holes(checks: Checks, snapshot: Snapshot) -> None:
    if not snapshot.holes:
        checks.ok("holes", "none")
        return
    last = snapshot.holes[-1]
    when = datetime.datetime.fromtimestamp(last.at, datetime.UTC)
    checks.warn(
        "holes",
        f"{len(snapshot.holes)} in the log, the last one of {last.account} at {when:%Y-%m-%d %H:%M} UTC",
        "Messages may be missing there: an account was away for longer than CometChat can be asked for what it missed.",
        "cometconn fleet status has the accounts. Were all workers, or the engine, down for long?",
    )


def _groups(checks: Checks, groups: Sequence[GroupView]) -> None:
    for group in groups:
        living = sum(each.member.is_alive for each in group.members)
        text = f"{living} alive, {group.behind:.0f} s behind"
        if not living and group.behind:
            checks.warn(
                f"group {group.name}",
                text,
                "It handles nothing, and the log keeps what it has not acknowledged for ever.",
                "Start its consumers; or, if it is not used any more, forget it: EngineAdministration.forget_group().",
            )
        elif group.behind > _FAR_BEHIND:
            checks.warn(
                f"group {group.name}",
                text,
                "It handles less than is received, or has stopped acknowledging. The log keeps what it has not acknowledged.",
                "Start more consumers (at most one for each partition works), or look at the slow one.",
            )
        else:
            checks.ok(f"group {group.name}", text)


def _log(checks: Checks, log: Sequence[PartitionStatus]) -> None:
    entries, age = sum(each.entries for each in log), max((each.age for each in log), default=0.0)
    oldest = f", the oldest {datetime.timedelta(seconds=round(age))} old" if entries else ""
    checks.ok("log", f"{entries:,} entries in {len(log)} partitions{oldest}")


async def _keys(checks: Checks, connection: EngineConnection, keys: KeyRing | None) -> None:
    """Look for sessions that are not encrypted, that nothing here can read, or that still need an older key."""
    use = await key_use(connection, keys)
    plain, count = use.sessions.get(PLAIN, 0), sum(use.sessions.values())
    if keys is None and plain < count:
        checks.skip("keys", f"{count - plain} of {count} sessions are encrypted, and the doctor has no --keys")
    elif keys is None and plain:
        checks.warn(
            "keys",
            f"{plain} sessions are not encrypted",
            "What can read the engine or a copy of it can use these accounts.",
            "Run the workers with --keys, then cometconn fleet keys rotate --plain.",
        )
    elif use.unreadable:
        checks.warn(
            "keys",
            f"{use.unreadable} of {count} sessions cannot be read with these keys",
            "Their accounts have to log in again when they are claimed the next time.",
            "Add the missing key at the end of the ring. For sessions that are not encrypted: cometconn fleet keys rotate --plain.",
        )
    elif keys is not None and count > (first := use.sessions.get(keys.first, 0)):
        checks.warn(
            "keys",
            f"{count - first} of {count} sessions need an older key than {keys.first}",
            "The older key cannot be removed yet.",
            "cometconn fleet keys rotate",
        )
    else:
        checks.ok("keys", "no saved session" if keys is None or not count else f"{count} sessions, with {keys.first}")
