"""Record and replay: a session over sockets is replayed in memory, and a client that does something else is an error."""

from __future__ import annotations

import contextlib
import itertools
import json
import pathlib
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

import cometconn
from cometconn import AppSettings, CometChat, Connected, Disconnected, MemoryStore, Reason, Timing, Waiting
from cometconn.emulator import Emulator, Kind, open_emulator
from cometconn.errors import ApiError, ConnectError
from cometconn.events import Event, Gap, TextMessage, UnknownEvent, UnreadableFrame
from cometconn.testing import (
    MemoryServer,
    Replay,
    ReplayError,
    assert_no_leaks,
    memory_socket_pair,
    open_memory_server,
    open_replay,
    read_transcript,
    record,
    wire_reader,
)

SECRET = re.compile(r"(?:token|jwt)-[\w-]+?-[0-9a-f]{32}")
KEY = "an-unknown-key"
QUICK = Timing(retry_base=0.02, keepalive_interval=0.05)

Program = Callable[[CometChat], Awaitable[Any]]


@asynccontextmanager
async def client(server: Any, environment: Any, **settings: Any) -> AsyncGenerator[CometChat, None]:
    """Open a client of *server* with *environment*."""
    settings.setdefault("timing", QUICK)
    async with cometconn.open_client(
        "APP", AppSettings(**settings), store=MemoryStore(), endpoints=server.endpoints, environment=environment
    ) as chat:
        yield chat


def replay(path: pathlib.Path, program: Program, **settings: Any) -> Any:
    """Run *program* with the transcript in virtual time; return its result, the time, and the lines that were left."""

    async def main() -> Any:
        with trio.fail_after(5000):
            async with assert_no_leaks(), open_replay(path) as played:
                async with client(played, played, **settings) as chat:
                    result = await program(chat)
                return result, trio.current_time(), played.unplayed

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def diary(chat: CometChat) -> list[Event]:
    """A program that receives and sends messages and receipts, and reconnects after a loss."""
    kept: list[Event] = []
    await chat.login(uid="zed-1", auth_key=KEY)
    await chat.connect()
    async with chat.events() as events:
        async for event in events:
            kept.append(event)
            if isinstance(event, TextMessage):
                await chat.mark_as_read(event)
                if event.text == "hello":
                    await chat.start_typing("amy-2")
                    await chat.send_text("amy-2", f"my key is {KEY}")
            if isinstance(event, UnknownEvent):
                break
    await chat.ping()
    return kept


async def weather(server: Emulator) -> None:
    """The server's actions during the diary."""
    await server.wait_connected("zed-1")
    server.say("amy-2", "hello", receiver="zed-1")
    await server.log.wait_for(lambda entry: entry.detail.get("path", "").endswith("/messages"))
    server.push("zed-1", "this is not JSON")
    await trio.sleep(0.1)
    server.set(upgrade=503)
    server.drop("zed-1", "reset")
    await server.wait_gone("zed-1")
    await server.log.wait_for(lambda entry: entry.detail.get("status") == 503)
    server.heal()
    await server.wait_connected("zed-1")
    server.say("amy-2", "to all", group="hikers")
    server.push("zed-1", {"type": "novelty"})


async def recorded(path: pathlib.Path) -> list[Event]:
    """Record the diary over real sockets."""
    with trio.fail_after(20):
        async with open_emulator(auth_key=KEY) as server, trio.open_nursery() as nursery:
            nursery.start_soon(weather, server)
            with record(path) as recorder:
                async with client(server, recorder) as chat:
                    kept = await diary(chat)
    return kept


def test_a_session_over_sockets_is_replayed_in_memory(tmp_path: pathlib.Path) -> None:
    """The same events come in the same order at the same times; the file contains placeholders and no secret."""
    path = tmp_path / "session.jsonl"
    kept = trio.run(recorded, path)
    text = path.read_text()
    assert not SECRET.search(text)
    assert KEY not in text
    assert "my key is authKey-1" in text
    assert {"authToken-1", "jwt-1", "session-1"} <= set(re.findall(r"[a-zA-Z]+-1", text))

    again, took, unplayed = replay(path, diary)
    assert [event for event in again if not isinstance(event, Gap)] == [e for e in kept if not isinstance(e, Gap)]
    assert [isinstance(event, Gap) for event in again] == [isinstance(event, Gap) for event in kept]
    assert sum(isinstance(event, UnreadableFrame) for event in again) == 1
    assert unplayed == ()
    lines = read_transcript(path)
    assert 0.1 <= took <= lines[-1].at


async def short(chat: CometChat) -> str:
    """A program that logs in, connects, and reads one message."""
    await chat.login(uid="zed-1", auth_key="KEY")
    await chat.connect()
    async with chat.events(TextMessage) as events:
        event = await anext(events)
        assert isinstance(event, TextMessage)
        return event.text


