"""Each row of the failure catalogue, once and with quick timing; `nox -s conformance` does more."""

from __future__ import annotations

import pytest
import trio

from .catalogue import CATALOGUE, Case
from .verdict import run_case

_HEAVY = ("100,000 tiny frames", "120,000 pings")  # take seconds: the session's
_QUICK = [case for case in CATALOGUE if not any(words in case.name for words in _HEAVY)]


@pytest.mark.parametrize("case", _QUICK, ids=lambda case: case.name)
async def test_the_client_owes_its_user_the_truth_in_time(case: Case) -> None:
    """Calls end within their bounds, status and cause are true, the next attempt is when it should be, nothing leaks."""
    with trio.fail_after(50):
        verdict = await run_case(case)
    assert not verdict.wrong
