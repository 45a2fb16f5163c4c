"""The text frame scanner against trio-websocket alone: the same bytes, the same messages and the same end.

`python -m tests.transport.differential --cases 20000 --seed 1`, or as part of `nox -s fuzz`.
"""

from __future__ import annotations

import argparse
import itertools
import random
import struct
from typing import TYPE_CHECKING

import attrs
import trio
import trio.testing

from cometconn._transport import text_frame_scanner
from cometconn._transport import websocket as door
from cometconn._transport.abc import LongMessage, WebSocketError
from cometconn._transport.frames import CLOSE
from cometconn._transport.websocket import TrioWebSocket
from cometconn.testing import memory_socket_pair

from .raw_server import read_frames, read_head, switching

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


@attrs.define
class Seen:
    """What a client has made of the bytes.

    Attributes:
        messages: those that it returned.
        end: its error, or "open".
        sent: the frames that the server got: pongs, and close frames without their reasons.
        steps: after each piece of the bytes, how many messages there were, and whether it was the end.
    """

    messages: list[Message] = attrs.field(factory=list)
    end: str = "open"
    sent: list[tuple[int, bytes]] = attrs.field(factory=list)
    steps: list[tuple[int, bool]] = attrs.field(factory=list)


def check(wire: bytes, cuts: Sequence[int], passes: int | None = None) -> tuple[list[Message], str]:
    """Let both read *wire*, cut into pieces at these places; return the messages and the end that they agree on.

    Both also send the same frames, and return each message and notice the end after the same piece. With *passes*,
    the call that reads is cancelled as many passes of the scheduler after each piece, and made again.

    Raises `AssertionError` when they do not agree. trio-websocket alone returns a message that is too long as a whole;
    it becomes a `LongMessage` here.
    """
    alone = trio.run(_read, wire, cuts, passes, False)
    alone = attrs.evolve(alone, messages=[_shortened(message) for message in alone.messages])
    both = trio.run(_read, wire, cuts, passes, True)
    assert both == alone, (
        f"scanner {_short(both)}, trio-websocket alone {_short(alone)}, wire {wire[:200]!r}, cuts {cuts}, {passes}"
    )
    return both.messages, both.end


def _shortened(message: Message) -> Message:
    assert not isinstance(message, LongMessage), "trio-websocket alone has none"
    payload = message.encode() if isinstance(message, str) else message
    if len(payload) <= _MAX_MESSAGE:
        return message
    head = payload[:_HEAD]
    return LongMessage(head.decode(errors="ignore") if isinstance(message, str) else head, len(payload))


def _short(seen: Seen) -> str:
    messages = [repr(message)[:40] for message in seen.messages]
    return f"{messages} then {seen.end}, in steps {seen.steps[-10:]}, sent {seen.sent}"


async def _read(wire: bytes, cuts: Sequence[int], passes: int | None, scanner: bool) -> Seen:
    """Send *wire* behind the 101 as a server, and read it as a client."""
    ours, theirs = memory_socket_pair(1 << 20)
    before, door.SCANS_TEXT_FRAMES = door.SCANS_TEXT_FRAMES, scanner
    limits = text_frame_scanner.MOST, text_frame_scanner.LONG_MESSAGE_HEAD
    text_frame_scanner.MOST = door.MOST = _SMALL_LIMIT
    text_frame_scanner.LONG_MESSAGE_HEAD = _HEAD
    try:
        reader = _Reader(TrioWebSocket(ours, "ws://127.0.0.1/", {}, _MAX_MESSAGE))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reader.websocket.upgrade, nursery)
            nursery.start_soon(reader.run)
            response = switching(await read_head(theirs))
            nursery.start_soon(read_frames, theirs, reader.seen.sent)
            places = [0, *sorted(min(cut, len(response) + len(wire)) for cut in cuts), len(response) + len(wire)]
            for start, stop in itertools.pairwise(places):
                if start < stop:
                    await theirs.send_all((response + wire)[start:stop])
                    if passes is not None:
                        for _ in range(passes):
                            await trio.lowlevel.checkpoint()
                        reader.call.cancel()
                    await trio.testing.wait_all_tasks_blocked()
                    reader.seen.steps.append((len(reader.seen.messages), reader.seen.end != "open"))
            await theirs.send_eof()
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        await reader.websocket.aclose_forcefully()
        await theirs.aclose()
    finally:
        door.SCANS_TEXT_FRAMES = before
        text_frame_scanner.MOST, text_frame_scanner.LONG_MESSAGE_HEAD = limits
        door.MOST = limits[0]
    sent = [(opcode, payload[:2] if opcode == CLOSE else payload) for opcode, payload in reader.seen.sent]
    return attrs.evolve(reader.seen, sent=sent)


@attrs.define(eq=False)
class _Reader:
    """The task that reads, and the scope of its present call."""

    websocket: TrioWebSocket
    seen: Seen = attrs.field(factory=Seen)
    call: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    async def run(self) -> None:
        try:
            while True:
                with trio.CancelScope() as self.call:
                    received = await self.websocket.messages(3)
                    assert len(received.messages) <= 3
                    self.seen.messages += received.messages
        except WebSocketError as error:
            words = str(error)  # the position of the bad byte in its piece depends on the pieces
            self.seen.end = f"{type(error).__name__}: {'bad UTF-8' if 'codec' in words else words}"


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
        at = sorted(draw.randint(0, len(payload)) for _ in range(draw.choice([1, 2, 3, 40])))
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
        _, end = check(*draw_case(draw), draw.choice([None, 0, 1, 2, 3, 5, 8]))
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