def record_in_memory(path: pathlib.Path, program: Program, act: Any = None, **settings: Any) -> Any:
    """Record *program* against the memory server, which *act* controls meanwhile."""

    async def main() -> Any:
        with trio.fail_after(5000):
            async with open_memory_server(users=("zed-1", "amy-2")) as server, trio.open_nursery() as nursery:
                if act is not None:
                    nursery.start_soon(act, server)
                with record(path, server) as recorder:
                    async with client(server, recorder, **settings) as chat:
                        result = await program(chat)
                nursery.cancel_scope.cancel()
        return result

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def say_hello(server: MemoryServer) -> None:
    """Send one message, after 100 seconds."""
    await trio.sleep(100)
    server.say("amy-2", "hello", receiver="zed-1")


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    """A transcript of `short`, which takes 100 seconds."""
    path = tmp_path / "short.jsonl"
    assert record_in_memory(path, short, say_hello, timing=Timing()) == "hello"
    return path


def test_at_the_recorded_times(path: pathlib.Path) -> None:
    """A minute and a half with keepalive pings is replayed without waiting."""
    assert replay(path, short, timing=Timing()) == ("hello", 100.0, ())


def test_a_client_that_stops_early_is_no_error(path: pathlib.Path) -> None:
    """`unplayed` contains the lines that it did not reach."""

    async def log_in(chat: CometChat) -> None:
        await chat.login(uid="zed-1", auth_key="ANOTHER")

    _, _, unplayed = replay(path, log_in, timing=Timing(), auto_establish_socket_connection=False)
    assert [line.what for line in unplayed] == ["dial"]

    async def connect(chat: CometChat) -> None:
        await log_in(chat)
        await chat.connect()

    _, _, unplayed = replay(path, connect, timing=Timing())
    assert [line.detail["frame"]["type"] for line in unplayed] == ["message"]


def test_a_client_that_stays_longer_stays_connected(path: pathlib.Path) -> None:
    """After the transcript's end its pings are answered."""

    async def stay(chat: CometChat) -> None:
        await short(chat)
        await trio.sleep(1000)
        assert isinstance(chat.status, Connected)

    replay(path, stay, timing=Timing())


async def ask(chat: CometChat) -> None:
    """Make a request that the transcript does not have, and raise another error because of it."""
    await short(chat)
    try:
        await chat.send_text("amy-2", "hi")
    finally:
        raise KeyError("of the program itself")


async def speak(chat: CometChat) -> None:
    """Send a frame that the transcript does not have."""
    await short(chat)
    await chat.start_typing("amy-2")
    await trio.sleep_forever()


async def dial(chat: CometChat) -> None:
    """Dial once more than recorded."""
    await short(chat)
    await chat.disconnect()
    await chat.connect()


async def log_in_as_another(chat: CometChat) -> None:
    """Log in another user than recorded."""
    await chat.login(uid="amy-2", auth_key="KEY")


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (ask, r'asks\n  request 0 .*"hi".*\n.*\n  nothing'),
        (speak, r"sends on connection 1\n  .*typing_indicator.*\n.*\n  no more from the client"),
        (dial, r"dials once more; the transcript has 1 connection"),
        (log_in_as_another, r"users/amy-2/auth_tokens.*\n.*\n  request 1 .*users/zed-1/auth_tokens"),
    ],
)
def test_what_the_transcript_does_not_have_is_an_error(path: pathlib.Path, program: Program, told: str) -> None:
    """It is raised at once, whatever the program waits for, and instead of an error that the program raises."""

    async def main() -> float:
        with pytest.raises(ReplayError, match=told):
            async with open_replay(path) as played, client(played, played, timing=Timing()) as chat:
                await program(chat)
        return trio.current_time()

    # The only message comes after 100 s, and no bound of the client was waited for.
    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) in {0.0, 100.0}


