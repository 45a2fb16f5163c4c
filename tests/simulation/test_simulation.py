"""Five hours of the simulation, its repeatability, and what it finds."""

from __future__ import annotations

import datetime
import gc
import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from cometconn import AppSettings, CometChat
from cometconn._account.file_lock import FileLock
from cometconn._connection.link_nursery import LinkNursery
from cometconn.events import Gap
from tests.properties.breaks import backoff_never_starts_over, refused_tokens_are_retried, shortcuts_without_end

from .messages import Messages, Reading
from .run import simulate
from .script import Plan, Step, draw_plan
from .shorten import shortest_prefix

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio.testing import MockClock

SHORT = 50  # steps: about 15 minutes of virtual time


@pytest.mark.parametrize("seeds", [(2, 3), (4, 7, 9)])
def test_an_hour(seeds: tuple[int, ...]) -> None:
    """Nothing is wrong in the first hour of these seeds; `nox -s simulate` tries others."""
    for seed in seeds:
        outcome = simulate(seed, 1)
        assert outcome.failure is None, f"run `nox -s simulate -- --seed {seed} --hours 1`"
        assert outcome.counts["delivered"] >= 8, "so many the calm at the end delivers alone"
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_a_seed_gives_one_trace() -> None:
    """The same seed gives the same trace, also in another process, where strings have other hashes."""
    first = simulate(4, steps=SHORT)
    assert first == simulate(4, steps=SHORT)
    assert first.digest != simulate(5, steps=SHORT).digest
    command = [sys.executable, "-m", "tests.simulation", "--seed", "4", "--steps", str(SHORT)]
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    shown = subprocess.run(command, capture_output=True, check=True, text=True, env=environment).stdout
    assert re.findall(r"hash of the trace: (\w+)", shown) == [first.digest]


def test_a_failure_is_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a script that fails, the shortest prefix that fails is found: it ends with the call that is broken."""

    async def broken(*_: object) -> None:
        message = "broken on purpose"
        raise RuntimeError(message)

    monkeypatch.setattr(CometChat, "start_typing", broken)
    seed, expected = next((seed, number) for seed in range(100) if (number := _first_typing(seed)) is not None)
    steps, shorter = shortest_prefix(seed, simulate(seed, steps=SHORT))
    assert (steps, shorter.failure) == (expected, "RuntimeError: broken on purpose")


def _first_typing(seed: int) -> int | None:
    """Return the number of the first step that calls `start_typing()`, if the client is open until then."""
    names = [step.name for step in draw_plan(seed, 1, SHORT).steps]
    begin = names.index("start_typing") if "start_typing" in names else SHORT
    return None if begin > SHORT // 3 or {"kill", "leave"} & set(names[:begin]) else begin + 1


def _leaves_a_task(patch: pytest.MonkeyPatch) -> None:
    """Each connection leaves a task behind."""
    run = LinkNursery.run

    async def leaky(self: LinkNursery, **arguments: bool) -> None:
        trio.lowlevel.spawn_system_task(trio.sleep_forever, name="cometconn.forgotten")
        await run(self, **arguments)

    patch.setattr(LinkNursery, "run", leaky)


def _keeps_the_lock(patch: pytest.MonkeyPatch) -> None:
    """The lock of the session file is not released."""
    patch.setattr(FileLock, "release", lambda _: None)  # `FileLock.__del__()` calls it, too


@pytest.mark.parametrize(
    ("breaks", "seed", "expected"),
    [
        (refused_tokens_are_retried, 6, "a token is tried again that was refused"),
        (shortcuts_without_end, 7, "after another shortcut"),
        (backoff_never_starts_over, 0, "expected attempt 1"),
        (_leaves_a_task, 0, "its tasks run: ['cometconn.forgotten'"),
        (_keeps_the_lock, 0, "2 files are open"),
    ],
)
def test_a_broken_client_is_found(
    breaks: Callable[[pytest.MonkeyPatch], None], seed: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that is broken on purpose fails within an hour; the seeds are some that show it early."""
    breaks(monkeypatch)
    assert expected in str(simulate(seed).failure)


# What the judge allows.


