"""The limits of one message, received over the socket or over REST, or sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cometconn import AppSettings
from cometconn.emulator import Kind
from cometconn.environment import Request, Response
from cometconn.errors import ApiError, SettingsError
from cometconn.events import Event, Gap, TextMessage, UnreadableFrame
from cometconn.settings import Limits

from .connection.harness import background, open_pair, settle

SMALL = Limits(max_message=20_000, max_items=500)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_message", 16 * 1024 - 1),
        ("max_message", 16 * 1024 * 1024 + 1),
        ("max_message", 1e6),
        ("max_items", 99),
        ("max_items", True),
        ("requests_at_once", 0),
        ("requests_at_once", "8"),
    ],
)
def test_limits_refuse_nonsense(name: str, value: Any) -> None:
    """The error of an invalid limit names the limit, and the bounds of a number."""
    words = "must be a whole number from" if type(value) is int else "must be a whole number, not"
    with pytest.raises(SettingsError, match=rf"Limits\.{name} {words}"):
        Limits(**{name: value})


def test_the_limits_of_a_client() -> None:
    """The defaults are 1 MiB, 10,000 items and 8 requests."""
    assert AppSettings(region="eu").limits == Limits(max_message=1 << 20, max_items=10_000, requests_at_once=8)
    with pytest.raises(SettingsError, match=r"AppSettings\.limits"):
        AppSettings(region="eu", limits=5)  # type: ignore[arg-type]


async def events_until(events: Any, text: str) -> list[Event]:
    """All events before the text message *text*."""
    got: list[Event] = []
    async for event in events:
        if isinstance(event, TextMessage) and event.text == text:
            break
        got.append(event)
    return got


async def test_a_frame_that_is_too_long_is_unreadable(autojump_clock: MockClock) -> None:
    """The event has its beginning, its size and the limit; a frame at the limit is read; the connection stays open."""
    settings = AppSettings(limits=SMALL)
    async with open_pair(settings=settings, connect=True) as pair, pair.chat.events() as events:
        with trio.fail_after(60):
            frame = json.dumps({"type": "odd", "pad": "\u00e9" * 100_000}, ensure_ascii=False)
            pair.server.push("zed-1", frame)
            pair.server.push("zed-1", '{"type":"odd"}'.ljust(20_000))
            pair.server.say("amy-2", "behind", receiver="zed-1")
            long, fitting = await events_until(events, "behind")
        assert isinstance(long, UnreadableFrame)
        assert long.raw == frame.encode()[: 1 << 16].decode(errors="ignore")
        assert f"{len(frame.encode()):,} bytes" in str(long.error)
        assert "Limits.max_message is 20,000" in str(long.error)
        assert not isinstance(fitting, UnreadableFrame)
        assert pair.chat.statistics().connections == 1


async def test_a_frame_with_too_many_items_is_unreadable(autojump_clock: MockClock) -> None:
    """Only items outside of strings count: a message whose text has thousands of brackets is read."""
    settings = AppSettings(limits=SMALL)
    async with open_pair(settings=settings, connect=True) as pair, pair.chat.events() as events:
        with trio.fail_after(60):
            pair.server.push("zed-1", json.dumps({"type": "odd", "list": [1] * 6_000}))
            pair.server.say("amy-2", '[{"a":1},[]]\\' * 1_200, receiver="zed-1")
            pair.server.say("amy-2", "behind", receiver="zed-1")
            full, pasted = await events_until(events, "behind")
        assert isinstance(full, UnreadableFrame)
        assert "more than 500 items" in str(full.error)
        assert isinstance(pasted, TextMessage)
        assert pair.chat.statistics().connections == 1


async def test_the_limits_apply_to_each_message_of_a_page(autojump_clock: MockClock) -> None:
    """A message that is too long or has too many items is unreadable, with its id; the others are not affected."""
    settings = AppSettings(limits=SMALL, catch_up=True)
    async with open_pair(settings=settings, connect=True) as pair, pair.chat.events() as events:
        pair.server.say("amy-2", "seen", receiver="zed-1")
        await events_until(events, "seen")
        pair.chat.enter_background()
        await settle()
        pair.server.say("amy-2", "x" * 100_000, receiver="zed-1")
        draft: dict[str, Any] = {"receiver": "zed-1", "receiverType": "user", "category": "message", "type": "text"}
        data = {"text": "full", "metadata": {"list": [1] * 8_500}}
        pair.server.world.post("amy-2", {**draft, "data": data}, device_id="other")
        pair.server.say("amy-2", "last", receiver="zed-1")
        pair.chat.enter_foreground()
        with trio.fail_after(60):
            gap, long, full = await events_until(events, "last")
        assert isinstance(gap, Gap)
        assert isinstance(long, UnreadableFrame)
        assert isinstance(full, UnreadableFrame)
        assert (long.message_id, full.message_id) == (2, 3)
        assert len(long.raw) == 1 << 16
        assert "Limits.max_message" in str(long.error)
        assert "Limits.max_items" in str(full.error)


@pytest.mark.parametrize("data", [{"list": [1] * 8_500}, {"text": "\u00e9" * 10_000}])
async def test_the_limits_apply_to_what_is_sent(data: dict[str, Any], autojump_clock: MockClock) -> None:
    """Each call that sends the app's own data refuses too much of it before anything is sent; the error names the call."""
    settings = AppSettings(limits=SMALL)
    async with open_pair(settings=settings, connect=True) as pair:
        sent = pair.chat.statistics().frames_sent
        requests = len(pair.log(Kind.REST))
        chat = pair.chat
        for call in (
            lambda: chat.send_text("amy-2", "x", metadata=data),
            lambda: chat.send_custom("amy-2", data, type="t"),
            lambda: chat.send_transient("amy-2", data),
            lambda: chat.start_typing("amy-2", metadata=data),
            lambda: chat.end_typing("amy-2", metadata=data),
        ):
            with pytest.raises(SettingsError, match=r"_\w+\(\): .*Limits\.max_\w+.*Nothing was sent\.$"):
                await call()
        assert chat.statistics().frames_sent == sent
        assert len(pair.log(Kind.REST)) == requests
        await chat.send_text("amy-2", "[{,}]" * 3_000)


