"""The documented bots survive every text that a message can have."""

from __future__ import annotations

import pathlib
import re
import signal
import sys
from typing import Any

import pytest
import trio

import cometconn
from cometconn import AppSettings, MemoryStore, SubscriptionType
from cometconn.emulator import open_emulator
from cometconn.events import TextMessage, UserOnline
from tests.cli.child import running

ROOT = pathlib.Path(__file__).parents[2]
TEXTS = [
    '""',
    "null",
    "5",
    '" "',
    '"\\ud83d"',
    '"\\udc00 \\u0000\\u001b[2J"',
    f'"{"x" * 5_000}"',
    '"' + "[{,}]" * 1_000 + '"',
]
"""As JSON, as in the frame."""


def bots() -> list[Any]:
    """Every program on our pages that answers what it reads."""
    found = []
    for page in (ROOT / "README.md", ROOT / "docs" / "tutorial.md", ROOT / "docs" / "how-to" / "bot.md"):
        blocks = re.findall(r"^```python[^\n]*\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        found += [
            pytest.param(block, id=f"{page.stem}-{number}")
            for number, block in enumerate(blocks)
            if re.search(r"chat[.](send_text|reply)[(]", block) and "trio.run" in block
        ]
    return found


def test_there_are_such_bots() -> None:
    """The tutorial and the page on bots show two each."""
    assert len(bots()) >= 4


@pytest.mark.parametrize("bot", bots())
async def test_a_bot_survives_every_text(bot: str, tmp_path: pathlib.Path) -> None:
    """An empty text, half an emoji, no text, a number, a very long one: the bot still answers the next message."""
    home = {"XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path), "COMETCONN_AUTH_KEY": "KEY"}
    with trio.fail_after(60):
        async with open_emulator() as emulator:
            script = tmp_path / "bot.py"
            here = f"import os; os.chdir({str(tmp_path)!r})\n"  # some save a file in their folder
            script.write_text(here + bot.replace("http://127.0.0.1:9000", emulator.url), encoding="utf-8")
            home["COMETCONN_ENDPOINT"] = emulator.url
            settings = AppSettings(subscription_type=SubscriptionType.ALL_USERS)
            async with (
                cometconn.open_client("APP", settings, store=MemoryStore(), endpoints=emulator.endpoints) as zed,
                zed.events(UserOnline) as presence,
                zed.events(TextMessage) as answers,
            ):
                await zed.login(uid="zed-1", auth_key="KEY")
                await zed.connect()
                async with running(command=(sys.executable, str(script)), **home) as child:
                    assert isinstance(await anext(presence), UserOnline)
                    for number, text in enumerate(TEXTS, start=1_000_000):
                        emulator.push("amy-2", FRAME.replace("NUMBER", str(number)).replace("TEXT", text))
                    await zed.send_text("amy-2", "are you there?")
                    async for answer in answers:
                        if isinstance(answer, TextMessage) and "are you there?" in answer.text:
                            break
                    child.process.send_signal(signal.SIGINT)


FRAME = (
    '{"type":"message","sender":"zed-1","receiver":"amy-2","receiverType":"user","body":{"id":"NUMBER","sender":"zed-1",'
    '"receiver":"amy-2","receiverType":"user","category":"message","type":"text","sentAt":1800000000,"data":{"text":TEXT,'
    '"entities":{"sender":{"entityType":"user","entity":{"uid":"zed-1","name":"Zed"}},'
    '"receiver":{"entityType":"user","entity":{"uid":"amy-2","name":"Amy"}}}}}}'
)
