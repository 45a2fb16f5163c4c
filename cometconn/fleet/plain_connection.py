"""A connection to an engine whose calls are plain functions of the time: in memory, or in a file."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Protocol, TypeVar

import trio

from .checks import check_account, check_consumer_group, check_lease
from .engine import EngineAdministration, checks_administration
from .gcra import Rate
from .values import (
    WORKERS,
    Account,
    AccountChanges,
    Ack,
    Acked,
    Append,
    AppendResult,
    Claim,
    ClaimResult,
    Fenced,
    Incarnation,
    LeaseGrant,
    Member,
    OwnerWord,
    PartitionStatus,
    Read,
    ReadResult,
    RecordedHole,
    Release,
    Save,
    Saved,
    SessionReplacement,
)

__all__ = ["LeaseCalls", "PlainCalls", "PlainConnection"]

_T = TypeVar("_T")


class LeaseCalls(Protocol):
    """The calls that need nothing but leases, made at the time *now* in seconds."""

    def lease(
        self, now: float, incarnation: Incarnation, ttl: float, *, joining: bool, draining: bool, info: str
    ) -> LeaseGrant: ...
    def members(self, now: float, group: str) -> tuple[Member, ...]: ...
    def drain(self, now: float, incarnation: Incarnation) -> None: ...
    def admit(self, now: float, rate: Rate, *, throttled: bool) -> float: ...


class PlainCalls(Protocol):
    """The other calls, made at the time *now* in seconds."""

    def groups(self, now: float) -> tuple[str, ...]: ...
    def forget_group(self, now: float, group: str) -> None: ...
    def claim(self, now: float, incarnation: Incarnation, claims: Sequence[Claim]) -> tuple[ClaimResult, ...]: ...
    def release(self, now: float, releases: Sequence[Release]) -> tuple[Fenced | None, ...]: ...
    def owners(self, now: float, group: str) -> dict[str, OwnerWord]: ...
    def append(self, now: float, appends: Sequence[Append]) -> tuple[AppendResult, ...]: ...
    def save(self, now: float, saves: Sequence[Save]) -> tuple[Saved | Fenced, ...]: ...
    def holes(self, now: float) -> tuple[RecordedHole, ...]: ...
    def read(self, now: float, reads: Sequence[Read]) -> tuple[ReadResult, ...]: ...
    def ack(self, now: float, acks: Sequence[Ack]) -> tuple[Acked | Fenced, ...]: ...
    def cursors(self, now: float, group: str) -> dict[int, str]: ...
    def trim(self, now: float, older_than: float) -> int: ...
    def log(self, now: float) -> tuple[PartitionStatus, ...]: ...
    def sessions(self, now: float, uids: Sequence[str]) -> Mapping[str, bytes]: ...
    def replace_sessions(self, now: float, replacements: Sequence[SessionReplacement]) -> tuple[bool, ...]: ...
    def accounts(self, now: float, since: int | None) -> AccountChanges: ...
    def add(self, now: float, accounts: Sequence[Account]) -> None: ...
    def remove(self, now: float, uids: Sequence[str]) -> None: ...
    def pin(self, now: float, uid: str, worker: str | None, lasts: float) -> None: ...
    def resume(self, now: float, uids: Sequence[str]) -> None: ...


@checks_administration
class PlainConnection(abc.ABC):
    """An `EngineConnection` and its `EngineAdministration`, on plain calls."""

    _poll: ClassVar[float] = math.inf  # seconds: how often to look for entries that other processes wrote

    def __init__(self, app_id: str, partitions: int) -> None:
        self.app_id = app_id
        self.partitions = partitions

    @property
    def administration(self) -> EngineAdministration:
        return self

    @abc.abstractmethod
    async def _make(self, call: Callable[[PlainCalls, float], _T]) -> _T:
        """Make a call. If cancelled, it may have been made."""

    @abc.abstractmethod
    async def _make_read(self, call: Callable[[PlainCalls, float], _T]) -> _T:
        """Make a call that changes nothing."""

    @abc.abstractmethod
    async def _make_lease(self, call: Callable[[LeaseCalls, float], _T]) -> _T:
        """Make a call that needs nothing but leases, and waits for no other."""

    @abc.abstractmethod
    def _appended(self) -> trio.Event:
        """Return an event that is set when new entries are in the log, if this process wrote them."""

    async def lease(
        self, incarnation: Incarnation, ttl: float, *, joining: bool = False, draining: bool = False, info: str = ""
    ) -> LeaseGrant:
        check_lease(ttl, info)
        return await self._make_lease(
            lambda calls, now: calls.lease(now, incarnation, ttl, joining=joining, draining=draining, info=info)
        )

    async def claim(self, incarnation: Incarnation, claims: Sequence[Claim]) -> tuple[ClaimResult, ...]:
        return await self._make(lambda calls, now: calls.claim(now, incarnation, claims))

    async def release(self, releases: Sequence[Release]) -> tuple[Fenced | None, ...]:
        return await self._make(lambda calls, now: calls.release(now, releases))

    async def append(self, appends: Sequence[Append]) -> tuple[AppendResult, ...]:
        return await self._make(lambda calls, now: calls.append(now, appends))

    async def save(self, saves: Sequence[Save]) -> tuple[Saved | Fenced, ...]:
        return await self._make(lambda calls, now: calls.save(now, saves))

    async def admit(self, rate: Rate, *, throttled: bool = False) -> float:
        return await self._make_lease(lambda calls, now: calls.admit(now, rate, throttled=throttled))

    async def read(self, reads: Sequence[Read], *, wait: float = 0.0) -> tuple[ReadResult, ...]:
        deadline = trio.current_time() + wait
        while True:
            appended = self._appended()
            results = await self._make_read(lambda calls, now: calls.read(now, reads))
            if trio.current_time() >= deadline or any(result.entries or result.rewound for result in results):
                return results
            with trio.move_on_at(min(deadline, trio.current_time() + self._poll)):
                await appended.wait()

    async def ack(self, acks: Sequence[Ack]) -> tuple[Acked | Fenced, ...]:
        return await self._make(lambda calls, now: calls.ack(now, acks))

    async def accounts(self, since: int | None = None) -> AccountChanges:
        return await self._make_read(lambda calls, now: calls.accounts(now, since))

    async def add(self, accounts: Sequence[Account]) -> None:
        for account in accounts:
            check_account(account)
        await self._make(lambda calls, now: calls.add(now, accounts))

    async def remove(self, uids: Sequence[str]) -> None:
        await self._make(lambda calls, now: calls.remove(now, uids))

    async def pin(self, uid: str, worker: str | None, *, lasts: float = 3600.0) -> None:
        await self._make(lambda calls, now: calls.pin(now, uid, worker, lasts))

    async def resume(self, uids: Sequence[str]) -> None:
        await self._make(lambda calls, now: calls.resume(now, uids))

    async def drain(self, incarnation: Incarnation) -> None:
        await self._make_lease(lambda calls, now: calls.drain(now, incarnation))

    async def members(self, group: str = WORKERS) -> tuple[Member, ...]:
        return await self._make_lease(lambda calls, now: calls.members(now, group))

    async def groups(self) -> tuple[str, ...]:
        return await self._make_read(lambda calls, now: calls.groups(now))

    async def cursors(self, group: str) -> dict[int, str]:
        return await self._make_read(lambda calls, now: calls.cursors(now, group))

    async def forget_group(self, group: str) -> None:
        check_consumer_group(group)
        await self._make(lambda calls, now: calls.forget_group(now, group))

    async def owners(self, group: str = WORKERS) -> dict[str, OwnerWord]:
        return await self._make_read(lambda calls, now: calls.owners(now, group))

    async def holes(self) -> tuple[RecordedHole, ...]:
        return await self._make_read(lambda calls, now: calls.holes(now))

    async def trim(self, older_than: float) -> int:
        return await self._make(lambda calls, now: calls.trim(now, older_than))

    async def log(self) -> tuple[PartitionStatus, ...]:
        return await self._make_read(lambda calls, now: calls.log(now))

    async def sessions(self, uids: Sequence[str]) -> Mapping[str, bytes]:
        return await self._make_read(lambda calls, now: calls.sessions(now, uids))

    async def replace_sessions(self, replacements: Sequence[SessionReplacement]) -> tuple[bool, ...]:
        return await self._make(lambda calls, now: calls.replace_sessions(now, replacements))
