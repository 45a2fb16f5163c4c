"""The bridge to Discord, against a stand-in for discord.py."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import trio

from cometconn.emulator import Kind, open_emulator
from tests.cli.child import environ

PROGRAM = pathlib.Path(__file__).with_name("discord_bridge.py")


class Discord:
    """The other end of the stand-in."""

    def __init__(self, process: trio.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout = process.stdin, process.stdout
        self._held = b""

    async def write(
        self, number: int, content: str, *, channel: int = 7, author: str = "Bob", bot: bool = False
    ) -> None:
        """Write a message in a channel."""
        message = {"id": number, "channel": channel, "author": author, "bot": bot, "content": content}
        await self._stdin.send_all(json.dumps(message).encode() + b"\n")

    async def read(self) -> dict[str, object]:
        """Return the next message that the bridge wrote."""
        while b"\n" not in self._held:
            chunk = await self._stdout.receive_some()
            assert chunk, "the bridge has ended"
            self._held += chunk
        line, _, self._held = self._held.partition(b"\n")
        shown: dict[str, object] = json.loads(line)
        return shown


async def test_both_directions(tmp_path: pathlib.Path) -> None:
    """A message of either side arrives at the other once; those of bots, of other channels and of other groups do not."""
    with trio.fail_after(60):
        async with open_emulator(groups={"hikers": ("zed-1", "amy-2"), "staff": ("zed-1", "amy-2")}) as server:
            variables = environ(
                CHAT_SERVER=server.url, DISCORD_CHANNEL="7", DISCORD_TOKEN="TOKEN", XDG_STATE_HOME=str(tmp_path),
                HOME=str(tmp_path), PYTHONPATH=os.pathsep.join(filter(None, sys.path)),
            )  # fmt: skip
            process = await trio.lowlevel.open_process(
                [sys.executable, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables
            )
            discord = Discord(process)
            await server.wait_connected("zed-1")

            server.say("amy-2", "*hello*", group="staff")
            server.say("amy-2", "*hello*", group="hikers")
            assert await discord.read() == {"channel": 7, "content": r"Amy 2: \*hello\*"}

            since = server.log.position
            await discord.write(1, "another bot", bot=True)
            await discord.write(2, "elsewhere", channel=8)
            await discord.write(3, "hello, hikers")
            sent = await server.log.wait_for(
                lambda entry: entry.kind is Kind.REST and entry.detail["path"].endswith("/messages"), since=since
            )
            body = sent.detail["body"]
            assert (body["receiver"], body["receiverType"], body["muid"]) == ("hikers", "group", "discord-3")
            assert body["data"]["text"] == "Bob: hello, hikers"

            server.say("amy-2", "x" * 3000, group="hikers")
            assert len(str((await discord.read())["content"])) == 2000

            assert process.stdin is not None
            await process.stdin.aclose()  # as if the bot were closed
            assert await process.wait() == 0
        assert [entry.detail["code"] for entry in server.log.of(Kind.CLOSE_IN)] == [1000]


async def test_an_error_of_discord_ends_the_program(tmp_path: pathlib.Path) -> None:
    """If Discord refuses the token, the program closes its connection to CometChat and ends with the error."""
    with trio.fail_after(60):
        async with open_emulator() as server:
            variables = environ(
                CHAT_SERVER=server.url, DISCORD_CHANNEL="7", DISCORD_TOKEN="WRONG", XDG_STATE_HOME=str(tmp_path),
                HOME=str(tmp_path), PYTHONPATH=os.pathsep.join(filter(None, sys.path)),
            )  # fmt: skip
            done = await trio.run_process(
                [sys.executable, str(PROGRAM)], stdin=b"", capture_stderr=True, env=variables, check=False
            )
            await server.wait_gone("zed-1")
    assert done.returncode == 1
    assert b"AssertionError" in done.stderr
