"""The rules of the demo, checked against what the server and the fleet's log have recorded."""

from __future__ import annotations

import collections
import itertools
import math
import statistics
from typing import TYPE_CHECKING

import attrs

from .records import by_account

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .records import Numbered, Socket

__all__ = ["Move", "Outcome", "Result", "check"]


@attrs.frozen
class Move:
    """What one step of the demo has moved.

    Attributes:
        step: what was done.
        gaps: for each account that was to move, for how many seconds it was not connected; `None` if it never came back.
        promised: seconds within which all were to be connected; `None` if nothing is promised for this step.
    """

    step: str
    gaps: dict[str, float | None]
    promised: float | None = None

    @property
    def known(self) -> list[float]:
        """The gaps of those that came back, the shortest first."""
        return sorted(gap for gap in self.gaps.values() if gap is not None)

    @property
    def median(self) -> float:
        """Half of them were shorter."""
        return statistics.median(self.known) if self.known else 0.0

    @property
    def longest(self) -> float:
        """The longest one."""
        return max(self.known, default=0.0)

    @property
    def absent(self) -> int:
        """How many accounts did not come back."""
        return len(self.gaps) - len(self.known)


@attrs.frozen(kw_only=True)
class Outcome:
    """What the demo has recorded.

    Attributes:
        accounts: how many accounts there are.
        sent: the messages that the server has stored, in the order in which they were sent.
        logged: the messages in the fleet's log, in the order of the log.
        holes: how many places of the log may lack messages.
        sockets: every authenticated connection that the server has had.
        unseen: how many entries of its log were dropped before they were read.
        logins: how many logins it has accepted.
        takeover: what the kill has moved; `None` if the demo did not get there, and so for the following.
        drain_seconds: from the signal until the drained worker had ended.
        drain_status: its exit status.
        drain_timeout: seconds that a drain may take.
        joiner: the name of the worker that joined later.
        joined: the accounts that it got.
        disturbed: the accounts of others that were connected anew while it joined.
    """

    accounts: int
    sent: Sequence[Numbered]
    logged: Sequence[Numbered]
    holes: int
    sockets: Sequence[Socket]
    unseen: int
    logins: int
    takeover: Move | None
    drain_seconds: float | None
    drain_status: int | None
    drain_timeout: float
    joiner: str
    joined: int | None
    disturbed: int


@attrs.frozen
class Result:
    """Whether a rule held.

    Attributes:
        rule: the rule, in one sentence.
        held: whether it held.
        observation: what was seen.
    """

    rule: str
    held: bool = attrs.field(kw_only=True)
    observation: str = attrs.field(kw_only=True)


def check(outcome: Outcome) -> tuple[Result, ...]:
    """Check every rule. What was not recorded, because the demo did not get there, counts as not held."""
    return (
        _exactly_once(outcome),
        _in_order(outcome),
        _one_connection(outcome),
        _one_login(outcome),
        _takeover(outcome),
        _drain(outcome),
        _join(outcome),
    )


def _exactly_once(outcome: Outcome) -> Result:
    sent = collections.Counter((message.uid, message.id, message.text) for message in outcome.sent)
    logged = collections.Counter((message.uid, message.id, message.text) for message in outcome.logged)
    lost, doubled = sum((sent - logged).values()), sum((logged - sent).values())
    holes = f", and {outcome.holes} places where messages may be missing" if outcome.holes else ""
    return Result(
        "Each message is in the log exactly once.",
        held=bool(sent) and not (lost or doubled or outcome.holes),
        observation=f"{len(outcome.sent):,} sent, {len(outcome.logged):,} in the log: {lost} lost, {doubled} doubled{holes}.",
    )


def _in_order(outcome: Outcome) -> Result:
    swapped = 0
    for messages in by_account(outcome.logged).values():
        ids = [message.id for message in messages]
        swapped += sum(later < earlier for earlier, later in itertools.pairwise(ids))
    return Result(
        "The messages of each account are in the log in the order in which they were sent.",
        held=bool(outcome.logged) and not swapped,
        observation=f"{swapped} out of order.",
    )


def _one_connection(outcome: Outcome) -> Result:
    ends: dict[str, float] = {}
    double = 0
    for socket in sorted(outcome.sockets, key=lambda each: each.opened):
        end = ends.get(socket.uid, -1.0)
        double += socket.opened < end
        ends[socket.uid] = max(end, math.inf if socket.closed is None else socket.closed)
    unseen = f" {outcome.unseen} entries of the server's log could not be read in time." if outcome.unseen else ""
    return Result(
        "No account ever had two connections at a time.",
        held=bool(outcome.sockets) and not (double or outcome.unseen),
        observation=f"Of {len(outcome.sockets)} connections, {double} began while the account had another one.{unseen}",
    )


def _one_login(outcome: Outcome) -> Result:
    return Result(
        "Each account logged in once: the next owner continues with its session.",
        held=outcome.logins == outcome.accounts,
        observation=f"{outcome.logins} logins for {outcome.accounts} accounts.",
    )


def _takeover(outcome: Outcome) -> Result:
    rule = "After a kill, other workers have the accounts connected within lease_ttl + 5 s."
    move = outcome.takeover
    if move is None or move.promised is None:
        return Result(rule, held=False, observation="It was not tried.")
    absent = f"; {move.absent} accounts were not connected again" if move.absent else ""
    return Result(
        rule,
        held=bool(move.gaps) and not move.absent and move.longest <= move.promised,
        observation=f"{move.longest:.1f} s at most, and {move.promised:g} s are promised{absent}.",
    )


def _drain(outcome: Outcome) -> Result:
    rule = f"A drained worker gives all its accounts back, and ends within {outcome.drain_timeout:g} s."
    if outcome.drain_seconds is None or outcome.drain_status is None:
        return Result(rule, held=False, observation="It did not end." if outcome.takeover else "It was not tried.")
    return Result(
        rule,
        held=outcome.drain_status == 0 and outcome.drain_seconds <= outcome.drain_timeout,
        observation=f"It ended after {outcome.drain_seconds:.1f} s with status {outcome.drain_status}.",
    )


def _join(outcome: Outcome) -> Result:
    rule = "When a worker joins, only its own share of the accounts moves."
    if outcome.joined is None:
        return Result(rule, held=False, observation="It was not tried.")
    return Result(
        rule,
        held=outcome.joined > 0 and not outcome.disturbed,
        observation=f"{outcome.joined} of {outcome.accounts} accounts moved to {outcome.joiner}, {outcome.disturbed} others moved.",
    )
