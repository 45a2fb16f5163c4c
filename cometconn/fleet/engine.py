"""What the fleet needs from an engine: eight calls for workers and consumers, and the administration of accounts.

An engine keeps the leases, the owners, the sessions, the positions and the log, and judges all leases by its own clock. The
rules of every implementation are these:

* Each item of a call (one claim, one append, ...) is atomic: all of it happened, or none. A call with several items is a
  batch: it costs one round trip, and its items succeed or fail independently. Results are in the order of the items.
* A call that was cancelled, or that raised `EngineError`, may have been made, and may even still be made later. Repeat it
  with the same arguments until it returns: a repeated call changes nothing more, and returns the same. Only `admit` is an
  exception: a repeated one reserves another place, and the first is lost.
* Every write shows the `OwnerWord`, and is refused as `Fenced` unless the engine's is equal (F7). What is refused changes
  nothing.
* What can be expected in normal operation is a result. An exception means that the call as a whole was not made, or that its
  result is unknown.
* No call blocks the event loop. Each returns or raises `EngineError` within the engine's `call_timeout` (5 s by default),
  for `read` in addition to `wait`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from cometconn._arguments import checked

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

__all__ = ["Engine", "EngineAdministration", "EngineConnection", "checks_administration"]


_C = TypeVar("_C", bound=type)


class EngineConnection(Protocol):
    """The eight calls of workers and consumers. Get it from `Engine.connect`. Any number of tasks may use it at once."""

    @property
    def app_id(self) -> str:
        """The app that the fleet is for."""
        ...

    @property
    def partitions(self) -> int:
        """The number of partitions of the log. It is fixed when the engine's first data is written."""
        ...

    async def lease(
        self, incarnation: Incarnation, ttl: float, *, joining: bool = False, draining: bool = False, info: str = ""
    ) -> LeaseGrant:
        """Get a lease, renew it, or end it (F1).

        A lease that is over is never revived. One that was ended, or is over, frees everything that the incarnation owned:
        others may claim it.

        This call waits for no other call of this connection: a slow append does not delay a renewal.

        Args:
            incarnation: whose lease.
            ttl: seconds from the moment at which the engine makes the call until the lease is over. 0 ends it at once.
            joining: the incarnation has no lease yet. Renewing a lease that lasts is a renewal also with `joining`.
            draining: from now on, the member is marked as draining. The mark stays until the lease is over.
            info: what `status` commands show of the member, at most 4,096 characters.

        Raises:
            LeaseLostError: the lease is over, or was never given (without `joining`). For `ttl=0` it is not raised.
            NameInUseError: only with `joining`: another incarnation of the same name and group has a lease. Retry after
                its `remaining`.
            SettingsError: an argument is invalid.
            EngineError: the engine is unreachable, or it belongs to another app (then it is not `worth_retrying`).
        """
        ...

    async def claim(self, incarnation: Incarnation, claims: Sequence[Claim]) -> tuple[ClaimResult, ...]:
        """Become the owner of accounts (in the group `WORKERS`) or of partitions (in another group).

        A claim succeeds if there is no owner word, or if the lease of its incarnation is over on the engine's clock (F6).
        A claim whose nonce is that of the present owner word succeeds again with the same word. So, after a cancelled
        call, repeat it to learn whether it succeeded; then keep what it gave or release it.

        Raises:
            LeaseLostError: the lease of *incarnation* is over. Nothing was claimed.
            EngineError: the result is unknown. Repeat the call.
        """
        ...

    async def release(self, releases: Sequence[Release]) -> tuple[Fenced | None, ...]:
        """Give accounts or partitions back, and park accounts if their releases say why (F20).

        Returns:
            for each release `None`, or `Fenced` if the word was not the owner's. In both cases the word owns nothing any
            more. After a repeated call `Fenced` is the normal result; an account that was to be parked then is parked,
            unless it was fenced the first time, too.

        Raises:
            EngineError: the result is unknown. Repeat the call, until the engine has acknowledged it (F8).
        """
        ...

    async def append(self, appends: Sequence[Append]) -> tuple[AppendResult, ...]:
        """Compare and append: the fence, the comparison, the entries and the new position are one atomic step (F9).

        Of each `Append`, in this order:

        1. The word is not the owner's: `Fenced`.
        2. The engine's sequence is smaller than `after`, or its position smaller than `expected`: `Rewound`. The engine
           has forgotten what it had acknowledged.
        3. There are no events: nothing changes. That is an audit, with which a quiet account notices a rewind.
        4. `sequence` is not greater than the engine's: the append had been made: `Appended(repeated=True)`.
        5. Each event in turn: an id beyond the position is appended, and becomes the position. Another id that is among
           the last 1,024 appended of the account is skipped. Another one is appended and marked as late. Signals and
           holes, which have no id, are appended.

        An id is compared as an integer of any size. The position is the account's and outlives its owners. The sequence
        is the word's: a claim sets it to 0.

        Raises:
            EngineError: the result is unknown. Repeat the call with the same sequences.
        """
        ...

    async def save(self, saves: Sequence[Save]) -> tuple[Saved | Fenced, ...]:
        """Keep sessions for the next owners. A save whose revision is not greater than the engine's changes nothing.

        With `forgets_position`, the position and the last ids of the account are forgotten in the same step.

        Raises:
            EngineError: the result is unknown. Repeat the call.
        """
        ...

    async def admit(self, rate: Rate, *, throttled: bool = False) -> float:
        """Reserve a place for one connect or login in the whole fleet's rate limit (F21).

        With `throttled` no place is reserved: CometChat responded with 429 or 503, so the rate is halved, at most once a
        second, to a tenth at most. It recovers in 60 s (F23).

        Returns:
            the seconds to wait until the place's time comes; with `throttled` always 0. If the wait is cancelled, the
            place is lost, and not given to others.

        Raises:
            EngineError: it is unknown whether a place was reserved. Do not connect; call again for another place.
        """
        ...

    async def read(self, reads: Sequence[Read], *, wait: float = 0.0) -> tuple[ReadResult, ...]:
        """Return entries of the log. It changes nothing, and needs no ownership.

        Args:
            reads: which partitions, and from where. No partition twice.
            wait: if there is no entry in any of them, wait for one for so many seconds, at most 60. The wait ends early
                if one is appended, or when a partition turns out to be rewound.

        Raises:
            EngineError: the engine is unreachable. Repeat the call.
        """
        ...

    async def ack(self, acks: Sequence[Ack]) -> tuple[Acked | Fenced, ...]:
        """Keep up to where a consumer group has handled partitions. A cursor never moves back.

        Raises:
            EngineError: the result is unknown. Repeat the call.
        """
        ...

    @property
    def administration(self) -> EngineAdministration:
        """The administration of the same fleet."""
        ...


