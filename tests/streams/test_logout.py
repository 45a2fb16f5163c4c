"""Streams with `on_logout="raise"`: a program whose user was logged out does not wait for ever."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cometconn import MemoryStore
from cometconn._streams.stream_arguments import stream_options
from cometconn._streams.streams import Streams
from cometconn.errors import ApiError, NotLoggedInError, SettingsError, SlowConsumerError
from cometconn.events import Gap, TextMessage, UnknownEvent
from tests.connection.harness import Pair, background, open_pair, settle

UNKNOWN = "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"


async def log_out(pair: Pair, how: str) -> None:
    """Have zed-1 logged out."""
    if how == "server":
        pair.server.forget_tokens()
        pair.device.reset()
    elif how == "logout":
        await pair.chat.logout()
    else:
        await pair.chat.login(uid="amy-2", auth_key="KEY")
    await trio.sleep(60)


CAUSES = {
    "server": "no longer knows the auth token",
    "logout": "logout\\(\\) was called",
    "another": "login\\(\\) of another user was called",
}


@pytest.mark.parametrize("how", CAUSES)
@pytest.mark.parametrize("batch", [False, True])
async def test_a_stream_raises_what_logged_the_user_out(how: str, batch: bool, autojump_clock: MockClock) -> None:
    """A reader that waits is woken by NotLoggedInError with the cause, and so is each later call; a stream that waits goes on."""
    async with (
        open_pair(connect=True) as pair,
        pair.chat.events(on_logout="raise") as events,
        pair.chat.events() as waiting,
    ):
        with trio.fail_after(1000):
            async with background(events.batch if batch else events.__anext__) as outcome:
                await log_out(pair, how)
        (error,) = outcome
        assert isinstance(error, NotLoggedInError)
        for _ in range(2):
            with pytest.raises(NotLoggedInError, match=CAUSES[how]) as caught:
                await (events.batch() if batch else anext(events))
        for seen in (error, caught.value):
            assert "call login() and open a new stream" in str(seen)
            assert isinstance(seen.__cause__, NotLoggedInError)
            assert isinstance(seen.__cause__.__cause__, ApiError) == (how == "server")
            assert seen.code == (UNKNOWN if how == "server" else "ERROR_USER_NOT_LOGGED_IN")
        assert "logged out" in repr(events)
        await pair.chat.login(uid="amy-2", auth_key="KEY")
        await pair.chat.connect()
        await trio.sleep(1)
        pair.server.say("zed-1", "hello", receiver="amy-2")
        await trio.sleep(1)
        got = [event.text for event in await waiting.batch() if isinstance(event, TextMessage)]
        assert got == ["hello"]
        with pytest.raises(NotLoggedInError):
            await anext(events)


async def test_it_yields_what_it_holds_first(autojump_clock: MockClock) -> None:
    """Events that came before the logout are read, those that wait for room included; then the error follows."""
    async with open_pair(connect=True) as pair:
        for word in "abcde":
            pair.server.say("amy-2", word, receiver="zed-1")
        await settle()
        async with pair.chat.events(TextMessage, on_logout="raise", max_events=2) as events:
            await log_out(pair, "server")
            assert pair.chat.statistics().streams[0].events == 5
            got = []
            with pytest.raises(NotLoggedInError):
                async for event in events:
                    assert isinstance(event, TextMessage)
                    got.append(event.text)
            assert got == list("abcde")


async def test_what_was_not_read_comes_again_to_the_same_user(autojump_clock: MockClock) -> None:
    """After a logout by the server the next stream of the same user begins with what this one had not acknowledged."""
    async with open_pair(connect=True, store=MemoryStore()) as pair:
        with pytest.raises(NotLoggedInError):
            async with pair.chat.events(TextMessage, on_logout="raise") as events:
                for word in "abc":
                    pair.server.say("amy-2", word, receiver="zed-1")
                await settle()
                assert [(await anext(events)).text for _ in range(2)] == ["a", "b"]  # type: ignore[union-attr]
                await log_out(pair, "server")
                raise NotLoggedInError("as the next read would")
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        async with pair.chat.events(TextMessage) as again:
            assert [event.text for event in await again.batch() if isinstance(event, TextMessage)] == ["b", "c"]


async def test_a_full_stream_that_raises_no_longer_pauses_the_socket(autojump_clock: MockClock) -> None:
    """The next user's events come to the other streams, although nobody reads the one that was full."""
    async with open_pair(connect=True) as pair:
        async with (
            pair.chat.events(TextMessage, on_logout="raise", max_events=1),
            pair.chat.events(TextMessage, markers=False) as other,
        ):
            for word in "abc":
                pair.server.say("amy-2", word, receiver="zed-1")
            await settle()
            assert len(await other.batch()) == 1
            await log_out(pair, "another")
            await pair.chat.connect()
            pair.server.say("zed-1", "hello", receiver="amy-2")
            await trio.sleep(1)
            assert [message.text for message in await other.batch()][-1] == "hello"


