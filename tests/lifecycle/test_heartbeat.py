"""The keepalive of a link."""

from __future__ import annotations

import math

import pytest

from cometconn._lifecycle.heartbeat import Heartbeat


def started() -> Heartbeat:
    """A heartbeat of 15 and 5 seconds that began at 100."""
    pulse = Heartbeat(15.0, 5.0)
    assert pulse.next_ping == math.inf
    pulse.start(100.0)
    return pulse


def test_pings_come_at_the_interval() -> None:
    """The first keepalive ping is due one interval after the start, the next one after that."""
    pulse = started()
    assert pulse.next_ping == 115.0
    pulse.keepalive_sent(115.0)
    assert pulse.next_ping == 130.0


def test_clients_that_connect_together_do_not_ping_together() -> None:
    """Their pings are spread over 0.1 s, or over a tenth of a shorter interval; the next ping is an interval later."""
    for interval, first in ((15.0, [14.95, 15.0, 15.05]), (0.5, [0.475, 0.5, 0.525])):
        pulses = [Heartbeat(interval, 5.0) for _ in range(3)]
        for pulse, jitter in zip(pulses, (0.0, 0.5, 1.0), strict=True):
            pulse.start(100.0, jitter)
        assert [pulse.next_ping - 100 for pulse in pulses] == pytest.approx(first)
        for pulse in pulses:
            pulse.keepalive_sent(pulse.next_ping)
        assert [pulse.next_ping - 100 - interval for pulse in pulses] == pytest.approx(first)


def test_a_late_ping_does_not_move_the_next() -> None:
    """Clients that were held up together do not stay together; but two pings are at least half an interval apart."""
    pulse = started()
    pulse.keepalive_sent(117.0)
    assert pulse.next_ping == 130.0
    pulse.keepalive_sent(200.0)
    assert pulse.next_ping == 207.5


def test_silence_counts_from_the_oldest_ping_that_nothing_followed() -> None:
    """A second ping does not put off the judgement of the first."""
    pulse = started()
    assert pulse.silent_at == math.inf
    pulse.pinged(101.0)
    pulse.pinged(104.0)
    assert pulse.silent_at == 106.0
    assert not pulse.is_silent(105.999999)
    assert pulse.is_silent(106.0)


def test_bytes_without_a_ping_answer_none() -> None:
    """`received()` returns whether a ping was waiting for them."""
    pulse = started()
    assert not pulse.received()
    pulse.pinged(101.0)
    assert pulse.received()
    assert not pulse.received()


def test_any_byte_is_life() -> None:
    """Whatever came after a ping, the server is not silent until the next ping."""
    pulse = started()
    pulse.pinged(101.0)
    pulse.received()
    assert pulse.silent_at == math.inf
    assert not pulse.is_silent(1000.0)
    pulse.pinged(200.0)
    assert pulse.is_silent(205.0)


def test_while_nothing_is_read_nothing_is_judged() -> None:
    """What was read may contain the pong; afterwards the same moment counts as before."""
    pulse = started()
    pulse.pinged(101.0)
    pulse.pause()
    assert pulse.silent_at == math.inf
    assert not pulse.is_silent(200.0)
    assert pulse.resume()
    assert pulse.silent_at == 106.0


def test_a_full_stream_restarts_the_clock() -> None:
    """While the socket is not read because a stream is full, silence means nothing; then the ping has its time again."""
    pulse = started()
    pulse.pinged(101.0)
    pulse.pause()
    pulse.restart(200.0)
    assert pulse.resume()
    assert pulse.silent_at == 205.0


def test_a_pause_without_a_ping_leaves_nothing_behind() -> None:
    """No ping was sent, so nothing is due when the reader goes on."""
    pulse = started()
    pulse.pause()
    pulse.restart(110.0)
    assert not pulse.resume()
    assert pulse.silent_at == math.inf


def test_only_a_read_at_or_behind_the_deadline_counts() -> None:
    """However late the link is judged, a read before the deadline does not count for or against it."""
    pulse = started()
    pulse.pinged(101.0)
    assert not pulse.is_silent(105.999999)
    assert pulse.is_silent(106.0)
    assert pulse.is_silent(1000.0)


def test_after_a_sleep_a_ping_is_due_at_once() -> None:
    """No pong is overdue, and the next ping is due; before the link is authenticated none is."""
    pulse = started()
    pulse.pinged(101.0)
    pulse.machine_slept(102.0)
    assert pulse.silent_at == math.inf
    assert pulse.next_ping == 102.0
    fresh = Heartbeat(15.0, 5.0)
    fresh.machine_slept(102.0)
    assert fresh.next_ping == math.inf
