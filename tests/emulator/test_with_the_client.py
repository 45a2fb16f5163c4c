"""REST requests and controls, as the real client sees their effects over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import attrs
import httpx2
import pytest
import trio

import cometconn
from cometconn import AppSettings, EventStream, MemoryStore, SubscriptionType, events
from cometconn.emulator import Emulator, open_emulator

EMOJI = "%F0%9F%94%A5"


@attrs.frozen
class Party:
    """An emulator with three users, one of them connected by the real client; REST for all of them."""

    server: Emulator
    http: httpx2.AsyncClient
    zed: EventStream
    tokens: dict[str, str]

    async def request(self, uid: str, method: str, path: str, body: object = None) -> Any:
        """Make a REST request as this user; it must succeed."""
        answer = await self.http.request(method, path, json=body, headers={"authToken": self.tokens[uid]})
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def next(self, kind: type[events.Event]) -> Any:
        """Wait for zed-1's next event, which must be of this class."""
        event = await anext(self.zed)
        assert type(event) is kind, event
        return event


@pytest.fixture
async def party() -> AsyncIterator[Party]:
    """Connect zed-1."""
    users = ("zed-1", "amy-2", "bob-3")
    with trio.fail_after(20):
        async with (
            open_emulator(users=users, groups={"hikers": ("amy-2", "zed-1")}, control=True) as server,
            httpx2.AsyncClient(base_url=f"{server.url}/v3.0") as http,
            cometconn.open_client(
                "APP",
                AppSettings(subscription_type=SubscriptionType.ALL_USERS),
                store=MemoryStore(),
                endpoints=server.endpoints,
            ) as chat,
        ):
            await chat.login(uid="zed-1", auth_key="KEY")
            await chat.connect()
            tokens = {uid: server.world.sessions.issue_token(uid) for uid in users}
            async with chat.events() as zed:
                yield Party(server, http, zed, tokens)


TEXT = {"receiver": "zed-1", "receiverType": "user", "category": "message", "type": "text", "data": {"text": "helo"}}


async def test_a_message_from_send_to_delete(party: Party) -> None:
    """Sent, edited, reacted to, deleted: each arrives as its event, about the same message."""
    sent = await party.request("amy-2", "POST", "/messages", TEXT)
    assert (await party.next(events.TextMessage)).id == int(sent["id"])
    await party.request("amy-2", "PUT", f"/messages/{sent['id']}", {"data": {"text": "hello"}})
    assert (await party.next(events.MessageEdited)).message.text == "hello"
    for method, kind in (("POST", events.ReactionAdded), ("DELETE", events.ReactionRemoved)):
        await party.request("amy-2", method, f"/messages/{sent['id']}/reactions/{EMOJI}")
        reaction = await party.next(kind)
        assert (reaction.message_id, reaction.reaction, reaction.reacted_by.uid) == (int(sent["id"]), "🔥", "amy-2")
    await party.request("amy-2", "DELETE", f"/messages/{sent['id']}")
    assert (await party.next(events.MessageDeleted)).message.deleted_by == "amy-2"


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"category": "custom", "type": "place", "data": {"customData": {"x": 1}}}, events.CustomMessage),
        ({"category": "interactive", "type": "form", "data": {"interactiveData": {}}}, events.InteractiveMessage),
        ({"type": "image", "data": {"url": "https://pics.example/a.png"}}, events.MediaMessage),
    ],
)
async def test_other_messages(party: Party, more: dict[str, Any], kind: type[events.Event]) -> None:
    """Each category arrives as its event."""
    sent = await party.request("amy-2", "POST", "/messages", TEXT | more)
    assert (await party.next(kind)).id == int(sent["id"])


