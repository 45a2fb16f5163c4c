"""Makes what a worker owns agree with what it is to own (F8): a look at each tick, and no messages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import attrs
import trio

from cometconn._groups import open_nursery

from .changes import Claimed as ClaimedChange
from .changes import Released
from .claims import Claims
from .engine import EngineAdministration
from .errors import EngineError, LeaseLostError
from .membership import Membership
from .ownership import Ownership
from .settings import FleetSettings
from .shares import Roster, roster, winner
from .tenure import Tenure
from .values import AccountChange, AccountChanges, Claimed, Member, OwnerWord

__all__ = ["Pace", "Reconciler"]

_LOG = logging.getLogger("cometconn.fleet")
_READ_ALL_EVERY = 60.0  # seconds: an engine that lost its last writes may have forgotten a change
_LOOK_EVERY = 0.1  # seconds, at the event loop
_PASSES = 8  # of the event loop, from the moment at which a renewal is due
_SHORTEST_TICK = 0.1  # of the time from tick to tick: a tick that is wanted earlier comes after so much of it


@attrs.define(eq=False)
class _Accounts:
    """The configured accounts, as far as they are known here, and which of them this worker is to own."""

    revision: int | None = None
    all_read_at: float = float("-inf")
    known: dict[str, AccountChange] = attrs.field(factory=dict)
    _pin_ends: dict[str, float] = attrs.field(factory=dict)
    _shares: tuple[frozenset[str], int | None, frozenset[str]] = (frozenset(), None, frozenset())

    def take(self, changes: AccountChanges) -> None:
        """Take over what has changed."""
        if changes.complete:
            self.known.clear()
            self._pin_ends.clear()
        for change in changes.changes:
            self.known.pop(change.uid, None)
            self._pin_ends.pop(change.uid, None)
            if change.account is not None:
                self.known[change.uid] = change
                if change.pinned_to is not None:
                    self._pin_ends[change.uid] = trio.current_time() + change.pin_remaining
        if changes.complete or changes.changes:
            self._shares = (frozenset(), None, frozenset())
        self.revision = changes.revision

    def wanted(self, me: str, names: frozenset[str]) -> set[str]:
        """Return the uids that *me* is to own among *names*."""
        by_hash, revision, shares = self._shares
        if by_hash != names or revision != self.revision:
            shares = frozenset(uid for uid in self.known if winner(names, uid) == me)
            self._shares = (names, self.revision, shares)
        wanted = set(shares)
        for uid, ends_at in self._pin_ends.items():
            pinned_to = self.known[uid].pinned_to
            if ends_at > trio.current_time() and pinned_to in names:
                (wanted.add if pinned_to == me else wanted.discard)(uid)
        return {uid for uid in wanted if self.known[uid].parked is None}


@attrs.define(eq=False)
class Pace:
    """How many accounts may start at the same time: fewer while the event loop is late.

    A client that starts works a lot, and the lease is renewed in the same event loop. On a busy machine many that start
    together would delay the renewal beyond the end of the lease.

    Attributes:
        most: at the same time.
        tolerated: how late the event loop may be, in seconds.
        now: how many at present. At first half of them, because nothing is known about the machine.
    """

    most: int
    tolerated: float
    now: int = attrs.field(init=False)
    _lag: float = attrs.field(default=0.0, init=False)
    _begins: trio.Event = attrs.field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        """Begin with half of them."""
        self.now = max(1, self.most // 2)

    @classmethod
    def of(cls, fleet: FleetSettings) -> Pace:
        """Return the pace of a lease. A renewal takes some passes of the event loop, and is to fit into the rest of the lease."""
        return cls(fleet.starts_at_once, (fleet.usable_ttl - fleet.renew_every) / _PASSES)

    async def watch(self, starting: Callable[[], int]) -> None:
        """Look how late the event loop is while accounts are *starting*, until cancelled."""
        while True:
            if not starting():
                self._begins = trio.Event()
                await self._begins.wait()
            due = trio.current_time() + _LOOK_EVERY
            await trio.sleep_until(due)
            self._lag = max(self._lag, trio.current_time() - due)

    def begin(self) -> None:
        """Note that an account starts."""
        self._begins.set()

    def adapt(self, starting: int) -> None:
        """Halve the number if the event loop was late since the last call; otherwise double it, if so many are *starting*."""
        if self._lag > self.tolerated:
            self.now = max(1, self.now // 2)
        elif starting >= self.now:
            self.now = min(self.most, 2 * self.now)
        self._lag = 0.0


@attrs.define(eq=False)
class Reconciler:
    """Claims, opens, ends and gives back, for one lease.

    Attributes:
        tenure: the lease.
        membership: knows whether the worker is draining.
        nursery: the worker's, in which the accounts run. They end with the lease, but are waited for outside of it.
        stuck: uids whose tasks of earlier leases have not ended, because their handlers ignore cancellation.
        owned: the ownerships that last, and those that are being closed.
        is_drained: set when the worker drains, and owns nothing any more.
    """

    tenure: Tenure
    membership: Membership
    nursery: trio.Nursery = attrs.field(repr=False)
    stuck: set[Ownership] = attrs.field(repr=False)
    owned: dict[str, Ownership] = attrs.field(factory=dict, init=False)
    is_drained: trio.Event = attrs.field(factory=trio.Event, init=False)
    _wanted_now: frozenset[str] = attrs.field(default=frozenset(), init=False, repr=False)
    _accounts: _Accounts = attrs.field(factory=_Accounts, init=False, repr=False)
    _claims: Claims = attrs.field(init=False, repr=False)
    _pace: Pace = attrs.field(init=False, repr=False)
    _wake: trio.Event = attrs.field(factory=trio.Event, init=False)
    _ended_one: trio.Event = attrs.field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        """Begin without claims."""
        self._claims = Claims(self.tenure.incarnation, self.tenure.connection, self.tenure.lease)
        self._pace = Pace.of(self.tenure.options.fleet)

    @property
    def starting(self) -> int:
        """How many accounts have not finished their first attempt to connect."""
        return sum(each.is_starting for each in self.owned.values())

    @property
    def orphans(self) -> int:
        """How many accounts of this worker's share it does not own."""
        lasting = {uid for uid, each in self.owned.items() if each.ended_because is None}
        return len(self._wanted_now - lasting)

    def wake(self) -> None:
        """Let the next tick come now."""
        self._wake.set()

    async def wait_ended(self) -> None:
        """Return when no ownership is left."""
        await trio.lowlevel.checkpoint()
        while self.owned:
            self._ended_one = trio.Event()
            await self._ended_one.wait()

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Reconcile until cancelled."""
        async with open_nursery() as nursery:
            nursery.start_soon(self._pace.watch, lambda: self.starting, name="cometconn.fleet.pace")
            await self._reconcile(self.tenure.options.fleet.reconcile_every)

    async def _reconcile(self, every: float) -> None:
        while True:
            self._wake = trio.Event()
            began = trio.current_time()
            try:
                await self._tick()
            except EngineError as error:
                _LOG.debug("The engine is unreachable: %s", error)
            except LeaseLostError:
                self.tenure.lease.lose()
            with trio.move_on_at(began + every):
                await self._wake.wait()
            await trio.sleep_until(began + every * _SHORTEST_TICK)  # many accounts may start or end together

    def end_all(self, reason: str) -> None:
        """End every ownership in this step. Nothing is given back: the end of the lease does that."""
        for each in list(self.owned.values()):
            each.end(reason)

    # A tick.

    async def _tick(self) -> None:
        self.tenure.lease.check()
        if self.membership.is_draining:
            self.end_all("drain")  # also while the engine is unreachable
        self._give_up_stuck()
        await self._claims.send_releases()
        administration = self.tenure.connection.administration
        members = await administration.members(self.tenure.incarnation.group)
        await self._read_accounts(administration)
        fleet = self.tenure.options.fleet
        shared = roster(
            members,
            me=self.tenure.incarnation,
            joined_for=trio.current_time() - self.tenure.joined_at,
            tick=fleet.reconcile_every,
            ttl=fleet.lease_ttl,
        )
        wanted = self._wanted(shared)
        self._wanted_now = frozenset(wanted)
        for uid, each in list(self.owned.items()):
            if uid not in wanted:
                # A drain may have begun while this tick read the engine.
                each.end("drain" if self.membership.is_draining else "share")
        await self._claim(wanted if shared.may_claim else set(), members)
        if self.membership.is_draining and not (self.owned or self._claims.keys):
            self.is_drained.set()

    async def _read_accounts(self, administration: EngineAdministration) -> None:
        accounts, now = self._accounts, trio.current_time()
        if now - accounts.all_read_at < _READ_ALL_EVERY:
            accounts.take(await administration.accounts(accounts.revision))
            return
        accounts.take(await administration.accounts(None))
        self._release_unknown(await administration.owners())
        accounts.all_read_at = now

    def _wanted(self, shared: Roster) -> set[str]:
        if self.membership.is_draining:
            return set()
        return self._accounts.wanted(self.tenure.incarnation.name, shared.names)

    # Claims.

    async def _claim(self, wanted: set[str], members: Sequence[Member]) -> None:
        """Claim what is wanted, and repeat the claims whose results are not known, wanted or not."""
        stuck, now = {each.account.uid for each in self.stuck}, trio.current_time()
        self._pace.adapt(self.starting)
        room = max(0, self._pace.now - self.starting - len(self._claims.unknown))
        new = sorted(wanted - self.owned.keys() - self._claims.keys - stuck)[:room]
        if new or self._claims.unknown:
            ended = {member.incarnation: -member.remaining for member in members}
            for claimed in await self._claims.claim(new):
                over_for = 0.0 if claimed.previous is None else ended.get(claimed.previous.incarnation, 0.0)
                self._begin(claimed, now - max(0.0, over_for), is_wanted=claimed.key in wanted)

    def _begin(self, claimed: Claimed, free_since: float, *, is_wanted: bool) -> None:
        change = self._accounts.known.get(claimed.key)
        if not is_wanted or change is None or change.account is None:
            self._claims.release(claimed.key, claimed.word)
            self.wake()
            return
        owned = Ownership.of(change.account, claimed, self.tenure, free_since, self.wake, self._ended)
        self.owned[claimed.key] = owned
        self.tenure.counters.claims += 1
        self.tenure.counters.takeovers[_reason(claimed)] += 1
        self.tenure.changes.publish(ClaimedChange(at=trio.current_time(), uid=claimed.key, token=claimed.word.token))
        self._pace.begin()
        self.nursery.start_soon(owned.run, name=f"cometconn.fleet.account {claimed.key}")

    # Releases.

    def _ended(self, owned: Ownership) -> None:
        """Note that the task of an ownership has ended."""
        self.stuck.discard(owned)
        self._give_up(owned)

    def _give_up(self, owned: Ownership) -> None:
        """Give an account back: its client is closed, and what was to be appended for it is appended or lost."""
        uid = owned.account.uid
        if self.owned.get(uid) is not owned:
            return
        del self.owned[uid]
        self._ended_one.set()
        reason = owned.ended_because or "closed"
        self.tenure.counters.releases += 1
        self.tenure.changes.publish(Released(at=trio.current_time(), uid=uid, reason=reason))
        if reason != "fenced" and not self.tenure.lease.is_over:
            self._claims.release(uid, owned.word, parked=owned.parked)
        self.wake()

    def _give_up_stuck(self) -> None:
        """Give back what should have ended long ago: its socket is closed, and its writes are refused."""
        patience = self.tenure.options.settings.timing.close_timeout + 1.0
        for owned in list(self.owned.values()):
            if owned.is_stuck(patience, self.tenure.options.fleet.reconcile_every):
                _LOG.error(
                    "The handler of %r ignores cancellation: the account is given to another worker all the same.",
                    owned.account.uid,
                )
                self.stuck.add(owned)
                self._give_up(owned)

    def _release_unknown(self, owners: dict[str, OwnerWord]) -> None:
        """Give back what the engine has under this incarnation and nothing here knows of."""
        for uid, word in owners.items():
            if word.incarnation == self.tenure.incarnation and not (uid in self.owned or uid in self._claims.keys):
                self._claims.release(uid, word)
                self.wake()


def _reason(claimed: Claimed) -> str:
    """Return why the account could be claimed: one of `TAKEOVER_REASONS`."""
    if claimed.previous is not None:
        return "expired"
    return "first" if claimed.word.token == 1 else "released"
