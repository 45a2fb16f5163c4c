"""`cometconn.emulator.backend.signalling_routes`: calls, and the events that the other side gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cometconn import events
from cometconn.emulator.world.calls import Calls
from tests.received import received_one

if TYPE_CHECKING:
    from tests.emulator.conftest import Backend


def begin(backend: Backend, uid: str = "zed-1", receiver: str = "amy-2", kind: str = "user", **more: Any) -> Any:
    """Begin a call; return status and body."""
    body = {"receiver": receiver, "receiverType": kind, "type": "audio", **more}
    return backend.request("POST", "/calls", body, authToken=backend.token(uid))


def change(backend: Backend, uid: str, session: str, status: str) -> Any:
    """Change the status of a call; return status and body."""
    return backend.request("PUT", f"/calls/{session}", {"status": status}, authToken=backend.token(uid))


@pytest.mark.parametrize(
    ("status", "by", "kind"),
    [
        ("ongoing", "amy-2", events.OutgoingCallAccepted),
        ("rejected", "amy-2", events.OutgoingCallRejected),
        ("busy", "amy-2", events.OutgoingCallRejected),
        ("cancelled", "zed-1", events.IncomingCallCancelled),
        ("unanswered", "zed-1", events.IncomingCallCancelled),
        ("ended", "zed-1", events.CallEnded),
    ],
)
def test_each_status_is_an_event_for_the_other_side(backend: Backend, status: str, by: str, kind: Any) -> None:
    """The callee gets the call; then the other user gets what became of it, and the answer is that message."""
    devices = {uid: backend.device(uid) for uid in ("zed-1", "amy-2")}
    _, answer = begin(backend)
    other = "zed-1" if by == "amy-2" else "amy-2"
    incoming = received_one(backend.outbox(devices["amy-2"])[-1], uid="amy-2")
    assert isinstance(incoming, events.IncomingCall)
    backend.outbox(devices["zed-1"])
    session = answer["data"]["data"]["entities"]["on"]["entity"]["sessionid"]
    assert incoming.session_id == session
    code, answer = change(backend, by, session, status)
    assert (code, answer["data"]["data"]["action"], answer["data"]["sender"]) == (200, status, by)
    event = received_one(backend.outbox(devices[other])[-1], uid=other)
    assert type(event) is kind
    assert event.session_id == session
    described = answer["data"]["data"]["entities"]["on"]["entity"]
    assert ("joinedAt" in described) == (status == "ongoing")
    assert ("endedAt" in described) == (status != "ongoing")


def test_a_call_of_a_group_reaches_every_member(backend: Backend) -> None:
    """Its receiver is the group; a user that is no member cannot change it."""
    amy = backend.device("amy-2")
    _, answer = begin(backend, receiver="hikers", kind="group", metadata={"why": "plans"})
    call = received_one(backend.outbox(amy)[-1], uid="amy-2")
    assert isinstance(call, events.IncomingCall)
    assert isinstance(call.receiver, events.Group)
    assert (call.receiver.guid, call.type) == ("hikers", "audio")
    assert answer["data"]["data"]["metadata"] == {"why": "plans"}
    session = answer["data"]["data"]["entities"]["on"]["entity"]["sessionid"]
    assert change(backend, "bob-3", session, "ongoing")[0] == 404


def test_sound_becomes_pictures(backend: Backend) -> None:
    """The type of a call is changed, and the other side is sent it."""
    amy = backend.device("amy-2")
    _, answer = begin(backend)
    session = answer["data"]["data"]["entities"]["on"]["entity"]["sessionid"]
    code, answer = backend.request(
        "PATCH", f"/calls/{session}/type", {"type": "video"}, authToken=backend.token("zed-1")
    )
    assert (code, answer["data"]["type"]) == (200, "video")
    assert backend.outbox(amy)[-1]["body"]["type"] == "video"


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        ({"type": "smell"}, "ERR_BAD_REQUEST", 400),
        ({"receiver": "zed-1"}, "ERR_CALLING_SELF", 400),
        ({"receiver": "nobody-0"}, "ERR_UID_NOT_FOUND", 404),
        ({"receiverType": "world"}, "ERR_BAD_REQUEST", 400),
        ({"metadata": "x"}, "ERR_BAD_REQUEST", 400),
    ],
)
def test_a_bad_call_is_refused(backend: Backend, body: dict[str, Any], code: str, status: int) -> None:
    """With the reason, and nothing is sent."""
    amy = backend.device("amy-2")
    found, answer = begin(backend, **body)
    assert (found, answer["error"]["code"]) == (status, code)
    assert not backend.outbox(amy)


def test_a_bad_change_is_refused(backend: Backend) -> None:
    """An unknown call, an unknown status, and a call that is over."""
    _, answer = begin(backend)
    session = answer["data"]["data"]["entities"]["on"]["entity"]["sessionid"]
    assert change(backend, "amy-2", "call-99", "ongoing")[1]["error"]["code"] == "ERR_CALL_SESSION_NOT_FOUND"
    assert change(backend, "amy-2", session, "initiated")[1]["error"]["code"] == "ERR_BAD_REQUEST"
    assert change(backend, "amy-2", session, "rejected")[0] == 200
    assert change(backend, "zed-1", session, "ongoing")[1]["error"]["code"] == "ERR_CALL_TERMINATED"


def test_the_oldest_calls_are_forgotten() -> None:
    """At most so many are kept, and no two have one id."""
    calls = Calls(limit=2)
    ids = [calls.begin({"status": "initiated"})["sessionid"] for _ in range(3)]
    assert [calls.get(each) is None for each in ids] == [True, False, False]
    assert len(set(ids)) == 3
