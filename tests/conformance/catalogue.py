"""The failure catalogue: what the server does, and what the client then owes its user."""

from __future__ import annotations

import email.utils
import itertools
import signal
import time
from typing import Any

import attrs

from tests.transport.raw_server import close, frame, text

from . import servers
from .servers import Script

__all__ = ["CATALOGUE", "Case"]

_ANNOUNCED = 8.0  # seconds: the window after an announced restart
_BASE = 2.0  # seconds: the first window otherwise
_NOT_SILENT = 10.0  # seconds of `pong_timeout`, where a server that gets no turn on a busy machine would be silent
_HTTP = "HTTP/1.1 {}\r\nContent-Length: 0\r\n{}\r\n"


@attrs.frozen
class Case:
    """One row.

    Attributes:
        name: what the server does; with the letter of the failure catalogue's row where it has one.
        script: what it does; `None` where there is no server.
        connects: `connect()` returns; otherwise it raises `ConnectError`.
        says: words in the error of `connect()`, or in the cause of the loss.
        lost: the connection is lost, because of what the server does.
        at_a_ping: it is lost when, and only when, the application pings.
        window: seconds, from which the delay before the next attempt is drawn.
        floor: seconds, the delay is at least.
        authentication_failed: no next attempt: the token is refused.
        events: so many events arrive, and then the connection is as good as before.
        url: of the socket, where it leads to no server of ours.
        tls: the server speaks TLS, with a certificate that is `good`, `expired`, for the `wrong host`, `self-signed`;
            or it is `plain`, and the client does not know.
        sends: so many bytes each of these messages has, which the application sends at one time as soon as it is
            connected. All sockets on their way have small buffers: together they must be more than those hold.
        patience: seconds more until the loss, because so much must be read first.
        relayed: a process of its own stands between the client and the server.
        pong_timeout: seconds, the client's is at least.
    """

    name: str
    script: Script | None
    connects: bool = True
    says: str = ""
    lost: bool = False
    at_a_ping: bool = False
    window: float = _BASE
    floor: float = 0.0
    authentication_failed: bool = False
    events: int | None = None
    url: str | None = None
    tls: str | None = None
    sends: tuple[int, ...] = ()
    relayed: bool = False
    patience: float = 0.0
    pong_timeout: float = 0.0


def _refused(name: str, script: Script | None, says: str, **more: object) -> Case:
    return Case(name, script, connects=False, says=says, **more)  # type: ignore[arg-type]


def _http(status: str, headers: str = "") -> Script:
    return servers.answers(_HTTP.format(status, headers).encode())


def _in(seconds: int) -> str:
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


def _close_codes() -> list[Case]:
    cases = []
    for code in (1000, 1001, 1008, 1011, 1012, 1013, 4000, 4999):
        window = _ANNOUNCED if code in {1001, 1012, 1013} else _BASE
        cases.append(
            Case(f"closes with {code}", servers.says(servers.closing(code)), lost=True, says=str(code), window=window)
        )
    return cases


def _unread() -> list[Case]:
    """What a server does that does not read, while a write of ours is blocked."""
    silent, cut = "Not one byte came within", "without a WebSocket close"
    deeds: tuple[tuple[str, Script, str], ...] = (
        ("sends pings", servers.reads_nothing(frame(9, b"are you there") * 3), silent),
        ("sends Close", servers.reads_nothing(servers.closing(1011)), "1011"),
        ("sends a ping and Close", servers.reads_nothing(frame(9) + servers.closing(1011)), "1011"),
        ("sends FIN", servers.reads_nothing_and_ends(), cut),
        ("sends a ping and FIN", servers.reads_nothing_and_ends(frame(9)), cut),
        ("sends RST", servers.reads_nothing_and_ends(rudely=True), "reset"),
        ("is stopped", servers.is_stopped(), silent),
        ("is stopped and killed", servers.is_stopped(signal.SIGKILL), "reset"),
    )
    cases = []
    for tls, sends in itertools.product((None, "good"), ((8_000_000,), (60_000,) * 32)):
        how = f"{'TLS, ' if tls else ''}{len(sends)} x {sends[0] // 1000} KB unread"
        more: dict[str, Any] = {"tls": tls, "sends": sends}
        for deed, script, says in deeds:
            relayed = "stopped" in deed
            pong_timeout = 0.0 if says == silent else _NOT_SILENT
            cases.append(
                Case(f"{how}: {deed}", script, lost=True, says=says, relayed=relayed, pong_timeout=pong_timeout, **more)
            )
        resumes = servers.is_stopped(signal.SIGCONT)
        cases.append(
            Case(f"{how}: is stopped for a moment", resumes, events=0, relayed=True, pong_timeout=_NOT_SILENT, **more)
        )
    for tls in (None, "good"):
        script = servers.reads_nothing(frame(9, b"are you there") * 120_000)
        name = f"{'TLS, ' if tls else ''}8 MB unread: sends 120,000 pings"
        cases.append(Case(name, script, lost=True, says=silent, tls=tls, sends=(8_000_000,), patience=90.0))
    return cases


