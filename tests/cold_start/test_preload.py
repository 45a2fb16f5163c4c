"""A new process: what it imports, and when."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from functools import partial

import attrs
import pytest
import trio

from cometconn.emulator import open_emulator

PROGRAM = """
import json
import logging
import sys

import cometconn

assert not {"trio", "attr", "msgspec"} & set(sys.modules)
if sys.argv[1] == "preload":
    cometconn.preload()
loaded = set(sys.modules)
import trio
from cometconn import AppSettings, Endpoints, open_client
from cometconn.environment import SystemEnvironment
from cometconn.events import TextMessage, UnknownEvent, UnreadableFrame
from cometconn.instrumentation import LogHook
from cometconn.stores import SavedSession

logging.basicConfig(level=logging.DEBUG)


async def main():
    endpoints, file = Endpoints(**json.loads(sys.argv[2])), sys.argv[3]
    settings = AppSettings(catch_up=True)
    with trio.fail_after(50):
        async with open_client("APP", settings, endpoints=endpoints, store=file, hooks=[LogHook()]) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            async with chat.events() as events:
                await chat.connect()
                seen = [type(await anext(events)) for _ in range(3)]
                assert seen == [TextMessage, UnknownEvent, UnreadableFrame], seen
                await chat.send_text("amy-2", "hello", receiver_type="user")
                await chat.ping()
                looking = {f"cometconn._rest.{name}" for name in ("conversations", "groups", "messages", "pager", "users")}
                assert sys.argv[1] == "preload" or not looking & set(sys.modules), "imported before it is used"
                assert [message.text async for message in chat.messages.history(user="amy-2")] == ["hello", "hello"]
                async for _ in chat.users.list(limit=1):
                    await chat.conversations.mark_as_read(user="amy-2")
                async for _ in chat.groups.list():
                    pass
                file = await chat.send_media("amy-2", b"content")
                assert await chat.download(file, sys.argv[3] + ".copy") == 7
                await chat.disconnect()
                await chat.connect()
            await chat.logout()
        async with open_client("APP", AppSettings(region="us")):
            pass


trio.run(main)
print(*sorted(set(sys.modules) - loaded))
"""


@pytest.mark.parametrize("how", ["preload", "not"])
async def test_after_preload_nothing_is_imported_any_more(
    how: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole session, from `open_client` to `logout()`, imports no module after `preload()`; without it, it does."""
    for name in ("XDG_STATE_HOME", "HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # not used for this machine, but looked at
    with trio.fail_after(60):
        async with open_emulator(users=("zed-1", "amy-2")) as server, trio.open_nursery() as nursery:
            endpoints = json.dumps(attrs.asdict(server.endpoints))
            command = [sys.executable, "-c", PROGRAM, how, endpoints, str(tmp_path / "session.json")]
            child = await nursery.start(partial(trio.run_process, command, stdout=subprocess.PIPE))
            await server.wait_connected("zed-1")
            server.say("amy-2", "hello", receiver="zed-1")
            server.push("zed-1", {"type": "new_kind", "body": {}})
            server.push("zed-1", "nonsense")
            said = b""
            async for data in child.stdout:
                said += data
    imported = said.decode().split()
    assert imported == [] if how == "preload" else "cometconn._transport.websocket" in imported
