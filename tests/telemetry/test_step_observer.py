"""Every step of a connection makes one detail, with its data."""

from __future__ import annotations

import logging
import pathlib
import subprocess
import sys
from typing import Any

import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock

import cometconn
from cometconn import AppSettings, Connected, Connecting, Disconnected, MemoryStore, Reason, Timing, Waiting
from cometconn import instrumentation as seen_
from cometconn.emulator.log import Kind
from cometconn.errors import ApiError
from cometconn.instrumentation import Detail, LogHook, TraceFile, in_words
from cometconn.testing import open_memory_server
from tests.connection.harness import Pair, open_pair, settle
from tests.connection.interruptions import say
from tests.instrumentation.examples import KINDS


class Seen(list[Detail]):
    """A hook that keeps every detail."""

    def __call__(self, detail: Detail) -> None:
        self.append(detail)

    def of(self, kind: type[Detail]) -> list[Any]:
        """Those of one kind."""
        return [detail for detail in self if isinstance(detail, kind)]

    def names(self) -> list[str]:
        """The names of their classes; then forget them."""
        names = [type(detail).__name__ for detail in self]
        self.clear()
        return names


async def test_an_attempt_step_by_step(autojump_clock: MockClock) -> None:
    """Begun, dialled, upgraded, authenticated, each with its time; the generation is the WebSocket's number."""
    seen = Seen()
    async with open_pair(hooks=[seen], connect=True) as pair:
        await settle()
        opened = seen[0]
        assert isinstance(opened, seen_.ClientOpened)
        assert (opened.app_id, opened.mode, opened.catch_up, opened.background_grace) == ("APP", "auto", False, 30.0)
        begun = seen.of(seen_.AttemptBegun)[0]
        assert (begun.url, begun.second, begun.generation) == ("ws://memory.invalid/", False, 1)
        assert seen.of(seen_.Authenticated)[0].attempt == 1
        assert seen.names() == [
            "ClientOpened",
            "StatusChanged",
            "AttemptBegun",
            "Dialled",
            "Upgraded",
            "Authenticated",
            "StatusChanged",
        ]
        pair.device.reset()
        await trio.sleep(5)
        assert {detail.generation for detail in seen if not isinstance(detail, seen_.AttemptBegun)} >= {1, 2}
        assert seen.of(seen_.AttemptBegun)[0].generation == 2


async def test_the_time_of_each_step(autojump_clock: MockClock) -> None:
    """`took` is the time of that step alone."""
    seen = Seen()

    class Slow:
        """An environment in which dialling takes two seconds."""

        def __init__(self, server: Any) -> None:
            self.server = server

        async def dial(self, url: str) -> trio.abc.Stream:
            await trio.sleep(2)
            return await self.server.dial(url)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.server, name)

    async with (
        open_memory_server() as server,
        cometconn.open_client(
            "APP",
            AppSettings(),
            store=MemoryStore(),
            endpoints=server.endpoints,
            environment=Slow(server),
            hooks=[seen],
        ) as chat,
    ):
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        await settle()
        (dialled,), (upgraded,), (authenticated,) = (
            seen.of(kind) for kind in (seen_.Dialled, seen_.Upgraded, seen_.Authenticated)
        )
    assert (dialled.took, upgraded.took, authenticated.took) == (2.0, 0.0, 0.0)


async def test_a_loss_and_the_retries(autojump_clock: MockClock) -> None:
    """Lost with the close code, a retry set, an attempt that fails, and the gap once it is over."""
    seen = Seen()
    async with open_pair(hooks=[seen], connect=True) as pair:
        await trio.sleep(7)
        seen.clear()
        pair.server.dialling = "refuse"
        pair.device.close(1011, "oh")
        await pair.wait_status(Waiting, attempt=3)
        pair.server.dialling = "accept"
        await pair.wait_status(Connected)
        await settle()
        (lost,) = seen.of(seen_.ConnectionLost)
        assert (lost.stood, lost.close_code) == (7.0, 1011)
        assert "'oh'" in lost.cause
        failed = seen.of(seen_.AttemptFailed)
        assert [(detail.attempt, detail.close_code) for detail in failed] == [(1, None), (2, None)][
            : len(failed)
        ] or failed
        assert "refuses connections" in failed[0].cause
        retries = seen.of(seen_.RetrySet)
        assert [retry.attempt for retry in retries] == [2, 3]
        assert retries[0].delay == 1.0
        (gap,) = seen.of(seen_.GapMarked)
        assert not gap.recovered
        assert gap.until - gap.since == pytest.approx(sum(retry.delay for retry in retries))
        assert "ended" in gap.cause


