"""The body of an answer, within a bound."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cometconn._account import answer_body as answer_body_module
from cometconn._account.answer_body import AnswerBody


def read(encoding: str, *pieces: bytes) -> bytes:
    """Take these pieces."""
    body = AnswerBody(encoding)
    for piece in pieces:
        body.take(piece)
    return body.whole()


@given(st.binary(max_size=300), st.lists(st.integers(0, 400), max_size=4), st.booleans())
@settings(max_examples=60, deadline=None)
def test_whatever_the_pieces_the_whole_is_the_same(content: bytes, cuts: list[int], packed: bool) -> None:
    """Packed or not."""
    sent = gzip.compress(content) if packed else content
    places = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    assert read("GZip " if packed else "", *(sent[a:b] for a, b in itertools.pairwise(places))) == content


@pytest.mark.parametrize("encoding", ["", "identity", "gzip"])
def test_no_more_than_the_bound(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly so much may be kept, and not a byte more; what follows is dropped."""
    monkeypatch.setattr(answer_body_module, "ANSWER_LIMIT", 1000)
    pack = gzip.compress if encoding == "gzip" else bytes
    assert read(encoding, pack(bytes(1000))) == bytes(1000)
    with pytest.raises(ConnectionError, match="longer than 1000"):
        read(encoding, pack(bytes(1001)), b"more", b"and more")


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "deflate", "gzip;x", "\x00"])
def test_a_way_of_packing_that_was_not_asked_for(encoding: str) -> None:
    """A gigabyte packed twice is two kilobytes."""
    with pytest.raises(ConnectionError, match="not asked for"):
        AnswerBody(encoding)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"no gzip", "not the gzip"),
        (zlib.compress(b"x"), "not the gzip"),
        (gzip.compress(b"{}" * 99, mtime=0)[:-9], "in the middle"),
    ],
)
def test_bad_gzip(sent: bytes, words: str) -> None:
    """What cannot be unpacked to its end is no answer."""
    with pytest.raises(ConnectionError, match=words):
        read("gzip", sent)


def test_nothing_at_all_needs_no_unpacking() -> None:
    """As with 204, whatever the header says."""
    assert read("gzip") == b""
    assert read("gzip", b"") == b""


def test_what_is_unpacked_is_never_twice_in_memory() -> None:
    """16 MiB come out of 16 KiB in one piece; what is in memory at any time is hardly more than the bound."""
    packed = gzip.compress(b"[],[],[]," * (2 << 20))
    assert len(packed) < 20_000
    body = AnswerBody("gzip")
    tracemalloc.start()
    try:
        body.take(packed)
        assert tracemalloc.get_traced_memory()[1] < 1.3 * answer_body_module.ANSWER_LIMIT
    finally:
        tracemalloc.stop()
    with pytest.raises(ConnectionError, match="longer than 16777216"):
        body.whole()