def test_a_response_takes_as_long_as_it_took(path: pathlib.Path) -> None:
    """A login that took seven seconds takes seven seconds again."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines[2:]:
        line["at"] += 7
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert replay(path, short, timing=Timing()) == ("hello", 107.0, ())


def test_what_the_program_raises_is_not_changed(path: pathlib.Path) -> None:
    """It is raised without a group."""

    async def fail(chat: CometChat) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        replay(path, fail)


def test_another_frame_than_the_recorded_one_is_an_error(tmp_path: pathlib.Path) -> None:
    """The message shows both frames, and their order matters."""

    async def type_to(chat: CometChat, *receivers: str) -> None:
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        for receiver in receivers:
            await chat.start_typing(receiver, metadata={"a": [1, {"uts": 2}]})
        await trio.sleep(1)

    path = tmp_path / "t.jsonl"
    record_in_memory(path, lambda chat: type_to(chat, "amy-2", "bob-3"))
    replay(path, lambda chat: type_to(chat, "amy-2", "bob-3"))
    with pytest.raises(ReplayError, match=r'(?s)bob-3.*the transcript has\n  client 1 .*"amy-2"'):
        replay(path, lambda chat: type_to(chat, "bob-3", "amy-2"))


async def losses(chat: CometChat) -> list[str]:
    """A program that records its statuses and the errors of REST, until its token is refused."""
    seen = []
    for _ in range(2):
        try:
            await chat.login(uid="zed-1", auth_key="KEY")
        except ApiError as error:
            seen.append(f"{error.code} {error}")
            await trio.sleep(1)
    async with chat.statuses() as statuses:
        async for change in statuses:
            match change.current:
                case Disconnected(reason=Reason.AUTHENTICATION_FAILED):
                    return seen
                case Waiting(cause=cause, retry_at=retry_at):
                    seen.append(f"{retry_at:.3f} {cause}")
                case _:
                    seen.append(type(change.current).__name__)
    raise AssertionError


async def lose(server: MemoryServer) -> None:
    """End connections, and prevent them, in every way there is."""
    server.set(rest=503, retry_after=1)
    await server.log.wait_for(lambda entry: entry.detail.get("status") == 503)
    server.heal()
    for how in ("close", "reset", "silent"):
        await server.wait_connected("zed-1")
        await trio.sleep(3)
        server.drop("zed-1", how, code=1012, reason="deploy")
        await server.wait_gone("zed-1")
    await server.wait_connected("zed-1")
    await trio.sleep(3)
    server.set(upgrade=503, retry_after=5)
    server.drop("zed-1", "reset")
    await server.log.wait_for(lambda entry: entry.kind is Kind.UPGRADE and entry.detail["status"] == 503)
    server.heal()
    server.refuse_connections()
    dials = len(server.dials)
    while len(server.dials) == dials:
        await trio.sleep(0.5)
    server.heal()
    await server.wait_connected("zed-1")
    (device,) = server.world.devices("zed-1")
    await trio.sleep(1)
    server.set(auth="refuse")
    device.reset()


def test_every_kind_of_loss_is_replayed(tmp_path: pathlib.Path) -> None:
    """Close frames, resets, silence, refusals with delays and failed dials give the same statuses at the same times."""
    path = tmp_path / "t.jsonl"
    seen = record_in_memory(path, losses, lose, timing=Timing())
    again, _, unplayed = replay(path, losses, timing=Timing())
    assert again == seen
    assert {line.what for line in unplayed} <= {"server_end"}  # the program ends as soon as it is refused
    told = "\n".join(seen)
    for words in ("503", "1012", "deploy", "reset", "Not one byte", "refuses connections"):
        assert words in told, words


def test_what_was_never_answered_is_not_answered(tmp_path: pathlib.Path) -> None:
    """A request, a dial and an upgrade that hung in the recording hang in the replay."""
    path = tmp_path / "t.jsonl"

    async def hang(chat: CometChat) -> list[str]:
        seen = []
        try:
            await chat.login(uid="zed-1", auth_key="KEY")
        except ApiError as error:
            seen.append(str(error))
        await chat.login(uid="zed-1", auth_key="KEY")
        await trio.sleep(1)
        for _ in range(2):
            try:
                await chat.connect()
            except ConnectError as error:
                seen.append(str(error))
        return [*seen, f"{trio.current_time():g}"]

    async def act(server: MemoryServer) -> None:
        server.set(rest="hang")
        await trio.sleep(5)
        server.heal()
        await trio.sleep(5.5)
        server.dialling = "hang"
        await trio.sleep(5)
        server.heal()
        server.set(upgrade="hang")

    settings = {"timing": Timing(), "auto_establish_socket_connection": False}
    seen = record_in_memory(path, hang, act, **settings)
    assert replay(path, hang, **settings)[0] == seen
    assert len(seen) == 4


def test_binary_frames_and_echoes(tmp_path: pathlib.Path) -> None:
    """Binary frames are replayed as such, and an echo of the client's own message is an echo in the replay, too."""
    path = tmp_path / "t.jsonl"

    async def read(chat: CometChat) -> list[Any]:
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        async with chat.events() as events:
            return [await anext(events) for _ in range(2)]

    async def act(server: MemoryServer) -> None:
        await server.wait_connected("zed-1")
        (device,) = server.world.devices("zed-1")
        server.push("zed-1", {"type": "message", "deviceId": device.device_id, "body": {"id": "1"}})
        server.push("zed-1", {"type": "novelty", "deviceId": device.device_id})
        server.push("zed-1", {"type": "end"})

    seen = record_in_memory(path, read, act)
    assert [event.type for event in seen] == ["novelty", "end"]
    lines = path.read_text().splitlines()
    (number,) = [number for number, line in enumerate(lines) if '"end"' in line]
    line = json.loads(lines[number])
    line["base64"] = "AP8="
    del line["frame"]
    lines[number] = json.dumps(line)
    path.write_text("\n".join(lines) + "\n")
    again = replay(path, read)[0]
    assert [again[0].type, again[1].raw] == ["novelty", b"\x00\xff"]


