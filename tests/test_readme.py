"""README and the first page: what they show works, and what they name exists."""

from __future__ import annotations

import json
import pathlib
import re
import shlex
import signal
import socket
import sys

import httpx2
import pytest

import cometconn
import cometconn.events
from cometconn import AppSettings, CometChat, Endpoints, MemoryStore, SubscriptionType
from cometconn._rest.conversations import Conversations
from cometconn._rest.groups import Groups
from cometconn._rest.messages import Messages
from cometconn._rest.users import Users
from cometconn.events import UserOffline, UserOnline

from .cli.child import running

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
INDEX = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
SDK = (ROOT / "docs" / "reference" / "sdk.md").read_text(encoding="utf-8")
BOT, *_ = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SERVE, _, CURL = re.findall(r"^cometconn serve.*\n.*\n.*$", INDEX, re.MULTILINE)[0].splitlines()


def _port() -> int:
    """README's own port if it is free, otherwise another one."""
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
    """With the server and the curl line, the bot prints the message, also after it was started again."""
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
    """The bot has at most a dozen lines."""
    assert len([line for line in BOT.splitlines() if line.strip()]) <= 12


def test_the_first_page_shows_the_same_bot() -> None:
    """The first page has the same bot, with the commands that run it."""
    assert f"```python\n{BOT}```" in INDEX


def test_the_first_thirty_lines_are_enough() -> None:
    """The first thirty lines have the installation, a bot, six features, the next pages, and one command to try it."""
    start = "\n".join(README.splitlines()[:30])
    assert "`pip install cometconn`" in start
    assert BOT in start
    assert len(re.findall(r"^- \*\*", start, re.MULTILINE)) == 6
    assert "docs/tutorial.md" in start
    assert re.search(r"^## Try it\n```sh\n.* \S+/cometconn demo\n```", start, re.MULTILINE)


@pytest.mark.parametrize("heading", ["Try it", "Test"])
def test_a_section_has_one_command(heading: str) -> None:
    """Each section has one command, because scripts that check the project take the first block below the heading."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert len(block.splitlines()) == 1


def test_every_file_that_it_names_exists() -> None:
    """README names files of the source instead of linking to them."""
    names = re.findall(r"`((?:docs/)?[\w/.-]+\.md|docs/[\w/-]+|LICENSE)`", README)
    assert len(names) > 10
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_it_can_be_read_without_the_repository() -> None:
    """A package index shows README alone: the target of every link and picture is a URL or an anchor of the page."""
    assert relative_links(README) == []
    text = "[a](docs/a.md) ![b](b.png) <img src='c.svg'> <a href=\"d\">\n[e]: ../e.md\n[f](#g) [h](https://i.example/j)"
    assert relative_links(text) == ["docs/a.md", "b.png", "c.svg", "d", "../e.md"]


def relative_links(text: str) -> list[str]:
    """Every target of a link or a picture that is neither a URL nor an anchor."""
    places = r"""\]\(\s*<?([^)\s>]+)|(?:href|src)\s*=\s*["']([^"']+)|^\s*\[[^\]]+\]:\s*(\S+)"""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    targets = ["".join(found) for found in re.findall(places, outside, re.MULTILINE)]
    return [target for target in targets if not re.match(r"[a-z]+:|#", target)]


def test_the_names_in_the_table_exist() -> None:
    """The names that the page on CometChat's SDKs gives for this library exist."""
    ours = " ".join(line.rsplit("|", 2)[1] for line in SDK.splitlines() if line.startswith("| "))
    assert len(ours) > 500
    for name in re.findall(r"`([A-Z]\w+)`", ours):
        assert hasattr(cometconn.events, name) or hasattr(cometconn, name), name
    lists = (Messages, Users, Groups, Conversations)  # `chat.messages` and so on
    for name in re.findall(r"chat\.(\w+)|`([a-z_]+)`", ours):
        assert any(hasattr(each, name[0] or name[1]) for each in (CometChat, *lists)), name
    for of, name in re.findall(r"chat\.(\w+)\.(\w+)", ours):
        owner = next(each for each in lists if each.__name__.lower() == of)
        assert hasattr(owner, name), (of, name)
