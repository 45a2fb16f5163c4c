"""The states of the transport, and that no transition outside the table happens."""

from __future__ import annotations

import enum

import pytest

from cometconn._transport import states
from cometconn._transport.states import CloseFrame, IllegalTransitionError, Input, Output, WebSocketState, moved

KINDS: list[type[enum.Enum]] = [WebSocketState, Input, Output, CloseFrame]
FIRST = {WebSocketState.HANDSHAKE, Input.HUNGRY, Output.READY, CloseFrame.NONE}
PAIRS = [(state, to) for kind in KINDS for state in kind for to in kind]


@pytest.mark.parametrize(("state", "to"), PAIRS, ids=[f"{state} to {to}" for state, to in PAIRS])
def test_a_transition_is_in_the_table_or_raises(state: enum.Enum, to: enum.Enum) -> None:
    """A transition that is not in the table raises, one to the same state included."""
    if to in states._NEXT[state]:
        assert moved(state, to) is to  # type: ignore[type-var]
    else:
        with pytest.raises(IllegalTransitionError, match=f"{state} -> {to}"):
            moved(state, to)  # type: ignore[type-var]


def test_every_state_is_in_the_table_and_can_be_reached() -> None:
    """Every state can be reached from the first of its kind, by transitions within that kind."""
    reached = set(FIRST)
    while new := {to for state in reached for to in states._NEXT[state]} - reached:
        reached |= new
    assert reached == set(states._NEXT) == {state for kind in KINDS for state in kind}
    assert all(type(state) is type(to) for state, after in states._NEXT.items() for to in after)


@pytest.mark.parametrize(
    ("state", "to"),
    [
        (WebSocketState.FAILED, WebSocketState.OPEN),
        (WebSocketState.ENDED, WebSocketState.CLOSING),
        (Input.CLOSED, Input.BUSY),
        (Output.TORN, Output.READY),
        (Output.SENDING, Output.FLUSHING),
        (Output.BROKEN, Output.SENDING),
        (CloseFrame.AHEAD, CloseFrame.ACCEPTED),
    ],
)
def test_there_is_no_way_back(state: enum.Enum, to: enum.Enum) -> None:
    """A failed upgrade, an end and a torn frame are final, and no two frames are written at a time."""
    with pytest.raises(IllegalTransitionError):
        moved(state, to)  # type: ignore[type-var]