async def test_an_attempt_that_the_server_closes(autojump_clock: MockClock) -> None:
    """A close before the answer to the auth frame: a failed attempt with its code; the third requests a new token."""
    seen = Seen()
    async with open_pair(hooks=[seen]) as pair:
        pair.server.set(auth="silent")
        for _ in range(3):
            await pair.wait_status(Connecting)
            await settle()
            pair.device.close(1013)
            await settle()
        await trio.lowlevel.checkpoint()
        codes = [detail.close_code for detail in seen.of(seen_.AttemptFailed)]
        assert codes == [1013, 1013]
        assert len(seen.of(seen_.RenewalBegun)) == 1
        pair.server.set(auth="accept")


async def test_a_refused_token(autojump_clock: MockClock) -> None:
    """Refused, renewed, dialled a second time, refused for good: the lease ends with that reason."""
    seen = Seen()
    async with open_pair(hooks=[seen], connect=True) as pair:
        pair.server.set(auth="refuse")
        pair.device.reset()
        await pair.wait_status(Disconnected)
        await settle()
        assert len(seen.of(seen_.RenewalBegun)) == 1
        assert [detail.second for detail in seen.of(seen_.AttemptBegun)] == [False, False, True]
        assert "refused the auth token" in seen.of(seen_.TokenRefused)[0].cause
        assert seen.of(seen_.LeaseEnded)[-1].reason is Reason.AUTHENTICATION_FAILED
        assert seen.of(seen_.StatusChanged)[-1].reason is Reason.AUTHENTICATION_FAILED


async def test_pings_and_pongs(autojump_clock: MockClock) -> None:
    """Details of the keepalive's pings and the application's, and of pongs with the round trip."""
    seen = Seen()
    async with open_pair(hooks=[seen], connect=True) as pair:
        await pair.chat.ping()
        await trio.sleep(16)
        assert [ping.by for ping in seen.of(seen_.PingSent)] == ["application", "keepalive"]
        assert [pong.round_trip for pong in seen.of(seen_.PongReceived)] == [0.0, 0.0]


async def test_the_lease_in_the_background(autojump_clock: MockClock) -> None:
    """Manual mode: entering the background sets a deadline, a ping moves it, the foreground lifts it, and when it passes the lease ends."""
    seen = Seen()
    async with open_pair(manual=True, hooks=[seen], connect=True) as pair:
        await settle()
        seen.clear()
        pair.chat.enter_background()
        await trio.sleep(10)
        await pair.chat.ping()
        pair.chat.enter_foreground()
        await settle()
        moves = seen.of(seen_.DeadlineMoved)
        assert [move.left for move in moves] == [30.0, 30.0, None]
        assert [None if move.deadline is None else move.deadline - move.at for move in moves] == [30.0, 30.0, None]
        assert seen.names() == [
            "EnteredBackground",
            "DeadlineMoved",
            "PingSent",
            "DeadlineMoved",
            "PongReceived",
            "EnteredForeground",
            "DeadlineMoved",
        ]
        pair.chat.enter_background()
        await pair.wait_status(Disconnected)
        await settle()
        (ended,) = seen.of(seen_.LeaseEnded)
        assert ended.reason is Reason.BACKGROUND_TIMEOUT
        pair.chat.enter_foreground()
        pair.chat.enter_background()
        seen.clear()
        await pair.chat.connect()
        await settle()
        assert [move.left for move in seen.of(seen_.DeadlineMoved)] == [30.0]


async def test_the_close_frame_and_the_closed_socket(autojump_clock: MockClock) -> None:
    """Disconnecting: the lease ends, the status changes, the close frame leaves, the socket is closed."""
    seen = Seen()
    async with open_pair(hooks=[seen], connect=True) as pair:
        await settle()
        seen.clear()
        await pair.chat.disconnect()
        await settle()
        assert seen.names() == ["LeaseEnded", "StatusChanged", "CloseFrameSent", "SocketClosed"]


