"""Messages that are edited, deleted and reacted to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import trio

from cometconn.environment import Request, Response
from cometconn.errors import ApiError, NotLoggedInError, SettingsError
from cometconn.events import (
    MediaMessage,
    MessageDeleted,
    MessageEdited,
    ReactionAdded,
    ReactionRemoved,
    TextMessage,
    User,
)
from tests.connection.harness import Pair, open_pair, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio.testing import MockClock


def answering(pair: Pair, *answers: Any) -> list[Request]:
    """Let the next requests have these answers, `None` for the server's own; return the list of all requests."""
    asked: list[Request] = []
    left = list(answers)

    async def request(given: Request) -> Response:
        asked.append(given)
        answer = left.pop(0) if left else None
        if isinstance(answer, dict):
            await trio.lowlevel.checkpoint()
            return Response(200, {}, json.dumps(answer).encode())
        response = await pair.server.request(given)
        if answer == "lost":
            raise ConnectionResetError
        return response

    pair.chat._core.login.api.request = request
    return asked


@pytest.mark.parametrize("by_id", [True, False])
async def test_each_change_reaches_the_others(autojump_clock: MockClock, by_id: bool) -> None:
    """The call returns the changed message, the other user gets the event, and the own streams get nothing."""
    async with (
        open_pair(connect=True) as pair,
        open_pair(given=pair.server, login=False) as amy,
        pair.chat.events() as own,
        amy.chat.events(MessageEdited, MessageDeleted, ReactionAdded, ReactionRemoved, markers=False) as events,
    ):
        await amy.chat.login(uid="amy-2", auth_key="KEY")
        await amy.chat.connect()
        chat = pair.chat
        sent = await chat.send_text("amy-2", "hello", metadata={"a": 1}, tags=["t"])
        message: Any = sent.id if by_id else sent
        edited = await chat.edit(message, "hello!")
        assert isinstance(edited, TextMessage)
        assert (edited.id, edited.text, edited.metadata, edited.tags) == (sent.id, "hello!", {"a": 1}, ("t",))
        assert (edited.edited_by, edited.edited_at is not None) == ("zed-1", True)
        liked = await chat.react(message, "👍🏽")
        assert [(each.reaction, each.count, each.reacted_by_me) for each in liked.reactions] == [("👍🏽", 1, True)]
        assert not (await chat.unreact(message, "👍🏽")).reactions
        gone = await chat.delete(message)
        assert (gone.id, gone.deleted_by, gone.deleted_at is not None) == (sent.id, "zed-1", True)
        await settle()
        got = await events.batch()
        assert [type(event) for event in got] == [MessageEdited, ReactionAdded, ReactionRemoved, MessageDeleted]
        assert got[0].message.text == "hello!"  # type: ignore[union-attr]
        with trio.move_on_after(1) as scope:
            await anext(own)
        assert scope.cancelled_caught


async def test_what_an_edit_changes(autojump_clock: MockClock) -> None:
    """Metadata and tags that are given are new; of a message those that it has are sent along, of an id none."""
    async with open_pair(manual=True) as pair:
        sent = await pair.chat.send_text("amy-2", "hello", metadata={"a": {"b": [1]}}, tags=["t"])
        asked = answering(pair)
        edited = await pair.chat.edit(sent, "1", metadata={"c": 2}, tags=["u", "v"])
        assert (edited.metadata, edited.tags) == ({"c": 2}, ("u", "v"))
        await pair.chat.edit(sent, "2")
        await pair.chat.edit(sent.id, "3")
        bodies = [json.loads(request.body or b"") for request in asked]
        kind = {"category": "message", "type": "text"}
        assert bodies == [
            {**kind, "data": {"text": "1", "metadata": {"c": 2}}, "tags": ["u", "v"]},
            {**kind, "data": {"text": "2", "metadata": {"a": {"b": [1]}}}, "tags": ["t"]},
            {**kind, "data": {"text": "3"}},
        ]


@pytest.mark.parametrize("emoji", ["🔥", "👨‍👩‍👧", "ok?", "#1", "a b", "50%", ":-)"])
async def test_any_emoji(autojump_clock: MockClock, emoji: str) -> None:
    """It is quoted in the path, whatever it is."""
    async with open_pair(manual=True) as pair:
        sent = await pair.chat.send_text("amy-2", "hello")
        assert (await pair.chat.react(sent, emoji)).reactions[0].reaction == emoji
        assert not (await pair.chat.unreact(sent, emoji)).reactions


