"""README: what it shows works, and what it names is there."""

from __future__ import annotations

import json
import pathlib
import re
import shlex
import signal
import socket
import sys

import httpx2

import cometconn
import cometconn.events
from cometconn import AppSettings, CometChat, Endpoints, MemoryStore, SubscriptionType
from cometconn.events import UserOffline, UserOnline

from .cli.child import running

README = (pathlib.Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BOT, *_ = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SERVE, _, CURL = re.findall(r"^\.venv-try/bin/cometconn serve.*\n.*\n.*$", README, re.MULTILINE)[0].splitlines()


def _port() -> int:
    """README's own port if it is free, else another one."""
    for port in (9000, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise AssertionError


async def test_the_bot_runs_as_it_stands(tmp_path: pathlib.Path) -> None:
    """The bot, the server and the curl line together: the bot prints what was said, also after it was started again."""
    port = str(_port())
    script = tmp_path / "bot.py"
    script.write_text(BOT.replace("9000", port), encoding="utf-8")
    words = shlex.split(CURL.replace("9000", port))
    body = json.loads(words[words.index("-d") + 1])
    home = {"XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    settings = AppSettings(subscription_type=SubscriptionType.ALL_USERS)
    async with (
        running(*shlex.split(SERVE)[1:], "--port", port) as server,
        httpx2.AsyncClient() as http,
    ):
        endpoints = Endpoints.at(json.loads(await server.line())["url"])
        async with (
            cometconn.open_client("APP", settings, store=MemoryStore(), endpoints=endpoints) as zed,
            zed.events(UserOnline, UserOffline) as presence,
        ):
            await zed.login(uid="zed-1", auth_key="KEY")
            await zed.connect()
            for text in ("hello", "hello again"):
                async with running(command=(sys.executable, str(script)), **home) as bot:
                    assert isinstance(await anext(presence), UserOnline)
                    await http.post(words[1], json={**body, "text": text})
                    assert await bot.line() == f"Zed 1: {text}"
                    bot.process.send_signal(signal.SIGINT)
                assert isinstance(await anext(presence), UserOffline)
        assert await server.stop(signal.SIGTERM) == 0


def test_the_bot_is_short() -> None:
    """A bot in 15 lines."""
    assert len([line for line in BOT.splitlines() if line.strip()]) <= 15


def test_it_can_be_read_without_the_repository() -> None:
    """A package index shows README alone: every link and picture has an address of its own or leads within the page."""
    assert relative_links(README) == []
    text = "[a](docs/a.md) ![b](b.png) <img src='c.svg'> <a href=\"d\">\n[e]: ../e.md\n[f](#g) [h](https://i.example/j)"
    assert relative_links(text) == ["docs/a.md", "b.png", "c.svg", "d", "../e.md"]


def relative_links(text: str) -> list[str]:
    """Every target of a link or a picture that is neither an address nor an anchor."""
    places = r"""\]\(\s*<?([^)\s>]+)|(?:href|src)\s*=\s*["']([^"']+)|^\s*\[[^\]]+\]:\s*(\S+)"""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    targets = ["".join(found) for found in re.findall(places, outside, re.MULTILINE)]
    return [target for target in targets if not re.match(r"[a-z]+:|#", target)]


def test_the_names_in_the_table_exist() -> None:
    """What README says about CometChat's names is ours to keep."""
    table = README.split("## If you know CometChat's SDKs")[1].split("\n## ")[0]
    ours = " ".join(line.rsplit("|", 2)[1] for line in table.splitlines() if line.startswith("| "))
    for name in re.findall(r"`([A-Z]\w+)`", ours):
        assert hasattr(cometconn.events, name) or hasattr(cometconn, name), name
    for name in re.findall(r"chat\.(\w+)|`([a-z_]+)`", ours):
        assert hasattr(CometChat, name[0] or name[1]), name
