"""CometChat's Connection Behaviour page: P1 to P18, one test each, in virtual time."""

from __future__ import annotations

import pathlib

import pytest
import trio
from trio.testing import MockClock

from cometconn import AppSettings, Connected, Disconnected, FileStore, MemoryStore, Reason, SubscriptionType
from cometconn.emulator import Kind
from cometconn.errors import ApiError, ConnectError, NotLoggedInError
from cometconn.events import Gap, TextMessage, TypingStarted

from .connection.harness import Pair, open_pair, settle

TYPING = {"type": "typing_indicator", "body": {"action": "started", "user": {"uid": "amy-2"}}}


def say(pair: Pair, text: str, *, group: str | None = None) -> None:
    """Let amy-2 write to zed-1 or to a group."""
    draft = {"receiver": group or "zed-1", "receiverType": "group" if group else "user"}
    pair.server.world.post("amy-2", {**draft, "category": "message", "type": "text", "data": {"text": text}})


def auth_frame(pair: Pair) -> dict[str, object]:
    """The client's auth frame, as the server logged it."""
    return next(e.detail["frame"] for e in pair.log(Kind.FRAME_IN) if e.detail["frame"].get("type") == "auth")


async def test_p1_login_saves_and_connects(tmp_path: pathlib.Path, autojump_clock: MockClock) -> None:
    """P1: login() logs in, saves the user locally, and opens the WebSocket."""
    async with open_pair(store=FileStore(tmp_path / "s" / "f.json")) as pair:
        await pair.wait_status(Connected)
        assert '"zed-1"' in (tmp_path / "s" / "f.json").read_text()
        assert pair.server.world.connections("zed-1") == 1


async def test_p2_reopening_needs_no_login(autojump_clock: MockClock) -> None:
    """P2: the next client on the same store connects by itself, without a request."""
    store = MemoryStore()
    async with open_pair(store=store, connect=True):
        pass
    async with open_pair(store=store, login=False) as pair:
        assert pair.now() == "Connecting(1)"
        assert not pair.log(Kind.REST)
        assert pair.chat.get_logged_in_user() is not None


def test_p3_auto_is_the_default() -> None:
    """P3: auto mode is the default."""
    assert AppSettings(region="us").auto_establish_socket_connection is True


async def test_p4_auto_foreground_is_connected(autojump_clock: MockClock) -> None:
    """P4: auto mode in the foreground is connected, after login and after every return."""
    async with open_pair() as pair:
        await pair.wait_status(Connected)
        pair.chat.enter_background()
        pair.chat.enter_foreground()
        await pair.wait_status(Connected)
        assert pair.server.world.connections("zed-1") == 1


async def test_p5_auto_background_is_disconnected_immediately(autojump_clock: MockClock) -> None:
    """P5: when enter_background() returns the client is disconnected, and the close frame is out before time moves."""
    async with open_pair(connect=True) as pair:
        now = trio.current_time()
        pair.chat.enter_background()
        assert pair.chat.status == Disconnected(Reason.IN_BACKGROUND, at=now)
        await settle()
        assert [(e.at, e.detail["code"]) for e in pair.log(Kind.CLOSE_IN)] == [(now, 1000)]


@pytest.mark.parametrize("manual", [False, True], ids=["p6_auto", "p12_manual"])
async def test_p6_p12_a_loss_in_the_foreground_is_mended(manual: bool, autojump_clock: MockClock) -> None:
    """P6, P12: network lost in the foreground: the library reconnects."""
    async with open_pair(connect=True, manual=manual) as pair:
        pair.server.dialling = "refuse"
        pair.device.reset()
        await trio.sleep(3600)
        assert len(pair.server.dials) > 100
        pair.server.dialling = "accept"
        await trio.sleep(31)
        assert isinstance(pair.chat.status, Connected)


async def test_p7_manual_only_connect_opens(autojump_clock: MockClock) -> None:
    """P7: in manual mode only connect() opens and disconnect() closes."""
    async with open_pair(manual=True) as pair:
        await trio.sleep(60)
        assert pair.server.dials == []
        await pair.chat.connect()
        assert pair.server.world.connections("zed-1") == 1
        await pair.chat.disconnect()
        assert pair.server.world.connections("zed-1") == 0


async def test_p8_manual_background_lives_thirty_seconds(autojump_clock: MockClock) -> None:
    """P8: without a ping() the socket is closed exactly 30 s after entering the background, not before."""
    async with open_pair(manual=True, connect=True) as pair:
        now = trio.current_time()
        pair.chat.enter_background()
        await trio.sleep_until(now + 29.999999)
        assert isinstance(pair.chat.status, Connected)
        await trio.sleep(1)
        assert [(e.at, e.detail["code"]) for e in pair.log(Kind.CLOSE_IN)] == [(now + 30, 1000)]


async def test_p9_ping_gives_thirty_more(autojump_clock: MockClock) -> None:
    """P9: each ping() within 30 s of the last sign of life gives 30 s more."""
    async with open_pair(manual=True, connect=True) as pair:
        pair.chat.enter_background()
        for _ in range(5):
            await trio.sleep(29.9)
            now = trio.current_time()
            await pair.chat.ping()
        await trio.sleep(31)
        assert pair.chat.status == Disconnected(Reason.BACKGROUND_TIMEOUT, at=now + 30)
        assert [e.at for e in pair.log(Kind.CLOSE_IN)] == [now + 30]


