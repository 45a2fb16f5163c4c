"""Failing scripts are shortened."""

from __future__ import annotations

import pytest

from cometconn.testing import actions as act

from .breaks import never_doubts_the_token
from .compare import DisagreementError
from .fuzz import fuzz
from .shorten import shortest

WAITS = [act.Wait(float(number)) for number in range(40)]


def test_actions_without_effect_are_removed() -> None:
    """Three necessary actions far apart are kept, in their order, and nothing else."""
    needed = [WAITS[1], WAITS[17], WAITS[38]]
    assert shortest(WAITS, lambda script: [action for action in script if action in needed] == needed) == needed


def test_nothing_can_go() -> None:
    """A script of which every action is needed stays unchanged; one of which none is needed becomes empty."""
    assert shortest(WAITS[:5], lambda script: len(script) == 5) == WAITS[:5]
    assert shortest(WAITS[:5], lambda _: True) == []


def test_actions_that_lose_their_effect_are_removed_too() -> None:
    """An action that is needed as long as another one is there is removed after that one."""
    assert shortest(WAITS[:2], lambda script: script != WAITS[:1]) == []


def test_of_a_failing_script_no_action_is_idle() -> None:
    """A failure that needs many closes and retries is shortened to them and a few actions around them."""
    with pytest.MonkeyPatch.context() as patch:
        never_doubts_the_token(patch)
        with pytest.raises(DisagreementError) as caught:
            fuzz(300, 1)
    assert len(caught.value.script) <= 9
    assert act.TokenAnswer("silent") in caught.value.script
