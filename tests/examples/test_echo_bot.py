"""The small bot of the page on bots, run as a user would run it."""

from __future__ import annotations

import json
import pathlib
import signal
import sys

import cometconn
from cometconn import AppSettings, MemoryStore
from cometconn.emulator import open_emulator
from cometconn.events import TextMessage

from ..cli.child import running

BOT = (pathlib.Path(__file__).parent / "echo_bot.py").read_text(encoding="utf-8")


def test_it_is_short() -> None:
    """A complete echo bot in 30 lines, six of them for Ctrl-C and SIGTERM."""
    assert len([line for line in BOT.splitlines() if line.strip()]) <= 30


def test_it_is_the_one_on_the_page() -> None:
    """The page shows the program that is run here."""
    page = pathlib.Path(__file__).parents[2] / "docs" / "how-to" / "bot.md"
    assert f"```python\n{BOT.strip()}\n```" in page.read_text(encoding="utf-8")


async def test_it_answers(tmp_path: pathlib.Path) -> None:
    """Every message comes back to the person or the group it came from, once, also those sent while the bot was disconnected."""
    script = tmp_path / "bot.py"
    bot = running(command=(sys.executable, str(script)), XDG_STATE_HOME=str(tmp_path), HOME=str(tmp_path))
    again = running(command=(sys.executable, str(script)), XDG_STATE_HOME=str(tmp_path), HOME=str(tmp_path))
    async with (
        open_emulator() as server,
        cometconn.open_client("APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints) as zed,
        zed.events(TextMessage) as events,
    ):
        script.write_text(BOT.replace("http://127.0.0.1:9000", server.url), encoding="utf-8")
        await zed.login(uid="zed-1", auth_key="KEY")
        await zed.connect()

        async def answer() -> tuple[str, str, str]:
            event = await anext(events)
            assert isinstance(event, TextMessage), event
            return event.sender.uid, event.receiver.id, event.text

        async with bot as child:
            await server.wait_connected("amy-2")
            await zed.send_text("amy-2", "hello")
            assert await answer() == ("amy-2", "zed-1", "hello")
            await zed.send_text("hikers", "hello, all", receiver_type="group")
            assert await answer() == ("amy-2", "hikers", "hello, all")
            # Another device of the bot's own user: no answer, or it would never end.
            token = server.world.sessions.issue_token("amy-2")
            async with cometconn.open_client(
                "APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints
            ) as other:
                await other.login(auth_token=token)
                await other.send_text("zed-1", "by hand")
            assert await answer() == ("amy-2", "zed-1", "by hand")
            await zed.send_text("amy-2", "still there?")
            assert await answer() == ("amy-2", "zed-1", "still there?")
            assert await child.stop(signal.SIGINT) == 0
        await server.wait_gone("amy-2")
        await zed.send_text("amy-2", "while away")
        async with again as child:
            assert await answer() == ("amy-2", "zed-1", "while away")
            assert await child.stop(signal.SIGTERM) == 0
        assert json.dumps([message["data"]["text"] for message in server.world.messages]).count("while away") == 2
