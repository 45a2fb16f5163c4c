"""`cometconn.emulator.backend.sans_io`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cometconn.emulator import Close, Device, Faults, Kind, World
from cometconn.environment import Request
from cometconn.errors import SettingsError

if TYPE_CHECKING:
    from .conftest import Village


@pytest.mark.parametrize("users", [("",), ("zed-1", "zed-1")])
def test_users_must_make_sense(users: tuple[str, ...]) -> None:
    """Empty and repeated uids are refused."""
    with pytest.raises(SettingsError, match="users"):
        World(users=users)


@pytest.mark.parametrize("groups", [{"": ["zed-1"]}, {"hikers": ["nobody"]}])
def test_groups_must_make_sense(groups: dict[str, list[str]]) -> None:
    """Empty names and unknown members are refused."""
    with pytest.raises(SettingsError, match="groups"):
        World(groups=groups)


def test_a_hanging_request_is_logged_without_a_status(village: Village) -> None:
    """The door is told to leave it, and the log that it came."""
    request = Request("GET", "http://127.0.0.1:1/me", {})
    assert not village.world.hangs(request)

    village.world.faults = Faults(rest="hang")

    assert village.world.hangs(request)
    (entry,) = village.world.log.of(Kind.REST)
    assert entry.detail["status"] is None


def test_connections_are_numbered_when_they_ask(village: Village) -> None:
    """`accepted` numbers a device that was not announced by `asked`, and none twice."""
    first, second = village.device(), village.device()
    village.world.closed(first, "eof")

    assert (first.number, second.number) == (1, 2)
    assert [entry.connection for entry in village.world.log.of(Kind.CONNECT)] == [1, 2]
    assert village.world.devices() == (second,)


@pytest.mark.parametrize(
    ("seen", "how", "code"),
    [
        ([(Kind.CLOSE_IN, {"code": 1000}), (Kind.CLOSE_OUT, {"code": 1000})], "close", 1000),
        ([(Kind.CLOSE_OUT, {"code": 1011}), (Kind.CLOSE_IN, {"code": 1011})], "close", 1011),
        ([(Kind.CLOSE_IN, {"code": None}), (Kind.EOF, {})], "close", None),
        ([(Kind.CLOSE_OUT, {"code": 1011}), (Kind.EOF, {})], "eof", None),
        ([(Kind.EOF, {})], "eof", None),
        ([(Kind.RESET, {"by": "client"})], "reset", None),
    ],
)
def test_the_wire_tells_how_it_ended(
    village: Village, seen: list[tuple[Kind, dict[str, object]]], how: str, code: int | None
) -> None:
    """The end is noted once, and the client's close frame outranks what became of TCP."""
    device = village.device("zed-1")

    for kind, detail in seen:
        village.world.wire(device, kind, **detail)
    village.world.wire(device, Kind.EOF)
    village.world.closed(device, "cut")

    (gone,) = village.world.log.of(Kind.GONE)
    assert (gone.connection, gone.uid, dict(gone.detail)) == (1, "zed-1", {"how": how, "code": code})
    assert village.world.log.position == gone.number + 1
    assert village.world.connections("zed-1") == 0


def test_half_a_goodbye_is_not_the_end(village: Village) -> None:
    """Neither side's close frame alone ends the connection."""
    device = village.device("zed-1")

    village.world.wire(device, Kind.CLOSE_OUT, code=1011)

    assert village.world.connections("zed-1") == 1


@pytest.mark.parametrize("state", ["silent", "gone"])
def test_frames_of_the_silent_and_the_gone_are_no_news(village: Village, state: str) -> None:
    """Nothing is logged, nothing answered."""
    device = village.device("zed-1")
    before = village.world.log.position
    setattr(device, state, True)

    village.world.received(device, '{"action": "ping"}')
    village.world.sent(device, "{}")

    assert village.world.log.position == before
    assert village.outbox(device) == []


def test_a_client_of_the_same_session_id_is_another_user(village: Village) -> None:
    """The echo is kept from the sender's device, not from a stranger's with the same session id."""
    sender, receiver = village.device("zed-1", "same"), village.device("amy-2", "same")

    draft = {"receiver": "amy-2", "receiverType": "user", "category": "message", "type": "text", "data": {"text": "x"}}
    village.world.post("zed-1", draft, device_id="same")

    assert village.outbox(sender) == []
    assert len(village.outbox(receiver)) == 1


def test_without_a_session_id_everybody_is_told(village: Village) -> None:
    """A message from nowhere in particular reaches the sender's nameless device."""
    device = village.device("zed-1")

    draft = {"receiver": "amy-2", "receiverType": "user", "category": "message", "type": "text", "data": {"text": "x"}}
    village.world.post("zed-1", draft)

    assert len(village.outbox(device)) == 1


def test_frames_in_the_log_hold_no_secret(village: Village) -> None:
    """Neither a JWT in its place, nor a token in a text, nor one in what is no JSON."""
    device = village.device()
    token = village.token("zed-1")
    jwt = village.world.sessions.jwt_for(token)

    village.world.received(device, json.dumps({"type": "auth", "sender": "zed-1", "body": {"auth": jwt}}))
    village.world.received(device, json.dumps({"type": "auth", "sender": "zed-1", "body": {"auth": "never-known"}}))
    village.world.received(device, json.dumps({"type": "x", "text": f"look: {token}"}))
    village.world.received(device, f"not json {jwt}")
    village.world.sent(device, json.dumps({"settings": {"fat": "fat-one"}, "text": jwt}))

    shown = str(list(village.world.log))
    for secret in (token, jwt, "never-known", "fat-one"):
        assert secret not in shown
    assert "look: ***" in shown


def test_long_frames_are_cut_in_the_log(village: Village) -> None:
    """Four thousand characters are kept, of JSON and of anything else."""
    device = village.device()

    village.world.received(device, json.dumps({"type": "x", "text": "y" * 9_000}))
    village.world.received(device, "z" * 9_000)

    first, second = village.world.log.of(Kind.FRAME_IN)
    assert len(first.detail["text"]) == len(second.detail["text"]) == 4_096


@pytest.mark.parametrize(("close", "orders"), [(4401, 2), (1008, 2), (0, 1)])
def test_a_refusal_may_come_without_a_close(village: Village, close: int, orders: int) -> None:
    """With `auth_close=0` the refused socket stays open."""
    village.world.faults = Faults(auth="refuse", auth_close=close)
    device = village.device()
    jwt = village.world.sessions.jwt_for(village.token("zed-1"))

    village.world.received(device, json.dumps({"type": "auth", "sender": "zed-1", "body": {"auth": jwt}}))

    reply, *rest = village.outbox(device)
    assert reply["body"]["code"] == "401"
    assert [order.code for order in rest if isinstance(order, Close)] == [close][: orders - 1]


def test_a_refused_upgrade_is_over_at_once(village: Village) -> None:
    """Its end says so."""

    class Line:
        def reset(self) -> None: ...

        def silence(self) -> None: ...

    device = Device(Line())
    village.world.asked(device)

    village.world.refused(device, 503)

    (upgrade,) = village.world.log.of(Kind.UPGRADE)
    (gone,) = village.world.log.of(Kind.GONE)
    assert (upgrade.detail["status"], gone.detail["how"]) == (503, "refused")
