"""The vocabulary."""

from __future__ import annotations

from cometconn._lifecycle.states import Input, Refusal, State
from cometconn.status import Reason


def test_a_disconnected_state_knows_its_reason() -> None:
    """State and reason have the same name."""
    assert State.IN_BACKGROUND.reason is Reason.IN_BACKGROUND
    assert State.CONNECTED.reason is None


def test_values_are_distinct() -> None:
    """No member is an alias of another."""
    assert len({on.value for on in Input}) == len(Input)
    assert len({refusal.value for refusal in Refusal}) == len(Refusal)
