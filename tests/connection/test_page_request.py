"""A request for one page that is made until it succeeds."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cometconn import Timing
from cometconn._account.pages import MessagePage
from cometconn._connection.page_request import PageRequest
from cometconn.errors import ApiError

PAGE = MessagePage((), None)


def asking(*responses: Any, jitter: float = 1.0) -> tuple[PageRequest, list[float]]:
    """A request with these outcomes, and the times at which it was made."""
    times, outcomes = list[float](), iter(responses)

    async def fetch() -> MessagePage:
        times.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome  # type: ignore[no-any-return]

    return PageRequest(fetch, Timing(), lambda: jitter), times


async def test_transient_failures_are_tried_again_as_reconnects_are(autojump_clock: MockClock) -> None:
    """After transient failures the attempts are 2 s, 4 s and so on apart, and each returns, so the caller can check its lease."""
    request, times = asking(ApiError("x", status=503), ApiError("x"), PAGE)
    began = trio.current_time()
    assert [await request.attempt() for _ in range(3)] == [None, None, PAGE]
    assert [at - began for at in times] == [0.0, 2.0, 6.0]
    assert not request.refused


async def test_retry_after_is_a_floor(autojump_clock: MockClock) -> None:
    """The delay of Retry-After replaces that of the backoff if it is longer."""
    request, times = asking(ApiError("x", status=429, retry_after=60.0), PAGE)
    began = trio.current_time()
    assert await request.attempt() is None
    assert await request.attempt() is PAGE
    assert times[1] - began == 60.0


@pytest.mark.parametrize(
    ("failure", "refused"),
    [
        (ApiError("x", status=403), True),
        (ApiError("x", status=404, code="INVALID_RESPONSE"), True),
        (ApiError("x", status=200, code="INVALID_LIST"), True),
        (ValueError("x"), True),
        (ApiError("x", status=200, code="INVALID_RESPONSE"), False),
        (ApiError("x", status=408), False),
    ],
)
async def test_what_is_not_retried(failure: Exception, refused: bool, autojump_clock: MockClock) -> None:
    """A refusal, an endless list and a bug are final; an answer that is no list or was cut off is retried."""
    request, _ = asking(failure)
    assert await request.attempt() is None
    assert request.failure is failure
    assert request.refused is refused


async def test_a_cancelled_attempt_leaves_the_time_of_the_next(autojump_clock: MockClock) -> None:
    """A cancelled attempt sends nothing, and the next one still waits for the time that was set."""
    request, times = asking(ApiError("x", status=503), PAGE)
    began = trio.current_time()
    assert await request.attempt() is None
    with trio.move_on_after(1.0) as scope:
        await request.attempt()
    assert scope.cancelled_caught
    assert await request.attempt() is PAGE
    assert [at - began for at in times] == [0.0, 2.0]
