"""What the text frame scanner takes out, what it leaves to trio-websocket, and that both give the same messages."""

from __future__ import annotations

import contextlib
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from wsproto.frame_protocol import FrameProtocol, ParseFailed

from cometconn._transport.abc import LongMessage
from cometconn._transport.text_frame_scanner import TextFrameScanner

from .differential import check, fuzz
from .raw_server import close, frame, text

if TYPE_CHECKING:
    from collections.abc import Sequence

Piece = str | bytes | LongMessage


def pieces(data: bytes, *, limit: int = 1000, cut: int | None = None, takes_text: bool = True) -> list[Piece]:
    """Return everything that comes out of a scanner fed with *data*, at once or in pieces of *cut* bytes."""
    scanner, out = TextFrameScanner(limit, takes_text=takes_text), list[Piece]()
    for start in range(0, len(data), cut or len(data) or 1):
        scanner.feed(data[start : start + (cut or len(data))])
        while (piece := scanner.next()) is not None:
            out += [piece] if piece != b"" else []
    return out


@pytest.mark.parametrize("cut", [None, 1, 2, 3, 7, 64])
def test_whole_text_frames_come_out_as_text(cut: int | None) -> None:
    """Short, long, empty and non-Latin text frames come out as text, however the bytes are cut."""
    words = ["", "a", "\u4e2d\U0001f600", "b" * 125, "c" * 126, "d" * 999]
    assert pieces(b"".join(text(word) for word in words), cut=cut) == words


def test_a_very_long_message_has_the_longest_header() -> None:
    """A message with a length of eight bytes is read, too."""
    assert pieces(text("x" * 70_000), limit=100_000) == ["x" * 70_000]


def test_everything_else_stays_in_its_place() -> None:
    """Control frames and binary messages come out as bytes, in their places between the texts."""
    data = (
        text("1")
        + frame(9, b"ping")
        + text("2")
        + frame(1, b"3", fin=False)
        + frame(9)
        + frame(0, b"4")
        + text("5")
        + frame(2, b"6")
    )
    assert pieces(data) == [
        "1", frame(9, b"ping"), "2", frame(9), "34", "5", frame(2, b"6"),
    ]  # fmt: skip


def test_a_frame_that_is_passed_on_is_not_held_back() -> None:
    """trio-websocket gets the bytes of a frame as they come, and the next text after it is found."""
    binary = frame(2, b"x" * 300)
    scanner = TextFrameScanner(1000)
    scanner.feed(binary[:100])
    assert scanner.next() == binary[:100]
    assert scanner.next() is None
    scanner.feed(binary[100:] + text("behind"))
    assert [scanner.next(), scanner.next(), scanner.next()] == [binary[100:], "behind", None]


@pytest.mark.parametrize(
    "odd",
    [
        b"\xc1\x01a",  # RSV1
        b"\x81\x81abcda",  # masked
        frame(3, b"x"),  # reserved opcode
        frame(11, b"x"),  # the same, control
        frame(9, b"x", fin=False),  # control in fragments
        frame(9, b"x" * 126),  # too long for control
        frame(0, b"x"),  # continues nothing
        frame(1, b"a", fin=False) + frame(1, b"b"),  # a message within a message
        b"\x81\x7e\x00\x01a",  # not the shortest length
        b"\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x7ea",  # the same
        b"\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00a",  # an impossible length
        frame(1, b"\xff"),  # not UTF-8
        frame(1, b"\xed\xa0\x80"),  # half a surrogate pair
    ],
)
@pytest.mark.parametrize("cut", [None, 1])
def test_after_an_invalid_frame_all_is_left_to_trio_websocket(odd: bytes, cut: int | None) -> None:
    """After an invalid frame no text comes out any more, because only trio-websocket judges errors."""
    out = pieces(text("before") + odd + text("behind"), cut=cut)
    assert out[0] == "before"
    # Of fragments that were taken in, trio-websocket gets an empty one in their place.
    odd = odd.replace(frame(1, b"a", fin=False), frame(1, b"", fin=False))
    assert b"".join(piece for piece in out if isinstance(piece, bytes)) == odd + text("behind")
    assert len([piece for piece in out if isinstance(piece, str)]) == 1


