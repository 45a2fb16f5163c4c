"""The owners, sessions, positions, accounts and the log of a `SQLiteEngine`: plain calls on its main database file."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Mapping, Sequence

from .checks import MOST_HOLES, RECENT, check_fleet, is_before, is_partition, lease_over, number_of
from .errors import EngineError
from .sqlite_file import transaction
from .sqlite_leases import SQLiteLeases
from .values import (
    WORKERS,
    Account,
    AccountChange,
    AccountChanges,
    Ack,
    Acked,
    Append,
    Appended,
    AppendResult,
    Claim,
    Claimed,
    ClaimRefused,
    ClaimResult,
    EntryKind,
    Fenced,
    Incarnation,
    LogEntry,
    LogEvent,
    OwnerWord,
    PartitionStatus,
    Read,
    ReadResult,
    RecordedHole,
    Refusal,
    Release,
    Rewound,
    Save,
    Saved,
    SessionReplacement,
    new_nonce,
    partition_of,
)

__all__ = ["SQLiteLedger"]

_APPLICATION = 0x436F6D46  # marks the file as ours
_VERSION = 1
_MOST_TRIMMED = 256  # entries in one call, in which nothing can be appended

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE groups (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE owners ("group" TEXT, key TEXT, token INTEGER, word TEXT, PRIMARY KEY ("group", key)) WITHOUT ROWID;
CREATE TABLE accounts (
    uid TEXT PRIMARY KEY, metadata TEXT, revision INTEGER, pinned_to TEXT, pinned_until REAL DEFAULT 0, parked TEXT
) WITHOUT ROWID;
CREATE INDEX changed ON accounts (revision);
CREATE TABLE written (
    number INTEGER PRIMARY KEY, uid TEXT UNIQUE, session BLOB, session_revision INTEGER DEFAULT 0,
    position TEXT, sequence INTEGER DEFAULT 0, ids INTEGER DEFAULT 0
);
CREATE TABLE recent (number INTEGER, slot INTEGER, id TEXT, PRIMARY KEY (number, slot)) WITHOUT ROWID;
CREATE TABLE log (
    number INTEGER PRIMARY KEY AUTOINCREMENT, partition INTEGER, uid TEXT, id TEXT, kind TEXT, late INTEGER, at REAL, body BLOB
);
CREATE INDEX partitions ON log (partition, number);
CREATE TABLE holes (number INTEGER PRIMARY KEY, uid TEXT, at REAL, body BLOB);
CREATE TABLE cursors ("group" TEXT, partition INTEGER, number INTEGER, PRIMARY KEY ("group", partition)) WITHOUT ROWID;
"""


