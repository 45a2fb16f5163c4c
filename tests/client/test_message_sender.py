"""Messages that the user sends: what is returned, and what a failure leaves behind."""

from __future__ import annotations

import functools
import json
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from cometconn import AppSettings, Reason, User
from cometconn.emulator import Kind
from cometconn.environment import Request, Response
from cometconn.errors import ApiError, NotLoggedInError, SendUncertainError, SettingsError
from cometconn.events import (
    CustomMessage,
    Event,
    Group,
    MessageEdited,
    Overflow,
    ReactionAdded,
    TextMessage,
    TypingStarted,
)
from cometconn.testing import MemoryServer
from tests.connection.harness import background, open_pair, settle

DRAFT = {"receiver": "zed-1", "receiverType": "user", "category": "message", "type": "text"}


def stored(server: MemoryServer) -> list[Any]:
    """The messages that the server has."""
    return list(server.world.messages)


async def test_a_text_is_returned_as_the_server_has_it(autojump_clock: MockClock) -> None:
    """Id, time, sender and receiver come from the server; muid, metadata, tags and thread are those of the call."""
    async with open_pair(manual=True) as pair:
        first = await pair.chat.send_text("amy-2", "hello")
        assert isinstance(first, TextMessage)
        assert (first.id, first.text, first.sender.uid, first.receiver.id) == (1, "hello", "zed-1", "amy-2")
        assert first.sent_at is not None
        reply = await pair.chat.send_text(
            "hikers", "you", receiver_type="group", muid="m", metadata={"a": 1}, parent_message_id=1, tags=("t",)
        )
        assert isinstance(reply.receiver, Group)
        assert (reply.muid, reply.metadata, reply.parent_message_id, reply.tags) == ("m", {"a": 1}, 1, ("t",))
        assert pair.chat.statistics().attempts == 0  # no socket is needed


async def test_a_custom_message(autojump_clock: MockClock) -> None:
    """A message of the app's own kind is returned as the other client gets it."""
    async with (
        open_pair() as pair,
        open_pair(given=pair.server, login=False) as other,
        other.chat.events(CustomMessage) as events,
    ):
        await other.chat.login(uid="amy-2", auth_key="KEY")
        await other.chat.connect()
        sent = await pair.chat.send_custom("amy-2", {"x": 1}, type="place", sub_type="city", muid="m")
        assert (sent.type, sent.sub_type, sent.custom_data) == ("place", "city", {"x": 1})
        assert attrs.evolve(sent, raw={}) == attrs.evolve(await anext(events), raw={})


async def test_a_receiver_can_be_written_to(autojump_clock: MockClock) -> None:
    """A message goes to `x.id` with `x.receiver_type`, whether x is a user or a group."""
    async with open_pair(manual=True) as pair:
        for to in (User("amy-2"), Group("hikers")):
            sent = await pair.chat.send_text(to.id, "hello", receiver_type=to.receiver_type)
            assert sent.receiver.id == to.id