def test_nothing_comes_out_behind_a_close_frame() -> None:
    """After a close frame no text comes out, and the scanner knows that the server has sent one."""
    scanner = TextFrameScanner(1000)
    scanner.feed(text("1") + close(1000) + text("never"))
    assert scanner.next() == "1"
    assert not scanner.close_seen
    assert scanner.next() == close(1000) + text("never")
    assert scanner.close_seen
    scanner.feed(text("never"))
    assert scanner.next() == text("never")


LONG = "\u4e2d" * 40_000  # 120,000 bytes, and no character ends at the 65,536th


def in_fragments(opcode: int, payload: bytes, size: int) -> bytes:
    """A message in fragments of *size* bytes, a ping before the last one."""
    parts = [payload[at : at + size] for at in range(0, len(payload), size)]
    middle = b"".join(frame(0, part, fin=False) for part in parts[1:-1])
    return frame(opcode, parts[0], fin=False) + middle + frame(9, b"ping") + frame(0, parts[-1])


@pytest.mark.parametrize("cut", [None, 1, 2, 3, 4096])
def test_a_message_in_fragments_is_put_together(cut: int | None) -> None:
    """Fragments of any size are put together, also where a character is cut; a binary one becomes one frame."""
    words, ping = "a\u4e2d\U0001f600" * 100, frame(9, b"ping")
    for size in (1, 2, 5, 700):
        assert pieces(in_fragments(1, words.encode(), size), cut=cut) == [ping, words]
        assert pieces(in_fragments(2, words.encode(), size), cut=cut) == [ping, frame(2, words.encode())]
    assert pieces(frame(1, b"", fin=False) + frame(0, b"", fin=False) + frame(0), cut=cut) == [""]


@pytest.mark.parametrize("cut", [None, 7, 100_000])
def test_a_message_beyond_the_limit_becomes_a_long_message(cut: int | None) -> None:
    """Of a message beyond the limit, in any form, the beginning and the size are kept, and the next message is read."""
    assert pieces(text("x" * 1000), cut=cut) == ["x" * 1000]
    assert pieces(text("x" * 1001) + text("next"), cut=cut) == [LongMessage("x" * 1001, 1001), "next"]
    data, ping = LONG.encode(), frame(9, b"ping")
    for opcode, head in [(1, "\u4e2d" * 21_845), (2, data[:65_536])]:
        long = LongMessage(head, 120_000)
        assert pieces(frame(opcode, data) + text("next"), cut=cut) == [long, "next"]
        assert pieces(in_fragments(opcode, data, 7001) + text("next"), cut=cut) == [ping, long, "next"]


def test_what_is_too_long_is_not_kept() -> None:
    """While 15 MiB of a message pass, in one frame or many, the scanner holds its first 64 KiB and the piece just read."""
    for wire in (frame(1, b"x" * (15 << 20)), in_fragments(1, b"x" * (15 << 20), 1_000)):
        scanner = TextFrameScanner(1 << 20)
        tracemalloc.start()
        try:
            for start in range(0, len(wire), 1 << 16):
                scanner.feed(wire[start : start + (1 << 16)])
                while (piece := scanner.next()) is not None:
                    assert isinstance(piece, LongMessage) or piece in {b"", frame(9, b"ping")}
            assert tracemalloc.get_traced_memory()[1] < 3 << 20  # a message within the limit of 1 MiB grows to its end
        finally:
            tracemalloc.stop()


def test_nothing_comes_out_behind_what_is_not_even_passed_over() -> None:
    """From 16 MiB on, the end is not waited for: the `LongMessage` has the size so far, and `refused` is set."""
    begun = frame(1, b"x" * (16 << 20), fin=False)
    for wire in (frame(1, b"x" * ((16 << 20) + 1), fin=False), begun + frame(0, b"x", fin=False)):
        scanner = TextFrameScanner(1000)
        scanner.feed(wire + text("behind"))
        while (long := scanner.next()) == b"":
            pass
        assert isinstance(long, LongMessage)
        assert long.size == (16 << 20) + 1
        assert scanner.refused
        scanner.feed(text("far behind"))
        assert (scanner.next(), scanner.texts(5), scanner.exhausted) == (None, [], True)
        assert scanner.rest() == b""


def test_many_fragments_are_put_together_in_turns() -> None:
    """Of a hundred thousand fragments in one read, other tasks can run after every 256."""
    scanner = TextFrameScanner(1 << 20)
    scanner.feed(frame(1, b"", fin=False) + frame(0, b"x", fin=False) * 10_000 + frame(0))
    turns = 0
    while (piece := scanner.next()) == b"":
        turns += 1
    assert piece == "x" * 10_000
    assert turns > 30