CATALOGUE: tuple[Case, ...] = (
    # While connecting.
    _refused("K: EOF instead of an answer", servers.answers(b""), "before it had answered"),
    _refused("K: half a status line, then EOF", servers.answers(b"HTTP/1.1 10"), "before it had answered"),
    _refused("K: half a status line, kept open", servers.answers(b"HTTP/1.1 10", keep=True), "connect_timeout"),
    _refused(
        "K: a cut 503 body, kept open",
        servers.answers(b"HTTP/1.1 503 Busy\r\nContent-Length: 1000\r\n\r\nbo", keep=True),
        "503",
    ),
    _refused("K: a plain 503", _http("503 Busy"), "503"),
    _refused(
        "K: a wrong accept key",
        servers.answers(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
            keep=True,
        ),
        "breaks RFC 6455",
    ),
    _refused("answers in another protocol", servers.answers(b"220 mail.example ESMTP\r\n\r\n"), "not HTTP"),
    _refused(
        "an endless head",
        servers.answers(b"HTTP/1.1 101 OK\r\nX: " + b"x" * 100_000, keep=True),
        "longer than 65536 bytes",
    ),
    _refused("accepts TCP and says nothing", servers.says_nothing, "connect_timeout"),
    _refused("answers the upgrade one byte at a time, too slowly", servers.trickles, "connect_timeout"),
    Case("answers the upgrade one byte at a time, in time", servers.trickles_in_time, events=0),
    Case("101 with surplus bytes", servers.surplus, events=1),
    _refused("301 to another host", servers.redirects("301 Moved"), "301"),
    _refused("302 to another host", servers.redirects("302 Found"), "302"),
    _refused("307 to another host", servers.redirects("307 Temporary"), "307"),
    _refused("429 with Retry-After: 7", _http("429 Slow", "Retry-After: 7\r\n"), "429", floor=7.0),
    _refused(
        "503 with Retry-After as a date",
        _http("503 Busy", f"Date: {_in(0)}\r\nRetry-After: {_in(3600)}\r\n"),
        "503",
        floor=300.0,
    ),
    _refused("RST instead of an answer", servers.resets_the_upgrade, "reset"),
    _refused("auth is never answered", servers.never_answers_auth, "connect_timeout"),
    _refused("101 and a ping, and then reads nothing", servers.never_reads_auth, "connect_timeout"),
    Case("auth is answered late", servers.answers_auth_late, events=0),
    _refused("auth is refused", servers.refuses_auth, "refused", authentication_failed=True),
    _refused("closes between auth frame and answer", servers.closes_before_auth, "1011"),
    _refused("connection refused", None, "refused", url="ws://127.0.0.1:1/"),
    _refused("DNS failure", None, "nowhere.invalid", url="wss://nowhere.invalid:443/"),
    Case("TLS: a good certificate", servers.says_and_serves(servers.event(1)), events=1, tls="good"),
    _refused("TLS: an expired certificate", servers.never_answers_auth, "certificate has expired", tls="expired"),
    _refused(
        "TLS: a certificate for another host",
        servers.never_answers_auth,
        "certificate verify failed: IP address mismatch",
        tls="wrong host",
    ),
    _refused(
        "TLS: a self-signed certificate", servers.never_answers_auth, "certificate verify failed", tls="self-signed"
    ),
    _refused("TLS: a plain server on a TLS port", servers.knows_no_tls, "does not speak TLS", tls="plain"),
    # While connected.
    Case("A: sends Close, keeps TCP open", servers.says(close(1011), read=False), lost=True, says="1011"),
    Case(
        "B: dies while ping() waits",
        servers.dies_at_a_ping,
        lost=True,
        at_a_ping=True,
        says="without a WebSocket close",
    ),
    Case("C: ignores our Close", servers.ignores_our_close),
    Case(
        "D: garbage, keeps TCP open",
        servers.says(b"\xff\xff\xff\xff", read=False),
        lost=True,
        says="broke the WebSocket protocol",
    ),
    Case(
        "D: a masked frame",
        servers.says(b"\x81\x85aaaabbbbb", read=False),
        lost=True,
        says="broke the WebSocket protocol",
    ),
    Case("D: a reserved bit", servers.says(b"\xc1\x01a", read=False), lost=True, says="broke the WebSocket protocol"),
    Case(
        "D: text that is not UTF-8",
        servers.says(frame(1, b"\xff\xfe"), read=False),
        lost=True,
        says="broke the WebSocket protocol",
    ),
    Case("E: 400 unread messages", servers.says_and_serves(b"".join(map(servers.event, range(400)))), events=400),
    Case(
        "F: WebSocket pings behind a burst",
        servers.says_and_serves(servers.event(1) * 200 + frame(9, b"x") * 50),
        events=200,
    ),
    Case("G: never reads", servers.says(b"", read=False), lost=True, says="Not one byte came within"),
    Case("H: pings that are cancelled", servers.says_and_serves(b""), events=0),
    Case("I: accepts, then closes with 1013", servers.says(close(1013)), lost=True, says="1013", window=_ANNOUNCED),
    Case("half-open in mid-session", servers.half_open, lost=True, says="Not one byte came within"),
    Case("RST in a frame", servers.resets_in_a_frame, lost=True, says="reset"),
    Case("a frame cut in half, then EOF", servers.ends_in_a_frame, lost=True, says="without a WebSocket close"),
    Case("a message of 16 MiB", servers.says_and_serves(servers.long_event(servers.LIMIT)), events=1),
    Case(
        "a message beyond 16 MiB",
        servers.says(servers.long_event(servers.LIMIT + 1)),
        lost=True,
        says="Exceeded maximum message size",
    ),
    Case("a fragmented message with a ping in it", servers.says_and_serves(servers.fragmented()), events=1),
    Case("100,000 tiny frames in one burst", servers.says_and_serves(text("") * 100_000), events=100_000),
    Case("a flood of server pings", servers.pings_all_the_time, events=0),
    Case("a binary frame", servers.says_and_serves(frame(2, b"\x00\x01")), events=1),
    Case("1006: ends TCP without a close frame", servers.vanishes, lost=True, says="without a WebSocket close"),
    *_close_codes(),
    *_unread(),
)
