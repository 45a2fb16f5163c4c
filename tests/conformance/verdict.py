"""Runs one row of the catalogue with the whole client, and reports what differs from the contract."""

from __future__ import annotations

import gc
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio

import cometconn
from cometconn import AppSettings, CometChat, Connected, Disconnected, MemoryStore, Reason, Status, Timing, Waiting
from cometconn.emulator import Emulator, open_emulator
from cometconn.environment import Request, Response, SystemEnvironment
from cometconn.errors import CometConnError, ConnectError, ConnectionLostError, NotConnectedError, PongTimeoutError
from cometconn.events import Event, Gap
from cometconn.settings import Limits

from . import relay_program
from .authority import Authority
from .catalogue import Case
from .servers import LIMIT, Relay, Visit

__all__ = ["QUICK", "Verdict", "run_case"]

SLACK = 3.0  # seconds that a noisy machine may take for what should be immediate
QUICK = Timing(connect_timeout=1.0, pong_timeout=0.5, keepalive_interval=0.3, close_timeout=0.3, request_timeout=5.0)
# Bytes of a socket's buffer. Left alone, the kernel gives one connection up to 37 MB, as it finds the reader quick.
# With less than a segment of the loopback device (64 KB), TCP's timers would send.
_BUFFER = 64 * 1024
_MEDIAN = 0.5  # what the client draws instead of chance, so that its delay is known


@attrs.define(eq=False)
class Verdict:
    """What became of a row.

    Attributes:
        took: seconds of each public call.
        wrong: what is not as it should be; empty for a row that holds.
        said: what the client said.
        sent: what each message that the application sent came to.
    """

    took: dict[str, float] = attrs.field(factory=dict)
    wrong: list[str] = attrs.field(factory=list)
    said: str = ""
    sent: list[CometConnError | None] = attrs.field(factory=list)

    def check(self, truth: bool, otherwise: str) -> None:
        """Note what is wrong."""
        if not truth:
            self.wrong.append(otherwise)


