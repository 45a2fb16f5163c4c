"""What a fleet looks like at one moment, read from its engine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cometconn.fleet import EngineConnection
    from cometconn.fleet.values import AccountChange, Member, OwnerWord, PartitionStatus, RecordedHole

__all__ = ["GroupView", "MemberView", "Snapshot", "hole_fields", "take_snapshot"]

_NONCE = 6  # characters of an incarnation that people see


@attrs.frozen
class MemberView:
    """A worker or consumer.

    Attributes:
        member: as the engine has it.
        owned: the accounts or partitions that it owns in the engine.
        info: what it reported with its last renewal.
    """

    member: Member
    owned: tuple[str, ...]
    info: dict[str, Any]

    @property
    def name(self) -> str:
        """Its name."""
        return self.member.incarnation.name

    @property
    def incarnation(self) -> str:
        """Its incarnation, short enough for people."""
        return f"{self.name}~{self.member.incarnation.nonce[:_NONCE]}"

    def number(self, name: str) -> float:
        """Return a number that it reported; 0 if it did not."""
        value = self.info.get(name)
        return value if isinstance(value, int | float) else 0

    def to_json(self, what: str) -> dict[str, Any]:
        """Return it as JSON; *what* names the things that it owns."""
        member = self.member
        return {
            "name": self.name,
            "incarnation": str(member.incarnation),
            "alive": member.is_alive,
            "lease_remaining": round(member.remaining, 3),
            "draining": member.draining,
            "left": member.left,
            what: len(self.owned),
            "info": self.info,
        }


@attrs.frozen
class GroupView:
    """A consumer group.

    Attributes:
        name: its name.
        members: its consumers.
        behind: for how many seconds the oldest entry that it has not acknowledged is in the log; 0 if it has acknowledged
            everything.
    """

    name: str
    members: tuple[MemberView, ...]
    behind: float

    @classmethod
    async def of(cls, connection: EngineConnection, name: str, log: Sequence[PartitionStatus]) -> GroupView:
        """Read it. *log* is what is known about the log."""
        administration = connection.administration
        members, owners = await administration.members(name), await administration.owners(name)
        return cls(name, _views(members, owners), max((each.behind.get(name, 0.0) for each in log), default=0.0))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "name": self.name,
            "consumers": [each.to_json("partitions") for each in self.members],
            "behind_seconds": round(self.behind, 3),
        }


@attrs.frozen
class Snapshot:
    """A fleet at one moment.

    Attributes:
        app_id: the app.
        partitions: of the log.
        workers: those that have a lease, or had one in the last 60 s.
        accounts: all of them, with pins and reasons for parking.
        owners: the names of the living workers that own accounts.
        holes: places in the log where messages may be missing.
        groups: of consumers.
        log: how much of it is in each partition.
    """

    app_id: str
    partitions: int
    workers: tuple[MemberView, ...]
    accounts: tuple[AccountChange, ...]
    owners: dict[str, str]
    holes: tuple[RecordedHole, ...]
    groups: tuple[GroupView, ...]
    log: tuple[PartitionStatus, ...]

    @property
    def parked(self) -> dict[str, str]:
        """The parked accounts, and why."""
        return {change.uid: change.parked for change in self.accounts if change.parked is not None}

    @property
    def pins(self) -> tuple[AccountChange, ...]:
        """The accounts that are pinned to a worker."""
        return tuple(change for change in self.accounts if change.pinned_to is not None)

    @property
    def orphans(self) -> tuple[str, ...]:
        """The accounts that no living worker owns, although one could."""
        return tuple(c.uid for c in self.accounts if c.uid not in self.owners and c.parked is None)

    @property
    def connected(self) -> int:
        """How many accounts are connected, as the workers reported it with their last renewals."""
        return sum(int(each.number("connected")) for each in self.workers if each.member.is_alive)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "app_id": self.app_id,
            "partitions": self.partitions,
            "workers": [each.to_json("owned") for each in self.workers],
            "accounts": len(self.accounts),
            "connected": self.connected,
            "owners": self.owners,
            "orphans": list(self.orphans),
            "parked": self.parked,
            "pins": [{"uid": c.uid, "worker": c.pinned_to, "remaining": round(c.pin_remaining, 1)} for c in self.pins],
            "holes": [
                {"uid": hole.account, "at": hole.at, "cursor": hole.cursor, "what": hole_fields(hole.body)}
                for hole in self.holes
            ],
            "groups": [each.to_json() for each in self.groups],
        }


def hole_fields(body: bytes) -> dict[str, Any]:
    """Return what the log has about a hole: between which message ids it is, or how many messages were dropped."""
    try:
        found = json.loads(body)["hole"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


async def take_snapshot(connection: EngineConnection) -> Snapshot:
    """Read everything, in as many calls as there are kinds of it. Raises `EngineError`."""
    administration = connection.administration
    changes = (await administration.accounts()).changes
    members, owners = await administration.members(), await administration.owners()
    alive = {str(member.incarnation) for member in members if member.is_alive}
    log = await administration.log()
    groups = [await GroupView.of(connection, name, log) for name in await administration.groups()]
    known = {change.uid for change in changes}
    return Snapshot(
        connection.app_id,
        connection.partitions,
        _views(members, owners),
        changes,
        {uid: w.incarnation.name for uid, w in sorted(owners.items()) if str(w.incarnation) in alive and uid in known},
        await administration.holes(),
        tuple(groups),
        log,
    )


def _views(members: Sequence[Member], owners: dict[str, OwnerWord]) -> tuple[MemberView, ...]:
    owned: dict[str, list[str]] = {}
    for key, word in sorted(owners.items()):
        owned.setdefault(str(word.incarnation), []).append(key)
    return tuple(MemberView(member, tuple(owned.get(str(member.incarnation), ())), member.report) for member in members)