async def test_eight_requests_at_a_time(autojump_clock: MockClock) -> None:
    """Eight requests run at a time; others wait in their order, and a cancelled one does not delay them."""
    async with open_pair(manual=True) as pair:
        under_way: list[int] = [0, 0]
        ask = pair.server.request

        async def slow(request: Request) -> Response:
            under_way[0] += 1
            under_way[1] = max(under_way)
            try:
                await trio.sleep(1)
                return await ask(request)
            finally:
                under_way[0] -= 1

        pair.chat._login.api.request = slow
        with trio.fail_after(60):
            began = trio.current_time()
            async with trio.open_nursery() as nursery:
                for number in range(24):
                    nursery.start_soon(pair.chat.send_text, "amy-2", str(number))
                    await trio.testing.wait_all_tasks_blocked()
                with trio.move_on_after(0.5):
                    await pair.chat.send_text("amy-2", "given up")
            assert trio.current_time() - began == 3
        assert under_way == [0, 8]
        texts = [int(message["data"]["text"]) for message in pair.server.world.messages]
        assert [sorted(texts[:8]), sorted(texts[8:16])] == [list(range(8)), list(range(8, 16))]  # a second each
        assert sorted(texts) == list(range(24))


async def test_waiting_for_a_turn_is_part_of_the_request(autojump_clock: MockClock) -> None:
    """`request_timeout` includes the wait, and the error reports the requests that were running."""
    settings = AppSettings(auto_establish_socket_connection=False, limits=Limits(requests_at_once=1))
    async with open_pair(settings=settings) as pair:
        pair.server.set(rest="hang")
        began = trio.current_time()
        async with background(pair.chat.send_text, "amy-2", "first") as first:
            await settle()
            with pytest.raises(
                ApiError,
                match=r"not sent: 1 others \(Limits\.requests_at_once\) .*request_timeout, 10 s \(FAILED_TO_FETCH\)\.",
            ):
                await pair.chat.send_text("amy-2", "second")
            assert trio.current_time() - began == 10
            await settle()
            assert isinstance(first[0], ApiError)
