"""The text frame scanner against trio-websocket alone: the same bytes, the same messages and the same end.

`python -m tests.transport.differential --cases 20000 --seed 1`, or as part of `nox -s fuzz`.
"""

from __future__ import annotations

import argparse
import itertools
import random
import struct
from typing import TYPE_CHECKING

import trio
import trio.testing

from cometconn._transport import text_frame_scanner
from cometconn._transport import websocket as door
from cometconn._transport.abc import LongMessage, WebSocketError
from cometconn._transport.websocket import TrioWebSocket
from cometconn.testing import memory_socket_pair

from .raw_server import switching

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cometconn._transport.abc import Message

__all__ = ["check", "draw_case", "fuzz"]

_WORDS = [
    "",
    "x",
    "hello",
    "\u00e9\u4e2d\U0001f600",
    "\u00e9\u4e2d\U0001f600" * 22,
    "\U0001f600\u4e2d\u00e9" * 23,
    "a" * 200,
    "y" * 125,
    "z" * 126,
    "w" * 65535,
    "v" * 65536,
    '{"type": "a"}',
]
_BAD = [b"\xff\xfe", b"\xc3", b"ok\x80", b"\xed\xa0\x80"]
_SMALL_LIMIT = 70_000  # instead of 16 MiB, so that going beyond it is cheap
_MAX_MESSAGE = 200  # instead of 1 MiB
_HEAD = 100  # instead of 64 KiB


def check(wire: bytes, cuts: Sequence[int]) -> tuple[list[Message], str]:
    """Let both read *wire*, cut into pieces at these places; return the messages and the end that they agree on.

    Raises `AssertionError` when they do not. trio-websocket alone returns a message that is too long as a whole; it
    becomes a `LongMessage` here.
    """
    alone = trio.run(_read, wire, cuts, False)
    alone = [_shortened(message) for message in alone[0]], alone[1]
    both = trio.run(_read, wire, cuts, True)
    assert both == alone, (
        f"scanner {_short(both)}, trio-websocket alone {_short(alone)}, wire {wire[:200]!r}, cuts {cuts}"
    )
    return both


def _shortened(message: Message) -> Message:
    assert not isinstance(message, LongMessage), "trio-websocket alone has none"
    payload = message.encode() if isinstance(message, str) else message
    if len(payload) <= _MAX_MESSAGE:
        return message
    head = payload[:_HEAD]
    return LongMessage(head.decode(errors="ignore") if isinstance(message, str) else head, len(payload))


def _short(seen: tuple[list[Message], str]) -> str:
    return f"{[repr(message)[:40] for message in seen[0]]} then {seen[1]}"


async def _read(wire: bytes, cuts: Sequence[int], scanner: bool) -> tuple[list[Message], str]:
    """Send *wire* behind the 101 as a server, and read it as a client."""
    ours, theirs = memory_socket_pair(1 << 20)
    before, door.SCANS_TEXT_FRAMES = door.SCANS_TEXT_FRAMES, scanner
    limits = text_frame_scanner.MOST, text_frame_scanner.LONG_MESSAGE_HEAD
    text_frame_scanner.MOST = door.MOST = _SMALL_LIMIT
    text_frame_scanner.LONG_MESSAGE_HEAD = _HEAD
    try:
        websocket = TrioWebSocket(ours, "ws://127.0.0.1/", {}, _MAX_MESSAGE)
        messages: list[Message] = []
        end: list[str] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(websocket.upgrade, nursery)
            nursery.start_soon(_listen, websocket, messages, end)
            head = b""
            while b"\r\n\r\n" not in head:
                head += await theirs.receive_some()
            response = switching(head)
            places = [0, *sorted(min(cut, len(response) + len(wire)) for cut in cuts), len(response) + len(wire)]
            for start, stop in itertools.pairwise(places):
                if start < stop:
                    await theirs.send_all((response + wire)[start:stop])
                    await trio.testing.wait_all_tasks_blocked()
            await theirs.send_eof()
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        await websocket.aclose_forcefully()
        await theirs.aclose()
    finally:
        door.SCANS_TEXT_FRAMES = before
        text_frame_scanner.MOST, text_frame_scanner.LONG_MESSAGE_HEAD = limits
        door.MOST = limits[0]
    return messages, end[0] if end else "open"


async def _listen(websocket: TrioWebSocket, messages: list[Message], end: list[str]) -> None:
    try:
        while True:
            received = await websocket.messages(3)
            assert len(received.messages) <= 3
            messages += received.messages
    except WebSocketError as error:
        words = str(error)  # the position of the bad byte in its piece depends on the pieces
        end.append(f"{type(error).__name__}: {'bad UTF-8' if 'codec' in words else words}")


