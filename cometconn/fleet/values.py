"""The arguments and results of an engine's calls. All are values; none of them does I/O."""

from __future__ import annotations

import enum
import json
import re
import secrets
import zlib
from collections.abc import Mapping
from typing import Any, TypeAlias

import attrs

from cometconn._arguments import checked
from cometconn.errors import SettingsError

__all__ = [
    "WORKERS",
    "Account",
    "AccountChange",
    "AccountChanges",
    "Ack",
    "Acked",
    "Append",
    "AppendResult",
    "Appended",
    "Claim",
    "ClaimRefused",
    "ClaimResult",
    "Claimed",
    "EntryKind",
    "Fenced",
    "Incarnation",
    "LeaseGrant",
    "LogEntry",
    "LogEvent",
    "Member",
    "OwnerWord",
    "PartitionStatus",
    "Read",
    "ReadResult",
    "RecordedHole",
    "Refusal",
    "Release",
    "Rewound",
    "Save",
    "Saved",
    "SessionReplacement",
    "new_nonce",
    "partition_of",
]

WORKERS = "workers"
"""The group of all workers: its members own accounts. The members of every other group are consumers."""

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


def new_nonce() -> str:
    """Return 128 random bits as text. It is different from every earlier one, even after an engine lost its data."""
    return secrets.token_hex(16)


def partition_of(uid: str, partitions: int) -> int:
    """Return the partition of the log that contains the events of the account *uid*, from 0 to *partitions* - 1."""
    return zlib.crc32(uid.encode("utf-8", "surrogatepass")) % partitions


def _check_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        message = f"The {what} must have 1 to 64 characters, each a letter, a digit, '.', '_' or '-': not {name!r:.80}."
        raise SettingsError(message)


@attrs.frozen
class Incarnation:
    """One run of one worker or consumer, from its join until its lease is over. A restart is a new incarnation.

    Attributes:
        name: the configured name, which survives restarts: letters, digits, `.`, `_` and `-`, at most 64.
        nonce: random, so that two runs of one name differ.
        group: `WORKERS`, or the consumer group. The members of one group share its accounts or partitions.
    """

    name: str
    nonce: str = attrs.field(factory=new_nonce)
    group: str = WORKERS

    def __attrs_post_init__(self) -> None:
        """Check the names, of which keys of the engine are made. Raises `SettingsError`."""
        _check_name("name of a worker or consumer", self.name)
        _check_name("name of a consumer group", self.group)

    def __str__(self) -> str:
        """Return what the engine compares. It contains no colon."""
        return f"{self.name}~{self.nonce}"

    @classmethod
    def parse(cls, text: str, group: str = WORKERS) -> Incarnation:
        """Return the incarnation that *text* is the `str` of. Raises `ValueError` if it is none."""
        name, _, nonce = text.partition("~")
        if not (nonce and _NAME.fullmatch(name)):
            message = "not an incarnation"
            raise ValueError(message)
        return cls(name, nonce, group)


@attrs.frozen
class OwnerWord:
    """One ownership of one account or partition: the proof that every write has to show.

    The engine compares whole words for equality, not tokens for order: an engine that has forgotten its last writes gives
    the same token out twice, but never the same nonce.

    Attributes:
        incarnation: the owner.
        token: counts the claims of this account or partition from 1. Use it as a fencing token for other systems.
        nonce: the claim's.
    """

    incarnation: Incarnation
    token: int
    nonce: str

    def __str__(self) -> str:
        """Return `incarnation:token:nonce`, which is what the engine compares."""
        return f"{self.incarnation}:{self.token}:{self.nonce}"

    @classmethod
    def parse(cls, text: str, group: str = WORKERS) -> OwnerWord:
        """Return the word that *text* is the `str` of. Raises `ValueError` if it is none."""
        incarnation, token, nonce = text.split(":")
        return cls(Incarnation.parse(incarnation, group), int(token), nonce)


# Leases


@attrs.frozen
class Member:
    """A worker or consumer that has a lease, or had one in the last 60 s.

    Attributes:
        incarnation: which one.
        remaining: seconds on the engine's clock until its lease is over; 0 or less if it is over.
        draining: it gives everything back and claims nothing.
        left: it ended its lease itself.
        info: what it reported with its last renewal.
    """

    incarnation: Incarnation
    remaining: float
    draining: bool = False
    left: bool = False
    info: str = ""

    @property
    def is_alive(self) -> bool:
        """Whether its lease lasts."""
        return self.remaining > 0

    @property
    def report(self) -> dict[str, Any]:
        """`info` as JSON; empty if it is not a JSON object."""
        try:
            found = json.loads(self.info or "{}")
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def joined_for(self) -> float:
        """For how many seconds it had been a member at its last renewal; 0 if it did not report that."""
        value = self.report.get("joined_for")
        return float(value) if isinstance(value, int | float) else 0.0


@attrs.frozen
class LeaseGrant:
    """A lease was granted or renewed.

    Attributes:
        ttl: seconds from the moment at which the engine made the call until the lease is over.
        member: the holder as the engine now has it; its `draining` may have been set by an operator.
        members: the group's members of the last 60 s, the holder included, in the order of their `str`.
        epoch: random, made with the engine's first data. Another epoch means that the engine lost everything.
    """

    ttl: float
    member: Member
    members: tuple[Member, ...]
    epoch: str


