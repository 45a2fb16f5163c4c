"""The leases and the rate limit of a `SQLiteEngine`: plain calls on a database file of their own.

The file belongs to one boot of the machine, so it need not survive a power cut: it is written without any fsync.
"""

from __future__ import annotations

import sqlite3

from .checks import SEEN, lease_over, name_in_use
from .gcra import Bucket, Rate
from .sqlite_file import transaction
from .values import Incarnation, LeaseGrant, Member

__all__ = ["SQLiteLeases"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS members (
    "group" TEXT, id TEXT, name TEXT, expires REAL, draining INTEGER, "left" INTEGER, info TEXT,
    PRIMARY KEY ("group", id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bucket (one INTEGER PRIMARY KEY CHECK (one = 1), next_free REAL, factor REAL, throttled_at REAL);
"""


class SQLiteLeases:
    """The calls of `LeaseCalls`. *now* is the boot-time clock's.

    Args:
        database: an open connection to the file of the leases.
        epoch: of the fleet's data.
    """

    def __init__(self, database: sqlite3.Connection, epoch: str) -> None:
        self._database = database
        self._epoch = epoch

    @staticmethod
    def prepare(database: sqlite3.Connection) -> None:
        """Make the tables."""
        database.executescript(_SCHEMA)

    def lease(
        self, now: float, incarnation: Incarnation, ttl: float, *, joining: bool, draining: bool, info: str
    ) -> LeaseGrant:
        """Grant, renew or end a lease."""
        group, key = incarnation.group, str(incarnation)
        with transaction(self._database) as database:
            database.execute("DELETE FROM members WHERE expires < ?", (now - SEEN,))
            row = database.execute(
                'SELECT expires, draining FROM members WHERE "group" = ? AND id = ?', (group, key)
            ).fetchone()
            if ttl <= 0:
                expires, is_draining = min(now, row[0]) if row else now, bool(row and row[1])
            else:
                if row is None:
                    self._check_join(now, incarnation, joining=joining)
                elif row[0] <= now:
                    raise lease_over(incarnation)
                expires, is_draining = now + ttl, draining or bool(row and row[1])
            database.execute(
                "REPLACE INTO members VALUES (?, ?, ?, ?, ?, ?, ?)",
                (group, key, incarnation.name, expires, is_draining, ttl <= 0, info),
            )
            members = self.members(now, group)
        member = next(member for member in members if member.incarnation == incarnation)
        return LeaseGrant(ttl, member, members, self._epoch)

    def _check_join(self, now: float, incarnation: Incarnation, *, joining: bool) -> None:
        if not joining:
            raise lease_over(incarnation)
        (latest,) = self._database.execute(
            'SELECT max(expires) FROM members WHERE "group" = ? AND name = ?', (incarnation.group, incarnation.name)
        ).fetchone()
        if latest is not None and latest > now:
            raise name_in_use(incarnation, latest - now)

    def members(self, now: float, group: str) -> tuple[Member, ...]:
        """Return the members that have a lease, or had one in the last 60 s."""
        rows = self._database.execute(
            'SELECT id, expires, draining, "left", info FROM members WHERE "group" = ? AND expires >= ? ORDER BY id',
            (group, now - SEEN),
        )
        return tuple(
            Member(Incarnation.parse(key, group), expires - now, bool(draining), bool(left), info)
            for key, expires, draining, left, info in rows
        )

    def living(self, now: float, group: str) -> set[str]:
        """Return the members whose leases last, as text."""
        rows = self._database.execute('SELECT id FROM members WHERE "group" = ? AND expires > ?', (group, now))
        return {key for (key,) in rows}

    def drain(self, now: float, incarnation: Incarnation) -> None:
        """Mark a member as draining."""
        self._database.execute(
            'UPDATE members SET draining = 1 WHERE "group" = ? AND id = ? AND expires > ?',
            (incarnation.group, str(incarnation), now),
        )

    def admit(self, now: float, rate: Rate, *, throttled: bool) -> float:
        """Reserve a place, or halve the rate."""
        with transaction(self._database) as database:
            row = database.execute("SELECT next_free, factor, throttled_at FROM bucket").fetchone()
            bucket, wait = Bucket(*row) if row else Bucket(), 0.0
            if throttled:
                bucket = bucket.throttle(now)
            else:
                bucket, wait = bucket.reserve(now, rate)
            database.execute(
                "REPLACE INTO bucket VALUES (1, ?, ?, ?)", (bucket.next_free, bucket.factor, bucket.throttled_at)
            )
        return wait