async def test_receipts(party: Party) -> None:
    """From one user, and from the last member of a group."""
    to_amy = await party.request("zed-1", "POST", "/messages", TEXT | {"receiver": "amy-2"})
    await party.next(events.TextMessage)
    for mark, kind in (("delivered", events.MessagesDelivered), ("read", events.MessagesRead)):
        await party.request("amy-2", "POST", f"/users/zed-1/conversation/{mark}", {"messageId": to_amy["id"]})
        assert (await party.next(kind)).sender.uid == "amy-2"
    to_all = await party.request(
        "zed-1", "POST", "/messages", TEXT | {"receiver": "hikers", "receiverType": "group", "type": "text"}
    )
    await party.next(events.TextMessage)
    for mark, kind, by_all in (
        ("delivered", events.MessagesDelivered, events.MessagesDeliveredToAll),
        ("read", events.MessagesRead, events.MessagesReadByAll),
    ):
        await party.request("amy-2", "POST", f"/groups/hikers/conversation/{mark}", {"messageId": to_all["id"]})
        assert (await party.next(kind)).receiver.guid == "hikers"
        assert (await party.next(by_all)).message_id == int(to_all["id"])


async def test_interactions(party: Party) -> None:
    """The author of an interactive message gets an event when it was used."""
    form = {"receiver": "amy-2", "category": "interactive", "type": "form", "data": {"interactiveData": {}}}
    sent = await party.request("zed-1", "POST", "/messages", TEXT | form)
    await party.next(events.InteractiveMessage)
    await party.request("amy-2", "PATCH", f"/messages/{sent['id']}/interacted", {"interactions": ["btn-1"]})
    assert (await party.next(events.InteractionGoalCompleted)).message_id == int(sent["id"])


async def test_groups(party: Party) -> None:
    """Joining, leaving, adding, another scope, kicking, banning and unbanning are one event each."""
    members, bob = "/groups/hikers/members", "/groups/hikers/members/bob-3"
    banned = "/groups/hikers/bannedusers/bob-3"
    for uid, method, path, body, kind in (
        ("bob-3", "POST", members, None, events.GroupMemberJoined),
        ("bob-3", "DELETE", members, None, events.GroupMemberLeft),
        ("amy-2", "PUT", members, {"participants": ["bob-3"]}, events.GroupMemberAdded),
        ("amy-2", "PUT", bob, {"scope": "admin"}, events.GroupMemberScopeChanged),
        ("amy-2", "DELETE", bob, None, events.GroupMemberKicked),
        ("amy-2", "POST", banned, None, events.GroupMemberBanned),
        ("amy-2", "DELETE", banned, None, events.GroupMemberUnbanned),
    ):
        await party.request(uid, method, path, body)
        event = await party.next(kind)
        assert (event.group.guid, event.by.uid, event.user.uid) == ("hikers", uid, "bob-3")


async def test_pushed_frames_arrive(party: Party) -> None:
    """Controls send frames as they are: a call, a moderation, an unknown kind, and text that is not JSON."""
    message = {"id": "9", "category": "message", "type": "text", "sender": "amy-2", "data": {"text": "x"}}
    call = {"sessionid": "s", "status": "initiated", "type": "audio", "initiatedAt": 1}
    body = {
        "id": "10",
        "category": "call",
        "type": "audio",
        "sender": "amy-2",
        "receiver": "zed-1",
        "receiverType": "user",
        "data": {
            "action": "initiated",
            "entities": {
                "by": {"entityType": "user", "entity": {"uid": "amy-2", "name": "Amy"}},
                "for": {"entityType": "user", "entity": {"uid": "zed-1", "name": "Zed"}},
                "on": {"entityType": "call", "entity": call},
            },
        },
    }
    for frame, kind in (
        ({"type": "message", "body": body}, events.IncomingCall),
        ({"type": "on_moderation_status_changed", "body": message}, events.MessageModerated),
        ({"type": "novelty", "body": {}}, events.UnknownEvent),
    ):
        pushed = await party.http.post(f"{party.server.url}/control/push?uid=zed-1", json=frame)
        assert pushed.json() == {"data": {"sockets": 1}}
        await party.next(kind)
    await party.http.post(f"{party.server.url}/control/push?uid=zed-1", content="no JSON")
    await party.next(events.UnreadableFrame)
