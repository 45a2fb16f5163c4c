"""The calls of a `RedisEngine`: values become the arguments of scripts, and their replies become values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import trio

from . import redis_scripts as scripts
from .checks import check_account, check_consumer_group, check_fleet, check_lease, lease_over, name_in_use
from .engine import EngineAdministration, checks_administration
from .gcra import Rate
from .redis_lanes import Lanes
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

__all__ = ["RedisConnection"]

_LONGEST_BLOCK = 60.0  # seconds
_YES_NO = ("0", "1")


@checks_administration
class RedisConnection:
    """An `EngineConnection` and its `EngineAdministration`, on Redis.

    Args:
        lanes: the connections.
        prefix: of all keys.
        app_id: the app that the fleet is for.
        partitions: the number of partitions of the log.
    """

    def __init__(self, lanes: Lanes, prefix: str, app_id: str, partitions: int) -> None:
        self._lanes = lanes
        self._prefix = prefix
        self.app_id = app_id
        self.partitions = partitions

    @property
    def administration(self) -> EngineAdministration:
        return self

    async def _write(self, script: str, *arguments: str | bytes) -> Any:
        return await self._lanes.writes.run(script, self._prefix, *arguments)

    async def _look(self, script: str, *arguments: str | bytes) -> Any:
        return await self._lanes.reads.run(script, self._prefix, *arguments)

    # Leases

    async def lease(
        self, incarnation: Incarnation, ttl: float, *, joining: bool = False, draining: bool = False, info: str = ""
    ) -> LeaseGrant:
        check_lease(ttl, info)
        group = incarnation.group
        reply = await self._lanes.leases.run(
            scripts.LEASE,
            self._prefix,
            *(group, str(incarnation), incarnation.name, repr(float(ttl)), _YES_NO[joining], _YES_NO[draining], info),
            *(self.app_id, str(self.partitions), new_nonce()),
        )
        match reply:
            case [b"GRANTED", found, epoch]:
                members = _members(found, group)
                member = next(member for member in members if member.incarnation == incarnation)
                return LeaseGrant(ttl, member, members, epoch.decode())
            case [b"IN USE", remaining]:
                raise name_in_use(incarnation, float(remaining))
            case [b"FOREIGN", app_id]:
                check_fleet(app_id.decode(), None, self.app_id, None)
        raise lease_over(incarnation)

    async def members(self, group: str = WORKERS) -> tuple[Member, ...]:
        return _members(await self._look(scripts.MEMBERS, group), group)

    async def drain(self, incarnation: Incarnation) -> None:
        await self._write(scripts.DRAIN, incarnation.group, str(incarnation))

    async def admit(self, rate: Rate, *, throttled: bool = False) -> float:
        arguments = (repr(float(rate.per_second)), str(rate.burst), _YES_NO[throttled])
        return float(await self._lanes.leases.run(scripts.ADMIT, self._prefix, *arguments))

    # Ownership

    async def claim(self, incarnation: Incarnation, claims: Sequence[Claim]) -> tuple[ClaimResult, ...]:
        group = incarnation.group
        pairs = (text for claim in claims for text in (claim.key, claim.nonce))
        status, *replies = await self._write(scripts.CLAIM, group, str(incarnation), str(self.partitions), *pairs)
        if status == b"OVER":
            raise lease_over(incarnation)
        return tuple(_claimed(claim.key, reply, group) for claim, reply in zip(claims, replies, strict=True))

    async def release(self, releases: Sequence[Release]) -> tuple[Fenced | None, ...]:
        replies = await self._write(
            scripts.RELEASE,
            *(
                text
                for each in releases
                for text in (
                    *(each.word.incarnation.group, each.key, str(each.word)),
                    *(_YES_NO[each.parked is not None], each.parked or ""),
                )
            ),
        )
        return tuple(
            _fenced(each.key, each.word, reply[0]) if reply else None
            for each, reply in zip(releases, replies, strict=True)
        )

    async def owners(self, group: str = WORKERS) -> dict[str, OwnerWord]:
        found = await self._lanes.reads.command(b"HGETALL", f"{self._prefix}owners:{group}")
        return {key.decode(): OwnerWord.parse(word.decode(), group) for key, word in found.items()}

    # The log

    async def append(self, appends: Sequence[Append]) -> tuple[AppendResult, ...]:
        arguments: list[str | bytes] = []
        for each in appends:
            arguments += (
                each.account,
                each.word.incarnation.group,
                str(each.word),
                str(each.sequence),
                str(each.after),
            )
            arguments += ("" if each.expected is None else str(each.expected),)
            arguments += (str(partition_of(each.account, self.partitions)), str(len(each.events)))
            for event in each.events:
                arguments += ("" if event.id is None else str(event.id), event.kind.value)
                arguments += (_YES_NO[event.body is not None], event.body or b"")
        replies = await self._write(scripts.APPEND, *arguments)
        return tuple(_appended(each, reply) for each, reply in zip(appends, replies, strict=True))

    async def save(self, saves: Sequence[Save]) -> tuple[Saved | Fenced, ...]:
        arguments: list[str | bytes] = []
        for each in saves:
            arguments += (each.account, each.word.incarnation.group, str(each.word), str(each.revision))
            arguments += (_YES_NO[each.session is not None], each.session or b"", _YES_NO[each.forgets_position])
        replies = await self._write(scripts.SAVE, *arguments)
        return tuple(
            Saved(each.account, int(value)) if status == b"SAVED" else _fenced(each.account, each.word, value)
            for each, (status, value) in zip(saves, replies, strict=True)
        )

    async def holes(self) -> tuple[RecordedHole, ...]:
        entries = await self._lanes.reads.command(b"XRANGE", f"{self._prefix}holes", "-", "+")
        holes = ((cursor, _fields(fields)) for cursor, fields in entries)
        return tuple(RecordedHole(h[b"u"].decode(), h[b"c"].decode(), _time(h[b"c"]), h[b"b"]) for _, h in holes)

    # Consumers

    async def read(self, reads: Sequence[Read], *, wait: float = 0.0) -> tuple[ReadResult, ...]:
        deadline = trio.current_time() + wait
        arguments = [text for each in reads for text in (str(each.partition), each.after, str(each.most))]
        streams = [f"{self._prefix}log:{each.partition}" for each in reads]
        cursors = [each.after or "0-0" for each in reads]
        while True:
            replies = await self._look(scripts.READ, *arguments)
            results = tuple(_read(each, *reply) for each, reply in zip(reads, replies, strict=True))
            remaining = min(deadline - trio.current_time(), _LONGEST_BLOCK)
            if remaining <= 0 or any(result.entries or result.rewound for result in results):
                return results
            milliseconds = math.ceil(remaining * 1000)
            await self._lanes.block(
                remaining, b"XREAD", "COUNT", 1, "BLOCK", milliseconds, "STREAMS", *streams, *cursors
            )

    async def ack(self, acks: Sequence[Ack]) -> tuple[Acked | Fenced, ...]:
        replies = await self._write(
            scripts.ACK,
            *(
                text
                for each in acks
                for text in (each.word.incarnation.group, str(each.partition), str(each.word), each.cursor)
            ),
        )
        return tuple(
            Acked(each.partition, value.decode())
            if status == b"ACKED"
            else _fenced(str(each.partition), each.word, value)
            for each, (status, value) in zip(acks, replies, strict=True)
        )

    async def trim(self, older_than: float) -> int:
        return int(await self._write(scripts.TRIM, str(self.partitions), repr(float(older_than))))

    async def log(self) -> tuple[PartitionStatus, ...]:
        replies = await self._look(scripts.LOG, str(self.partitions))
        return tuple(
            PartitionStatus(number, entries, float(age), dict(sorted(_ages(ages))))
            for number, (entries, age, *ages) in enumerate(replies)
        )

    async def groups(self) -> tuple[str, ...]:
        found = await self._lanes.reads.command(b"SMEMBERS", f"{self._prefix}groups")
        return tuple(sorted(name.decode() for name in found))

    async def cursors(self, group: str) -> dict[int, str]:
        found = await self._lanes.reads.command(b"HGETALL", f"{self._prefix}cursors:{group}")
        return {int(partition): cursor.decode() for partition, cursor in found.items()}

    async def forget_group(self, group: str) -> None:
        check_consumer_group(group)
        await self._write(scripts.FORGET_GROUP, group)

    # Sessions

    async def sessions(self, uids: Sequence[str]) -> Mapping[str, bytes]:
        if not uids:
            return {}
        found = await self._lanes.reads.command(b"HMGET", f"{self._prefix}sessions", *uids)
        return {uid: session for uid, session in zip(uids, found, strict=True) if session is not None}

    async def replace_sessions(self, replacements: Sequence[SessionReplacement]) -> tuple[bool, ...]:
        arguments = (text for each in replacements for text in (each.account, each.old, each.new))
        return tuple(map(bool, await self._write(scripts.REPLACE_SESSIONS, *arguments)))

    # Accounts

    async def accounts(self, since: int | None = None) -> AccountChanges:
        revision, complete, *found = await self._look(scripts.ACCOUNTS, "" if since is None else str(since))
        changes = sorted((_account_change(*each) for each in found), key=lambda change: change.uid)
        return AccountChanges(int(revision), tuple(changes), bool(complete))

    async def add(self, accounts: Sequence[Account]) -> None:
        checked = [check_account(account) for account in accounts]
        await self._write(scripts.ADD, *(text for each in checked for text in (each.uid, each.metadata)))

    async def remove(self, uids: Sequence[str]) -> None:
        await self._write(scripts.REMOVE, *uids)

    async def pin(self, uid: str, worker: str | None, *, lasts: float = 3600.0) -> None:
        await self._write(scripts.PIN, uid, worker or "", repr(float(lasts)))

    async def resume(self, uids: Sequence[str]) -> None:
        await self._write(scripts.RESUME, *uids)


def _members(found: Iterable[Any], group: str) -> tuple[Member, ...]:
    members = (
        Member(
            Incarnation.parse(key.decode(), group),
            float(remaining),
            draining=flags[:1] == b"1",
            left=flags[1:2] == b"1",
            info=flags[2:].decode(),
        )
        for key, remaining, flags in found
    )
    return tuple(sorted(members, key=lambda member: str(member.incarnation)))


def _claimed(key: str, reply: list[Any], group: str) -> ClaimResult:
    refused, owner, *rest = reply
    word = OwnerWord.parse(owner.decode(), group) if owner else None
    if refused or word is None:
        return ClaimRefused(key, Refusal(refused.decode()), word)
    session, revision, position, cursor, previous = rest
    taken_from = OwnerWord.parse(previous.decode(), group) if previous else None
    return Claimed(key, word, session, int(revision), _integer(position), cursor.decode(), taken_from)


def _fenced(key: str, word: OwnerWord, owner: bytes) -> Fenced:
    return Fenced(key, OwnerWord.parse(owner.decode(), word.incarnation.group) if owner else None)


def _appended(append: Append, reply: list[Any]) -> AppendResult:
    status, *values = reply
    if status == b"FENCED":
        return _fenced(append.account, append.word, values[0])
    position, sequence = _integer(values[0]), int(values[1])
    if status == b"REWOUND":
        return Rewound(append.account, position, sequence)
    new, skipped, late, repeated = values[2:]
    ids = (tuple(map(int, skipped)), tuple(map(int, late)))
    return Appended(append.account, position, sequence, new, *ids, repeated=bool(repeated))


def _read(read: Read, rewound: int, entries: list[Any]) -> ReadResult:
    return ReadResult(read.partition, tuple(_entry(*each) for each in entries), bool(rewound))


def _entry(cursor: bytes, pairs: list[bytes]) -> LogEntry:
    fields = _fields(pairs)
    kind, late = EntryKind(fields[b"k"].decode()), fields[b"l"] == b"1"
    return LogEntry(
        cursor.decode(), fields[b"u"].decode(), _integer(fields[b"i"]), kind, late, fields[b"b"], _time(cursor)
    )


def _fields(pairs: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(pairs[::2], pairs[1::2], strict=True))


def _time(cursor: bytes) -> float:
    return int(cursor.partition(b"-")[0]) / 1000


def _integer(text: bytes) -> int | None:
    return int(text) if text else None


def _account_change(
    uid: bytes, metadata: bytes | None, remaining: bytes, worker: bytes, parked: bytes | None
) -> AccountChange:
    name, seconds = uid.decode(), float(remaining)
    return AccountChange(
        name,
        None if metadata is None else Account(name, metadata.decode()),
        worker.decode() if seconds > 0 else None,
        seconds,
        None if parked is None else parked.decode(),
    )


def _ages(found: Sequence[bytes]) -> Iterable[tuple[str, float]]:
    return ((group.decode(), float(age)) for group, age in zip(found[::2], found[1::2], strict=True))