def draw_case(draw: random.Random) -> tuple[bytes, list[int]]:
    """Draw frames, good ones and others, and where they are cut."""
    wire = b"".join(_draw_frame(draw) for _ in range(draw.randint(0, 8)))
    if draw.random() < 0.15 and wire:
        at = draw.randrange(len(wire))
        wire = wire[:at] + bytes([draw.randrange(256)]) + wire[at + 1 :]
    if draw.random() < 0.2:
        wire = wire[: draw.randint(0, len(wire))]
    size = len(wire) + 160
    if draw.random() < 0.2 and size < 1000:
        return wire, list(range(size))
    near = [draw.randrange(size) for _ in range(draw.randint(0, 6))]
    return wire, near


def _draw_frame(draw: random.Random) -> bytes:  # noqa: PLR0911 - a kind each
    payload = draw.choice(_WORDS).encode()
    kind = draw.random()
    if kind < 0.5:
        return _frame(0x81, payload, draw)
    if kind < 0.62:  # fragments, with control frames between them
        payload += draw.choice(_BAD) if draw.random() < 0.1 else b""
        at = sorted(draw.randint(0, len(payload)) for _ in range(draw.randint(1, 3)))
        pieces = [payload[start:stop] for start, stop in itertools.pairwise([0, *at, len(payload)])]
        wire = _frame(draw.choice([0x01, 0x01, 0x02]), pieces[0], draw)
        for place, piece in enumerate(pieces[1:], start=2):
            wire += _frame(draw.choice([0x89, 0x8A]), b"between", draw) if draw.random() < 0.5 else b""
            wire += _frame(0x80 if place == len(pieces) else 0x00, piece, draw)
        return wire
    if kind < 0.72:
        return _frame(draw.choice([0x89, 0x8A]), payload[:125], draw)
    if kind < 0.78:
        return _frame(0x82, payload, draw)
    if kind < 0.83:
        return _frame(
            0x88,
            draw.choice([b"", struct.pack("!H", 1000), struct.pack("!H", 1011) + b"bye", b"\x03", b"\xff\xff"]),
            draw,
        )
    if kind < 0.87:
        return _frame(0x81, draw.choice(["", "a" * 300]).encode() + draw.choice(_BAD), draw)
    if kind < 0.90:
        return _frame(0x81, b"a" * (_SMALL_LIMIT + draw.choice([-1, 0, 1])), draw)
    if kind < 0.93:
        return _frame(draw.choice([0x01, 0x00, 0x80, 0x02]), payload[:200], draw)
    if kind < 0.96:
        return _frame(draw.choice([0xC1, 0xA1, 0x91, 0x83, 0x8B, 0x09, 0x08]), payload[:100], draw)
    return _odd_length(payload[:300], draw)


def _frame(first: int, payload: bytes, draw: random.Random) -> bytes:
    """Return a frame with the shortest form of its length; now and then masked, which a server must not do."""
    masked = 0x80 if draw.random() < 0.02 else 0
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, masked | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, masked | 126, size)
    else:
        head = struct.pack("!BBQ", first, masked | 127, size)
    return head + (b"\0\0\0\0" if masked else b"") + payload


def _odd_length(payload: bytes, draw: random.Random) -> bytes:
    """Return a frame whose length is not in the shortest form, or is impossible."""
    size = len(payload)
    return draw.choice(
        [
            struct.pack("!BBH", 0x81, 126, min(size, 125)) + payload[:125],
            struct.pack("!BBQ", 0x81, 127, size) + payload,
            struct.pack("!BBQ", 0x81, 127, (1 << 63) + size) + payload,
            struct.pack("!BBQ", 0x81, 127, 1 << 40) + payload,
        ]
    )


def fuzz(cases: int, seed: int) -> dict[str, int]:
    """Compare so many cases; return how they ended, by kind."""
    ends: dict[str, int] = {}
    for number in range(cases):
        draw = random.Random(f"{seed}/{number}")
        _, end = check(*draw_case(draw))
        kind = end.partition(":")[0]
        ends[kind] = ends.get(kind, 0) + 1
    return ends


def main() -> None:
    """Exit with a traceback that names the case, if there is one."""
    parser = argparse.ArgumentParser(prog="python -m tests.transport.differential", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    print(options.cases, "cases agree:", fuzz(options.cases, options.seed))


if __name__ == "__main__":
    main()