async def test_sleep_moves_the_deadline(autojump_clock: MockClock) -> None:
    """After a sleep of the machine, the lease has that many seconds less left."""
    seen = Seen()
    async with open_pair(manual=True, hooks=[seen], connect=True) as pair:
        pair.chat.enter_background()
        await settle()
        seen.clear()
        pair.server.slept += 12
        assert isinstance(pair.chat.status, Connected)
        await settle()
        assert seen.of(seen_.MachineSlept)[0].slept == 12.0
        assert seen.of(seen_.DeadlineMoved)[0].left == 18.0
        pair.chat.enter_foreground()
        await settle()
        seen.clear()
        pair.server.slept += 12
        assert isinstance(pair.chat.status, Connected)
        await settle()
        assert not seen.of(seen_.DeadlineMoved)


async def test_a_burst_is_one_detail(autojump_clock: MockClock) -> None:
    """One detail counts the events of a read, duplicates included; frames that are no event do not count."""
    seen = Seen()
    async with open_pair(hooks=[seen], connect=True) as pair, pair.chat.events() as events:
        async with pair.chat.events(max_events=1) as full:
            say(pair.server, "hello")
            say(pair.server, "hello")
            await settle()  # the stream is full: what comes now stays unread
            for _ in range(50):
                say(pair.server, "hello")
            await settle()
            seen.clear()
            del full
        await settle()
        received = [detail.events for detail in seen.of(seen_.EventsReceived)]
        assert sum(received) == 52
        assert len(received) <= 3
        message = pair.log(Kind.FRAME_OUT)[-1].detail["frame"]
        seen.clear()
        pair.device.send_json(message)
        await pair.chat.ping()
        assert [(detail.events, detail.duplicates) for detail in seen.of(seen_.EventsReceived)] == [(1, 1)]
        assert len(await events.batch()) == 52


async def test_events_that_come_with_the_end_are_before_it(autojump_clock: MockClock) -> None:
    """Events that one read brought together with the close frame are reported before the loss."""
    seen = Seen()
    async with open_pair(hooks=[seen], connect=True) as pair:
        async with pair.chat.events(max_events=1):
            say(pair.server, "hello")
            await settle()  # the stream is full: what comes now stays unread
            say(pair.server, "last words")
            pair.device.close(1011)
            await settle()
            seen.clear()
        await settle()
        assert sum(detail.events for detail in seen.of(seen_.EventsReceived)) == 2
        names = seen.names()
        assert "EventsReceived" not in names[names.index("ConnectionLost") :]


async def test_full_streams_are_reported(autojump_clock: MockClock) -> None:
    """Dropped events are counted, those of closed streams too; when a stream pauses the reading, both ends of the pause are reported."""
    seen = Seen()
    async with open_pair(hooks=[seen], connect=True) as pair:
        for _ in range(2):
            async with pair.chat.events(max_events=2, overflow="drop_oldest") as events:
                for _ in range(5):
                    say(pair.server, "hello")
                await settle()
                assert len(await events.batch()) == 1 + 2  # what was not read comes to the next stream
        assert sum(detail.dropped for detail in seen.of(seen_.EventsDropped)) == 2 * 3
        async with pair.chat.events(max_events=2) as events:
            for _ in range(5):
                say(pair.server, "hello")
            await trio.sleep(3)
            assert len(seen.of(seen_.ReadingPaused)) == 1
            assert len(await events.batch()) == 2
            assert len(await events.batch()) + len(await events.batch()) == 3
            await settle()
        resumed = seen.of(seen_.ReadingResumed)
        assert resumed[0].paused == pytest.approx(3.0)
        assert len(seen.of(seen_.ReadingPaused)) == len(resumed)
        assert sum(detail.dropped for detail in seen.of(seen_.EventsDropped)) == 2 * 3


async def test_dropped_unclaimed_events_are_reported(autojump_clock: MockClock) -> None:
    """Events without a stream are bounded: dropped ones are reported once, also when a stream is opened afterwards."""
    seen = Seen()
    async with open_pair(hooks=[seen], connect=True) as pair:
        for _ in range(103):
            for _ in range(10):
                say(pair.server, "hello")
            await settle()
        async with pair.chat.events(max_events=1030, overflow="drop_oldest"):
            for _ in range(10):
                say(pair.server, "hello")
            await settle()
        assert sum(detail.dropped for detail in seen.of(seen_.EventsDropped)) == 6 + 4