def test_an_incomplete_transcript_is_replayed_to_its_end(path: pathlib.Path) -> None:
    """Wherever it is cut, nothing hangs."""
    whole = path.read_bytes().splitlines(keepends=True)
    for size in (1, 3, 6, 8, 11):
        path.write_bytes(b"".join(whole[:size]) + whole[size][:10])

        async def patient(chat: CometChat) -> str:
            with trio.move_on_after(500):
                return await short(chat)
            return "nothing came"

        with contextlib.suppress(ReplayError, ApiError, ConnectError):
            assert replay(path, patient, timing=Timing())[0] == "nothing came"


async def test_a_full_disk_ends_the_recording_alone(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session continues, and leaving the recording raises the error."""
    with trio.fail_after(20):
        async with open_emulator() as server:
            with pytest.raises(OSError, match="No space"), record("/dev/full") as recorder:
                async with client(server, recorder) as chat:
                    await chat.login(uid="zed-1", auth_key="KEY")
                    await chat.connect()
                    await chat.ping()
    assert isinstance(chat.status, Disconnected)


async def test_what_cannot_be_reached_is_recorded(tmp_path: pathlib.Path) -> None:
    """Without a server, the failed request and the failed dial are recorded with their errors."""
    store = MemoryStore()
    path = tmp_path / "t.jsonl"
    with trio.fail_after(20):
        async with open_emulator() as server:
            manual = AppSettings(auto_establish_socket_connection=False, timing=QUICK)
            async with cometconn.open_client("APP", manual, store=store, endpoints=server.endpoints) as chat:
                await chat.login(uid="zed-1", auth_key="KEY")
        with record(path) as recorder:
            async with cometconn.open_client(
                "APP", manual, store=store, endpoints=server.endpoints, environment=recorder
            ) as chat:
                with pytest.raises(ConnectError):
                    await chat.connect()
                with pytest.raises(ApiError):
                    await chat.login(uid="amy-2", auth_key="KEY")
    lines = read_transcript(path)
    assert [line.what for line in lines][:3] == ["begin", "dial", "undialled"]
    assert lines[-1].what == "failure"
    assert recorder.boot_time() > 0


async def test_a_replay_is_an_environment(path: pathlib.Path, autojump_clock: trio.testing.MockClock) -> None:
    """Its boot clock is Trio's, its random numbers after the recorded ones are 0.5, and nothing was played yet."""
    async with open_replay(path) as played:
        assert isinstance(played, Replay)
        assert played.boot_time() == trio.current_time()
        assert played.random() == 0.5
        assert played.endpoints.admin_url == "http://memory.invalid/v3.0"
        assert [line.what for line in played.unplayed] == ["request", "request", "dial"]
        assert played.mismatch is None
    assert list(itertools.islice((line.what for line in read_transcript(path)), 3)) == ["begin", "request", "answer"]


class Bare:
    """An environment with a socket pair whose other end the test uses."""

    def __init__(self) -> None:
        self.ours, self.theirs = memory_socket_pair()

    async def dial(self, url: str) -> Any:
        return self.ours

    request = boot_time = random = None  # the recorder needs none of these


async def test_binary_and_undecodable_data_is_recorded(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A binary frame is recorded as base64. After a message that is too long nothing is recorded, but all is passed on."""
    monkeypatch.setattr(wire_reader, "_LIMIT", 1000)
    environment: Any = Bare()
    path = tmp_path / "t.jsonl"
    with record(path, environment) as recorder:
        stream = await recorder.dial("ws://127.0.0.1/")
        await stream.wait_send_all_might_not_block()
        await environment.theirs.send_all(b"HTTP/1.1 101 ok\r\n\r\n\x82\x02\x00\xff\x82\x7e\xff\xff" + b"x" * 2000)
        assert len(await stream.receive_some()) == 19 + 2 + 2 + 4 + 2000
        await stream.aclose()
    lines = read_transcript(path)
    assert [line.what for line in lines[3:]] == ["upgrade", "server", "lost", "client_end"]
    assert lines[4].detail == {"base64": "AP8="}
    await environment.theirs.aclose()