CHANGES: dict[str, Callable[[Any, Any], Any]] = {
    "edit": lambda chat, message: chat.edit(message, "new"),
    "delete": lambda chat, message: chat.delete(message),
    "react": lambda chat, message: chat.react(message, "🔥"),
    "unreact": lambda chat, message: chat.unreact(message, "🔥"),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_what_the_server_refuses(autojump_clock: MockClock, name: str) -> None:
    """Another user's message, an unknown one and a repeated reaction raise the server's reason, in one request each."""
    async with open_pair(manual=True) as pair:
        draft = {"receiver": "zed-1", "receiverType": "user", "category": "message", "type": "text"}
        theirs = int(pair.server.world.post("amy-2", {**draft, "data": {"text": "hi"}})["id"])
        if name == "react":
            await pair.chat.react(theirs, "🔥")
        asked = answering(pair)
        codes = []
        for message in (theirs, 99):
            with pytest.raises(ApiError) as caught:
                await CHANGES[name](pair.chat, message)
            codes.append(caught.value.code)
        expected = {"react": "ERR_REACTION_ALREADY_ADDED", "unreact": "ERR_REACTION_NOT_FOUND"}
        assert codes == [expected.get(name, "ERR_PERMISSION_DENIED"), "ERR_MESSAGE_ID_NOT_FOUND"]
        assert len(asked) == 2


@pytest.mark.parametrize("name", CHANGES)
async def test_an_answer_that_is_lost(autojump_clock: MockClock, name: str) -> None:
    """What may be done twice is repeated; a reaction is not added twice."""
    async with open_pair(manual=True) as pair:
        sent = await pair.chat.send_text("amy-2", "hello")
        if name == "unreact":
            await pair.chat.react(sent, "🔥")
        asked = answering(pair, "lost")
        if name in {"edit", "delete"}:
            assert (await CHANGES[name](pair.chat, sent)).id == sent.id
        else:
            with pytest.raises(ApiError) as caught:
                await CHANGES[name](pair.chat, sent)
            assert caught.value.code == ("FAILED_TO_FETCH" if name == "react" else "ERR_REACTION_NOT_FOUND")
        assert len(asked) == (1 if name == "react" else 2)


def body(category: str, **more: Any) -> dict[str, Any]:
    """A message as the server returns it."""
    users = {
        name: {"entityType": "user", "entity": {"uid": uid}}
        for name, uid in (("sender", "zed-1"), ("receiver", "amy-2"))
    }
    data = {"text": "new", "entities": users}
    return {
        "id": "1",
        "category": category,
        "type": "text",
        "sender": "zed-1",
        "receiver": "amy-2",
        "data": data,
        **more,
    }


@pytest.mark.parametrize("name", CHANGES)
async def test_what_the_server_returns(autojump_clock: MockClock, name: str) -> None:
    """The message itself is as good as the action message; anything else is an error that says that it was carried out."""
    async with open_pair(manual=True) as pair:
        answering(pair, {"data": body("message", editedAt=5)}, {"data": {"id": "x"}}, {"data": [1]}, {"data": None})
        changed = await CHANGES[name](pair.chat, 1)
        assert isinstance(changed, TextMessage)
        assert changed.text == "new"
        for _number in range(3):
            with pytest.raises(ApiError, match=rf"^{name}\(\): it was carried out") as caught:
                await CHANGES[name](pair.chat, 1)
            assert caught.value.code == "INVALID_RESPONSE"


WRONG: list[tuple[Callable[[Any], Any], str]] = [
    (lambda chat: chat.edit(1, ""), "text must be a text and not empty"),
    (lambda chat: chat.edit(1, "x", metadata={"a": object()}), "not JSON"),
    (lambda chat: chat.edit(1, "x", tags=[""]), "tags"),
    (lambda chat: chat.edit(1, "x" * 2_000_000), "max_message"),
    (
        lambda chat: chat.edit(MediaMessage(id=1, category="message", sender=User("a"), receiver=User("b")), "x"),
        r"edit\(message=...\) must be a TextMessage or a whole number, not of type MediaMessage",
    ),
    (lambda chat: chat.delete("1"), "a message that was received"),
    (lambda chat: chat.react(1, ""), r"react\(emoji=...\) must be an emoji"),
    (lambda chat: chat.unreact(1, "a/b"), r"unreact\(emoji=...\) must be an emoji"),
    (lambda chat: chat.react(1, ".."), "path"),
    (lambda chat: chat.react(1, "\ud83d"), "path"),
]


@pytest.mark.parametrize(("call", "words"), WRONG)
async def test_bad_arguments(autojump_clock: MockClock, call: Callable[[Any], Any], words: str) -> None:
    """One sentence each, and nothing is sent."""
    async with open_pair(manual=True) as pair:
        asked = answering(pair)
        with pytest.raises(SettingsError, match=words):
            await call(pair.chat)
        assert not asked


@pytest.mark.parametrize("name", CHANGES)
async def test_without_a_user(autojump_clock: MockClock, name: str) -> None:
    """The error names the call."""
    async with open_pair(login=False) as pair:
        with pytest.raises(NotLoggedInError, match=rf"^{name}\(\)"):
            await CHANGES[name](pair.chat, 1)