class EngineAdministration(Protocol):
    """What operators configure and look at, and what the reconcilers of workers read.

    All calls raise `EngineError` if the engine is unreachable. Each may be repeated.
    """

    async def accounts(self, since: int | None = None) -> AccountChanges:
        """Return the accounts that changed after a revision, or all of them.

        An engine that lost its last writes may have forgotten a change: read everything now and then, once a minute.

        Args:
            since: the `revision` of an earlier result. `None`: return all accounts.
        """
        ...

    async def add(self, accounts: Sequence[Account]) -> None:
        """Add accounts, or replace the metadata of those that exist. What they are, pinned or parked, they stay."""
        ...

    async def remove(self, uids: Sequence[str]) -> None:
        """Remove accounts with their sessions, positions, pins and reasons for parking. Their entries in the log stay.

        Their owners are fenced at once.
        """
        ...

    async def pin(self, uid: str, worker: str | None, *, lasts: float = 3600.0) -> None:
        """Let the worker named *worker* own the account for the next *lasts* seconds. `None`: unpin it."""
        ...

    async def resume(self, uids: Sequence[str]) -> None:
        """Let parked accounts be claimed again (F20)."""
        ...

    async def drain(self, incarnation: Incarnation) -> None:
        """Mark a member as draining. It finds the mark in its next `LeaseGrant`. Without a lease: no effect."""
        ...

    async def members(self, group: str = WORKERS) -> tuple[Member, ...]:
        """Return the members of a group that have a lease, or had one in the last 60 s."""
        ...

    async def groups(self) -> tuple[str, ...]:
        """Return the names of all consumer groups, sorted. A group exists from its first claim."""
        ...

    async def cursors(self, group: str) -> dict[int, str]:
        """Return up to where a consumer group has acknowledged each partition.

        A partition of which it has acknowledged nothing is left out. `read` from a cursor on returns what is left to do.
        """
        ...

    async def forget_group(self, group: str) -> None:
        """Forget a consumer group with its cursors, so that `trim` does not wait for it. Its owners are fenced.

        Leases are not ended. A member that claims again makes a new group, which reads the log from its beginning.
        """
        ...

    async def owners(self, group: str = WORKERS) -> dict[str, OwnerWord]:
        """Return the owner word of each owned account or partition, whether its lease lasts or is over.

        A worker compares this now and then with what it holds: what the engine has under its incarnation and the worker
        does not know of, it releases. (A cancelled claim may be made late, when nothing waits for its result.)
        """
        ...

    async def holes(self) -> tuple[RecordedHole, ...]:
        """Return the last 1,000 places in the log where messages may be missing, the oldest first."""
        ...

    async def trim(self, older_than: float) -> int:
        """Remove entries that are older than *older_than* seconds, and that every consumer group has acknowledged (F16).

        Returns:
            how many entries were removed, at most. More may be left that could be removed; then call again.
        """
        ...

    async def log(self) -> tuple[PartitionStatus, ...]:
        """Return how much of the log is in each partition, in their order, and how far each consumer group is behind."""
        ...

    async def sessions(self, uids: Sequence[str]) -> Mapping[str, bytes]:
        """Return the saved sessions of those of the accounts that have one, as the engine keeps them: not decrypted."""
        ...

    async def replace_sessions(self, replacements: Sequence[SessionReplacement]) -> tuple[bool, ...]:
        """Replace saved sessions that have not changed since they were read: for new keys (`cometconn.fleet.key_rotation`).

        Each is one atomic step, which needs no ownership: an owner that saves at the same time wins in any order,
        because the revision stays the same. After a repeated call `False` is the normal result.

        Returns:
            for each whether it was replaced. Otherwise the engine keeps another session by now, or none.
        """
        ...