class SQLiteLedger:
    """The calls of `PlainCalls`. *now* is the wall clock's, in seconds since 1970.

    Args:
        database: an open connection to the main file.
        leases: the leases, of which it only reads who lives.
        lease_clock: the clock of the leases.
        partitions: the number of partitions of the log.
    """

    def __init__(
        self, database: sqlite3.Connection, leases: SQLiteLeases, lease_clock: Callable[[], float], partitions: int
    ) -> None:
        self._database = database
        self._leases = leases
        self._lease_clock = lease_clock
        self._partitions = partitions

    @staticmethod
    def prepare(database: sqlite3.Connection, app_id: str, partitions: int | None, default: int) -> tuple[str, int]:
        """Make the tables of a new file, or check those of an old one. Return its epoch and number of partitions.

        Raises:
            EngineError: the file is not a fleet's, or another app's.
        """
        with transaction(database):
            (application,) = database.execute("PRAGMA application_id").fetchone()
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if (application, version) != (_APPLICATION, _VERSION):
                if application or version or database.execute("SELECT 1 FROM sqlite_master").fetchone():
                    message = "The database file was made by another program, or by another version of cometconn."
                    raise EngineError(message, code="FOREIGN_NAMESPACE", worth_retrying=False)
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    database.execute(statement)
                meta = {"app_id": app_id, "partitions": str(partitions or default), "epoch": new_nonce()}
                database.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
                database.execute(f"PRAGMA application_id = {_APPLICATION}")
                database.execute(f"PRAGMA user_version = {_VERSION}")
            meta = dict(database.execute("SELECT key, value FROM meta"))
        check_fleet(meta["app_id"], int(meta["partitions"]), app_id, partitions)
        return meta["epoch"], int(meta["partitions"])

    @staticmethod
    def check_clock(database: sqlite3.Connection, boot: str, namespace: str) -> None:
        """Raise `EngineError` if processes of this boot, but of another time namespace, use the file."""
        with transaction(database):
            (known,) = database.execute("SELECT value FROM meta WHERE key = 'clock'").fetchone() or ("",)
            if known.startswith(boot) and known != boot + namespace:
                message = (
                    "The database file is in use in another time namespace, where the clock of the leases differs: "
                    "run all workers in one."
                )
                raise EngineError(message, code="FOREIGN_PLACE", worth_retrying=False)
            database.execute("REPLACE INTO meta VALUES ('clock', ?)", (boot + namespace,))

    # Ownership

    def groups(self, now: float) -> tuple[str, ...]:
        """Return the names of the consumer groups."""
        return tuple(name for (name,) in self._database.execute("SELECT name FROM groups ORDER BY name"))

    def forget_group(self, now: float, group: str) -> None:
        """Forget a consumer group."""
        with transaction(self._database) as database:
            database.execute("DELETE FROM groups WHERE name = ?", (group,))
            database.execute('DELETE FROM cursors WHERE "group" = ?', (group,))
            database.execute('UPDATE owners SET word = NULL WHERE "group" = ?', (group,))

    def claim(self, now: float, incarnation: Incarnation, claims: Sequence[Claim]) -> tuple[ClaimResult, ...]:
        """Give out what is free.

        The leases are in another file, and only read here. A lease that is over never comes back, so an owner that is seen
        without one may be replaced whatever happens meanwhile; and a claimer whose lease ends meanwhile can be replaced, too.
        """
        with transaction(self._database) as database:
            living = self._leases.living(self._lease_clock(), incarnation.group)
            if str(incarnation) not in living:
                raise lease_over(incarnation)
            if incarnation.group != WORKERS:
                database.execute("INSERT OR IGNORE INTO groups VALUES (?)", (incarnation.group,))
            return tuple([self._claim(incarnation, claim, living) for claim in claims])

    def _claim(self, incarnation: Incarnation, claim: Claim, living: set[str]) -> ClaimResult:
        group, key = incarnation.group, claim.key
        (token, owner), previous = self._owner(group, key), None
        if owner is None or owner.incarnation != incarnation or owner.nonce != claim.nonce:
            reason = self._unclaimable(group, key)
            if reason is not None:
                return ClaimRefused(key, reason)
            if owner is not None and str(owner.incarnation) in living:
                return ClaimRefused(key, Refusal.OWNED, owner)
            previous, owner = owner, OwnerWord(incarnation, token + 1, claim.nonce)
            self._database.execute("REPLACE INTO owners VALUES (?, ?, ?, ?)", (group, key, token + 1, str(owner)))
            if group == WORKERS:
                self._database.execute(
                    "INSERT INTO written (uid) VALUES (?) ON CONFLICT (uid) DO UPDATE SET sequence = 0", (key,)
                )
        if group != WORKERS:
            return Claimed(key, owner, cursor=self._cursor(group, int(key)), previous=previous)
        session, revision, position = self._database.execute(
            "SELECT session, session_revision, position FROM written WHERE uid = ?", (key,)
        ).fetchone()
        return Claimed(key, owner, session, revision, _integer(position), previous=previous)

    def _owner(self, group: str, key: str) -> tuple[int, OwnerWord | None]:
        row = self._database.execute(
            'SELECT token, word FROM owners WHERE "group" = ? AND key = ?', (group, key)
        ).fetchone()
        token, word = row or (0, None)
        return token, None if word is None else OwnerWord.parse(word, group)

    def _unclaimable(self, group: str, key: str) -> Refusal | None:
        if group != WORKERS:
            return None if is_partition(key, self._partitions) else Refusal.UNKNOWN
        row = self._database.execute("SELECT metadata, parked FROM accounts WHERE uid = ?", (key,)).fetchone()
        if row is None or row[0] is None:
            return Refusal.UNKNOWN
        return None if row[1] is None else Refusal.PARKED

    def release(self, now: float, releases: Sequence[Release]) -> tuple[Fenced | None, ...]:
        """Take back what is owned by the words."""
        with transaction(self._database):
            return tuple([self._release(now, release) for release in releases])

    def _release(self, now: float, release: Release) -> Fenced | None:
        fenced = self._fenced(release.key, release.word)
        if fenced is None:
            self._database.execute(
                'UPDATE owners SET word = NULL WHERE "group" = ? AND key = ?',
                (release.word.incarnation.group, release.key),
            )
            if release.parked is not None:
                self._change(now, release.key, "parked = ?", release.parked)
        return fenced

    def owners(self, now: float, group: str) -> dict[str, OwnerWord]:
        """Return the owner words of a group."""
        rows = self._database.execute('SELECT key, word FROM owners WHERE "group" = ? AND word IS NOT NULL', (group,))
        return {key: OwnerWord.parse(word, group) for key, word in rows}

    def _fenced(self, key: str, word: OwnerWord) -> Fenced | None:
        _, owner = self._owner(word.incarnation.group, key)
        return None if owner == word else Fenced(key, owner)

    # The log

    def append(self, now: float, appends: Sequence[Append]) -> tuple[AppendResult, ...]:
        """Compare and append."""
        with transaction(self._database):
            return tuple([self._append(now, append) for append in appends])

    def _append(self, now: float, append: Append) -> AppendResult:
        number, text, sequence, ids = self._database.execute(
            "SELECT number, position, sequence, ids FROM owners JOIN written ON uid = key"
            ' WHERE "group" = ? AND key = ? AND word = ?',
            (append.word.incarnation.group, append.account, str(append.word)),
        ).fetchone() or (None, None, 0, 0)
        if number is None:
            return Fenced(append.account, self._owner(append.word.incarnation.group, append.account)[1])
        position = _integer(text)
        if sequence < append.after or is_before(position, append.expected):
            return Rewound(append.account, position, sequence)
        if not append.events:
            return Appended(append.account, position, sequence)
        if append.sequence <= sequence:
            return Appended(append.account, position, sequence, repeated=True)
        skipped, late = [], []
        for event in append.events:
            is_late = False
            if event.id is not None:
                if is_before(position, event.id):
                    position = event.id
                elif self._is_recent(number, event.id):
                    skipped.append(event.id)
                    continue
                else:
                    late.append(event.id)
                    is_late = True
                self._database.execute("REPLACE INTO recent VALUES (?, ?, ?)", (number, ids % RECENT, str(event.id)))
                ids += 1
            if event.body is not None:
                self._write_entry(now, append.account, event, late=is_late)
        self._database.execute(
            "UPDATE written SET position = ?, sequence = ?, ids = ? WHERE number = ?",
            (None if position is None else str(position), append.sequence, ids, number),
        )
        new = len(append.events) - len(skipped)
        return Appended(append.account, position, append.sequence, new, tuple(skipped), tuple(late))

    def _is_recent(self, number: int, message_id: int) -> bool:
        query = "SELECT 1 FROM recent WHERE number = ? AND id = ?"
        return self._database.execute(query, (number, str(message_id))).fetchone() is not None

    def _write_entry(self, now: float, uid: str, event: LogEvent, *, late: bool) -> None:
        message_id = None if event.id is None else str(event.id)
        written = self._database.execute(
            "INSERT INTO log (partition, uid, id, kind, late, at, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (partition_of(uid, self._partitions), uid, message_id, event.kind.value, late, now, event.body),
        )
        if event.kind is EntryKind.HOLE:
            self._database.execute("INSERT INTO holes VALUES (?, ?, ?, ?)", (written.lastrowid, uid, now, event.body))
            self._database.execute(
                "DELETE FROM holes WHERE number <= (SELECT number FROM holes ORDER BY number DESC LIMIT 1 OFFSET ?)",
                (MOST_HOLES,),
            )

    def save(self, now: float, saves: Sequence[Save]) -> tuple[Saved | Fenced, ...]:
        """Keep sessions."""
        with transaction(self._database):
            return tuple([self._save(save) for save in saves])

    def _save(self, save: Save) -> Saved | Fenced:
        fenced = self._fenced(save.account, save.word)
        if fenced is not None:
            return fenced
        saved = self._database.execute(
            "UPDATE written SET session = ?, session_revision = ? WHERE uid = ? AND session_revision < ?",
            (save.session, save.revision, save.account, save.revision),
        )
        if save.forgets_position and saved.rowcount:
            self._database.execute("UPDATE written SET position = NULL WHERE uid = ?", (save.account,))
            self._forget_recent(save.account)
        (revision,) = self._database.execute(
            "SELECT session_revision FROM written WHERE uid = ?", (save.account,)
        ).fetchone()
        return Saved(save.account, revision)

    def _forget_recent(self, uid: str) -> None:
        self._database.execute("DELETE FROM recent WHERE number = (SELECT number FROM written WHERE uid = ?)", (uid,))

    def holes(self, now: float) -> tuple[RecordedHole, ...]:
        """Return the recorded holes."""
        rows = self._database.execute("SELECT uid, number, at, body FROM holes ORDER BY number")
        return tuple(RecordedHole(uid, str(number), at, body) for uid, number, at, body in rows)

    # Consumers

    def read(self, now: float, reads: Sequence[Read]) -> tuple[ReadResult, ...]:
        """Return what is in the log now."""
        return tuple([self._read(read) for read in reads])

    def _read(self, read: Read) -> ReadResult:
        after = number_of(read.after)
        rows = self._database.execute(
            "SELECT number, uid, id, kind, late, body, at FROM log WHERE partition = ? AND number > ? ORDER BY number LIMIT ?",
            (read.partition, after, read.most),
        )
        entries = tuple(
            LogEntry(str(number), uid, _integer(text), EntryKind(kind), bool(late), body, at)
            for number, uid, text, kind, late, body, at in rows
        )
        return ReadResult(read.partition, entries, rewound=not entries and after > self._last_entry())

    def _last_entry(self) -> int:
        row = self._database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'log'").fetchone()
        return row[0] if row else 0

    def ack(self, now: float, acks: Sequence[Ack]) -> tuple[Acked | Fenced, ...]:
        """Move cursors."""
        with transaction(self._database):
            return tuple([self._ack(ack) for ack in acks])

    def _ack(self, ack: Ack) -> Acked | Fenced:
        fenced = self._fenced(str(ack.partition), ack.word)
        if fenced is not None:
            return fenced
        group, cursor = ack.word.incarnation.group, number_of(ack.cursor)
        if number_of(self._cursor(group, ack.partition)) < cursor <= self._last_entry():
            self._database.execute("REPLACE INTO cursors VALUES (?, ?, ?)", (group, ack.partition, cursor))
        return Acked(ack.partition, self._cursor(group, ack.partition))

    def _cursor(self, group: str, partition: int) -> str:
        query = 'SELECT number FROM cursors WHERE "group" = ? AND partition = ?'
        row = self._database.execute(query, (group, partition)).fetchone()
        return str(row[0]) if row else ""

    def cursors(self, now: float, group: str) -> dict[int, str]:
        """Return what a consumer group has acknowledged."""
        rows = self._database.execute('SELECT partition, number FROM cursors WHERE "group" = ?', (group,))
        return {partition: str(number) for partition, number in rows}

    def trim(self, now: float, older_than: float) -> int:
        """Remove old entries that every group has acknowledged, `_MOST_TRIMMED` at most."""
        removed = 0
        for partition in range(self._partitions):
            if removed == _MOST_TRIMMED:
                break
            with transaction(self._database) as database:
                cursors = [number_of(self._cursor(group, partition)) for group in self.groups(now)]
                old = database.execute(
                    "SELECT number, at FROM log WHERE partition = ? AND number <= ? ORDER BY number LIMIT ?",
                    (partition, min(cursors, default=self._last_entry()), _MOST_TRIMMED - removed),
                ).fetchall()
                last = [number for number, _ in itertools.takewhile(lambda row: row[1] <= now - older_than, old)][-1:]
                for number in last:
                    deleted = database.execute(
                        "DELETE FROM log WHERE partition = ? AND number <= ?", (partition, number)
                    )
                    removed += deleted.rowcount
        return removed

    def log(self, now: float) -> tuple[PartitionStatus, ...]:
        """Return how much of the log is in each partition."""
        counts = dict(self._database.execute("SELECT partition, count(*) FROM log GROUP BY partition"))
        groups = self.groups(now)
        return tuple(
            PartitionStatus(
                partition,
                counts.get(partition, 0),
                self._age(now, partition, 0),
                {group: self._age(now, partition, number_of(self._cursor(group, partition))) for group in groups},
            )
            for partition in range(self._partitions)
        )

    def _age(self, now: float, partition: int, after: int) -> float:
        """Return for how many seconds the first entry behind a cursor is in the log."""
        query = "SELECT at FROM log WHERE partition = ? AND number > ? ORDER BY number LIMIT 1"
        row = self._database.execute(query, (partition, after)).fetchone()
        return max(0.0, now - row[0]) if row else 0.0

    # Sessions

    def sessions(self, now: float, uids: Sequence[str]) -> Mapping[str, bytes]:
        """Return sessions as they are kept."""
        query = "SELECT session FROM written WHERE uid = ? AND session IS NOT NULL"
        found = ((uid, self._database.execute(query, (uid,)).fetchone()) for uid in uids)
        return {uid: row[0] for uid, row in found if row}

    def replace_sessions(self, now: float, replacements: Sequence[SessionReplacement]) -> tuple[bool, ...]:
        """Replace sessions that have not changed."""
        query = "UPDATE written SET session = ? WHERE uid = ? AND session = ?"
        with transaction(self._database) as database:
            return tuple([database.execute(query, (r.new, r.account, r.old)).rowcount == 1 for r in replacements])

    # Accounts

    def accounts(self, now: float, since: int | None) -> AccountChanges:
        """Return the accounts, or what changed."""
        database = self._database
        database.execute("BEGIN")
        try:
            revision = self._revision()
            complete = since is None or since > revision
            rows = database.execute(
                "SELECT uid, metadata, pinned_to, pinned_until, parked FROM accounts"
                " WHERE revision > ? AND (metadata IS NOT NULL OR ?) ORDER BY uid",
                (0 if complete else since, not complete),
            ).fetchall()
        finally:
            database.execute("COMMIT")
        changes = (
            AccountChange(
                uid,
                None if metadata is None else Account(uid, metadata),
                pinned_to if until > now else None,
                max(0.0, until - now),
                parked,
            )
            for uid, metadata, pinned_to, until, parked in rows
        )
        return AccountChanges(revision, tuple(changes), complete)

    def add(self, now: float, accounts: Sequence[Account]) -> None:
        """Add accounts, or replace their metadata."""
        with transaction(self._database) as database:
            for account in accounts:
                row = database.execute("SELECT metadata FROM accounts WHERE uid = ?", (account.uid,)).fetchone()
                if row is None:
                    database.execute("INSERT INTO accounts (uid) VALUES (?)", (account.uid,))
                if row is None or row[0] != account.metadata:
                    self._change(now, account.uid, "metadata = ?", account.metadata)

    def remove(self, now: float, uids: Sequence[str]) -> None:
        """Remove accounts."""
        with transaction(self._database) as database:
            for uid in uids:
                if self._is_configured(uid):
                    self._change(now, uid, "metadata = NULL, pinned_to = NULL, pinned_until = 0, parked = NULL")
                    database.execute('UPDATE owners SET word = NULL WHERE "group" = ? AND key = ?', (WORKERS, uid))
                    self._forget_recent(uid)
                    database.execute("DELETE FROM written WHERE uid = ?", (uid,))

    def pin(self, now: float, uid: str, worker: str | None, lasts: float) -> None:
        """Pin an account, or unpin it."""
        with transaction(self._database):
            if self._is_configured(uid):
                until = 0.0 if worker is None else now + lasts
                self._change(now, uid, "pinned_to = ?, pinned_until = ?", worker, until)

    def resume(self, now: float, uids: Sequence[str]) -> None:
        """Let parked accounts be claimed again."""
        with transaction(self._database) as database:
            for uid in uids:
                query = "SELECT 1 FROM accounts WHERE uid = ? AND metadata IS NOT NULL AND parked IS NOT NULL"
                if database.execute(query, (uid,)).fetchone():
                    self._change(now, uid, "parked = NULL")

    def _is_configured(self, uid: str) -> bool:
        query = "SELECT 1 FROM accounts WHERE uid = ? AND metadata IS NOT NULL"
        return self._database.execute(query, (uid,)).fetchone() is not None

    def _revision(self) -> int:
        (revision,) = self._database.execute("SELECT coalesce(max(revision), 0) FROM accounts").fetchone()
        return int(revision)

    def _change(self, now: float, uid: str, assignment: str, *values: object) -> None:
        # The revision is a time, so that one which a restored copy of the file does not have is not given out again.
        revision = max(self._revision() + 1, int(now * 1e6))
        query = f"UPDATE accounts SET {assignment}, revision = ? WHERE uid = ?"  # noqa: S608 - the callers pass constants
        self._database.execute(query, (*values, revision, uid))


def _integer(text: str | None) -> int | None:
    return None if text is None else int(text)
