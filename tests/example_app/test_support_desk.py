"""How an application's own tests look: with the plugin's fixtures, the server's script, strategies, and a transcript."""

from __future__ import annotations

import ast
import pathlib
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cometconn
from cometconn import AppSettings, CometChat, MemoryStore, Timing
from cometconn.emulator import Emulator
from cometconn.testing import MemoryServer, assert_no_leaks, open_memory_server, open_replay
from cometconn.testing.scripts import play
from cometconn.testing.strategies import frames, scripts

from .support_desk import SupportDesk

HERE = pathlib.Path(__file__).parent
anything = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None)


@pytest.fixture
async def desk(memory_chat: CometChat, nursery: trio.Nursery) -> SupportDesk:
    """A desk that serves, in virtual time."""
    desk = SupportDesk()
    nursery.start_soon(desk.run, memory_chat)
    await trio.testing.wait_all_tasks_blocked()
    return desk


async def test_a_customer_is_helped(desk: SupportDesk, memory_server: MemoryServer) -> None:
    """A customer writes, waits, is helped and is released."""
    script = memory_server.script("desk")

    async def says(to: str, text: str) -> None:
        await script.expect("POST /messages", {"receiver": to, "data": {"text": text}})

    memory_server.say("ann", "My boat leaks!", receiver="desk")
    await says("ann", "Welcome! You are number 1 in line.")
    await says("agents", "ann waits: My boat leaks!")
    memory_server.say("bob", "Hello?", receiver="desk")
    await says("bob", "Welcome! You are number 2 in line.")
    memory_server.say("agent-1", "next", group="agents")
    await says("ann", "agent-1 is here for you.")
    memory_server.say("ann", "It sinks!", receiver="desk")
    await says("agents", "ann: It sinks!")
    memory_server.say("agent-1", "Swim.", group="agents")
    await says("ann", "Swim.")
    memory_server.say("agent-1", "done", group="agents")
    await says("ann", "Goodbye!")
    assert list(desk.waiting) == ["bob"]
    assert not desk.helped_by


async def test_other_talk_is_not_its_business(desk: SupportDesk, memory_server: MemoryServer) -> None:
    """Other groups, an idle agent, `next` with an empty line, and repeated messages cause no message from the desk."""
    script = memory_server.script("desk")
    memory_server.say("ann", "hello, all", group="others")
    memory_server.say("agent-1", "lovely weather", group="agents")
    memory_server.say("agent-1", "next", group="agents")
    await script.expect_quiet(60)
    memory_server.say("ann", "hello", receiver="desk")
    memory_server.say("ann", "hello??", receiver="desk")
    memory_server.say("agent-1", "next", group="agents")
    memory_server.say("agent-1", "next", group="agents")
    await script.expect("POST /messages", {"data": {"text": "agent-1 is here for you."}})
    await script.expect_quiet(60)


async def test_messages_sent_while_it_was_away_are_answered(desk: SupportDesk, memory_server: MemoryServer) -> None:
    """A message sent while the server restarts for two minutes is answered after the reconnect."""
    script = memory_server.script("desk")
    script.refuse()
    script.drop(1012)
    memory_server.say("ann", "Anybody there?", receiver="desk")
    await trio.sleep(120)
    script.accept()
    await script.expect("auth")
    await script.expect("POST /messages", {"receiver": "ann"})


async def test_the_agents_get_a_message_if_fetching_fails(desk: SupportDesk, memory_server: MemoryServer) -> None:
    """If missed messages cannot be fetched, the desk writes to the agents; after a 503 it would retry instead."""
    script = memory_server.script("desk")
    script.drop(how="reset")
    memory_server.set(rest=403)
    await script.expect("GET /messages")
    memory_server.heal()
    told = {"receiver": "agents", "data": {"text": "I was away: somebody may have written to me meanwhile."}}
    await script.expect("POST /messages", told)


async def test_a_message_that_cannot_be_sent_is_noted(
    desk: SupportDesk, memory_server: MemoryServer, caplog: pytest.LogCaptureFixture
) -> None:
    """And the desk goes on."""
    memory_server.set(rest=500)
    memory_server.say("ann", "hello", receiver="desk")
    await trio.testing.wait_all_tasks_blocked()
    assert "ann was not told" in caplog.text
    assert list(desk.waiting) == ["ann"]


async def test_over_real_sockets(emulator: Emulator, chat: CometChat) -> None:
    """The same desk, against the emulator."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(SupportDesk().run, chat)
        emulator.say("ann", "hello", receiver="desk")
        with trio.fail_after(20):
            await emulator.log.wait_for(lambda entry: entry.detail.get("path") == "/v3.0/messages")
        nursery.cancel_scope.cancel()


@anything
@given(scripts(Timing(), most=8))
def test_it_survives_any_day(script: Any) -> None:
    """With any script of connection events, no customer is in line twice."""
    desk = SupportDesk()
    play(script, AppSettings(catch_up=True), app=desk.run)
    assert len(set(desk.waiting)) == len(desk.waiting)


@anything
@given(st.lists(frames(uid="desk"), max_size=5))
def test_it_survives_any_frame(news: list[Any]) -> None:
    """Whatever the server sends, it goes on serving."""

    async def main() -> None:
        desk = SupportDesk()
        async with open_memory_server(users=("desk", "ann")) as server:
            async with (
                trio.open_nursery() as nursery,
                cometconn.open_client(
                    "APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints, environment=server
                ) as chat,
            ):
                nursery.start_soon(desk.run, chat)
                await chat.login(uid="desk", auth_key="KEY")
                await chat.connect()
                await server.script("desk").say(*news)
                server.say("ann", "hello", receiver="desk")
                await server.script("desk").say({"type": "typing_indicator"})
        assert "ann" in {*desk.waiting, *desk.helped_by}

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def test_a_recorded_day_comes_again(autojump_clock: trio.testing.MockClock) -> None:
    """Half an hour recorded at a real server, in virtual time: the desk sends the same messages as then."""
    async with assert_no_leaks(), open_replay(HERE / "a_day_at_the_desk.jsonl") as replay:
        desk = SupportDesk()
        async with (
            trio.open_nursery() as nursery,
            cometconn.open_client(
                "APP", AppSettings(catch_up=True), store=MemoryStore(), endpoints=replay.endpoints, environment=replay
            ) as chat,
        ):
            nursery.start_soon(desk.run, chat)
            await chat.login(uid="desk", auth_key="KEY")
            await trio.sleep(1800)
            assert replay.unplayed == ()
            nursery.cancel_scope.cancel()
    assert list(desk.waiting) == ["bob"]


def test_it_uses_nothing_but_the_public_api() -> None:
    """No module with an underscore, in the application or in its tests."""
    for path in HERE.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        names += [f"{node.module}.{alias.name}" for node in froms for alias in node.names]
        ours = [name for name in names if name.startswith("cometconn")]
        assert not [name for name in ours if any(part.startswith("_") for part in name.split("."))], path.name