@pytest.mark.parametrize("device_id", ["ours", "none"])
async def test_an_own_message_is_no_event(autojump_clock: MockClock, device_id: str) -> None:
    """If the server sends the message back, with our session id or without, it is in no stream and moves no position."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        sent = await pair.chat.send_text("amy-2", "hello")
        body = stored(pair.server)[0]
        echo = {"type": "message", "body": body, "deviceId": body["data"]["resource"] if device_id == "ours" else "x"}
        pair.device.send(json.dumps(echo))
        await settle()
        assert pair.chat._core.streams.last_id is None
        pair.server.world.post("amy-2", {**DRAFT, "data": {"text": "hi"}})
        news = await anext(events)
        assert isinstance(news, TextMessage)
        assert (news.text, news.id > sent.id) == ("hi", True)


async def test_own_messages_are_not_caught_up_with(autojump_clock: MockClock) -> None:
    """Messages that the user sent while disconnected are not fetched; those of others are."""
    settings = AppSettings(catch_up=True)
    async with open_pair(settings=settings, connect=True) as pair, pair.chat.events(TextMessage) as events:
        await pair.chat.disconnect()
        await pair.chat.send_text("amy-2", "mine")
        pair.server.world.post("amy-2", {**DRAFT, "data": {"text": "theirs"}})
        await pair.chat.connect()
        await settle()
        got = [event.text for event in await events.batch() if isinstance(event, TextMessage)]
        assert got == ["theirs"]


async def test_the_next_user_gets_it(autojump_clock: MockClock) -> None:
    """A message to the user who logs in next on this client is an event for that user."""
    async with open_pair(manual=True) as pair, pair.chat.events(TextMessage) as events:
        sent = await pair.chat.send_text("amy-2", "hello")
        await pair.chat.login(uid="amy-2", auth_key="KEY")
        await pair.chat.connect()
        pair.device.send(json.dumps({"type": "message", "body": stored(pair.server)[0], "deviceId": "other"}))
        assert (await anext(events)) == sent


async def test_no_user_is_logged_in(autojump_clock: MockClock) -> None:
    """Before the login, and after the client was left, NotLoggedInError is raised and no request is made."""
    async with open_pair(login=False) as pair:
        with pytest.raises(NotLoggedInError, match="send_text"):
            await pair.chat.send_text("amy-2", "hello")
    with pytest.raises(NotLoggedInError, match="send_custom"):
        await pair.chat.send_custom("amy-2", {}, type="x")
    assert not pair.log(Kind.REST)


async def test_bad_arguments_are_refused_before_anything_is_sent(autojump_clock: MockClock) -> None:
    """Invalid arguments raise SettingsError, and no request is made."""
    async with open_pair(manual=True) as pair:
        before = len(pair.log(Kind.REST))
        with pytest.raises(SettingsError):
            await pair.chat.send_text("amy-2", "")
        with pytest.raises(SettingsError):
            await pair.chat.send_custom("", {}, type="x")
        assert len(pair.log(Kind.REST)) == before


async def test_an_id_that_stands_for_the_other_kind(autojump_clock: MockClock) -> None:
    """The error says how to send to a group, or to a user, if the receiver was given as an id."""
    async with open_pair(manual=True) as pair:
        for receiver, kind, words in (
            ("hikers", "user", 'If hikers is a group, add receiver_type="group".'),
            ("amy-2", "group", 'If amy-2 is a user, leave receiver_type="group" out.'),
        ):
            for send in (
                functools.partial(pair.chat.send_text, receiver, "hello"),
                functools.partial(pair.chat.send_custom, receiver, {}, type="x"),
            ):
                with pytest.raises(ApiError) as caught:
                    await send(receiver_type=kind)
                assert str(caught.value) == caught.value.message
                assert caught.value.message.endswith(f" {words}")
        with pytest.raises(ApiError, match="ERR_UID_NOT_FOUND") as caught:
            await pair.chat.send_text(User("nobody"), "hello")
        assert "group" not in str(caught.value)


@pytest.mark.parametrize(("receiver", "kind", "code"), [("nobody", "user", "ERR_UID"), ("cooks", "group", "ERR_GUID")])
async def test_the_server_refuses(autojump_clock: MockClock, receiver: str, kind: Any, code: str) -> None:
    """A refusal raises ApiError with CometChat's code; the user stays logged in."""
    async with open_pair(manual=True) as pair:
        with pytest.raises(ApiError, match=receiver) as caught:
            await pair.chat.send_text(receiver, "hello", receiver_type=kind)
        assert caught.value.code.startswith(code)
        assert caught.value.status is not None
        assert pair.chat.get_logged_in_user() is not None
        assert not stored(pair.server)


async def test_a_token_that_the_server_no_longer_knows(autojump_clock: MockClock) -> None:
    """A token that is unknown to the server logs the user out, as after any REST call (contract)."""
    async with open_pair(connect=True) as pair:
        pair.server.world.sessions.forget(pair.chat._core.identity.logged_in("x").auth_token)
        with pytest.raises(ApiError) as caught:
            await pair.chat.send_text("amy-2", "hello")
        assert caught.value.code == "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"
        assert pair.chat.get_logged_in_user() is None
        assert pair.now() == Reason.LOGGED_OUT.name


async def test_without_an_answer_it_takes_request_timeout(autojump_clock: MockClock) -> None:
    """Without a response the call raises an ApiError without a status, after exactly request_timeout; the session stays."""
    async with open_pair(manual=True) as pair:
        pair.server.set(rest="hang")
        began = trio.current_time()
        with pytest.raises(SendUncertainError, match="request_timeout") as caught:
            await pair.chat.send_text("amy-2", "hello")
        assert (caught.value.status, trio.current_time() - began) == (None, 10.0)
        pair.server.set(rest="accept")
        assert (await pair.chat.send_text("amy-2", "again")).id == 1