@pytest.mark.parametrize("cuts", [[], range(1200)])
@pytest.mark.parametrize("bad", [b"\xc3", b"\xff", b"\xed\xa0\x80"])
@pytest.mark.parametrize("filling", [b"", b"x" * 1_000])
def test_bad_utf_8_is_found_in_a_message_that_is_put_together(filling: bytes, bad: bytes, cuts: Sequence[int]) -> None:
    """Invalid UTF-8 is found as trio-websocket finds it: in fragments, in a long message, and in a cut character at the end."""
    for wire in (
        frame(1, filling + bad),
        frame(1, filling, fin=False) + frame(0, bad),
        frame(1, bad, fin=False) + frame(0),
    ):
        messages, end = check(text("before") + wire + text("behind"), cuts)
        assert messages == ["before"]
        assert "bad UTF-8" in end


@pytest.mark.parametrize("cut", [3, 8, 100])
@pytest.mark.parametrize("size", [1, 2, 16])
def test_short_fragments_give_the_same_together_and_one_by_one(size: int, cut: int) -> None:
    """Fragments that come in one read are put together at once, and those that come byte by byte are not."""
    words = ("a\u4e2d\U0001f600" * 30).encode()
    for payload in (
        words,
        words * 5,  # longer than the limit
        words + b"\xff" + words,
        words + b"\xed\xa0\x80",
        words + b"\xe4\xb8",  # a character that the end of the message cuts
    ):
        for opcode in (1, 2):
            wire = in_fragments(opcode, payload, size) + text("behind")
            one_by_one = pieces(wire, cut=1)
            if isinstance(one_by_one[-1], bytes):  # what was left to trio-websocket
                split = [piece for piece in pieces(wire, cut=cut) if isinstance(piece, bytes)]
                assert b"".join(split) == b"".join(piece for piece in one_by_one if isinstance(piece, bytes))
                assert b"".join(pieces(wire)) == b"".join(split)
            else:
                assert pieces(wire) == pieces(wire, cut=cut) == one_by_one


