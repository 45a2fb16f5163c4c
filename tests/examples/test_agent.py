"""The agent, against a model server that streams, on a clock that only the tests move."""

from __future__ import annotations

import functools
import json
import pathlib
import threading
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import attrs
import httpx2
import pytest
import trio
import trio.testing

import cometconn
from cometconn import AppSettings, CometChat, MemoryStore
from cometconn.emulator import Emulator, Kind, open_emulator

from . import agent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

pytestmark = [  # httpx2 leaves its generators to the garbage collector if an error ends the loop over them
    pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning"),
]

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "how-to" / "agent.md"


@attrs.define(eq=False)
class Turn:
    """A request to the model, and the way to answer it."""

    said: list[tuple[str, str]]
    stream: trio.SocketStream
    over: trio.Event = attrs.field(factory=trio.Event)

    async def begin(self, status: str = "200 OK") -> None:
        """Send the head of the answer; its end is that of the connection."""
        await self.stream.send_all(f"HTTP/1.1 {status}\r\ncontent-type: text/event-stream\r\n\r\n".encode())

    async def send(self, *parts: str) -> None:
        """Send parts of the answer, each as one event."""
        for part in parts:
            event = {"choices": [{"index": 0, "delta": {"content": part}}]}
            await self.stream.send_all(f"data: {json.dumps(event)}\n\n".encode())

    async def end(self) -> None:
        """Send the last event, and end."""
        await self.stream.send_all(b"data: [DONE]\n\n")
        await self.stream.aclose()


class Model:
    """The model server: OpenAI's `chat/completions`, as far as it streams."""

    def __init__(self) -> None:
        self._turns, self.turns = trio.open_memory_channel[Turn](10)

    async def serve(self, stream: trio.SocketStream) -> None:
        """Take one request, and wait until it is answered or given up."""
        held = b""
        while b"\r\n\r\n" not in held:
            held += await stream.receive_some()
        head, _, body = held.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        while len(body) < int(fields[b"content-length"]):
            body += await stream.receive_some()
        request = json.loads(body)
        assert request["stream"] is True
        turn = Turn([(message["role"], message["content"]) for message in request["messages"]], stream)
        await self._turns.send(turn)
        with suppress(trio.ClosedResourceError, trio.BrokenResourceError):
            assert await stream.receive_some() == b""
        turn.over.set()


@attrs.define(eq=False)
class Stage:
    """The agent at work, and both servers."""

    server: Emulator
    model: Model
    chat: CometChat
    http: httpx2.AsyncClient
    clock: trio.testing.MockClock
    nursery: trio.Nursery

    def ask(self, text: str, **place: str) -> int:
        """Write to the agent."""
        return int(self.server.say("zed-1", text, **(place or {"receiver": "amy-2"}))["id"])

    def shown(self) -> list[str]:
        """Return what the agent's messages show."""
        own = (message for message in self.server.world.messages if message["sender"] == "amy-2")
        return [message["data"]["text"] for message in own if message["category"] == "message"]

    async def wait_shown(self, *texts: str) -> None:
        """Wait until these are the last messages of the agent."""
        while self.shown()[-len(texts) :] != [*texts]:
            await self.server.log.wait_news()

    async def settle(self) -> None:
        """Wait until nothing is under way: bytes on loopback arrive at once, and the clock stands still."""
        await trio.testing.wait_all_tasks_blocked(0.05)

    async def later(self, seconds: float) -> None:
        """Move the clock, when nothing is under way."""
        await self.settle()
        self.clock.jump(seconds)

    async def turn(self) -> Turn:
        """Return the next request to the model."""
        return await self.model.turns.receive()

    def start(self) -> trio.CancelScope:
        """Start the agent."""
        scope = trio.CancelScope()
        user = self.chat.get_logged_in_user()
        assert user is not None

        async def run() -> None:
            with scope:
                await agent.Agent(self.chat, user, self.http).run()

        self.nursery.start_soon(run)
        return scope

    def at(self) -> list[float]:
        """Return when the agent sent or edited a message."""
        return [
            entry.at
            for entry in self.server.log.of(Kind.REST, uid="amy-2")
            if entry.detail["method"] in {"POST", "PUT"} and "/messages" in entry.detail["path"]
        ]


