"""`cometconn.emulator.webhook`: events over real HTTP."""

from __future__ import annotations

import base64
import json
import re
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import httpx2
import pytest
import trio

from cometconn.emulator import Emulator, Kind, ServerLimits, open_emulator, webhook
from cometconn.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.emulator.conftest import Backend, Join

AUTH = "user:päss"


@attrs.define(eq=False)
class Receiver:
    """A program that receives webhook events.

    Attributes:
        statuses: the statuses of its next answers; then 200. 0 closes the connection instead.
        events: the events that it answered with 200.
        headers: of the last request.
    """

    url: str = ""
    statuses: list[int] = attrs.field(factory=list)
    events: list[dict[str, Any]] = attrs.field(factory=list)
    headers: str = ""
    _came: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    async def serve(self, stream: trio.SocketStream) -> None:
        """Answer one request."""
        async with stream:
            came = b""
            while b"\r\n\r\n" not in came:
                came += await stream.receive_some()
            head, _, body = came.partition(b"\r\n\r\n")
            self.headers = head.decode().lower()
            length = re.search(r"content-length: (\d+)", self.headers)
            while length is not None and len(body) < int(length[1]):
                body += await stream.receive_some()
            status = self.statuses.pop(0) if self.statuses else 200
            if status:
                await stream.send_all(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)
            if status == 200:
                self.events.append(json.loads(body))
                self._came.unpark_all()

    async def wait_for(self, number: int) -> list[str]:
        """Wait for so many events; return their triggers."""
        while len(self.events) < number:
            await self._came.park()
        return [event["trigger"] for event in self.events]


@asynccontextmanager
async def receiving(**server: Any) -> AsyncGenerator[tuple[Emulator, Receiver]]:
    """Run a receiver, and an emulator with it as its webhook."""
    receiver = Receiver()
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            serve = partial(trio.serve_tcp, receiver.serve, 0, host="127.0.0.1")
            (listener,) = await nursery.start(serve)
            receiver.url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/hook?x=1"
            async with open_emulator(webhook=receiver.url, webhook_auth=AUTH, **server) as emulator:
                yield emulator, receiver
            nursery.cancel_scope.cancel()


async def test_events_come_in_order_with_their_authentication(join: Join) -> None:
    """What happens to connections, messages and groups, also what happens while the server stops."""
    async with receiving() as (server, receiver):
        async with (
            httpx2.AsyncClient(base_url=f"{server.url}/v3.0") as http,
            join(server, "zed-1", params={"platform": "p"}),
        ):
            headers = {"authToken": server.world.sessions.issue_token("amy-2")}
            message = server.say("zed-1", "hello <@uid:amy-2>", receiver="amy-2")
            await http.post("/users/zed-1/conversation/read", headers=headers)
            await http.post(f"/messages/{message['id']}/reactions/x", headers=headers)
            await http.post("/groups", headers=headers, json={"guid": "new", "members": {"participants": ["zed-1"]}})
            await http.post("/blockedusers", headers=headers, json={"blockedUids": ["zed-1"]})
            await receiver.wait_for(8)
        await receiver.wait_for(9)
        server.say("zed-1", "sent while the server stops", receiver="amy-2")
    assert [event["trigger"] for event in receiver.events] == [
        "user_connection_status_changed",
        "message_sent",
        "user_mentioned",
        "message_read_receipt",
        "message_reaction_added",
        "group_created",
        "group_member_added",
        "user_blocked",
        "user_connection_status_changed",
        "message_sent",
    ]
    assert f"authorization: basic {base64.b64encode(AUTH.encode()).decode()}".lower() in receiver.headers
    assert {(event["appId"], event["webhook"]) for event in receiver.events} == {("APP", "emulator")}
    connected, sent = receiver.events[0]["data"], receiver.events[1]["data"]
    assert connected["currentConnection"] == {"action": "connected", "platform": "p"}
    assert (connected["status"], len(str(connected["timestamp"]))) == ("online", 13)
    assert sent["message"] == message


