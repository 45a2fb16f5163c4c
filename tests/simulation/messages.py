"""An independent judge of messages: each is delivered exactly once, in order, or reported as lost by a rule that allows it."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn.events import Gap, Message, Overflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cometconn.events import Event

__all__ = ["Messages", "Reading"]

_EARLIER = 4.0  # seconds: so much before its first connection is fetched, because the server's times are whole seconds
_SAVED_WITHIN = 0.6  # seconds: the contract's half second, and what a healthy disk takes


@attrs.define(eq=False)
class Reading:
    """One stream of the program: its last message, what a gap told it, and what it may have missed.

    Attributes:
        missed_until: it may have missed gaps until then: when it was opened, or last reported that it had dropped events.
        late: messages that it was not given, and the first gap of which it may have missed. If it has dropped the second
            one, too, they come out of order.
    """

    number: int
    counts: bool
    opened: float = attrs.field(factory=trio.current_time)
    last: int | None = None
    lost_up_to: int = 0
    is_excused: bool = False
    has_dropped: bool = False
    missed_until: float = attrs.field(factory=trio.current_time)
    late: set[int] = attrs.field(factory=set)


@attrs.define(eq=False)
class Messages:
    """What was sent to the user, and what the program got of it.

    Attributes:
        fail: is called with what is wrong.
        catches_up: missed messages are fetched.
        sent: the messages of others to the user: when each was sent.
        owed: those that have to be delivered and acknowledged, now or later.
        acknowledged: when the program acknowledged a message.
        delivered: how many messages were delivered by a stream that counts.
        lost: how many were reported as lost.
    """

    fail: Callable[[str], object]
    catches_up: bool
    sent: dict[int, float] = attrs.field(factory=dict)
    owed: dict[int, None] = attrs.field(factory=dict)
    acknowledged: dict[int, float] = attrs.field(factory=dict)
    delivered: int = 0
    lost: int = 0
    _is_covered: bool = False
    _covered_since: float = 0.0  # infinity: the process has not been connected, and does not catch up
    _is_forgotten: bool = False  # by `logout()`
    _connections: dict[float, int] = attrs.field(factory=dict)  # when each began: the last message sent before it
    _largest: int = 0
    _is_excused: bool = False  # what is missing before the next message may be lost
    _late: set[int] = attrs.field(factory=set)  # these may come out of order
    _seen: set[int] = attrs.field(factory=set)  # delivered by this process
    _readings: int = 0
    _dropped: int = 0  # events that an `Overflow` reported, and that are not known to be lost messages yet
    _overflowed: float = -math.inf  # when the last of these was read
    _taken: set[int] = attrs.field(factory=set)  # messages that were taken for dropped ones
    _unread_gaps: set[float] = attrs.field(factory=set)  # when the connections behind them began
    _announced: dict[int, float] = attrs.field(factory=dict)  # when a gap announced that they come late
    _foreign: set[int] = attrs.field(factory=set)  # sent while no user was logged in, after `logout()`
    _position: int = -1  # with which the last process ended
    _unknown_up_to: int = 0  # what was sent before the first connection with a new position

    @property
    def is_fetch_refused(self) -> bool:
        """Whether messages are owed that come late, perhaps only when the client is connected the next time."""
        return self.catches_up and not self._late.isdisjoint(self.owed)

    # What the server does.

    def was_sent(self, number: int) -> None:
        """Note that another user sent a message to the user."""
        self.sent[number] = trio.current_time()
        if self._is_covered:
            self.owed[number] = None
        elif self._is_forgotten:
            self._foreign.add(number)

    def was_sent_again(self, number: int) -> None:
        """Note that the server sent a message a second time.

        If a program was started in between, it knows only the last message of its saved position: an earlier one may
        have got its id late. It knows none that was sent before a new position began, as it does after a `logout()`.
        Without catching up, the saved position is not judged. After a `logout()` the message may be the only
        one that the client knows, so those behind it that were sent while no user was logged in may be fetched, too.
        """
        behind = {other for other in self._foreign if other > number}
        self._foreign -= behind
        self._late |= behind
        is_unknown = number < self._position or number <= self._unknown_up_to or not self.catches_up
        if number not in self._seen and is_unknown:
            self._late.add(number)
            self.acknowledged.pop(number, None)

    def session_accepted(self) -> None:
        """Note that the server accepted the user's auth frame: from now on nothing may be lost without a word."""
        self._connections[trio.current_time()] = max(self.sent, default=0)
        self._unread_gaps.add(trio.current_time())
        if not self._is_covered:  # what was read after a `logout()` is not saved
            self.acknowledged.clear()
            self._unknown_up_to = max(self.sent, default=0)
            recently = trio.current_time() - _EARLIER
            self._foreign = {number for number in self._foreign if self.sent[number] < recently}
        if not self._is_covered or self._covered_since == math.inf:
            self._covered_since = trio.current_time()
        self._is_covered, self._is_forgotten = True, False

    # What the program does.

    def process_began(self) -> None:
        """Note that the program was started. Without catching up, what it missed is lost."""
        self._seen.clear()
        self._foreign.clear()  # an end by force, or a bad disk, may have left the user saved
        self._is_forgotten = False
        for known in (self._late, self._taken, self._announced, self._connections, self._unread_gaps):
            known.clear()
        self._largest = 0
        if not self.catches_up:
            self._covered_since = math.inf
            self._lose(self.owed)
            self._largest = max(self.sent, default=0)
            self._is_excused = True

    def process_ended(self, saved: bytes | None, healthy_since: float, *, by_force: bool, power_cut: bool) -> None:
        """Note that the program ended.

        What it acknowledged comes again only if it was not saved, which is allowed only after an end by force or with
        a bad disk. *saved*: the content of the file with the position.
        """
        if not self.catches_up:
            return
        now = trio.current_time()
        position = None if saved is None else json.loads(saved)
        if position is None:
            if not self._is_covered:  # after `logout()` nothing is saved
                self.acknowledged.clear()
            self._uncover()
        covered = set() if position is None else set(position["acknowledged"])
        up_to = -1 if position is None or position["message_id"] is None else position["message_id"]
        again = [number for number in self.acknowledged if number > up_to and number not in covered]
        safe = now - _SAVED_WITHIN if by_force else now
        was_healthy = healthy_since < now - 8
        for number in again:
            at = self.acknowledged.pop(number)
            # A message that had come before a `logout()` may have been read after it: it belongs to no position then.
            is_of_now = number in self.sent and number > self._unknown_up_to
            if was_healthy and not power_cut and at <= safe and is_of_now:
                self.fail(f"message {number} was acknowledged at {at:.3f} and is not in the saved position {position}")
        self._position = up_to
        early = [number for number in self.owed if number <= up_to or number in covered]
        if len(early) <= self._dropped:
            self._dropped -= len(early)
            self._lose(early)
        else:
            self.fail(f"the saved position {position} covers messages that were not acknowledged: {early[:5]}")

    def logged_out(self) -> None:
        """Note that `logout()` was called: the position is forgotten, and what was not delivered need not come."""
        self._uncover()
        self._is_forgotten = self._is_excused = True
        self._late.update(self.sent)
        self._taken.clear()
        self.acknowledged.clear()

    def _uncover(self) -> None:
        self._is_covered = False
        self._lose(self.owed)

    def _lose(self, numbers: Iterable[int]) -> None:
        for number in list(numbers):
            self.lost += 1
            del self.owed[number]

    def begin_reading(self, *, counts: bool) -> Reading:
        """Note that a stream was opened."""
        self._readings += 1
        return Reading(self._readings, counts)

    def handed_out(self, reading: Reading, event: Event) -> int | None:
        """Judge an event that a stream yielded. Return the number of the message that has to be acknowledged."""
        if isinstance(event, Gap):
            self.saw_gap(reading, event)
        elif isinstance(event, Overflow):
            self.saw_overflow(reading, event.dropped)
        elif isinstance(event, Message) and event.id in self.sent:
            return self.saw_message(reading, event.id)
        return None

    def saw_gap(self, reading: Reading, gap: Gap) -> None:
        """Judge a gap."""
        if gap.recovered is True and not self.catches_up:
            self.fail("a gap was recovered without catching up")
        began = max((at for at in self._connections if at <= gap.until), default=-math.inf)
        if reading.counts:
            self._unread_gaps.discard(began)
        if not self.catches_up:
            self._lose_before(began, reading)
        elif gap.recovered is False:
            reading.is_excused = True
            self._late.update(self._missing_in(gap))
        elif gap.recovered and reading.last is not None and self._is_second(reading, gap):
            missing = [number for number in self._missing_in(gap) if number < reading.last]
            self._late.update(missing)
            # Pages that had come before the first gap stand between the two: what is missing of them was dropped there.
            paged = (number for number in self._seen if (gap.after_id or 0) < number <= self._connections.get(began, 0))
            last_paged = max(paged, default=0)
            missing = [number for number in missing if number > last_paged]
            self._announced.update(dict.fromkeys(missing, trio.current_time()))
            come_late = self._taken.intersection(missing)
            self._taken -= come_late
            self.owed.update(dict.fromkeys(sorted(come_late)))
            self.lost -= len(come_late)
            self._dropped += len(come_late)  # they were not among the dropped events: others were

    def _lose_before(self, began: float, reading: Reading) -> None:
        """Without catching up, what was sent before the connection behind a gap, and has not come yet, is lost.

        It may come nevertheless, because the server sends it again. That says nothing of the others.
        """
        reading.lost_up_to = self._connections.get(began, 0)
        if reading.counts:
            self._lose(number for number in self.owed if number <= reading.lost_up_to and number not in self._seen)

    def _missing_in(self, gap: Gap) -> list[int]:
        return [
            number
            for number in self.sent
            if number > (gap.after_id or 0)
            and (gap.before_id is None or number < gap.before_id)
            and number not in self.acknowledged
        ]

    def _is_second(self, reading: Reading, gap: Gap) -> bool:
        """Whether this gap may be the second of its range, and the stream did not get the first, with `recovered=False`.

        The first is among what a stream that counts has dropped, or what this one has dropped; or this one, which does
        not count, was opened behind it. Messages of the range then come late, and are none of the dropped ones. No
        message of the range, nor one behind it, comes before its first gap.
        """
        if reading.last is None or reading.last <= (gap.after_id or 0):
            return False
        return self._missed_until(reading) >= gap.until

    def _missed_until(self, reading: Reading) -> float:
        return self._overflowed if reading.counts else reading.missed_until

    def saw_overflow(self, reading: Reading, dropped: int) -> None:
        """Note that a stream has dropped events, which count as acknowledged from now on."""
        reading.is_excused = reading.has_dropped = True
        reading.missed_until = trio.current_time()
        if reading.counts:
            self._is_excused = True
            self._dropped += dropped
            self._overflowed = trio.current_time()

    def saw_message(self, reading: Reading, number: int) -> int | None:
        """Judge a message.

        One that comes late may stand behind events with larger ids, so what an `Overflow` before it is about may be
        missing behind it, too.
        """
        if number in self._foreign:
            self.fail(f"message {number} was sent after logout(), at {self.sent[number]:.3f}, and is delivered")
        is_late = number in self._late or (number in reading.late and reading.has_dropped)
        if reading.last is not None and number <= reading.last and not is_late:
            self.fail(f"message {number} after {reading.last} in stream {reading.number}")
        reading.late.discard(number)
        before, reading.last = reading.last, max(number, reading.last or 0)
        if not reading.counts:
            if before is not None and self._is_covered and not reading.is_excused:
                since, begin = max(reading.opened, self._covered_since), max(before, reading.lost_up_to)
                between = (other for other in range(begin + 1, number) if self.sent.get(other, 0) > since)
                if missing := [other for other in between if other not in self._late]:
                    self.fail(f"messages {missing[:5]} are missing before {number} in a stream that does not count")
            passed_over = range((before or 0) + 1, min(number, self._late_up_to(reading) + 1))
            reading.late.update(self.sent.keys() & passed_over)
            reading.is_excused = reading.is_excused and number in self._late
            return None
        self.delivered += 1
        if number in self.acknowledged:
            self.fail(f"message {number} came again, although it was acknowledged at {self.acknowledged[number]:.3f}")
        self._seen.add(number)
        if number > self._largest:
            skipped = [other for other in self.owed if self._largest < other < number and other not in self._seen]
            last = self._late_up_to(reading)
            self._late.update(other for other in skipped if other <= last)
            missing = [other for other in skipped if other not in self._late]
            if self._may_be_dropped(missing) if self.catches_up else self._is_excused:
                self._dropped -= len(missing)
                self._taken.update(missing)
                self._lose(missing)
            elif missing:
                self.fail(f"messages {missing[:5]} are missing before {number}, without a word")
            self._largest, self._is_excused = number, self._is_excused and number in self._late
        return number

    def _may_be_dropped(self, missing: list[int]) -> bool:
        """Whether an `Overflow` can be about them. Messages that are fetched may come behind it, and before it in order."""
        come = (max(self.sent[number], self._announced.get(number, 0.0)) for number in missing)
        return len(missing) <= self._dropped and all(at <= self._overflowed for at in come)

    def _late_up_to(self, reading: Reading) -> int:
        """Return the last message that may be of a range whose first gap, with `recovered=False`, the stream has missed.

        The `Overflow` then counts the gap, and not the messages of its range: these are fetched, and come late, perhaps
        behind a second gap that is dropped, too. Whether they were dropped themselves is decided when all is settled.
        """
        if not self.catches_up:
            return 0
        until = self._missed_until(reading)
        return max((self._connections[at] for at in self._unread_gaps if at <= until), default=0)

    @property
    def is_settled(self) -> bool:
        """Whether everything was delivered, or dropped by a stream that has reported it."""
        return not self.owed or self._may_be_dropped(list(self.owed))

    def settled(self) -> None:
        """Note that nothing more comes, so nothing that a stream has dropped is missing any more."""
        self._lose(self.owed)
        self._dropped = 0
        self._unread_gaps.clear()

    def acknowledge(self, numbers: Iterable[int]) -> None:
        """Note that messages were acknowledged."""
        for number in numbers:
            self.acknowledged[number] = trio.current_time()
            self.owed.pop(number, None)