# Claims


@attrs.frozen
class Claim:
    """The wish to own one account (by a worker) or partition (by a consumer).

    Attributes:
        key: the uid of the account; or the number of the partition, as text.
        nonce: fresh for each claim; the same when a claim is repeated because its result is unknown.
    """

    key: str
    nonce: str = attrs.field(factory=new_nonce)


@attrs.frozen
class Claimed:
    """The claim succeeded.

    Attributes:
        key: as in the claim.
        word: the proof of ownership.
        session: what was last saved for the account; `None` if there is none. Not in the `repr`.
        session_revision: of *session*; the next `Save` needs a greater one.
        position: the greatest message id that was appended for the account; `None` if there is none.
        cursor: where reading of the partition continues; `""` at the beginning of the log, and for accounts.
        previous: the word from which it was taken, because the lease of its incarnation is over. `None` if there was no
            owner, and also when a claim was repeated.
    """

    key: str
    word: OwnerWord
    session: bytes | None = attrs.field(default=None, repr=False)
    session_revision: int = 0
    position: int | None = None
    cursor: str = ""
    previous: OwnerWord | None = None


class Refusal(enum.Enum):
    """Why a claim was refused."""

    OWNED = "owned"  #: another word owns it, and its worker's lease lasts
    PARKED = "parked"  #: the account is parked until `resume()`
    UNKNOWN = "unknown"  #: there is no such account or partition


@attrs.frozen
class ClaimRefused:
    """The claim was refused, and nothing changed.

    Attributes:
        key: as in the claim.
        reason: why.
        owner: the word that owns it, if *reason* is `OWNED`.
    """

    key: str
    reason: Refusal
    owner: OwnerWord | None = None


ClaimResult: TypeAlias = Claimed | ClaimRefused


@attrs.frozen
class Release:
    """An owned account or partition is given back.

    Attributes:
        key: as in the claim.
        word: the proof of ownership.
        parked: if not `None`, the account is parked with this reason in the same step.
    """

    key: str
    word: OwnerWord
    parked: str | None = None


@attrs.frozen
class Fenced:
    """The word of the write is not the owner's, so nothing changed. The caller does not own the account any more.

    Attributes:
        key: the account or partition.
        owner: the word that owns it now; `None` if there is none.
    """

    key: str
    owner: OwnerWord | None = None


# The log


class EntryKind(enum.Enum):
    """What an entry of the log is."""

    MESSAGE = "message"  #: it has an id; exactly once by (account, id)
    SIGNAL = "signal"  #: it has no id (typing, presence, receipts); at most once
    HOLE = "hole"  #: messages may be missing here


@attrs.frozen
class LogEvent:
    """One event to append.

    Attributes:
        id: CometChat's message id, 0 or greater, of any size; `None` for signals and holes.
        body: what the log keeps. `None`: the id counts as appended, but the log gets no entry.
        kind: what it is.
    """

    id: int | None
    body: bytes | None = attrs.field(repr=False)
    kind: EntryKind = EntryKind.MESSAGE

    def __attrs_post_init__(self) -> None:
        """Check the id. Raises `SettingsError`."""
        if self.id is not None and self.id < 0:
            message = f"A message id is 0 or greater: not {self.id}."
            raise SettingsError(message)


@attrs.frozen
class Append:
    """New events of one account, and what the caller knows of the account's log. Without events it is an audit.

    Attributes:
        account: the uid.
        word: the proof of ownership.
        sequence: greater than every sequence that was used with this word before, for other events. A repeated call has
            the same. Gaps are allowed. An audit does not need one.
        events: in the order of their ids, if they have any.
        after: the sequence of the last append with this word whose result is known; 0 if there was none.
        expected: the position in that result, or in the `Claimed`.
    """

    account: str
    word: OwnerWord
    sequence: int = 0
    events: tuple[LogEvent, ...] = ()
    after: int = 0
    expected: int | None = None


@attrs.frozen
class Appended:
    """The events are in the log, each message exactly once.

    Attributes:
        account: the uid.
        position: the greatest message id that was appended for the account; `None` if there is none.
        sequence: of the last append. It is the *after* of the next one.
        appended: how many ids, signals and holes are new.
        skipped: the ids that had been appended before.
        late: the ids that are new although they are not greater than the position was. Their entries are marked.
        repeated: this append, or one with a greater sequence, had been made before. Nothing changed.
    """

    account: str
    position: int | None
    sequence: int
    appended: int = 0
    skipped: tuple[int, ...] = ()
    late: tuple[int, ...] = ()
    repeated: bool = False


@attrs.frozen
class Rewound:
    """The engine has forgotten appends that it had acknowledged. Nothing changed.

    The word is still the owner's. Open the client again at *position*, with catch-up. Continue with *sequence* as `after`,
    *position* as `expected`, and a `sequence` greater than all that were ever sent.

    Attributes:
        account: the uid.
        position: the greatest message id that the engine knows of.
        sequence: of the last append that the engine knows of.
    """

    account: str
    position: int | None
    sequence: int