def checks_administration(cls: _C) -> _C:
    """Check the arguments of the calls of `EngineAdministration`, which programs make, at each call.

    Those of `EngineConnection` are made by this library, and some of them often: they are not checked.
    """
    for name in vars(EngineAdministration):
        if not name.startswith("_"):
            setattr(cls, name, checked(getattr(cls, name)))
    return cls


class Engine(Protocol):
    """Where a fleet keeps its state. The object itself is only the configuration; `connect()` does the I/O."""

    def connect(self, app_id: str, *, partitions: int | None = None) -> AbstractAsyncContextManager[EngineConnection]:
        """Connect, check that the engine can be used and belongs to *app_id*, and give an `EngineConnection`.

        Several connections may be open at once. Inside of it, open the lease's cancel scope; not the other way round: a
        connection must outlive the scopes whose ends it has to report.

        Args:
            app_id: CometChat's app id. The first connection with a *partitions* or a join fixes it.
            partitions: the number of partitions of the log, 1 to 1,024. `None`: as the engine has it, and 16 for a new
                one.

        Raises:
            SettingsError: an argument is invalid.
            EngineError: the engine is unreachable, refuses the password, belongs to another app or has another number of
                partitions, or is configured in a way in which it loses data. The message has the reason in one sentence,
                and no password.
        """
        ...