def _perform(patch: pytest.MonkeyPatch, *steps: Step) -> str | None:
    """Perform a script that logs in, then these steps and a `calm`. Return what was wrong."""
    begin = (Step(0.0, "open_program"), Step(1.0, "call", ("login", None)))
    plan = Plan(AppSettings(), [*begin, *steps, Step(0.0, "calm")])
    patch.setattr("tests.simulation.run.draw_plan", lambda *_: plan)
    patch.setattr("tests.simulation.run._MANUAL", 0.0)
    return simulate(0).failure


@pytest.mark.parametrize("pause", [4.0, 6.0])
def test_no_program_starts_after_the_calm(pause: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `calm` starts the program before its pause is over; no second one starts once the script has left the client."""
    assert _perform(monkeypatch, Step(5.0, "leave", (pause,))) is None


@pytest.mark.parametrize(("breaks", "expected"), [(None, "None"), (_keeps_the_lock, "2 files are open")])
@pytest.mark.parametrize("then", ["slow", "full"])
def test_a_disk_that_hung(
    breaks: Callable[[pytest.MonkeyPatch], None] | None, expected: str, then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that began while the disk hung may keep files open until it ends, and no longer, whatever the disk does then."""
    if breaks is not None:
        breaks(monkeypatch)
    failure = _perform(
        monkeypatch,
        Step(5.0, "break_disk", ("hangs",)),
        Step(0.0, "say", ("amy-2", False, 1)),  # its position is saved
        Step(1.0, "break_disk", (then,)),
    )
    assert expected in str(failure)


def test_a_disk_that_hangs_while_the_client_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening may fail if the disk begins to hang in the middle of it."""
    steps = (
        Step(5.0, "break_disk", ("slow",)),
        Step(0.0, "leave", (0.0,)),
        Step(0.5, "break_disk", ("hangs",)),  # while the session is loaded, before the position
        Step(1.0, "heal_disk"),
    )
    assert _perform(monkeypatch, *steps) is None


def test_a_calm_behind_a_forgotten_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that has to fetch again in a calm, and whose token was forgotten just before, is logged out and logs in."""
    steps = [
        Step(0.0, "open_program"),
        Step(1.0, "call", ("login", None)),
        Step(1.0, "call", ("connect", None)),
        Step(1.0, "refuse_pages", (2, 403)),
        Step(30.0, "forget_tokens"),
        Step(0.0, "calm"),
    ]
    monkeypatch.setattr("tests.simulation.run.draw_plan", lambda *_: Plan(AppSettings(catch_up=True), steps))
    outcome = simulate(0)
    assert outcome.failure is None
    assert outcome.counts["delivered"] == 10


def test_a_sleep_shortens_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seconds that the computer sleeps count in a wait that the server asked for, also long after the sleep."""
    steps = [
        Step(0.0, "open_program"),
        Step(1.0, "call", ("login", None)),
        Step(1.0, "call", ("connect", None)),
        Step(1.0, "upgrade", (503, 60)),
        Step(0.0, "drop", ("reset", 1000)),
        Step(20.0, "sleep", (2.0, False)),
        Step(60.0, "calm"),
    ]
    monkeypatch.setattr("tests.simulation.run.draw_plan", lambda *_: Plan(AppSettings(), steps))
    assert simulate(0).failure is None


def test_a_sleep_gives_a_server_more_time_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ping that is not answered before the computer sleeps is sent again, so silence may last longer than 20 seconds."""
    steps = [
        Step(0.0, "open_program"),
        Step(1.0, "call", ("login", None)),
        Step(1.0, "call", ("connect", None)),
        Step(16.0, "drop", ("silent", 1000)),
        Step(18.4, "sleep", (5.0, False)),
        Step(3.0, "say", ("amy-2", False, 1)),
        Step(0.0, "calm"),
    ]
    monkeypatch.setattr("tests.simulation.run.draw_plan", lambda *_: Plan(AppSettings(), steps))
    assert simulate(0).failure is None


# The judge of messages.

NOW = datetime.datetime.now(datetime.UTC)
LOST = Gap(0.0, 1.0, since_utc=NOW, until_utc=NOW)
LATE = attrs.evolve(LOST, until=0.0, recovered=True, before_id=3)


def _in_order(judge: Messages, reading: Reading) -> None:
    for number in (1, 2, 3):
        judge.saw_message(reading, number)


def _missing(judge: Messages, reading: Reading) -> None:
    judge.saw_message(reading, 1)
    judge.saw_message(reading, 3)


def _missing_in_a_gap(judge: Messages, reading: Reading) -> None:
    judge.saw_message(reading, 1)
    judge.session_accepted()
    judge.saw_gap(reading, LOST)
    judge.saw_message(reading, 3)


def _sent_again_in_a_gap(judge: Messages, reading: Reading) -> None:
    judge.session_accepted()
    judge.saw_gap(reading, LOST)
    judge.was_sent_again(1)
    judge.saw_message(reading, 1)
    judge.saw_message(reading, 3)


def _sent_again_in_a_gap_beside(judge: Messages, _: Reading) -> None:
    beside = judge.begin_reading(counts=False)
    judge.sent[2] += 1
    _sent_again_in_a_gap(judge, beside)


def _missing_directly_behind_a_gap(judge: Messages, reading: Reading) -> None:
    judge.saw_gap(reading, LOST)
    judge.saw_message(reading, 2)


def _missing_behind_a_gap(judge: Messages, reading: Reading) -> None:
    judge.saw_gap(reading, LOST)
    judge.saw_message(reading, 1)
    judge.saw_message(reading, 3)


def _dropped(judge: Messages, reading: Reading) -> None:
    judge.saw_overflow(reading, 2)
    judge.saw_message(reading, 3)


def _sent_again_behind_dropped(judge: Messages, reading: Reading) -> None:
    judge.saw_overflow(reading, 1)  # 2, or a gap
    judge.was_sent_again(1)
    judge.saw_message(reading, 1)
    judge.saw_message(reading, 3)


def _sent_again_behind_dropped_beside(judge: Messages, _: Reading) -> None:
    beside = judge.begin_reading(counts=False)
    judge.sent[2] += 1
    _sent_again_behind_dropped(judge, beside)


def _late_behind_dropped_beside(judge: Messages, _: Reading) -> None:
    beside = judge.begin_reading(counts=False)
    judge.sent[2] += 1
    judge.saw_gap(beside, attrs.evolve(LOST, before_id=2))
    judge.saw_overflow(beside, 1)  # 2
    judge.saw_message(beside, 1)
    judge.saw_message(beside, 3)


def _more_missing_than_dropped(judge: Messages, reading: Reading) -> None:
    judge.saw_overflow(reading, 1)
    judge.saw_message(reading, 3)


def _dropped_at_the_end(judge: Messages, reading: Reading) -> None:
    judge.saw_overflow(reading, 3)
    judge.process_ended(_position(1, 2, 3), -100, by_force=False, power_cut=False)


def _more_saved_than_dropped(judge: Messages, reading: Reading) -> None:
    judge.saw_overflow(reading, 2)
    judge.process_ended(_position(1, 2, 3), -100, by_force=False, power_cut=False)


def _late_behind_a_dropped_gap(judge: Messages, reading: Reading) -> None:
    judge.saw_overflow(reading, 3)
    judge.saw_message(reading, 3)  # 1 and 2 seem to be among the dropped events, but the gap was
    judge.saw_gap(reading, LATE)
    judge.saw_message(reading, 1)
    judge.saw_message(reading, 2)
    judge.acknowledge([1, 2, 3])
    if not judge.is_settled:
        judge.fail("not settled")


def _first_page_dropped_with_the_first_gap(judge: Messages, reading: Reading) -> None:
    judge.session_accepted()
    judge.saw_overflow(reading, 3)  # the first gap, 1 and 2
    judge.saw_message(reading, 3)
    trio.lowlevel.current_clock().jump(1.0)  # type: ignore[attr-defined]  # it is a MockClock
    judge.saw_gap(reading, attrs.evolve(LATE, before_id=4))
    judge.acknowledge([3])
    if not judge.is_settled:
        judge.fail("not settled")


def _dropped_before_others_came_late(judge: Messages, reading: Reading) -> None:
    judge.saw_gap(reading, LOST)
    judge.saw_overflow(reading, 1)  # 1, which came late
    for number in (2, 3):
        judge.saw_message(reading, number)
    for number in (4, 5, 6, 7):
        judge.was_sent(number)
    judge.saw_overflow(reading, 2)  # the next gap, and 6; 4 and 5 seem to be dropped, too
    judge.saw_message(reading, 7)
    judge.saw_gap(reading, attrs.evolve(LATE, after_id=3, before_id=6))
    for number in (4, 5):
        judge.saw_message(reading, number)
    judge.acknowledge([2, 3, 4, 5, 7])
    judge.process_ended(_position(7), -100, by_force=False, power_cut=False)


def _late_behind_a_dropped_gap_without_an_end(judge: Messages, reading: Reading) -> None:
    judge.saw_overflow(reading, 3)
    judge.saw_message(reading, 2)
    judge.saw_gap(reading, attrs.evolve(LATE, before_id=None))
    judge.saw_message(reading, 1)
    judge.saw_message(reading, 3)


def _backwards_behind_a_dropped_gap_of_others(judge: Messages, reading: Reading) -> None:
    judge.saw_overflow(reading, 3)
    judge.saw_message(reading, 2)
    judge.saw_gap(reading, attrs.evolve(LATE, after_id=2, before_id=None))
    judge.saw_message(reading, 1)


def _announced_and_not_delivered(judge: Messages, reading: Reading) -> None:
    judge.saw_overflow(reading, 3)
    judge.saw_message(reading, 3)
    judge.saw_gap(reading, LATE)
    judge.saw_message(reading, 2)
    judge.acknowledge([2, 3])
    judge._announced[1] += 1  # the test is over within an instant
    if not judge.is_settled:
        judge.fail("1 does not come")


def _more_missing_than_dropped_after_a_loss(judge: Messages, reading: Reading) -> None:
    judge.session_accepted()
    judge.was_sent(4)
    judge.saw_overflow(reading, 1)  # the gap of 1, 2 and 3
    judge.saw_message(reading, 4)


def _and_never_delivered(judge: Messages, reading: Reading) -> None:
    _more_missing_than_dropped_after_a_loss(judge, reading)
    judge.acknowledge([4])
    if judge.is_fetch_refused and not judge.is_settled:
        judge.fail(f"{list(judge.owed)} do not come")


def _and_delivered_late(judge: Messages, reading: Reading) -> None:
    _more_missing_than_dropped_after_a_loss(judge, reading)
    judge.saw_gap(reading, attrs.evolve(LATE, before_id=4))
    _in_order(judge, reading)
    judge.acknowledge([1, 2, 3, 4])
    if not judge.is_settled:
        judge.fail("not settled")


def _and_delivered_late_behind_another_dropped_gap(judge: Messages, reading: Reading) -> None:
    _more_missing_than_dropped_after_a_loss(judge, reading)
    judge.saw_overflow(reading, 2)  # the second gap, and 1
    judge.saw_message(reading, 2)
    judge.saw_message(reading, 3)
    judge.acknowledge([2, 3, 4])
    if reading.counts and not judge.is_settled:
        judge.fail("not settled")


def _and_delivered_late_behind_another_dropped_gap_beside(judge: Messages, _: Reading) -> None:
    beside = judge.begin_reading(counts=False)
    beside.missed_until -= 1  # the test is over within an instant
    _and_delivered_late_behind_another_dropped_gap(judge, beside)


def _and_delivered_twice_beside(judge: Messages, _: Reading) -> None:
    beside = judge.begin_reading(counts=False)
    _more_missing_than_dropped_after_a_loss(judge, beside)
    judge.saw_message(beside, 2)
    judge.saw_message(beside, 2)


def _delivered_late_in_a_stream_opened_behind_the_first_gap(judge: Messages, _: Reading) -> None:
    judge.session_accepted()
    judge.was_sent(4)
    beside = judge.begin_reading(counts=False)
    judge.saw_message(beside, 4)
    judge.saw_overflow(beside, 1)  # the second gap
    judge.saw_message(beside, 2)


def _delivered_late_in_a_stream_opened_before_the_first_gap(judge: Messages, _: Reading) -> None:
    beside = judge.begin_reading(counts=False)
    beside.missed_until -= 1  # the test is over within an instant
    judge.session_accepted()
    judge.was_sent(4)
    judge.saw_message(beside, 4)
    judge.saw_overflow(beside, 1)
    judge.saw_message(beside, 2)


def _delivered_late_behind_no_gap(judge: Messages, _: Reading) -> None:
    judge.session_accepted()
    judge.was_sent(4)
    beside = judge.begin_reading(counts=False)
    judge.saw_message(beside, 4)
    judge.saw_message(beside, 2)


def _dropped_gaps_and_backwards(judge: Messages, reading: Reading) -> None:
    judge.saw_overflow(reading, 3)
    judge.saw_message(reading, 3)
    judge.saw_message(reading, 2)


def _more_missing_than_dropped_behind_a_loss(judge: Messages, reading: Reading) -> None:
    judge.session_accepted()
    for number in (4, 5, 6):
        judge.was_sent(number)
    judge.saw_overflow(reading, 1)
    judge.saw_message(reading, 6)


def _more_missing_than_dropped_behind_its_gap(judge: Messages, reading: Reading) -> None:
    judge.session_accepted()
    judge.saw_gap(reading, attrs.evolve(LOST, until=trio.current_time(), recovered=True))
    judge.saw_overflow(reading, 1)
    judge.saw_message(reading, 3)


def _late_behind_one_gap(judge: Messages, reading: Reading) -> None:
    judge.saw_message(reading, 1)
    judge.saw_message(reading, 2)
    judge.saw_message(reading, 3)
    judge.saw_gap(reading, LATE)
    judge.saw_message(reading, 2)


def _missing_beside(judge: Messages, _: Reading) -> None:
    beside = judge.begin_reading(counts=False)
    judge.sent[2] += 1
    judge.saw_message(beside, 1)
    judge.saw_message(beside, 3)


def _missing_beside_before_the_first_connection(judge: Messages, reading: Reading) -> None:
    judge.process_began()
    _missing_beside(judge, reading)


def _missing_beside_behind_it(judge: Messages, reading: Reading) -> None:
    judge.process_began()
    judge.session_accepted()
    _missing_beside(judge, reading)


def _sent_again_after_a_logout(judge: Messages, _: Reading) -> None:
    judge.logged_out()
    judge.process_began()
    judge.session_accepted()
    judge.was_sent(4)
    reading = judge.begin_reading(counts=True)
    judge.saw_message(reading, 4)
    judge.was_sent_again(2)
    judge.saw_message(reading, 2)


def _missing_after_a_logout(judge: Messages, reading: Reading) -> None:
    judge.logged_out()
    judge.process_began()
    judge.session_accepted()
    judge.was_sent(4)
    judge.was_sent(5)
    judge.was_sent_again(4)
    judge.saw_message(reading, 5)


def _backwards(judge: Messages, reading: Reading) -> None:
    judge.saw_message(reading, 1)
    judge.saw_message(reading, 1)


def _acknowledged_before(judge: Messages, reading: Reading) -> None:
    judge.saw_message(reading, 1)
    judge.acknowledge([1])
    judge.saw_message(judge.begin_reading(counts=True), 1)


def _open_before(judge: Messages, reading: Reading) -> None:
    judge.saw_message(reading, 1)
    judge.saw_message(judge.begin_reading(counts=True), 1)


def _not_saved(judge: Messages, reading: Reading) -> None:
    _in_order(judge, reading)
    judge.acknowledge([1, 2, 3])
    judge.process_ended(_position(1), -100, by_force=False, power_cut=False)


def _read_after_a_logout(judge: Messages, reading: Reading) -> None:
    _in_order(judge, reading)
    judge.logged_out()
    judge.session_accepted()
    judge.acknowledge([1, 2, 3])
    judge.process_ended(_position(1), -100, by_force=False, power_cut=False)


def _not_saved_after_a_logout(judge: Messages, reading: Reading) -> None:
    judge.logged_out()
    judge.session_accepted()
    judge.was_sent(4)
    judge.saw_message(reading, 4)
    judge.acknowledge([4])
    judge.process_ended(_position(1), -100, by_force=False, power_cut=False)


def _saved_too_early(judge: Messages, reading: Reading) -> None:
    _in_order(judge, reading)
    judge.acknowledge([1])
    judge.process_ended(_position(2), -100, by_force=True, power_cut=False)


def _saved(judge: Messages, reading: Reading) -> None:
    _in_order(judge, reading)
    judge.acknowledge([1, 2, 3])
    judge.process_ended(_position(1, 2, 3), -100, by_force=False, power_cut=False)


def _position(number: int, *beyond: int) -> bytes:
    return json.dumps({"message_id": number, "acknowledged": beyond}).encode()


@pytest.mark.parametrize(
    ("catches_up", "scene", "expected"),
    [
        (True, _in_order, None),
        (False, _in_order, None),
        (True, _missing, "missing before 3"),
        (False, _missing, "missing before 3"),
        (False, _missing_in_a_gap, None),
        (True, _missing_in_a_gap, None),  # it has to come later
        (False, _sent_again_in_a_gap, None),
        (False, _sent_again_in_a_gap_beside, None),
        (False, _missing_behind_a_gap, "missing before 3"),
        (False, _missing_directly_behind_a_gap, "missing before 2"),
        (True, _dropped, None),
        (False, _dropped, None),
        (False, _sent_again_behind_dropped, None),
        (False, _sent_again_behind_dropped_beside, None),
        (True, _late_behind_dropped_beside, None),
        (True, _more_missing_than_dropped, "missing before 3"),
        (True, _dropped_at_the_end, None),
        (True, _more_saved_than_dropped, "not acknowledged"),
        (True, _late_behind_a_dropped_gap, None),
        (True, _first_page_dropped_with_the_first_gap, None),
        (True, _dropped_before_others_came_late, None),
        (True, _late_behind_a_dropped_gap_without_an_end, None),
        (True, _backwards_behind_a_dropped_gap_of_others, "message 1 after 2"),
        (True, _announced_and_not_delivered, "1 does not come"),
        (True, _more_missing_than_dropped_after_a_loss, None),  # they have to come later
        (True, _and_never_delivered, "[1, 2, 3] do not come"),
        (True, _and_delivered_late, None),
        (True, _and_delivered_late_behind_another_dropped_gap, None),
        (False, _and_delivered_late_behind_another_dropped_gap, "message 2 after 4"),
        (True, _and_delivered_late_behind_another_dropped_gap_beside, None),
        (True, _and_delivered_twice_beside, "message 2 after 4"),
        (True, _delivered_late_in_a_stream_opened_behind_the_first_gap, None),
        (True, _delivered_late_in_a_stream_opened_before_the_first_gap, "message 2 after 4"),
        (True, _delivered_late_behind_no_gap, "message 2 after 4"),
        (True, _dropped_gaps_and_backwards, "message 2 after 3"),
        (True, _more_missing_than_dropped_behind_a_loss, "[4, 5] are missing before 6"),
        (True, _more_missing_than_dropped_behind_its_gap, "[1, 2] are missing before 3"),
        (False, _more_missing_than_dropped_after_a_loss, None),
        (True, _late_behind_one_gap, "message 2 after 3"),
        (True, _missing_beside, "missing before 3"),
        (True, _missing_beside_before_the_first_connection, "missing before 3"),  # it is fetched
        (False, _missing_beside_before_the_first_connection, None),
        (False, _missing_beside_behind_it, "missing before 3"),
        (True, _sent_again_after_a_logout, None),
        (True, _missing_after_a_logout, "missing before 5"),
        (True, _backwards, "message 1 after 1"),
        (True, _acknowledged_before, "came again"),
        (True, _open_before, None),
        (True, _not_saved, "not in the saved position"),
        (True, _read_after_a_logout, None),
        (True, _not_saved_after_a_logout, "is not in the saved position"),
        (True, _saved_too_early, "not acknowledged"),
        (True, _saved, None),
    ],
)
async def test_the_judge(
    catches_up: bool, scene: Callable[[Messages, Reading], None], expected: str | None, autojump_clock: MockClock
) -> None:
    """Of three messages each must come once and in order, or be reported as lost; the saved position fits."""
    found: list[str] = []
    judge = Messages(found.append, catches_up)
    judge.session_accepted()
    for number in (1, 2, 3):
        judge.was_sent(number)
    scene(judge, judge.begin_reading(counts=True))
    assert bool(found) == (expected is not None)
    assert expected is None or expected in found[0]