async def test_a_cancel_leaves_the_client_as_it_was(autojump_clock: MockClock) -> None:
    """After a cancelled call the next message is sent, over the same connection."""
    async with open_pair(connect=True) as pair:
        pair.server.set(rest="hang")
        with trio.move_on_after(1) as scope:
            await pair.chat.send_text("amy-2", "hello")
        assert scope.cancelled_caught
        pair.server.set(rest="accept")
        assert (await pair.chat.send_text("amy-2", "again")).text == "again"
        assert pair.chat.statistics().connections == 1


async def test_leaving_the_client_ends_it(autojump_clock: MockClock) -> None:
    """A call that still waits when the client is left raises at once, and the error states that the message may have been sent."""
    outcome: list[Exception] = []

    async def send(chat: Any) -> None:
        with pytest.raises(NotLoggedInError, match="not known") as caught:
            await chat.send_text("amy-2", "hello")
        outcome.append(caught.value)

    async with trio.open_nursery() as nursery:
        async with open_pair(manual=True) as pair:
            pair.server.set(rest="hang")
            nursery.start_soon(send, pair.chat)
            await settle()
            now = trio.current_time()
        await settle()
        assert outcome
        assert trio.current_time() == now


@pytest.mark.parametrize("data", [{"id": "x"}, {"id": "1", "category": "custom", "type": "x", "sender": "zed-1"}])
async def test_an_answer_that_is_no_such_message(autojump_clock: MockClock, data: Any) -> None:
    """A response that is no such message raises INVALID_RESPONSE, although the message was sent."""

    async def odd(request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        return Response(200, {}, json.dumps({"data": data}).encode())

    async with open_pair(manual=True) as pair:
        pair.chat._core.login.api.request = odd
        with pytest.raises(SendUncertainError, match="was sent, but") as caught:
            await pair.chat.send_text("amy-2", "hello")
        assert caught.value.code == "INVALID_RESPONSE"


ERROR = {"error": {"code": "ERR_X", "message": "no"}}
OUTCOMES: list[tuple[int | type[Exception], object, bool]] = [
    (ConnectionResetError, None, True),
    (ConnectionRefusedError, None, False),
    (500, ERROR, True),
    (503, None, True),
    (408, ERROR, True),
    (200, None, True),
    (302, None, True),
    (429, ERROR, False),
    (403, ERROR, False),
    (403, None, False),
    (200, ERROR, False),
]


@pytest.mark.parametrize(("status", "body", "is_uncertain"), OUTCOMES)
async def test_whether_it_may_have_been_sent(
    autojump_clock: MockClock, status: int | type[Exception], body: object, is_uncertain: bool
) -> None:
    """An error says that the message may have been sent only where that is so; then it has the muid of the message."""
    sent: list[Any] = []

    async def fail(request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        sent.append(json.loads(request.body or b""))
        if not isinstance(status, int):
            raise status
        return Response(status, {"retry-after": "3"}, json.dumps(body).encode())

    async with open_pair(manual=True) as pair:
        pair.chat._core.login.api.request = fail
        with pytest.raises(ApiError) as caught:
            await pair.chat.send_text("amy-2", "hello")
        assert type(caught.value) is (SendUncertainError if is_uncertain else ApiError)
        assert caught.value.status == (status if isinstance(status, int) else None)
        assert caught.value.retry_after == (3.0 if isinstance(status, int) else None)
        assert len(sent) == 1
        if isinstance(caught.value, SendUncertainError):
            assert caught.value.muid == sent[0]["muid"]


async def test_every_message_has_a_muid(autojump_clock: MockClock) -> None:
    """It is the one that was given, or else a random one."""
    async with open_pair(manual=True) as pair:
        muids = [(await pair.chat.send_text("amy-2", "hello")).muid for _number in range(3)]
        assert len({*muids, None, ""}) == 5
        assert (await pair.chat.send_text("amy-2", "hello", muid="mine")).muid == "mine"


AMY, ME, HIKERS = User("amy-2"), User("zed-1"), Group("hikers")


def said(number: int, receiver: User | Group = ME, *, thread: int | None = None) -> TextMessage:
    """A message of amy-2."""
    return TextMessage(
        id=number, category="message", sender=AMY, receiver=receiver, text="hi", parent_message_id=thread
    )


REPLIES: list[tuple[Event, str, int | None, int]] = [
    (said(1), "amy-2", 1, 1),
    (said(2, HIKERS), "hikers", 2, 2),
    (said(3, thread=1), "amy-2", 1, 3),
    (MessageEdited(message=said(3, thread=1), by=AMY), "amy-2", 1, 3),
    (ReactionAdded(message_id=1, reaction="x", reacted_by=AMY, receiver=HIKERS), "hikers", 1, 1),
    (ReactionAdded(message_id=3, reaction="x", reacted_by=AMY, receiver=ME, parent_message_id=1), "amy-2", 1, 3),
]


@pytest.mark.parametrize(("event", "receiver", "thread", "quoted"), REPLIES)
async def test_a_reply(autojump_clock: MockClock, event: Event, receiver: str, thread: int, quoted: int) -> None:
    """It goes to where the event was sent: in the thread of its message, and quoting it, if that is wanted."""
    async with open_pair(manual=True) as pair:
        for number in (1, 2, 3):
            pair.server.world.post("amy-2", {**DRAFT, "data": {"text": str(number)}})
        plain = await pair.chat.reply(event, f"Hello {AMY.mention}", muid="m", metadata={"a": 1}, tags=["t"])
        assert (plain.receiver.id, plain.text, plain.muid) == (receiver, "Hello <@uid:amy-2>", "m")
        assert (plain.metadata, plain.tags, plain.parent_message_id) == ({"a": 1}, ("t",), None)
        assert (plain.quoted_message, [user.uid for user in plain.mentions]) == (None, ["amy-2"])
        threaded = await pair.chat.reply(event, "x", thread=True)
        assert (threaded.receiver.id, threaded.parent_message_id) == (receiver, thread)
        for in_thread in (False, True):
            sent = await pair.chat.reply(event, "x", quote=True, thread=in_thread)
            assert isinstance(sent.quoted_message, TextMessage)
            assert (sent.quoted_message.id, sent.quoted_message.text) == (quoted, str(quoted))
            assert sent.parent_message_id == (thread if in_thread else None)


async def test_a_reply_to_what_is_no_message(autojump_clock: MockClock) -> None:
    """A reply goes to any conversation; a thread or a quote needs a message."""
    async with open_pair(manual=True) as pair:
        typing = TypingStarted(sender=AMY, receiver=ME)
        assert (await pair.chat.reply(typing, "x")).receiver.id == "amy-2"
        for option in ("thread", "quote"):
            with pytest.raises(
                SettingsError, match=rf"reply\({option}=True\) needs a message, .* TypingStarted is none"
            ):
                await pair.chat.reply(typing, "x", **{option: True})  # type: ignore[arg-type]
        with pytest.raises(SettingsError, match=r"reply\(event=...\): Overflow belongs to no conversation"):
            await pair.chat.reply(Overflow(1), "x")


async def test_the_receiver_logs_in_before_the_answer_comes(autojump_clock: MockClock) -> None:
    """The message that the first user sent is an event for the second, on the same client."""
    async with open_pair(manual=True) as pair, pair.chat.events(TextMessage) as events:
        api, gate = pair.chat._core.login.api, trio.Event()
        request = api.request

        async def slow(asked: Request) -> Response:
            answer = await request(asked)
            if asked.url.endswith("/messages"):
                await gate.wait()
            return answer

        api.request = slow
        async with background(functools.partial(pair.chat.send_text, "amy-2", "hello")) as outcome:
            await pair.chat.login(uid="amy-2", auth_key="KEY")
            await pair.chat.connect()
            gate.set()
        pair.device.send(json.dumps({"type": "message", "body": stored(pair.server)[0], "deviceId": "other"}))
        assert (await anext(events)) == outcome[0]


async def test_another_login_while_a_message_is_sent(autojump_clock: MockClock) -> None:
    """A message of the first user that the server refuses does not log the second user out."""
    async with open_pair(manual=True, users=("zed-1", "amy-2", "bob-3")) as pair:
        api, gate = pair.chat._core.login.api, trio.Event()
        request = api.request

        async def slow(asked: Request) -> Response:
            if asked.url.endswith("/messages"):
                pair.server.world.sessions.forget(asked.headers["authToken"])
                await gate.wait()
            return await request(asked)

        api.request = slow
        async with background(functools.partial(pair.chat.send_text, "amy-2", "hello")) as outcome:
            await pair.chat.login(uid="bob-3", auth_key="KEY")
            gate.set()
        assert isinstance(outcome[0], ApiError)
        user = pair.chat.get_logged_in_user()
        assert user is not None
        assert user.uid == "bob-3"
