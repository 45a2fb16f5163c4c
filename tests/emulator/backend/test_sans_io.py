"""`cometconn.emulator.backend.sans_io`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cometconn.emulator import Close, Device, Faults, Kind
from cometconn.environment import Request

if TYPE_CHECKING:
    from tests.emulator.conftest import Backend


def test_a_hanging_request_is_logged_without_a_status(backend: Backend) -> None:
    """`hangs()` returns `True`, and the log has the request."""
    request = Request("GET", "http://127.0.0.1:1/me", {})
    assert not backend.world.hangs(request)

    backend.world.faults = Faults(rest="hang")

    assert backend.world.hangs(request)
    (entry,) = backend.world.log.of(Kind.REST)
    assert entry.detail["status"] is None


def test_connections_are_numbered_at_their_upgrade(backend: Backend) -> None:
    """`accepted()` gives a number to a device that had no `asked()`, and to none a second one."""
    first, second = backend.device(), backend.device()
    backend.world.closed(first, "eof")

    assert (first.number, second.number) == (1, 2)
    assert [entry.connection for entry in backend.world.log.of(Kind.CONNECT)] == [1, 2]
    assert backend.world.devices() == (second,)


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
def test_the_log_shows_how_a_connection_ended(
    backend: Backend, seen: list[tuple[Kind, dict[str, object]]], how: str, code: int | None
) -> None:
    """The end is recorded once, and after a close frame of the client as `close`, whatever became of TCP."""
    device = backend.device("zed-1")

    for kind, detail in seen:
        backend.world.wire(device, kind, **detail)
    backend.world.wire(device, Kind.EOF)
    backend.world.closed(device, "cut")

    (gone,) = backend.world.log.of(Kind.GONE)
    assert (gone.connection, gone.uid, dict(gone.detail)) == (1, "zed-1", {"how": how, "code": code})
    assert backend.world.log.position == gone.number + 1
    assert backend.world.connections("zed-1") == 0


def test_one_close_frame_is_not_the_end(backend: Backend) -> None:
    """Neither side's close frame alone ends the connection."""
    device = backend.device("zed-1")

    backend.world.wire(device, Kind.CLOSE_OUT, code=1011)

    assert backend.world.connections("zed-1") == 1


@pytest.mark.parametrize("state", ["silent", "gone"])
def test_frames_of_silent_and_ended_connections_are_ignored(backend: Backend, state: str) -> None:
    """Their frames are neither logged nor answered."""
    device = backend.device("zed-1")
    before = backend.world.log.position
    setattr(device, state, True)

    backend.world.received(device, '{"action": "ping"}')
    backend.world.sent(device, "{}")

    assert backend.world.log.position == before
    assert backend.outbox(device) == []


def test_frames_in_the_log_hold_no_secret(backend: Backend) -> None:
    """Neither a JWT in its field, nor a token in a text, nor one in a frame that is not JSON is shown."""
    device = backend.device()
    token = backend.token("zed-1")
    jwt = backend.world.sessions.jwt_for(token)

    backend.world.received(device, json.dumps({"type": "auth", "sender": "zed-1", "body": {"auth": jwt}}))
    backend.world.received(device, json.dumps({"type": "auth", "sender": "zed-1", "body": {"auth": "never-known"}}))
    backend.world.received(device, json.dumps({"type": "x", "text": f"look: {token}"}))
    backend.world.received(device, f"not json {jwt}")
    backend.world.sent(device, json.dumps({"settings": {"fat": "fat-one"}, "text": jwt}))

    shown = str(list(backend.world.log))
    for secret in (token, jwt, "never-known", "fat-one"):
        assert secret not in shown
    assert "look: ***" in shown


def test_long_frames_are_cut_in_the_log(backend: Backend) -> None:
    """4096 characters are kept, of JSON and of any other text."""
    device = backend.device()

    backend.world.received(device, json.dumps({"type": "x", "text": "y" * 9_000}))
    backend.world.received(device, "z" * 9_000)

    first, second = backend.world.log.of(Kind.FRAME_IN)
    assert len(first.detail["text"]) == len(second.detail["text"]) == 4_096


@pytest.mark.parametrize(("close", "orders"), [(4401, 2), (1008, 2), (0, 1)])
def test_a_refusal_may_come_without_a_close(backend: Backend, close: int, orders: int) -> None:
    """With `auth_close=0` the refused socket stays open."""
    backend.world.faults = Faults(auth="refuse", auth_close=close)
    device = backend.device()
    jwt = backend.world.sessions.jwt_for(backend.token("zed-1"))

    backend.world.received(device, json.dumps({"type": "auth", "sender": "zed-1", "body": {"auth": jwt}}))

    reply, *rest = backend.outbox(device)
    assert reply["body"]["code"] == "401"
    assert [order.code for order in rest if isinstance(order, Close)] == [close][: orders - 1]


def test_a_refused_upgrade_is_over_at_once(backend: Backend) -> None:
    """The end of its connection is recorded as `refused`."""

    class Line:
        def reset(self) -> None: ...

        def silence(self) -> None: ...

    device = Device(Line())
    backend.world.asked(device)

    backend.world.refused(device, 503)

    (upgrade,) = backend.world.log.of(Kind.UPGRADE)
    (gone,) = backend.world.log.of(Kind.GONE)
    assert (upgrade.detail["status"], gone.detail["how"]) == (503, "refused")
