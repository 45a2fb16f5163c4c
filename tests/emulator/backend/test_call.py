"""`cometconn.emulator.backend.call`."""

from __future__ import annotations

import pytest

from cometconn.emulator import Faults, World
from cometconn.emulator.backend.call import Call
from cometconn.emulator.backend.responses import Refusal


def _call(world: World, body: dict[str, object] | None = None, **headers: str) -> Call:
    return Call(world, dict, "http://127.0.0.1:1", Faults(), {}, {}, headers, body or {})


def test_a_known_token_leads_to_its_user() -> None:
    """The header has the token, and the token belongs to the user."""
    world = World()
    token = world.sessions.issue_token("amy-2")

    call = _call(world, authtoken=token)

    assert (call.token(), call.person().uid) == (token, "amy-2")
    assert token not in repr(call)


def test_an_unknown_token_is_refused() -> None:
    """No token and a wrong one are refused alike."""
    for call in (_call(World()), _call(World(), authtoken="made up")):
        with pytest.raises(Refusal) as refusal:
            call.person()
        assert (refusal.value.status, refusal.value.code) == (401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND")


@pytest.mark.parametrize("value", [None, "", 7, ["x"]])
def test_a_field_must_be_a_text(value: object) -> None:
    """A missing or empty value, or one of another type, is refused, naming the field."""
    call = _call(World(), {"receiver": value})

    with pytest.raises(Refusal, match="receiver"):
        call.text("receiver")
