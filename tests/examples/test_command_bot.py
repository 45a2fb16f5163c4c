"""The bot that carries out commands, run as a user would run it."""

from __future__ import annotations

import pathlib
import signal
import sys

import cometconn
from cometconn import AppSettings, MemoryStore
from cometconn.emulator import open_emulator
from cometconn.events import Event, MessagesRead, TextMessage, TypingEnded, TypingStarted

from ..cli.child import running

BOT = (pathlib.Path(__file__).parent / "command_bot.py").read_text(encoding="utf-8")
PAGE = pathlib.Path(__file__).parents[2] / "docs" / "how-to" / "command-bot.md"

NOT_DONE = {
    "/roll x": "/roll cannot be carried out: invalid literal for int() with base 10: 'x'.",
    "/roll": "",
    "/roll 2d0": "/roll cannot be carried out: ",
    "/roll 1d6d1": "/roll cannot be carried out: too many values to unpack",
    "/roll " + "9" * 5000 + "d6": "/roll cannot be carried out: ",
    "/wait": "/wait cannot be carried out: could not convert string to float",
    "/wait nan": "/wait cannot be carried out: ",
    "/wait -1": "/wait cannot be carried out: ",
    "/": "/help\n",
    "/fly me to the moon": "/help\n",
}
"""What cannot be carried out, with the beginning of the reply."""


def test_it_is_short() -> None:
    """The page promises at most 40 lines, and shows the program that is run here."""
    assert len([line for line in BOT.splitlines() if line.strip()]) <= 40
    assert "{literalinclude} ../../tests/examples/command_bot.py\n" in PAGE.read_text(encoding="utf-8")


async def test_it_carries_out_commands(tmp_path: pathlib.Path) -> None:
    """Replies go where the command was sent, with typing and a read receipt; bad commands and other texts end nothing."""
    script = tmp_path / "bot.py"
    bot = running(command=(sys.executable, str(script)), XDG_STATE_HOME=str(tmp_path), HOME=str(tmp_path))
    async with (
        open_emulator() as server,
        cometconn.open_client("APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints) as zed,
        zed.events(Event, markers=False) as events,
    ):
        script.write_text(BOT.replace("http://127.0.0.1:9000", server.url), encoding="utf-8")
        await zed.login(uid="zed-1", auth_key="KEY")
        await zed.connect()

        async def reply() -> tuple[str, str]:
            """Return the conversation and the text of the next message."""
            async for event in events:
                if isinstance(event, TextMessage) and event.sender.uid == "amy-2":
                    return event.receiver.id, event.text
            raise AssertionError

        async with bot as child:
            await server.wait_connected("amy-2")
            asked = await zed.send_text("hikers", "/roll 2d6", receiver_type="group")
            seen: dict[type[Event], Event] = {}
            while not {TypingStarted, TypingEnded, MessagesRead, TextMessage} <= seen.keys():
                event = await anext(events)
                seen[type(event)] = event
            started, ended, read, said = (
                seen[kind] for kind in (TypingStarted, TypingEnded, MessagesRead, TextMessage)
            )
            assert isinstance(started, TypingStarted)
            assert isinstance(ended, TypingEnded)
            assert (started.sender.uid, started.receiver.id, ended.receiver.id) == ("amy-2", "hikers", "hikers")
            assert isinstance(read, MessagesRead)
            assert (read.sender.uid, read.message_id) == ("amy-2", asked.id)
            assert isinstance(said, TextMessage)
            assert said.receiver.id == "hikers"
            assert 2 <= int(said.text) <= 12

            for command, beginning in NOT_DONE.items():
                await zed.send_text("amy-2", command)
                place, text = await reply()
                assert place == "zed-1"
                assert text.startswith(beginning), text
            server.say("zed-1", "no command", receiver="amy-2")
            server.say("amy-2", "/help", group="hikers")  # another device of the bot's own user
            assert await reply() == ("hikers", "/help")
            await zed.send_text("amy-2", "/wait 0")
            assert await reply() == ("zed-1", "0 s are over.")
            assert child.errors == b""
            child.process.send_signal(signal.SIGINT)
            await child.process.wait()
