"""What every engine checks, and the sentences of its refusals."""

from __future__ import annotations

import math

from cometconn.errors import SettingsError

from .errors import EngineError, LeaseLostError, NameInUseError
from .values import WORKERS, Account, Incarnation

__all__ = [
    "DEFAULT_PARTITIONS",
    "MOST_HOLES",
    "RECENT",
    "SEEN",
    "check_account",
    "check_arguments",
    "check_call_timeout",
    "check_consumer_group",
    "check_fleet",
    "check_lease",
    "is_before",
    "is_partition",
    "lease_over",
    "name_in_use",
    "number_of",
]

DEFAULT_PARTITIONS = 16
SEEN = 60.0
"""Seconds for which a member whose lease is over is listed."""
RECENT = 1024
"""How many appended ids of each account are known."""
MOST_HOLES = 1000
"""How many recorded holes are kept."""
_MOST_PARTITIONS = 1024
_LONGEST_UID = 255
_LONGEST_INFO = 4096
_LONGEST_METADATA = 64 * 1024


def check_arguments(app_id: str, partitions: int | None) -> None:
    """Check the arguments of `Engine.connect`. Raises `SettingsError`."""
    if not app_id:
        message = "The app id is empty: pass the one of CometChat's dashboard."
        raise SettingsError(message)
    if partitions is not None and not 1 <= partitions <= _MOST_PARTITIONS:
        message = f"`partitions` must be from 1 to {_MOST_PARTITIONS:,}: not {partitions}."
        raise SettingsError(message)


def check_call_timeout(seconds: float) -> None:
    """Raise `SettingsError` if it is not a positive, finite number."""
    if not 0 < seconds < math.inf:
        message = f"`call_timeout` must be more than 0 seconds, and finite: not {seconds}."
        raise SettingsError(message)


def check_fleet(known_app: str | None, known_partitions: int | None, app_id: str, partitions: int | None) -> None:
    """Raise `EngineError` if the engine's data is of another app, or has another number of partitions."""
    if known_app is not None and known_app != app_id:
        message = (
            f"The engine has the fleet of another app, {known_app!r:.80}: use another namespace for {app_id!r:.80}."
        )
        raise EngineError(message, code="FOREIGN_NAMESPACE", worth_retrying=False)
    if None not in (known_partitions, partitions) and known_partitions != partitions:
        message = f"The log has {known_partitions} partitions, not {partitions}: their number cannot be changed."
        raise EngineError(message, code="OTHER_PARTITIONS", worth_retrying=False)


def check_account(account: Account) -> Account:
    """Return the account. Raise `SettingsError` if its uid is empty or too long, or its metadata is too long."""
    if not 1 <= len(account.uid) <= _LONGEST_UID:
        message = f"A uid must have 1 to {_LONGEST_UID} characters: not {account.uid!r:.80}."
        raise SettingsError(message)
    if len(account.metadata) > _LONGEST_METADATA:
        message = f"The metadata of {account.uid!r} is longer than {_LONGEST_METADATA:,} characters."
        raise SettingsError(message)
    return account


def check_consumer_group(group: str) -> None:
    """Raise `SettingsError` if the group is that of the workers."""
    if group == WORKERS:
        message = f"{WORKERS!r} is the group of the workers, not a consumer group."
        raise SettingsError(message)


def check_lease(ttl: float, info: str) -> None:
    """Raise `SettingsError` if the time of a lease is not finite, or its text is longer than 4 KiB."""
    if not math.isfinite(ttl):
        message = f"A lease lasts for a finite time: not {ttl} seconds."
        raise SettingsError(message)
    if len(info) > _LONGEST_INFO:
        message = f"The info of a lease has at most {_LONGEST_INFO:,} characters: not {len(info):,}."
        raise SettingsError(message)


def is_before(position: int | None, other: int | None) -> bool:
    """Return whether a position is before another one. `None` is before all that are not `None`."""
    return other is not None and (position is None or position < other)


def is_partition(key: str, partitions: int) -> bool:
    """Return whether *key* is the number of one of so many partitions, as text."""
    return key.isascii() and key.isdigit() and key == str(int(key)) and int(key) < partitions


def number_of(cursor: str) -> int:
    """Return the number that a cursor of a `MemoryEngine` or `SQLiteEngine` is. Raises `SettingsError` if it is none."""
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit()):
        message = f"{cursor!r:.80} is no cursor of this engine."
        raise SettingsError(message)
    return int(cursor)


def lease_over(incarnation: Incarnation) -> LeaseLostError:
    """Return the error for a call that needs a lease that is over."""
    message = f"The lease of {incarnation.name!r} is over: join again as a new incarnation."
    return LeaseLostError(message)


def name_in_use(incarnation: Incarnation, remaining: float) -> NameInUseError:
    """Return the error for a join under the name of a living member."""
    message = (
        f"{incarnation.name!r} in the group {incarnation.group!r} is in use: choose another name, or wait until the lease of the"
        f" other one is over, in {remaining:.1f} s."
    )
    return NameInUseError(message, remaining=remaining)
