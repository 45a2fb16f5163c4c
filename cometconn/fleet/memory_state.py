"""Everything that a `MemoryEngine` keeps, and its calls as plain functions of the time."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from .checks import MOST_HOLES, RECENT, SEEN, check_fleet, is_before, is_partition, lease_over, name_in_use, number_of
from .gcra import Bucket, Rate
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
    LeaseGrant,
    LogEntry,
    LogEvent,
    Member,
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

__all__ = ["MemoryState"]


@attrs.define
class _Holder:
    """A member of a group."""

    incarnation: Incarnation
    expires: float
    draining: bool = False
    left: bool = False
    info: str = ""

    def at(self, now: float) -> Member:
        return Member(self.incarnation, self.expires - now, self.draining, self.left, self.info)


@attrs.define
class _Configured:
    """An account as operators configured it. Without `account` it was removed."""

    account: Account | None
    revision: int
    pinned_to: str | None = None
    pinned_until: float = 0.0
    parked: str | None = None

    def at(self, uid: str, now: float) -> AccountChange:
        remaining = max(0.0, self.pinned_until - now)
        return AccountChange(uid, self.account, self.pinned_to if remaining else None, remaining, self.parked)


@attrs.define
class _Written:
    """What the owners of an account wrote."""

    session: bytes | None = None
    session_revision: int = 0
    position: int | None = None
    sequence: int = 0
    recent: deque[int] = attrs.field(factory=lambda: deque(maxlen=RECENT))


@attrs.define(eq=False)
class MemoryState:
    """The tables. Every method is one call of an `EngineConnection`, made at the time *now*.

    Attributes:
        app_id: the app that the fleet is for.
        partitions: the number of partitions of the log.
        last_number: of the entries that were ever written, those that were forgotten included.
    """

    app_id: str
    partitions: int
    last_number: int = 0
    _epoch: str = attrs.field(factory=new_nonce)
    _revision: int = 0
    _members: dict[str, dict[str, _Holder]] = attrs.field(factory=dict)
    _owners: dict[str, dict[str, OwnerWord]] = attrs.field(factory=dict)
    _tokens: dict[tuple[str, str], int] = attrs.field(factory=dict)
    _configured: dict[str, _Configured] = attrs.field(factory=dict)
    _written: dict[str, _Written] = attrs.field(factory=dict)
    _log: dict[int, list[tuple[int, LogEntry]]] = attrs.field(factory=dict)
    _last_entry: int = 0
    _cursors: dict[str, dict[int, int]] = attrs.field(factory=dict)
    _holes: deque[RecordedHole] = attrs.field(factory=lambda: deque(maxlen=MOST_HOLES))
    _bucket: Bucket = attrs.field(factory=Bucket)

    def check(self, app_id: str, partitions: int | None) -> None:
        """Raise `EngineError` if the fleet is that of another app, or has another number of partitions."""
        check_fleet(self.app_id, self.partitions, app_id, partitions)

    # Leases

    def lease(
        self, now: float, incarnation: Incarnation, ttl: float, *, joining: bool, draining: bool, info: str
    ) -> LeaseGrant:
        """Grant, renew or end a lease."""
        members = self._members.setdefault(incarnation.group, {})
        holder = members.get(str(incarnation))
        if ttl <= 0:
            holder = members.setdefault(str(incarnation), _Holder(incarnation, now))
            holder.expires, holder.left = min(now, holder.expires), True
        else:
            if holder is None and joining:
                others = (other for other in members.values() if other.incarnation.name == incarnation.name)
                for other in others:
                    if other.expires > now:
                        raise name_in_use(incarnation, other.expires - now)
                holder = members[str(incarnation)] = _Holder(incarnation, now + ttl)
            if holder is None or holder.expires <= now:
                raise lease_over(incarnation)
            holder.expires, holder.info, holder.draining = now + ttl, info, holder.draining or draining
        for key in [key for key, other in members.items() if now - other.expires > SEEN]:
            del members[key]
        listed = self.members(now, incarnation.group)
        return LeaseGrant(ttl, holder.at(now), listed, self._epoch)

    def members(self, now: float, group: str) -> tuple[Member, ...]:
        """Return the members that have a lease, or had one in the last 60 s."""
        holders = sorted(self._members.get(group, {}).items())
        return tuple(holder.at(now) for _, holder in holders if now - holder.expires <= SEEN)

    def drain(self, now: float, incarnation: Incarnation) -> None:
        """Mark a member as draining."""
        if self._is_alive(now, incarnation):
            self._members[incarnation.group][str(incarnation)].draining = True

    def groups(self, now: float) -> tuple[str, ...]:
        """Return the names of the consumer groups."""
        return tuple(sorted(self._owners.keys() - {WORKERS}))

    def cursors(self, now: float, group: str) -> dict[int, str]:
        """Return what a consumer group has acknowledged."""
        return {partition: str(number) for partition, number in self._cursors.get(group, {}).items()}

    def forget_group(self, now: float, group: str) -> None:
        """Forget a consumer group."""
        self._owners.pop(group, None)
        self._cursors.pop(group, None)

    def _is_alive(self, now: float, incarnation: Incarnation) -> bool:
        holder = self._members.get(incarnation.group, {}).get(str(incarnation))
        return holder is not None and holder.expires > now

    # Ownership

    def claim(self, now: float, incarnation: Incarnation, claims: Sequence[Claim]) -> tuple[ClaimResult, ...]:
        """Give out what is free."""
        if not self._is_alive(now, incarnation):
            raise lease_over(incarnation)
        return tuple(self._claim(now, incarnation, claim) for claim in claims)

    def _claim(self, now: float, incarnation: Incarnation, claim: Claim) -> ClaimResult:
        group, key = incarnation.group, claim.key
        owners = self._owners.setdefault(group, {})
        owner, previous = owners.get(key), None
        if owner is None or owner.incarnation != incarnation or owner.nonce != claim.nonce:
            reason = self._unclaimable(group, key)
            if reason is not None:
                return ClaimRefused(key, reason)
            if owner is not None and self._is_alive(now, owner.incarnation):
                return ClaimRefused(key, Refusal.OWNED, owner)
            previous = owner
            token = self._tokens[group, key] = self._tokens.get((group, key), 0) + 1
            owner = owners[key] = OwnerWord(incarnation, token, claim.nonce)
            if group == WORKERS:
                self._written.setdefault(key, _Written()).sequence = 0
        if group != WORKERS:
            return Claimed(key, owner, cursor=self._cursor(group, int(key)), previous=previous)
        written = self._written[key]
        return Claimed(key, owner, written.session, written.session_revision, written.position, previous=previous)

    def _unclaimable(self, group: str, key: str) -> Refusal | None:
        if group != WORKERS:
            return None if is_partition(key, self.partitions) else Refusal.UNKNOWN
        configured = self._configured.get(key)
        if configured is None or configured.account is None:
            return Refusal.UNKNOWN
        return None if configured.parked is None else Refusal.PARKED

    def release(self, now: float, releases: Sequence[Release]) -> tuple[Fenced | None, ...]:
        """Take back what is owned by the words."""
        return tuple(self._release(now, release) for release in releases)

    def _release(self, now: float, release: Release) -> Fenced | None:
        fenced = self._fenced(release.key, release.word)
        if fenced is None:
            del self._owners[release.word.incarnation.group][release.key]
            if release.parked is not None:
                self._configure(now, release.key, parked=release.parked)
        return fenced

    def owners(self, now: float, group: str) -> dict[str, OwnerWord]:
        """Return the owner words of a group."""
        return dict(self._owners.get(group, {}))

    def _fenced(self, key: str, word: OwnerWord) -> Fenced | None:
        owner = self._owners.get(word.incarnation.group, {}).get(key)
        return None if owner == word else Fenced(key, owner)

    # The log

    def append(self, now: float, appends: Sequence[Append]) -> tuple[AppendResult, ...]:
        """Compare and append."""
        return tuple(self._append(now, append) for append in appends)

    def _append(self, now: float, append: Append) -> AppendResult:
        fenced = self._fenced(append.account, append.word)
        if fenced is not None:
            return fenced
        written = self._written[append.account]
        if written.sequence < append.after or is_before(written.position, append.expected):
            return Rewound(append.account, written.position, written.sequence)
        if not append.events:
            return Appended(append.account, written.position, written.sequence)
        if append.sequence <= written.sequence:
            return Appended(append.account, written.position, written.sequence, repeated=True)
        written.sequence = append.sequence
        skipped, late = [], []
        for event in append.events:
            is_late = False
            if event.id is not None:
                if is_before(written.position, event.id):
                    written.position = event.id
                elif event.id in written.recent:
                    skipped.append(event.id)
                    continue
                else:
                    late.append(event.id)
                    is_late = True
                written.recent.append(event.id)
            if event.body is not None:
                self._write_entry(now, append.account, event, event.body, late=is_late)
        new = len(append.events) - len(skipped)
        return Appended(append.account, written.position, written.sequence, new, tuple(skipped), tuple(late))

    def _write_entry(self, now: float, uid: str, event: LogEvent, body: bytes, *, late: bool) -> None:
        self._last_entry = self.last_number = number = self.last_number + 1
        entry = LogEntry(str(number), uid, event.id, event.kind, late, body, now)
        self._log.setdefault(partition_of(uid, self.partitions), []).append((number, entry))
        if event.kind is EntryKind.HOLE:
            self._holes.append(RecordedHole(uid, entry.cursor, now, body))

    def save(self, now: float, saves: Sequence[Save]) -> tuple[Saved | Fenced, ...]:
        """Keep sessions."""
        return tuple(map(self._save, saves))

    def _save(self, save: Save) -> Saved | Fenced:
        fenced = self._fenced(save.account, save.word)
        if fenced is not None:
            return fenced
        written = self._written[save.account]
        if save.revision > written.session_revision:
            written.session, written.session_revision = save.session, save.revision
            if save.forgets_position:
                written.position = None
                written.recent.clear()
        return Saved(save.account, written.session_revision)

    def holes(self, now: float) -> tuple[RecordedHole, ...]:
        """Return the recorded holes."""
        return tuple(self._holes)

    def admit(self, now: float, rate: Rate, *, throttled: bool) -> float:
        """Reserve a place, or halve the rate."""
        if throttled:
            self._bucket, wait = self._bucket.throttle(now), 0.0
        else:
            self._bucket, wait = self._bucket.reserve(now, rate)
        return wait

    # Consumers

    def read(self, now: float, reads: Sequence[Read]) -> tuple[ReadResult, ...]:
        """Return what is in the log now."""
        return tuple(map(self._read, reads))

    def _read(self, read: Read) -> ReadResult:
        after = number_of(read.after)
        if after > self._last_entry:
            return ReadResult(read.partition, rewound=True)
        entries = (entry for number, entry in self._log.get(read.partition, ()) if number > after)
        return ReadResult(read.partition, tuple(itertools.islice(entries, read.most)))

    def ack(self, now: float, acks: Sequence[Ack]) -> tuple[Acked | Fenced, ...]:
        """Move cursors."""
        return tuple(map(self._ack, acks))

    def _ack(self, ack: Ack) -> Acked | Fenced:
        fenced = self._fenced(str(ack.partition), ack.word)
        if fenced is not None:
            return fenced
        group = ack.word.incarnation.group
        cursors, cursor = self._cursors.setdefault(group, {}), number_of(ack.cursor)
        if cursors.get(ack.partition, 0) < cursor <= self._last_entry:
            cursors[ack.partition] = cursor
        return Acked(ack.partition, self._cursor(group, ack.partition))

    def _cursor(self, group: str, partition: int) -> str:
        cursor = self._cursors.get(group, {}).get(partition, 0)
        return str(cursor) if cursor else ""

    def trim(self, now: float, older_than: float) -> int:
        """Remove old entries that every group has acknowledged."""
        removed = 0
        for partition, entries in self._log.items():
            cursors = (self._cursors.get(group, {}).get(partition, 0) for group in self.groups(now))
            acknowledged = min(cursors, default=math.inf)
            kept = [(n, entry) for n, entry in entries if n > acknowledged or entry.at > now - older_than]
            removed += len(entries) - len(kept)
            self._log[partition] = kept
        return removed

    def log(self, now: float) -> tuple[PartitionStatus, ...]:
        """Return how much of the log is in each partition."""
        return tuple(self._partition_status(now, partition) for partition in range(self.partitions))

    def _partition_status(self, now: float, partition: int) -> PartitionStatus:
        entries = self._log.get(partition, [])

        def age(cursor: int) -> float:
            return next((now - entry.at for number, entry in entries if number > cursor), 0.0)

        behind = {group: age(self._cursors.get(group, {}).get(partition, 0)) for group in self.groups(now)}
        return PartitionStatus(partition, len(entries), age(0), behind)

    def sessions(self, now: float, uids: Sequence[str]) -> Mapping[str, bytes]:
        """Return sessions as they are kept."""
        found = ((uid, self._written[uid].session) for uid in uids if uid in self._written)
        return {uid: session for uid, session in found if session is not None}

    def replace_sessions(self, now: float, replacements: Sequence[SessionReplacement]) -> tuple[bool, ...]:
        """Replace sessions that have not changed."""
        return tuple(map(self._replace_session, replacements))

    def _replace_session(self, replacement: SessionReplacement) -> bool:
        written = self._written.get(replacement.account)
        if written is None or written.session != replacement.old:
            return False
        written.session = replacement.new
        return True

    # Accounts

    def accounts(self, now: float, since: int | None) -> AccountChanges:
        """Return the accounts, or what changed."""
        complete = since is None or since > self._revision
        changes = (
            configured.at(uid, now)
            for uid, configured in sorted(self._configured.items())
            if (configured.account is not None if complete else configured.revision > (since or 0))
        )
        return AccountChanges(self._revision, tuple(changes), complete)

    def add(self, now: float, accounts: Sequence[Account]) -> None:
        """Add accounts, or replace their metadata."""
        for account in accounts:
            known = self._configured.get(account.uid)
            if known is None or known.account != account:
                self._configure(now, account.uid, account=account)

    def remove(self, now: float, uids: Sequence[str]) -> None:
        """Remove accounts."""
        for uid in uids:
            if self._is_configured(uid):
                self._configure(now, uid, account=None, parked=None, pinned_to=None, pinned_until=0.0)
                self._owners.get(WORKERS, {}).pop(uid, None)
                self._written.pop(uid, None)

    def pin(self, now: float, uid: str, worker: str | None, lasts: float) -> None:
        """Pin an account, or unpin it."""
        if self._is_configured(uid):
            self._configure(now, uid, pinned_to=worker, pinned_until=0.0 if worker is None else now + lasts)

    def resume(self, now: float, uids: Sequence[str]) -> None:
        """Let parked accounts be claimed again."""
        for uid in uids:
            if self._is_configured(uid) and self._configured[uid].parked is not None:
                self._configure(now, uid, parked=None)

    def _is_configured(self, uid: str) -> bool:
        configured = self._configured.get(uid)
        return configured is not None and configured.account is not None

    def _configure(self, now: float, uid: str, **changes: Any) -> None:
        # The revision is a time, so that one which the engine has forgotten is not given out again.
        self._revision = revision = max(self._revision + 1, int(now * 1e6))
        known = self._configured.get(uid, _Configured(None, 0))
        self._configured[uid] = attrs.evolve(known, revision=revision, **changes)