async def test_catching_up_is_reported_page_by_page(autojump_clock: MockClock) -> None:
    """Pages with the number of their messages, then the gap, recovered, then the events."""
    seen = Seen()
    settings = AppSettings(catch_up=True)
    async with open_pair(hooks=[seen], connect=True, settings=settings) as pair, pair.chat.events():
        say(pair.server, "before")
        await settle()
        pair.device.reset()
        seen.clear()
        await settle()
        for number in range(150):
            say(pair.server, str(number))
        await trio.sleep(5)
        pages = seen.of(seen_.PageFetched)
        assert sum(page.messages for page in pages) == 150
        assert [page.more for page in pages] == [True] * (len(pages) - 1) + [False]
        assert seen.of(seen_.GapMarked)[0].recovered
        assert sum(detail.events for detail in seen.of(seen_.EventsReceived)) == 150
        names = seen.names()
        assert names.index("PageFetched") < names.index("GapMarked") < names.index("EventsReceived")


SILENT = {"DetailsDropped"}  # see test_hook_dispatcher.py


async def test_one_session_shows_every_kind(autojump_clock: MockClock) -> None:
    """One session makes every kind of detail but one, so there is none that nothing makes."""
    seen = Seen()
    settings = AppSettings(auto_establish_socket_connection=False, catch_up=True, timing=Timing())
    async with open_pair(hooks=[seen], connect=True, settings=settings) as pair:
        await _everything(pair)
    assert {type(detail).__name__ for detail in seen} == {kind.__name__ for kind in KINDS} - SILENT
    assert all(in_words(detail) for detail in seen)


async def _everything(pair: Pair) -> None:
    await pair.chat.ping()
    async with pair.chat.events(max_events=2) as events:
        for _ in range(3):
            say(pair.server, "hello")
        await trio.sleep(1)
        await events.batch()
        await settle()
    async with pair.chat.events(max_events=1, overflow="fail"):
        for _ in range(3):
            say(pair.server, "hello")
        await settle()
    pair.server.slept += 60
    pair.server.dialling = "refuse"
    pair.device.reset()
    await pair.wait_status(Waiting, attempt=3)
    pair.server.dialling = "accept"
    await pair.chat.connect()
    await settle()
    pair.chat.enter_background()
    pair.chat.enter_foreground()
    pair.server.set(auth="refuse")
    pair.device.reset()
    await pair.wait_status(Disconnected)


@pytest.mark.parametrize("echo", ["jwt", "auth_token"])
async def test_no_secret_gets_into_a_trace_or_a_log(
    echo: str, autojump_clock: MockClock, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Logins, refused tokens, errors and close reasons of a server that repeats the token: it is in none of them."""
    caplog.set_level(logging.DEBUG, "cometconn")
    secrets: set[str] = {"KEY-OF-THE-APP"}
    with TraceFile(tmp_path / "trace") as trace:
        async with open_pair(hooks=[trace, LogHook()], login=False, auth_key="KEY-OF-THE-APP") as pair:
            await pair.chat.login(uid="zed-1", auth_key="KEY-OF-THE-APP")
            await pair.chat.connect()
            session = pair.chat._core.identity.session
            assert session is not None
            assert session.jwt is not None
            secrets |= {session.jwt, session.auth_token}
            pair.device.close(4001, f"bad token {getattr(session, echo)}")
            status = await pair.wait_status(Waiting)
            assert getattr(session, echo) not in repr(status)
            await pair.wait_status(Connected)
            pair.server.world.sessions.expire_jwts()
            pair.device.reset()
            await trio.sleep(20)
            session = pair.chat._core.identity.session
            assert session is not None
            secrets.add(session.jwt or "")
            pair.server.set(auth="refuse")
            pair.device.reset()
            await pair.wait_status(Disconnected)
            with pytest.raises(ApiError):
                await pair.chat.login(auth_token="a-token-of-another-user")
            secrets.add("a-token-of-another-user")
    shown = (tmp_path / "trace").read_text() + caplog.text
    assert "bad token ***" in shown
    assert not [secret for secret in secrets if secret in shown]


def test_without_hooks_nothing_is_made() -> None:
    """A whole session, with a loss, a ping and messages, does not even load the modules that make details."""
    code = """
import sys, trio, cometconn
from trio.testing import MockClock
from cometconn import AppSettings, MemoryStore
from cometconn.testing import open_memory_server

async def main():
    async with open_memory_server() as server, cometconn.open_client(
        "APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints, environment=server
    ) as chat:
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        await chat.ping()
        server.world.devices()[0].reset()
        await trio.sleep(5)
        chat.enter_background()

trio.run(main, clock=MockClock(autojump_threshold=0))
print(*[name for name in sys.modules if name.startswith("cometconn.instr") or name.endswith(("._telemetry.step_observer", "._telemetry.hook_dispatcher"))])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == ""
