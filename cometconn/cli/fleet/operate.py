"""`cometconn fleet drain` and `cometconn fleet move`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import trio

from cometconn.cli.terminal import safe_text
from cometconn.errors import SettingsError
from cometconn.fleet import FleetError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cometconn.fleet.values import Member

    from .engine_options import EngineOptions

__all__ = ["drain", "move", "unpin"]

_LOOK_EVERY = 0.25  # seconds
_FEW = 8  # names in an error


async def drain(engine: EngineOptions, worker: str, *, wait: bool, timeout: float) -> None:  # noqa: ASYNC109 - an option
    """Mark a worker as draining, and wait until it has given everything back if *wait*, for *timeout* seconds at most."""
    async with engine.connect() as connection:
        administration = connection.administration
        member = _alive(await administration.members(), worker)
        began = trio.current_time()
        await administration.drain(member.incarnation)
        if not wait:
            _print(f"{worker} is marked as draining. It gives its accounts back, and then its process ends.")
            return
        with trio.move_on_after(timeout) as waiting:
            while True:
                members = await administration.members()
                if not any(each.incarnation == member.incarnation and each.is_alive for each in members):
                    break
                await trio.sleep(_LOOK_EVERY)
    if waiting.cancelled_caught:
        message = f"{worker} is marked as draining, but still has its lease after {timeout:g} s."
        raise FleetError(message)
    _print(f"{worker} is drained: it took {trio.current_time() - began:.1f} s.")


async def move(engine: EngineOptions, uid: str, *, to: str, lasts: float) -> None:
    """Pin an account to a worker for *lasts* seconds."""
    if not 0 < lasts < math.inf:
        message = f"--for must be a number of seconds, more than 0: not {lasts:g}."
        raise SettingsError(message)
    async with engine.connect() as connection:
        administration = connection.administration
        changes = {change.uid: change for change in (await administration.accounts()).changes}
        if uid not in changes:
            message = f"The fleet has no account {uid}."
            raise SettingsError(message)
        if _alive(await administration.members(), to).draining:
            message = f"{to} is draining, so no account can move there."
            raise SettingsError(message)
        await administration.pin(uid, to, lasts=lasts)
    parked = f" But it is parked: cometconn fleet accounts resume {uid}" if changes[uid].parked is not None else ""
    _print(f"{uid} belongs to {to} for {lasts:g} s, as long as {to} lives.{parked}")


async def unpin(engine: EngineOptions, uid: str) -> None:
    """Let the hash decide again who owns an account."""
    async with engine.connect() as connection:
        pinned = {change.uid: change.pinned_to for change in (await connection.administration.accounts()).changes}
        if uid not in pinned:
            message = f"The fleet has no account {uid}."
            raise SettingsError(message)
        await connection.administration.pin(uid, None)
    _print(f"{uid} was not pinned." if pinned[uid] is None else f"{uid} is not pinned to {pinned[uid]} any more.")


def _alive(members: Iterable[Member], name: str) -> Member:
    """Return the member of this name that has a lease; raise an error with the names that there are."""
    alive = {member.incarnation.name: member for member in members if member.is_alive}
    if name in alive:
        return alive[name]
    names = sorted(alive)
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    known = f"there are {', '.join(names[:_FEW])}{more}" if names else "no worker runs at present"
    message = f"No worker {name} has a lease: {known}."
    raise SettingsError(message)


def _print(text: str) -> None:
    print(safe_text(text), flush=True)  # noqa: T201 - a program's output
