"""The body of an HTTP response is decompressed, within a limit."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cometconn._account import response_body as response_body_module
from cometconn._account.response_body import ResponseBody


def read(encoding: str, *pieces: bytes) -> bytes:
    """Return the body that these pieces make."""
    body = ResponseBody(encoding)
    for piece in pieces:
        body.take(piece)
    return body.whole()


@given(st.binary(max_size=300), st.lists(st.integers(0, 400), max_size=4), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_body_does_not_depend_on_where_it_is_cut(content: bytes, cuts: list[int], packed: bool) -> None:
    """A body, compressed or not, is the same wherever the network cuts it."""
    sent = gzip.compress(content) if packed else content
    places = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    assert read("GZip " if packed else "", *(sent[a:b] for a, b in itertools.pairwise(places))) == content


@pytest.mark.parametrize("encoding", ["", "identity", "gzip"])
def test_no_more_than_the_bound(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body of exactly the limit is accepted, and one byte more is an error; the rest is dropped."""
    monkeypatch.setattr(response_body_module, "RESPONSE_LIMIT", 1000)
    pack = gzip.compress if encoding == "gzip" else bytes
    assert read(encoding, pack(bytes(1000))) == bytes(1000)
    with pytest.raises(ConnectionError, match="longer than 1000"):
        read(encoding, pack(bytes(1001)), b"more", b"and more")


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "deflate", "gzip;x", "\x00"])
def test_a_content_encoding_that_was_not_requested(encoding: str) -> None:
    """Such an encoding is refused, also several layers of gzip: a gigabyte compressed twice is two kilobytes."""
    with pytest.raises(ConnectionError, match="not asked for"):
        ResponseBody(encoding)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"no gzip", "not the gzip"),
        (zlib.compress(b"x"), "not the gzip"),
        (gzip.compress(b"{}" * 99, mtime=0)[:-9], "ends before"),
    ],
)
def test_bad_gzip(sent: bytes, words: str) -> None:
    """Data that cannot be decompressed to its end is an error."""
    with pytest.raises(ConnectionError, match=words):
        read("gzip", sent)


def test_an_empty_body_needs_no_decompression() -> None:
    """A response without a body, such as one with status 204, may still name an encoding."""
    assert read("gzip") == b""
    assert read("gzip", b"") == b""


def test_decompression_needs_little_more_memory_than_the_limit() -> None:
    """16 MiB come out of 16 KiB in one piece, and at no time is more than 1.3 times the limit in memory."""
    packed = gzip.compress(b"[],[],[]," * (2 << 20))
    assert len(packed) < 20_000
    body = ResponseBody("gzip")
    tracemalloc.start()
    try:
        body.take(packed)
        assert tracemalloc.get_traced_memory()[1] < 1.3 * response_body_module.RESPONSE_LIMIT
    finally:
        tracemalloc.stop()
    with pytest.raises(ConnectionError, match="longer than 16777216"):
        body.whole()


def test_the_whole_body_is_not_copied() -> None:
    """A copy of 16 MiB would hold the event loop for several milliseconds."""
    body = ResponseBody("")
    for _ in range(100):
        body.take(bytes(10_000))
    assert len(body.whole()) == 1_000_000
    assert body.whole() is body.whole()