@asynccontextmanager
async def stage(clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Stage, None]:
    """Run a model, a server and a client for the agent, `amy-2`. Fails after a minute of real time."""
    model, finished = Model(), False
    async with (
        open_emulator() as server,
        cometconn.open_client("APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints) as chat,
        httpx2.AsyncClient() as http,
        trio.open_nursery() as nursery,
    ):
        token = trio.lowlevel.current_trio_token()
        patience = threading.Timer(60, token.run_sync_soon, [nursery.cancel_scope.cancel])
        patience.start()
        try:
            listeners = await nursery.start(functools.partial(trio.serve_tcp, model.serve, 0, host="127.0.0.1"))
            port = listeners[0].socket.getsockname()[1]
            monkeypatch.setattr(agent, "MODEL", f"http://127.0.0.1:{port}/v1/chat/completions")
            await chat.login(uid="amy-2", auth_key="KEY")
            await chat.connect()
            yield Stage(server, model, chat, http, clock, nursery)
            finished = True
        finally:
            patience.cancel()
            patience.join()
        nursery.cancel_scope.cancel()
    assert finished, "it did not end within a minute"


def test_the_page_shows_it() -> None:
    """What is shown is what is run here."""
    assert "{literalinclude} ../../tests/examples/agent.py\n" in PAGE.read_text(encoding="utf-8")


async def test_the_answer_grows(mock_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """One message, edited once a second at most while the model writes; the conversation before it is its context."""
    async with stage(mock_clock, monkeypatch) as on:
        on.start()
        on.ask("Hi.")
        turn = await on.turn()
        assert turn.said == [("user", "Hi.")]
        await turn.begin()
        await turn.send("Hel")
        await on.wait_shown("Hel …")
        await turn.send("lo", ",", "")
        await on.settle()
        assert on.shown() == ["Hel …"]
        await on.later(1)
        await turn.send(" you")
        await on.wait_shown("Hello, you …")
        await on.later(0.5)
        await turn.send("!")
        await turn.end()
        await on.settle()
        assert on.shown() == ["Hello, you …"]
        await on.later(0.5)
        await on.wait_shown("Hello, you!")
        assert [round(later - on.at()[0], 6) for later in on.at()] == [0, 1, 2]

        on.ask("And you?")
        turn = await on.turn()
        assert turn.said == [("user", "Hi."), ("assistant", "Hello, you!"), ("user", "And you?")]
        await turn.begin()
        await turn.send("Fine.")
        await turn.end()
        await on.wait_shown("Fine. …")
        await on.later(1)
        await on.wait_shown("Hello, you!", "Fine.")


async def test_a_newer_message_interrupts(mock_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request to the model ends, what was shown is marked, and the newer message is answered."""
    async with stage(mock_clock, monkeypatch) as on:
        on.start()
        on.ask("Tell me a story.")
        first = await on.turn()
        await first.begin()
        await first.send("Once upon")
        await on.wait_shown("Once upon …")
        on.ask("A short one.")
        second = await on.turn()
        await first.over.wait()
        assert [text for _, text in second.said] == ["Tell me a story.", "Once upon …", "A short one."]
        await on.later(1)
        await on.wait_shown("Once upon [interrupted]")
        await second.begin()
        await second.send("The end.")
        await on.wait_shown("The end. …")
        await second.end()
        await on.later(1)
        await on.wait_shown("Once upon [interrupted]", "The end.")


@pytest.mark.parametrize("begun", [False, True])
async def test_an_error_of_the_model_is_an_apology(
    begun: bool, mock_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the model does wrong, and when: the answer is one apology, and the next question is answered."""
    wrong = [
        b"data: " + json.dumps(event).encode() + b"\n\n"
        for event in ({"error": "overloaded"}, {"choices": []}, {"choices": [{"delta": None}]}, {"choices": 5})
    ]
    async with stage(mock_clock, monkeypatch) as on:
        on.start()
        for number, event in enumerate([*wrong, b"data: {\n\n", b"", b"refuse", b"data: [DONE]\n\n"]):
            on.ask("Hi.")
            turn = await on.turn()
            await turn.begin("503 Service Unavailable" if event == b"refuse" else "200 OK")
            if begun and number < len(wrong) + 2:
                await turn.send("Hel")
                await on.wait_shown("Hel …")
                await on.later(1)
            await turn.stream.send_all(event)
            await turn.stream.aclose()
            await on.wait_shown(*[agent.APOLOGY] * (number + 1))


async def test_an_answer_goes_on_after_a_restart(
    mock_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent that is stopped in the middle answers again in the message that it had begun."""
    async with stage(mock_clock, monkeypatch) as on:
        scope = on.start()
        on.ask("Hi.")
        turn = await on.turn()
        await turn.begin()
        await turn.send("Hel")
        await on.wait_shown("Hel …")
        scope.cancel()
        await turn.over.wait()
        on.start()
        turn = await on.turn()
        assert turn.said == [("user", "Hi.")]
        await turn.begin()
        await turn.send("Welcome.")
        await turn.end()
        await on.wait_shown("Welcome. …")
        await on.later(1)
        await on.wait_shown("Welcome.")
        assert on.shown() == ["Welcome."]


async def test_in_groups_it_answers_when_it_is_mentioned(
    mock_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a group, only messages with a mention are answered, in the group; its own user's are not answered anywhere."""
    async with (
        stage(mock_clock, monkeypatch) as on,
        cometconn.open_client("APP", AppSettings(), store=MemoryStore(), endpoints=on.server.endpoints) as zed,
    ):
        await zed.login(uid="zed-1", auth_key="KEY")
        on.start()
        on.ask("Hello, all.", group="hikers")
        on.server.say("amy-2", "By hand.", receiver="zed-1")
        await on.settle()
        assert on.model.turns.statistics().current_buffer_used == 0
        me = on.chat.get_logged_in_user()
        assert me is not None
        asked = await zed.send_text("hikers", f"{me.mention} Hi.", receiver_type="group")
        turn = await on.turn()
        assert turn.said[0] == ("user", "Hello, all.")
        assert turn.said[-1] == ("user", asked.text)
        await turn.begin()
        await turn.send("Hello.")
        await on.wait_shown("By hand.", "Hello. …")
        assert list(on.server.world.messages)[-1]["receiver"] == "hikers"
