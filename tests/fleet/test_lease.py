"""The end of a lease as its holder sees it: arithmetic, and the scope that follows from it."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from cometconn.fleet import LeaseLostError
from cometconn.fleet.lease import LocalLease, lease_end

TIMES = st.floats(min_value=0, max_value=1e7)


@settings(max_examples=50)
@given(sent_at=TIMES, way=st.floats(0, 60), ttl=st.floats(0.1, 600), margin=st.floats(0, 60))
def test_it_ends_before_the_engine_ends_it(sent_at: float, way: float, ttl: float, margin: float) -> None:
    """F2: however long the request took, the holder gives up at least the margin earlier than the engine."""
    engine_end = (sent_at + way) + ttl
    assert lease_end(sent_at, ttl, margin) <= engine_end - margin + 1e-6


def test_it_counts_from_before_the_request() -> None:
    """F2: one formula."""
    assert lease_end(100.0, 5.0, 1.0) == 104.0


async def test_the_scope_ends_with_the_lease(mock_clock: MockClock) -> None:
    """F2, F4: a renewal moves the deadline, also one that was sent earlier than it was accepted; it never moves back."""
    lease = LocalLease(trio.current_time, 1.0)
    lease.extend(0.0, 5.0)
    assert (lease.remaining, lease.deadline, lease.is_over) == (4.0, 4.0, False)
    mock_clock.jump(2.0)
    lease.extend(1.0, 5.0)
    assert (lease.remaining, lease.deadline) == (3.0, 5.0)
    lease.extend(0.5, 5.0)  # overtaken by the one before
    assert lease.deadline == 5.0
    lease.check()
    mock_clock.jump(3.0)
    with lease.scope:
        await trio.sleep_forever()
    assert lease.is_over
    with pytest.raises(LeaseLostError):
        lease.check()


async def test_it_is_never_revived(mock_clock: MockClock) -> None:
    """F4: what the engine accepts after the local end changes nothing."""
    lease = LocalLease(trio.current_time, 1.0)
    lease.extend(0.0, 5.0)
    mock_clock.jump(4.0)
    lease.extend(3.9, 5.0)
    assert (lease.is_over, lease.remaining, lease.scope.cancel_called) == (True, 0.0, True)


async def test_it_ends_while_the_machine_sleeps(mock_clock: MockClock) -> None:
    """F2: Trio's clock stood still, and the boot-time clock did not."""
    slept = 0.0
    lease = LocalLease(lambda: trio.current_time() + slept, 1.0)
    lease.extend(0.0, 5.0)
    slept = 3.9
    assert not lease.is_over
    slept = 4.0
    with pytest.raises(LeaseLostError, match="other workers may own"):
        lease.check()


async def test_a_refusal_ends_it(mock_clock: MockClock) -> None:
    """The engine says that it is over; and a scope that was cancelled is over, too."""
    lease = LocalLease(trio.current_time, 1.0)
    lease.extend(0.0, 5.0)
    lease.lose()
    lease.lose()
    assert lease.is_over
    other = LocalLease(trio.current_time, 1.0)
    other.extend(0.0, 5.0)
    other.scope.cancel()
    assert other.is_over
