"""Which member of a group is to own what: rendezvous hashing, and the settling time of a member that joins.

Nothing is agreed upon: every member computes the same from the list of members.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

import attrs

from .values import Incarnation, Member

__all__ = ["Roster", "roster", "weight", "winner"]


def weight(name: str, key: str) -> int:
    """Return the weight of the member *name* for *key*: 64 bits that no other pair has in common."""
    text = f"{name}\0{key}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def winner(names: Collection[str], key: str) -> str | None:
    """Return which of *names* is to own *key*; `None` if there are no names.

    When a name is added, only the keys that it wins move; when one is removed, only its keys do: 1/N on average.
    """
    return max(names, key=lambda name: (weight(name, key), name), default=None)


@attrs.frozen
class Roster:
    """Among which names everything is shared at the moment.

    Attributes:
        names: the names.
        may_claim: whether this member may claim its share already.
        settled: whether the names are those of the living members.
    """

    names: frozenset[str]
    may_claim: bool
    settled: bool


def roster(members: Iterable[Member], *, me: Incarnation, joined_for: float, tick: float, ttl: float) -> Roster:
    """Return the roster as the member *me* has to see it (F18).

    After an outage, or when a fleet is started, the first member sees only itself. Therefore a member that has just joined
    claims nothing for two ticks, and then, until it has been there for one *ttl*, only its share among all names of the
    last 60 s. It is settled at once when leases of the last 60 s are over, and all their names are back; and after the two
    ticks when another member has been there for one *ttl*: that one shares among the living names alone, and has given
    this member its whole share back.

    Args:
        members: as the engine lists them: those of the last 60 s.
        me: this member.
        joined_for: seconds since this member joined.
        tick: seconds between two ticks.
        ttl: how long a lease lasts, in seconds.
    """
    seen = [member for member in members if not member.left]
    living = {member.incarnation.name for member in seen if member.is_alive}
    sharing = {member.incarnation.name for member in seen if member.is_alive and not member.draining}
    missing = {member.incarnation.name for member in seen} - living
    settled = not missing and (joined_for >= 2 * tick or any(not member.is_alive for member in members))
    settled = settled or joined_for >= ttl
    has_settled = (member.joined_for >= ttl for member in seen if member.is_alive and not member.draining)
    settled = settled or (joined_for >= 2 * tick and any(has_settled))
    may_claim = me.name in sharing and (settled or joined_for >= 2 * tick)
    return Roster(frozenset(sharing if settled else sharing | missing), may_claim, settled)