@pytest.mark.parametrize("size", [20, 5_000])
@pytest.mark.parametrize("last", [b"\xf4\x90", b"\xff", b"\xed\xa0\x80"])
def test_bad_utf_8_is_found_in_a_frame_that_is_not_all_here(last: bytes, size: int) -> None:
    """trio-websocket gets the frame with the byte that makes it invalid, in whatever piece that comes, and not later."""
    words = "a\u4e2d\U0001f600".encode()
    begin = frame(1, words * (size // 8) + last + b"x" * size)[:-size]
    for cut in (1, 3, 4, 700):
        scanner = TextFrameScanner(20_000)
        scanner.feed(text("before"))
        assert scanner.next() == "before"
        for start in range(0, len(begin) - 1, cut):
            scanner.feed(begin[start : min(start + cut, len(begin) - 1)])
            assert scanner.next() is None
        scanner.feed(begin[-1:])
        assert scanner.next() == begin


@pytest.mark.parametrize("end", ["close", "odd"])
@pytest.mark.parametrize("cut", [1, 3, 700, 100_000])
def test_trio_websocket_can_go_on_in_the_middle_of_a_message(cut: int, end: str) -> None:
    """trio-websocket gets a frame that begins in the middle of the message, with the bytes of a cut character."""
    wire = frame(1, LONG[:999].encode(), fin=False) + frame(0, LONG.encode()) + (b"\xff\xff" if end == "odd" else b"")
    scanner = TextFrameScanner(1000)
    scanner.feed(wire[:cut])
    while scanner.next() is not None:
        pass
    rest = scanner.rest() + wire[cut:]
    reader = FrameProtocol(client=True, extensions=[])
    reader.receive_bytes(rest)
    got = ""
    with pytest.raises(ParseFailed) if end == "odd" else contextlib.nullcontext():
        for part in reader.received_frames():
            got += part.payload
    assert (LONG[:999] + LONG).endswith(got)
    assert len(got) >= 40_999 - cut


def test_switched_off_it_only_follows() -> None:
    """A scanner that is switched off passes every frame on, and still notices close frames."""
    assert pieces(text("1") + text("2"), takes_text=False) == [text("1"), text("2")]


def test_what_was_taken_is_forgotten() -> None:
    """After a thousand reads the scanner holds only what was not taken of the last one."""
    scanner = TextFrameScanner(1000)
    for _ in range(1000):
        scanner.feed(text("x" * 500) + text("torn")[:2])
        assert scanner.next() == "x" * 500
        assert scanner.next() is None
        scanner.drop_taken()
        assert len(scanner._buffer) == 2
        scanner.feed(text("torn")[2:])
        assert scanner.next() == "torn"
        scanner.drop_taken()
        assert len(scanner._buffer) == 0


def test_the_rest_is_all_of_it() -> None:
    """At the end of the stream trio-websocket gets the torn frame, too."""
    scanner = TextFrameScanner(1000)
    scanner.feed(text("1") + text("torn")[:3])
    assert scanner.next() == "1"
    assert scanner.next() is None
    assert scanner.rest() == text("torn")[:3]
    assert scanner.rest() == b""


def test_the_scanner_and_trio_websocket_alone_agree() -> None:
    """Both agree on 200 random byte streams, cut at random places or at every byte; `nox -s fuzz` has 20,000."""
    assert sum(fuzz(200, seed=3).values()) == 200


def test_the_scanner_is_on_when_they_are_compared() -> None:
    """The comparison runs with the scanner on, and bytes in the packet of the 101 are read as well."""
    assert check(text("surplus") + close(1000) + text("never"), [])[0] == ["surplus"]


def all_texts(data: bytes, *, most: int, cut: int, limit: int = 1000) -> list[Piece]:
    """Return everything that comes out of a scanner by `texts()`, at most *most* at a time, and otherwise by `next()`."""
    scanner, out = TextFrameScanner(limit), list[Piece]()
    for start in range(0, len(data), cut):
        scanner.feed(data[start : start + cut])
        while True:
            texts = scanner.texts(most)
            assert len(texts) <= most
            out += texts
            if not texts:
                piece = scanner.next()
                if piece is None:
                    break
                out.append(piece)
    return out


@pytest.mark.parametrize("most", [1, 3, 64])
@pytest.mark.parametrize("cut", [1, 2, 5, 200, 10_000])
def test_texts_by_the_dozen_are_those_that_come_one_by_one(most: int, cut: int) -> None:
    """Many texts in one call equal those read one by one, wherever the bytes are cut and whatever is between them."""
    words = ["", "a", "\u4e2d\U0001f600", "b" * 125, "c" * 126, "d" * 999]
    plain = b"".join(text(word) for word in words)
    for odd in (
        b"",
        frame(9, b"ping"),
        frame(2, b"binary" * 50),
        frame(1, b"frag", fin=False) + text("within") + frame(0, b"ment"),
        text("e" * 1001),
        frame(1, b"\xff"),
        b"\x81\x7e\x00\x05short",
        b"\x81\x7f" + (200).to_bytes(8, "big") + b"x" * 200,
        b"\x81\x85maskwords",
        b"\xc1\x01x",
        close(1000),
    ):
        data = plain + odd + plain
        assert all_texts(data, most=most, cut=cut) == pieces(data, cut=cut)


@pytest.mark.parametrize(
    ("begun", "waits"),
    [
        (b"\x81", True),
        (text("b" * 300)[:3], True),
        (text("\u4e2d" * 300)[:50], True),
        (frame(1, b"\xff" * 300)[:50], False),
        (frame(1, b"\xff" * 300), False),
        (text("b" * 1001)[:50], False),
        (frame(1, b"begun", fin=False)[:-1], False),
        (frame(9, b"ping")[:-1], False),
        (close(1000), False),
        (text(""), False),
        (b"\xff\xff", False),
    ],
)
def test_behind_the_last_texts_of_a_read_nothing_comes_out(begun: bytes, waits: bool) -> None:
    """A text that has begun, and is valid so far, is no reason for another step: more must be read first."""
    scanner = TextFrameScanner(1000)
    scanner.feed(text("first") + begun)
    assert scanner.texts(5) == ["first"]
    assert scanner.exhausted == waits
    if waits:
        assert scanner.next() is None
        scanner.feed(b"\x81")
        assert scanner.exhausted is False  # not known yet


def test_texts_come_only_when_nothing_is_before_them() -> None:
    """A scanner that only follows, and one whose rest was taken, return no texts."""
    following = TextFrameScanner(1000, takes_text=False)
    following.feed(text("a"))
    assert following.texts(5) == []
    over = TextFrameScanner(1000)
    over.feed(text("a"))
    over.rest()
    over.feed(text("b"))
    assert over.texts(5) == []