async def test_a_failed_request_is_made_twice_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the event is dropped, with an entry in the log; the later ones come, in their order."""
    monkeypatch.setattr(webhook, "RETRY_DELAYS", (0.0, 0.0))
    async with receiving() as (server, receiver):
        receiver.statuses = [500, 0, 302, 404]
        for text in "abc":
            server.say("zed-1", text, receiver="amy-2")
        await receiver.wait_for(2)
        entries = server.log.of(Kind.WEBHOOK)
    assert [event["data"]["message"]["data"]["text"] for event in receiver.events] == ["b", "c"]
    assert [(entry.detail["attempt"], entry.detail["status"], entry.detail["dropped"]) for entry in entries[:5]] == [
        (1, 500, False),
        (2, None, False),
        (3, 302, True),
        (1, 404, False),
        (2, 200, False),
    ]


async def test_a_receiver_that_is_gone_delays_nothing() -> None:
    """Events beyond the queue are dropped, the server answers at once, and its end waits for half a second at most."""
    with trio.fail_after(20):
        async with open_emulator(webhook="http://127.0.0.1:1/", limits=ServerLimits(waiting_events=3)) as server:
            for _ in range(5):
                server.say("zed-1", "x", receiver="amy-2")
            dropped = [entry for entry in server.log.of(Kind.WEBHOOK) if entry.detail["dropped"]]
            began = trio.current_time()
    assert 1 <= len(dropped) <= 2
    assert trio.current_time() - began < 5


@pytest.mark.parametrize(
    ("url", "auth"),
    [("ftp://host/", None), ("host", None), ("http://user:pw@host/", None), ("http://host/", "no colon")],
)
async def test_a_bad_webhook_is_refused(url: str, auth: str | None) -> None:
    """Before the server listens, and without repeating a password."""
    with pytest.raises(SettingsError, match="webhook") as error:
        async with open_emulator(webhook=url, webhook_auth=auth):
            pass
    assert "no colon" not in str(error.value)


def test_every_action_has_its_trigger(backend: Backend) -> None:
    """What REST does to messages, groups and users, with the data that its page of webhooks shows."""
    events: list[dict[str, Any]] = []
    backend.world.on_trigger = events.append
    zed, amy = backend.token("zed-1"), backend.token("amy-2")
    text = {"receiver": "hikers", "receiverType": "group", "category": "message", "type": "text"}

    def request(method: str, path: str, body: object = None, token: str = zed) -> str:
        events.clear()
        assert backend.request(method, path, body, authToken=token)[0] == 200
        return " ".join(event["trigger"] for event in events)

    assert request("POST", "/messages", {**text, "data": {"text": "a"}}) == "message_sent"
    assert request("PUT", "/messages/1", {"data": {"text": "b"}}) == "message_edited"
    assert events[0]["data"]["message"]["data"]["entities"]["on"]["entity"]["data"]["text"] == "b"
    assert request("POST", "/groups/hikers/conversation/read", {"messageId": "1"}) == ""  # the author's own message
    assert request("POST", "/groups/hikers/conversation/delivered", token=amy) == (
        "message_delivery_receipt message_delivered_to_all"
    )
    assert events[0]["data"]["messageSender"] == "zed-1"
    assert request("POST", "/groups/hikers/conversation/read", token=amy) == "message_read_receipt message_read_by_all"
    assert events[1]["data"]["body"]["user"]["uid"] == "app_system"
    assert request("DELETE", "/messages/1") == "message_deleted"
    assert request("POST", "/groups/hikers/members", token=backend.token("bob-3")) == "group_member_joined"
    assert set(events[0]["data"]) == {"group", "members"}
    assert request("PUT", "/groups/hikers/members/bob-3", {"scope": "admin"}) == "group_member_scope_changed"
    assert events[0]["data"]["members"]["bob-3"]["oldScope"] == "participant"
    assert request("DELETE", "/groups/hikers/members/bob-3") == "group_member_kicked"
    assert events[0]["data"]["by"]["uid"] == "zed-1"
    assert request("POST", "/groups/hikers/bannedusers/bob-3") == "group_member_banned"
    assert request("DELETE", "/groups/hikers/bannedusers/bob-3") == "group_member_unbanned"
    assert request("PUT", "/groups/hikers", {"name": "Walkers"}) == "group_updated"
    assert request("PATCH", "/groups/hikers/owner", {"owner": "amy-2"}) == "group_owner_transferred"
    assert request("DELETE", "/groups/hikers/members") == "group_member_left"
    assert request("DELETE", "/groups/hikers", token=amy) == "group_deleted"
    assert events[0]["data"]["group"]["conversationId"] == "group_hikers"
    assert request("POST", "/blockedusers", {"blockedUids": ["amy-2"]}) == "user_blocked"
    assert request("DELETE", "/blockedusers", {"blockedUids": ["amy-2"]}) == "user_unblocked"
    assert (set(events[0]["data"]["users"]), events[0]["data"]["by"]["uid"]) == ({"amy-2"}, "zed-1")
