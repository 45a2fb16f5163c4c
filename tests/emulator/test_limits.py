"""`cometconn.emulator.limits`: each limit takes effect, and no other value is one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import trio
from wsproto.events import CloseConnection

from cometconn.emulator import Kind, ServerLimits, World, open_emulator
from cometconn.errors import SettingsError

from .conftest import auth_frame

if TYPE_CHECKING:
    from .conftest import Dial


def test_tokens_messages_and_entries_push_out_the_oldest() -> None:
    """Of more than the limit, the newest are kept."""
    world = World(limits=ServerLimits(tokens=2, messages=3, log_entries=4), clock=lambda: 0.0)
    tokens = [world.sessions.issue_token("zed-1") for _ in range(3)]
    assert [world.sessions.user_of_token(token) for token in tokens] == [None, "zed-1", "zed-1"]
    draft = {"receiver": "amy-2", "receiverType": "user", "category": "message", "type": "text", "data": {"text": "x"}}
    for _ in range(5):
        world.post("zed-1", draft)
    assert [message["id"] for message in world.messages] == ["3", "4", "5"]
    assert (len(world.log), world.log.dropped) == (0, 0)
    for _ in range(6):
        world.log.add(Kind.CONTROL)
    assert (len(world.log), world.log.dropped) == (4, 2)


async def test_bodies_frames_and_files_have_a_size(dial: Dial) -> None:
    """A longer body gets 413, a longer frame the close code 1009, so does a longer file; clients are told the file's."""
    limits = ServerLimits(body_size=200, frame_size=300, file_size=10, waiting_frames=7)
    with trio.fail_after(20):
        async with open_emulator(limits=limits) as server, httpx2.AsyncClient(base_url=f"{server.url}/v3.0") as http:
            key = {"authToken": server.world.sessions.issue_token("zed-1")}
            statuses = [(await http.put("/me", headers=key, content=b" " * size)).status_code for size in (200, 201)]
            settings = (await http.get("/settings")).json()["data"]
            upload = await http.post("/messages", headers=key, data=FORM, files={"files[]": ("f", b"x" * 11)})
            async with dial(server) as peer:
                await peer.request_upgrade(server)
                await peer.receive()
                frame = auth_frame(server, "zed-1", "d")
                (waiting,) = (device.limit for device in server.world.devices())
                await peer.send_text(frame.ljust(300))
                assert (await peer.receive_text())["type"] == "auth"
                await peer.send_text(frame.ljust(301))
                closed = await peer.receive()
    assert statuses == [400, 413]
    assert waiting == 7
    assert settings["file.size.max"] == 10
    assert (upload.status_code, "10 bytes" in upload.text) == (413, True)
    assert isinstance(closed, CloseConnection)
    assert closed.code == 1009


FORM = {"receiver": "amy-2", "receiverType": "user", "category": "message", "type": "file", "data": json.dumps({})}


@pytest.mark.parametrize("value", [0, -1, 2**31, 1.5, True, "5"], ids=repr)
@pytest.mark.parametrize("name", ["tokens", "messages"])
def test_another_value_is_refused(name: str, value: Any) -> None:
    """A limit is a whole number of at least 1; the error names it."""
    with pytest.raises(SettingsError, match=rf"ServerLimits\.{name} must be"):
        ServerLimits(**{name: value})