@attrs.define(eq=False)
class KnownChance:
    """The real world, but for chance."""

    ssl_context: ssl.SSLContext | None
    small_buffers: bool = False
    _system: SystemEnvironment = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin."""
        self._system = SystemEnvironment(proxy="", ssl_context=self.ssl_context)

    async def dial(self, url: str) -> trio.abc.Stream:
        """Dial, for real; with a small buffer for what is sent, if *small_buffers*."""
        stream: Any = await self._system.dial(url)
        if self.small_buffers:
            socket = getattr(stream, "transport_stream", stream).socket
            socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_SNDBUF, _BUFFER)
        return stream

    async def request(self, request: Request) -> Response:
        """Ask, for real."""
        return await self._system.request(request)

    def boot_time(self) -> float:
        """As it is."""
        return self._system.boot_time()

    def random(self) -> float:
        """The middle, always."""
        return _MEDIAN


@asynccontextmanager
async def misbehaving(case: Case, pace: float, authority: Authority) -> AsyncGenerator[tuple[str, list[Visit]], None]:
    """Run the server of *case*; yield its URL and the connections that it has had."""
    visits: list[Visit] = []
    if case.script is None:
        assert case.url is not None
        yield case.url, visits
        return
    script = case.script
    server_context = authority.server(case.tls) if case.tls not in {None, "plain"} else None

    async def serve(socket: trio.SocketStream) -> None:
        stream: trio.abc.Stream = socket
        if server_context is not None:
            stream = trio.SSLStream(socket, server_context, server_side=True, https_compatible=True)
        visit = Visit(len(visits) + 1, stream, pace, elsewhere, relay)
        visits.append(visit)
        try:
            await script(visit)
            await (socket.send_eof() if stream is socket else stream.aclose())
            await visit.read()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            await trio.aclose_forcefully(stream)

    async def strayed(_: trio.SocketStream) -> None:
        message = "the client followed a redirect"
        raise AssertionError(message)

    process: subprocess.Popen[bytes] | None = None
    relay: Relay | None = None
    async with trio.open_nursery() as nursery:
        (other,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        elsewhere = f"http://127.0.0.1:{other.socket.getsockname()[1]}/"
        nursery.start_soon(trio.serve_listeners, strayed, [other])
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        if case.sends:
            listeners[0].socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, _BUFFER)
        port: int = listeners[0].socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        scheme = "ws" if case.tls is None else "wss"
        if case.relayed:
            command = (sys.executable, "-I", "-S", relay_program.__file__, str(port), str(_BUFFER))
            process = subprocess.Popen(command, stdout=subprocess.PIPE)
            assert process.stdout is not None
            port = int(process.stdout.readline())
            relay = Relay(process.pid, port)
        try:
            yield f"{scheme}://127.0.0.1:{port}/", visits
        finally:
            if process is not None:
                assert process.stdout is not None
                process.kill()
                process.wait()
                process.stdout.close()
            nursery.cancel_scope.cancel()


async def run_case(case: Case, timing: Timing = QUICK) -> Verdict:
    """Do the row, and judge it."""
    verdict, authority = Verdict(), Authority()
    timing = attrs.evolve(timing, pong_timeout=max(timing.pong_timeout, case.pong_timeout))
    await _warm_up()
    files, tasks = len(os.listdir("/proc/self/fd")), trio.lowlevel.current_statistics().tasks_living
    async with open_emulator() as rest, misbehaving(case, timing.connect_timeout / 50, authority) as (url, visits):
        await _live(case, timing, rest, url, visits, verdict, authority)
    gc.collect()
    with trio.move_on_after(SLACK):  # the other side of the emulator's sockets closes a moment later
        while len(os.listdir("/proc/self/fd")) > files:
            await trio.sleep(0.01)
    now = len(os.listdir("/proc/self/fd"))
    verdict.check(now <= files, f"{now - files} file descriptors are left")
    left = trio.lowlevel.current_statistics().tasks_living - tasks
    verdict.check(left == 0, f"{left} tasks are left")
    return verdict


async def _warm_up() -> None:
    """What is opened once and for all is open."""
    with trio.move_on_after(1):
        await trio.to_thread.run_sync(lambda: None)


async def _live(
    case: Case,
    timing: Timing,
    rest: Emulator,
    url: str,
    visits: list[Visit],
    verdict: Verdict,
    authority: Authority,
) -> None:
    world = KnownChance(authority.client() if case.tls is not None else None, bool(case.sends))
    settings = AppSettings(timing=timing, limits=Limits(max_message=LIMIT))
    endpoints = attrs.evolve(rest.endpoints, socket_url=url)
    began = trio.current_time()
    async with (
        trio.open_nursery() as nursery,
        cometconn.open_client("APP", settings, store=MemoryStore(), endpoints=endpoints, environment=world) as chat,
        chat.events(max_events=200_000, max_bytes=64 * 1024 * 1024) as events,
    ):
        got: list[Event] = []
        await chat.login(uid="zed-1", auth_key="KEY")
        nursery.start_soon(_collect, events, got)
        outcome = await _timed(verdict, "connect", timing.connect_timeout, chat.connect)
        if case.connects:
            verdict.check(outcome is None, f"connect() raised {outcome!r}")
            for size in case.sends:
                nursery.start_soon(_send, chat, size, verdict)
            await _connected(case, timing, chat, got, verdict)
        else:
            verdict.check(isinstance(outcome, ConnectError), f"connect() came to {outcome!r}")
            verdict.said = str(outcome)
            verdict.check(case.says in str(outcome), f"connect() said {outcome}, not {case.says}")
            _check_next(case, chat.status, verdict)
        lost = await _timed(verdict, "ping", timing.pong_timeout, chat.ping)
        if case.lost or not case.connects:
            verdict.check(isinstance(lost, NotConnectedError), f"ping() came to {lost!r}")
        await _timed(verdict, "disconnect", timing.close_timeout, chat.disconnect)
        verdict.check(
            isinstance(chat.status, Disconnected)
            and chat.status.reason in {Reason.DISCONNECT_CALLED, Reason.AUTHENTICATION_FAILED},
            f"after disconnect(): {chat.status}",
        )
        verdict.check(len(visits) <= 2, f"{len(visits)} connections")
        _check_sent(case, verdict)
        began = trio.current_time()
    verdict.took["leaving"] = trio.current_time() - began
    verdict.check(verdict.took["leaving"] < timing.close_timeout + SLACK, "leaving took too long")


async def _connected(case: Case, timing: Timing, chat: CometChat, got: list[Event], verdict: Verdict) -> None:
    if case.at_a_ping:
        error = await _timed(verdict, "ping (lost)", timing.pong_timeout, chat.ping)
        verdict.check(isinstance(error, ConnectionLostError), f"ping() came to {error!r}")
    if case.lost:
        bound = timing.keepalive_interval + timing.pong_timeout + SLACK + case.patience
        with trio.move_on_after(bound) as patience:
            async with chat.statuses() as changes:
                async for change in changes:
                    if isinstance(change.current, Waiting):
                        break
        verdict.check(not patience.cancelled_caught, f"not judged lost within {bound} s: {chat.status}")
        _check_next(case, chat.status, verdict)
        return
    if case.events is not None:
        with trio.move_on_after(10 * SLACK + case.events / 500) as patience:
            while len([one for one in got if not isinstance(one, Gap)]) < case.events:
                await trio.sleep(0.005)
        verdict.check(not patience.cancelled_caught, f"{len(got)} events came, not {case.events}")
    if case.name.startswith("H"):
        for _ in range(50):
            with trio.move_on_after(0):
                await chat.ping()
    pinged = await _timed(verdict, "ping", timing.pong_timeout, chat.ping)
    verdict.check(pinged is None or isinstance(pinged, PongTimeoutError), f"ping() came to {pinged!r}")
    verdict.check(isinstance(chat.status, Connected), f"no longer connected: {chat.status}")
    verdict.said = "connected"


def _check_next(case: Case, status: Status, verdict: Verdict) -> None:
    """The status has the cause, and the time of the next attempt."""
    if case.authentication_failed:
        right = isinstance(status, Disconnected) and status.reason is Reason.AUTHENTICATION_FAILED
        verdict.check(right, f"the status is {status}")
        return
    if not isinstance(status, Waiting):
        verdict.wrong.append(f"the status is {status}")
        return
    verdict.said = verdict.said or str(status.cause)
    verdict.check(case.says in str(status.cause), f"the cause is {status.cause}, not {case.says}")
    delay = status.retry_at - status.at
    wanted = max(_MEDIAN * case.window, case.floor)
    verdict.check(
        abs(delay - wanted) < 1.0e-6 or (case.floor == 300 and 299 <= delay <= 300),
        f"next in {delay} s, not {wanted} s",
    )


async def _timed(
    verdict: Verdict, name: str, bound: float, call: Callable[[], Awaitable[object]]
) -> CometConnError | None:
    """Call, and return the error it came to; note how long it took."""
    began, error = trio.current_time(), None
    try:
        with trio.move_on_after(bound + SLACK) as patience:
            await call()
    except CometConnError as raised:
        error = raised
    verdict.took[name] = trio.current_time() - began
    verdict.check(not patience.cancelled_caught, f"{name} took longer than {bound + SLACK} s")
    return error


def _check_sent(case: Case, verdict: Verdict) -> None:
    """The calls that were blocked when the connection was lost raise an error that names it; no call waits on."""
    verdict.check(len(verdict.sent) == len(case.sends), f"{verdict.sent} of {len(case.sends)} messages")
    errors = [error for error in verdict.sent if error is not None]
    verdict.check(all(isinstance(error, ConnectionLostError) for error in errors), f"sending came to {errors}")
    verdict.check(bool(errors) == (case.lost and bool(case.sends)), f"sending came to {verdict.sent}")


async def _send(chat: CometChat, size: int, verdict: Verdict) -> None:
    """Send a message, which is on its way until the connection is lost."""
    error: CometConnError | None = None
    try:
        await chat.send_transient("amy-2", {"filling": "x" * size})
    except CometConnError as raised:
        error = raised
    verdict.sent.append(error)


async def _collect(events: cometconn.EventStream, got: list[Event]) -> None:
    async for event in events:
        got.append(event)