async def test_the_next_users_events_wait_for_the_next_stream(autojump_clock: MockClock) -> None:
    """A stream that raises counts no longer, although its block goes on: what comes then is unclaimed."""
    async with open_pair(connect=True) as pair, pair.chat.events(on_logout="raise"):
        await log_out(pair, "another")
        await pair.chat.connect()
        pair.server.say("zed-1", "hello", receiver="amy-2")
        await trio.sleep(1)
        async with pair.chat.events(TextMessage, markers=False) as events:
            with trio.fail_after(10):
                assert (await anext(events)).text == "hello"


async def test_the_first_end_of_a_stream_counts() -> None:
    """A stream that has failed raises its own error after a logout, and a second logout changes nothing."""
    streams = Streams()
    slow = streams.open(stream_options((), 1, 100, "fail", "never", on_logout="raise"))
    out = streams.open(stream_options((), 1, 100, "fail", "never", on_logout="raise"))
    ended = Streams().open(stream_options((), 1, 100, "fail", "never", on_logout="raise"))
    for word in "ab":
        slow.push((UnknownEvent(word, {}), 1, 0))
    for word in ("first", "second"):
        streams.log_out(NotLoggedInError(f"{word} logout."))
    assert slow.can_hand_out()
    slow.hand_out(None)
    with pytest.raises(SlowConsumerError):
        slow.can_hand_out()
    with pytest.raises(NotLoggedInError, match="first logout"):
        out.can_hand_out()
    ended.end()
    ended.log_out(NotLoggedInError("late."), 0)
    with pytest.raises(StopAsyncIteration):
        ended.can_hand_out()


async def test_a_stream_opened_before_the_first_login_waits_for_it(autojump_clock: MockClock) -> None:
    """Not being logged in yet is no logout; and leaving the client is none, either: the iteration ends."""
    async with open_pair(login=False) as pair, pair.chat.events(TextMessage, on_logout="raise") as events:
        async with background(events.batch) as outcome:
            await trio.sleep(10)
            assert outcome == []
            await pair.chat.login(uid="zed-1", auth_key="KEY")
            await pair.chat.connect()
            pair.server.say("amy-2", "hello", receiver="zed-1")
        assert [message.text for message in outcome[0]] == ["hello"]
        await pair.chat.login(uid="zed-1", auth_key="KEY")  # of the same user
        pair.chat._core.leave()
        assert await events.batch() == []


@pytest.mark.parametrize(("count", "words"), [(0, None), (1, "1 event stream gets"), (2, "2 event streams get")])
async def test_the_warning_counts_the_streams_that_wait(
    count: int, words: str | None, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The WARNING of a logout by the server has its cause, and how many streams now wait; logout() is none."""
    async with open_pair(connect=True) as pair:
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(_wait, pair, "wait")
            nursery.start_soon(_wait, pair, "raise")
            await settle()
            await log_out(pair, "server")
            nursery.cancel_scope.cancel()
        (warning,) = [record.getMessage() for record in caplog.records if record.name == "cometconn"]
        assert "no longer knows the auth token" in warning
        assert (words or "on_logout") in warning if words else "stream" not in warning
        assert ('on_logout="raise"' in warning) == bool(count)


async def _wait(pair: Pair, on_logout: Any) -> None:
    async with pair.chat.events(on_logout=on_logout) as events:
        try:
            while True:
                assert [type(event) for event in await events.batch()] == [Gap]
        except NotLoggedInError:
            assert on_logout == "raise"


async def test_an_unknown_word(autojump_clock: MockClock) -> None:
    """A word that is neither of the two is a SettingsError."""
    async with open_pair(login=False) as pair:
        with pytest.raises(SettingsError, match=r'events\(on_logout=\.\.\.\) must be "wait" or "raise"'):
            pair.chat.events(on_logout="explode")  # type: ignore[call-overload]
