"""The receiver of what is sent: an id, a user, a group, or an event to reply to."""

from __future__ import annotations

from typing import Any

import pytest
from trio.testing import MockClock

from cometconn import User
from cometconn.emulator import Kind
from cometconn.errors import ApiError, SettingsError
from cometconn.events import (
    Event,
    Group,
    GroupMemberJoined,
    MessageEdited,
    MessagesRead,
    Overflow,
    ReactionAdded,
    TextMessage,
    TransientMessage,
    TypingStarted,
    UnknownEvent,
    UserOnline,
)
from tests.connection.harness import Pair, open_pair, settle

AMY, ME, HIKERS = User("amy-2"), User("zed-1"), Group("hikers")


def text(sender: User, receiver: User | Group) -> TextMessage:
    """A message from one to the other."""
    return TextMessage(id=1, category="message", sender=sender, receiver=receiver, text="hello")


TO_AMY: list[str | User | Group | Event] = [
    "amy-2",
    AMY,
    text(AMY, ME),
    text(ME, AMY),
    MessageEdited(message=text(AMY, ME), by=AMY),
    TypingStarted(sender=AMY, receiver=ME),
    TransientMessage(sender=AMY, receiver=ME),
    MessagesRead(message_id=1, sender=AMY, receiver=ME),
    ReactionAdded(message_id=1, reaction=":-)", reacted_by=AMY, receiver=ME),
    UserOnline(user=AMY),
]
TO_HIKERS: list[str | User | Group | Event] = [
    HIKERS,
    text(AMY, HIKERS),
    text(ME, HIKERS),
    MessageEdited(message=text(AMY, HIKERS), by=AMY),
    TypingStarted(sender=AMY, receiver=HIKERS),
    ReactionAdded(message_id=1, reaction=":-)", reacted_by=AMY, receiver=HIKERS),
    GroupMemberJoined(
        id=1, category="action", action="joined", sender=AMY, receiver=HIKERS, group=HIKERS, user=AMY, by=AMY
    ),
]


@pytest.mark.parametrize(("receivers", "expected"), [(TO_AMY, ("amy-2", "user")), (TO_HIKERS, ("hikers", "group"))])
async def test_where_it_goes(receivers: list[Any], expected: tuple[str, str], autojump_clock: MockClock) -> None:
    """All calls that send take the same receivers. A reply to a group's message goes to the group, whoever sent it."""
    async with open_pair(connect=True) as pair:
        for to in receivers:
            sent = [await pair.chat.send_text(to, "hello"), await pair.chat.send_custom(to, {"a": 1}, type="t")]
            assert [(each.receiver.id, each.receiver.receiver_type) for each in sent] == [expected] * 2, to
            await pair.chat.start_typing(to)
            await pair.chat.end_typing(to)
            await pair.chat.send_transient(to, {"a": 1})
            await settle()
            frames = [entry.detail["frame"] for entry in pair.log(Kind.FRAME_IN)][-3:]
            assert [(frame["receiver"], frame["receiverType"]) for frame in frames] == [expected] * 3, to


async def test_a_group_by_its_id(autojump_clock: MockClock) -> None:
    """An id alone is a uid; `receiver_type` makes it a guid."""
    async with open_pair(manual=True) as pair:
        assert (await pair.chat.send_text("hikers", "x", receiver_type="group")).receiver.id == "hikers"
        with pytest.raises(ApiError, match="ERR_UID_NOT_FOUND"):
            await pair.chat.send_text("hikers", "x")


WRONG = {
    "belongs to no conversation": [Overflow(1), UnknownEvent("x", {})],
    'leave receiver_type="group" out': [AMY],
    "must be a uid or a guid, a user, a group or an event, not ''": [""],
    "must be a text, a User, a Group or an Event, not the coroutine of ping()": ["ping"],
}


@pytest.mark.parametrize("words", WRONG)
@pytest.mark.parametrize("call", ["send_text", "send_custom", "start_typing", "end_typing", "send_transient"])
async def test_what_is_no_receiver(words: str, call: str, autojump_clock: MockClock) -> None:
    """One sentence that names the argument, and nothing is sent."""

    async def send(pair: Pair, to: Any) -> None:
        to = pair.chat.ping() if to == "ping" else to
        more: dict[str, Any] = {"receiver_type": "group"} if to is AMY else {}
        if call == "send_text":
            await pair.chat.send_text(to, "x", **more)
        elif call == "send_custom":
            await pair.chat.send_custom(to, {}, type="x", **more)
        elif call == "send_transient":
            await pair.chat.send_transient(to, {}, **more)
        else:
            await getattr(pair.chat, call)(to, **more)

    async with open_pair(connect=True) as pair:
        before = len(pair.log(Kind.REST, Kind.FRAME_IN))
        for to in WRONG[words]:
            with pytest.raises(SettingsError) as caught:
                await send(pair, to)
            name = "to" if call in {"send_text", "send_custom"} else "receiver"
            assert caught.value.message.startswith(f"{call}({name}=...)")
            assert words in caught.value.message
        assert len(pair.log(Kind.REST, Kind.FRAME_IN)) == before