async def test_p10_ping_sends_a_frame(autojump_clock: MockClock) -> None:
    """P10: ping() sends CometChat's ping frame."""
    async with open_pair(connect=True) as pair:
        await pair.chat.ping()
        assert pair.log(Kind.FRAME_IN)[-1].detail["frame"] == {"action": "ping", "ack": "true"}


async def test_p11_nothing_comes_for_the_time_away(autojump_clock: MockClock) -> None:
    """P11: messages sent while disconnected do not come over the socket; the stream yields a Gap."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        since = trio.current_time()
        pair.chat.enter_background()
        await trio.sleep(60)
        say(pair, "missed")
        pair.chat.enter_foreground()
        await pair.wait_status(Connected)
        say(pair, "seen")
        gap, message = await anext(events), await anext(events)
        assert isinstance(gap, Gap)
        assert (gap.since, gap.until, gap.recovered) == (since, since + 60, False)
        assert (gap.until_utc - gap.since_utc).total_seconds() == 60
        assert isinstance(message, TextMessage)
        assert message.text == "seen"


@pytest.mark.parametrize("how", ["disconnect", "timeout", "loss"])
async def test_p13_only_connect_opens_again(how: str, autojump_clock: MockClock) -> None:
    """P13: after disconnect(), or disconnected in the background, only connect() opens it again."""
    async with open_pair(manual=True, connect=True) as pair:
        if how == "disconnect":
            await pair.chat.disconnect()
        else:
            pair.chat.enter_background()
        if how == "loss":
            pair.device.reset()
        await trio.sleep(60)
        pair.chat.enter_foreground()
        pair.chat.retry_now()
        await trio.sleep(60)
        assert len(pair.server.dials) == 1
        await pair.chat.connect()
        assert len(pair.server.dials) == 2


async def test_p14_connect_needs_a_user(autojump_clock: MockClock) -> None:
    """P14: connect() needs a logged-in user, whom get_logged_in_user() returns."""
    async with open_pair(login=False) as pair:
        assert pair.chat.get_logged_in_user() is None
        with pytest.raises(NotLoggedInError) as caught:
            await pair.chat.connect()
        assert caught.value.code == "ERROR_USER_NOT_LOGGED_IN"
        user = await pair.chat.login(uid="zed-1", auth_key="KEY")
        assert pair.chat.get_logged_in_user() == user
        await pair.chat.connect()


async def test_p15_events_arrive_while_connected(autojump_clock: MockClock) -> None:
    """P15: connected: events to the user and to their groups arrive; disconnected: none."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        say(pair, "to you")
        say(pair, "to all", group="hikers")
        pair.device.send_json(TYPING)
        await settle()
        first, second, third = await events.batch()
        assert isinstance(first, TextMessage)
        assert isinstance(second, TextMessage)
        assert (first.text, second.text) == ("to you", "to all")
        assert isinstance(third, TypingStarted)
        await pair.chat.disconnect()
        say(pair, "sent while disconnected")
        with trio.move_on_after(60) as waited:
            await anext(events)
        assert waited.cancelled_caught


async def test_p16_errors_have_a_code_and_a_message(autojump_clock: MockClock) -> None:
    """P16: the errors of a refusal by the server and of one of our own both name what was refused and why."""
    async with open_pair(login=False, manual=True) as pair:
        with pytest.raises(ApiError) as refused:
            await pair.chat.login(uid="zed-1", auth_key="WRONG")
        assert (refused.value.code, refused.value.status) == ("AUTH_ERR_INVALID_API_KEY", 401)
        assert refused.value.message == str(refused.value) != ""
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        pair.server.dialling = "refuse"
        with pytest.raises(ConnectError) as failed:
            await pair.chat.connect()
        assert failed.value.code == "CONNECT_FAILED"
        assert "cannot be reached" in failed.value.message


@pytest.mark.parametrize("kind", list(SubscriptionType))
async def test_p17_settings_reach_the_server(kind: SubscriptionType, autojump_clock: MockClock) -> None:
    """P17: app id and presence subscription are in the auth frame, roles with ROLES only."""
    roles = ("vip", "staff") if kind is SubscriptionType.ROLES else ()
    async with open_pair(settings=AppSettings(subscription_type=kind, roles=roles), connect=True) as pair:
        frame = auth_frame(pair)
        body = frame["body"]
        assert isinstance(body, dict)
        assert frame["appId"] == "APP"
        assert body["presenceSubscription"] == kind.value
        assert body.get("roles", []) == list(roles)


async def test_p18_keep_alive_holds_for_ever(autojump_clock: MockClock) -> None:
    """P18: a background service that pings in a loop keeps one socket for six hours."""
    async with open_pair(manual=True, connect=True) as pair, trio.open_nursery() as nursery:
        pair.chat.enter_background()
        nursery.start_soon(pair.chat.keep_alive)
        await trio.sleep(6 * 3600)
        assert pair.now() == "Connected(1)"
        assert len(pair.server.dials) == 1
        nursery.cancel_scope.cancel()