AppendResult: TypeAlias = Appended | Rewound | Fenced


@attrs.frozen
class Save:
    """A session to keep for the next owner.

    Attributes:
        account: the uid.
        word: the proof of ownership.
        session: what to keep; `None` forgets it. It is encrypted by the engine if it has keys. Not in the `repr`.
        revision: greater than that of every earlier save. A smaller one than the engine's is ignored, because it was
            overtaken.
        forgets_position: forget in the same step which message ids were appended, because from now on the account is
            used on other servers, which have ids of their own. The entries of the log stay.
    """

    account: str
    word: OwnerWord
    session: bytes | None = attrs.field(repr=False)
    revision: int
    forgets_position: bool = False


@attrs.frozen
class Saved:
    """The session is kept, or a newer one is.

    Attributes:
        account: the uid.
        revision: of the session that the engine keeps.
    """

    account: str
    revision: int


@attrs.frozen
class Read:
    """A wish for entries of one partition.

    Attributes:
        partition: its number.
        after: a cursor: only entries behind it are returned. `""` is the beginning.
        most: return at most so many entries.
    """

    partition: int
    after: str = ""
    most: int = 256


@attrs.frozen
class LogEntry:
    """One entry of the log.

    Attributes:
        cursor: where it stands in its partition. Cursors are opaque; only the engine compares them.
        account: the uid.
        id: CometChat's message id, if it has one. (account, id) is its key.
        kind: what it is.
        late: it stands behind entries of greater ids of the same account.
        body: as it was appended. Not in the `repr`.
        at: when it was appended, in seconds since 1970 on the engine's clock (`MemoryEngine`: on Trio's clock).
    """

    cursor: str
    account: str
    id: int | None
    kind: EntryKind
    late: bool
    body: bytes = attrs.field(repr=False)
    at: float


@attrs.frozen
class ReadResult:
    """The entries that were found.

    Attributes:
        partition: its number.
        entries: in the order of the log; per account, that is the order of the ids, but for late ones.
        rewound: the log ends before `Read.after`: the engine has forgotten entries. Claim the partition again, which
            gives the cursor to continue at. Keys may come again.
    """

    partition: int
    entries: tuple[LogEntry, ...] = ()
    rewound: bool = False


@attrs.frozen
class Ack:
    """Every entry of a partition up to *cursor* was handled by the group of *word*.

    Attributes:
        partition: its number.
        word: the proof of ownership.
        cursor: of the last handled entry.
    """

    partition: int
    word: OwnerWord
    cursor: str


@attrs.frozen
class Acked:
    """The cursor is kept.

    Attributes:
        partition: its number.
        cursor: the group's: *Ack.cursor*, or one behind it that had been acknowledged before.
    """

    partition: int
    cursor: str


# Administration


@checked
@attrs.frozen
class Account:
    """An account that the fleet keeps connected.

    Attributes:
        uid: CometChat's uid.
        metadata: a text of yours, for example JSON; at most 64 KiB. The engine does not read it, and does not encrypt it.
    """

    uid: str
    metadata: str = ""


@attrs.frozen
class AccountChange:
    """What is configured for one uid.

    Attributes:
        uid: the uid.
        account: the account; `None` if it was removed.
        pinned_to: the name of the worker that is to own it; `None`: the hash decides.
        pin_remaining: seconds on the engine's clock until the pin expires.
        parked: why no worker may claim it; `None` if they may.
    """

    uid: str
    account: Account | None
    pinned_to: str | None = None
    pin_remaining: float = 0.0
    parked: str | None = None


@attrs.frozen
class AccountChanges:
    """What changed since a revision.

    Attributes:
        revision: pass it as `since` the next time.
        changes: one for each changed uid.
        complete: these are all accounts that there are: forget every other one.
    """

    revision: int
    changes: tuple[AccountChange, ...]
    complete: bool = False


@attrs.frozen
class RecordedHole:
    """A place in the log where messages may be missing.

    Attributes:
        account: the uid.
        cursor: of its entry in the log.
        at: when it was appended, as in `LogEntry`.
        body: as it was appended.
    """

    account: str
    cursor: str
    at: float
    body: bytes


@attrs.frozen
class PartitionStatus:
    """How much of the log is in one partition, and how far the consumer groups are behind.

    Attributes:
        partition: its number.
        entries: how many entries it has.
        age: for how many seconds its oldest entry is in the log, on the engine's clock; 0 if there is none.
        behind: for each consumer group, for how many seconds the oldest entry that it has not acknowledged is in the log; 0
            if it has acknowledged everything. Such entries are not removed.
    """

    partition: int
    entries: int
    age: float
    behind: Mapping[str, float]


@attrs.frozen
class SessionReplacement:
    """A saved session is to be replaced, if it is still the same.

    Attributes:
        account: the uid.
        old: what the engine is expected to keep. Not in the `repr`.
        new: what it is to keep instead. Not in the `repr`.
    """

    account: str
    old: bytes = attrs.field(repr=False)
    new: bytes = attrs.field(repr=False)
