"""`cometconn.emulator.views`: the state of the server and a conversation, without secrets."""

from __future__ import annotations

from cometconn.emulator import Kind
from cometconn.emulator.views import ENDED_SHOWN, MESSAGES_SHOWN, conversation, recording, state
from tests.emulator.backend.test_rest import Controls
from tests.emulator.conftest import Backend


def test_the_state_is_complete_and_has_no_secrets(backend: Backend) -> None:
    """Users, groups, every connection with its user and time, those that are over, and the faults that are set."""
    secret = backend.token("zed-1")
    device = backend.device("zed-1", "phone", params={"platform": "test", "authToken": secret, "note": f"has {secret}"})
    gone = backend.device("amy-2")
    backend.world.wire(gone, Kind.RESET, by="client")
    anonymous = backend.device()
    controls = Controls(backend.world)
    controls.set(pong=False, rest=429)
    shown = state(controls)
    assert [user["uid"] for user in shown["users"]] == ["zed-1", "amy-2", "bob-3"]
    assert shown["groups"] == [{"guid": "hikers", "name": "Hikers", "members": 2}]
    first, second = shown["connections"]
    assert (first["number"], first["uid"], first["since"], first["device_id"]) == (device.number, "zed-1", 7.5, "phone")
    assert (first["authenticated"], first["open"], first["silent"], first["waiting"]) == (True, True, False, 0)
    assert first["client"] == {"platform": "test", "authToken": "***", "note": "has ***"}
    assert (second["number"], second["uid"], second["authenticated"]) == (anonymous.number, None, False)
    ended = {"number": gone.number, "uid": "amy-2", "since": 7.5, "until": 7.5, "how": "reset", "code": None}
    assert shown["ended"] == [ended]
    assert shown["faults"] == {"pong": False, "rest": 429}
    assert (shown["position"], shown["dropped"]) == (backend.world.log.position, 0)
    assert shown["wall"] == 1_800_000_000.25
    assert secret not in str(shown)


def test_the_last_of_those_that_are_over_are_shown(backend: Backend) -> None:
    """Otherwise the state would grow with the log."""
    for _ in range(ENDED_SHOWN + 5):
        backend.world.closed(backend.device(), "cut")
    ended = state(Controls(backend.world))["ended"]
    assert [each["number"] for each in ended] == list(range(6, ENDED_SHOWN + 6))


def test_a_conversation_shows_what_became_of_its_messages(backend: Backend) -> None:
    """The last ones, oldest first, with the marks of the receiver; other conversations are left out."""
    controls = Controls(backend.world)
    for number in range(MESSAGES_SHOWN + 3):
        controls.say("zed-1", f"message {number}", receiver="amy-2")
    controls.say("zed-1", "elsewhere", receiver="bob-3")
    controls.mark_as_delivered("amy-2", MESSAGES_SHOWN + 2)
    controls.mark_as_read("amy-2", MESSAGES_SHOWN + 1)
    shown = conversation(controls, "amy-2", "zed-1", "user")
    assert [message["data"]["text"] for message in shown] == [
        f"message {number}" for number in range(3, MESSAGES_SHOWN + 3)
    ]
    assert [(message["marks"]["delivered"], message["marks"]["read"]) for message in shown[-3:]] == [
        (True, True),
        (True, False),
        (False, False),
    ]
    controls.say("amy-2", f"my token is {backend.token('amy-2')}", group="hikers")
    (group,) = conversation(controls, "zed-1", "hikers", "group")
    assert (group["data"]["text"], group["marks"]) == ("my token is ***", {})


def test_the_recording_is_described(backend: Backend) -> None:
    """Whether it goes on, and how long it is, also after its end."""
    controls = Controls(backend.world)
    assert recording(controls) == {"on": False, "lines": 0, "full": False}
    backend.world.record()
    backend.device("zed-1")
    lines = recording(controls)["lines"]
    assert lines > 0
    backend.world.stop_recording()
    assert recording(controls) == {"on": False, "lines": lines, "full": False}
