"""`cometconn.emulator.backend.form`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cometconn.emulator.backend.form import FIELD_LIMIT, Form, form_boundary
from cometconn.emulator.backend.responses import Refusal
from cometconn.emulator.world.files import FileStore

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def store() -> Iterator[FileStore]:
    """Return a store for 1000 bytes in all, and 600 in one file."""
    store = FileStore(limit=1000, file_limit=600)
    yield store
    store.close()


def part(name: str, content: bytes, more: str = "", headers: str = "") -> bytes:
    """Return one part of a form with the boundary `B`."""
    return f'--B\r\nContent-Disposition: form-data; name="{name}"{more}\r\n{headers}\r\n'.encode() + content + b"\r\n"


WHOLE = (
    b"a preamble\r\n"
    + part("text", "ähm".encode())
    + part("empty", b"")
    + part("file", b"\r\n--C no end\r\n-" * 9, '; filename="a %22b%22.png"', "Content-Type: image/png; x=y\r\n")
    + part("file", b"", '; filename="none"')
    + b"--B--\r\nan epilogue"
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, len(WHOLE)])
def test_a_form_is_read_in_pieces_of_any_size(store: FileStore, size: int) -> None:
    """Fields and files are the same wherever the pieces end, also inside of what looks like the end of a part."""
    form = Form("B", store)
    for first in range(0, len(WHOLE), size):
        form.feed(WHOLE[first : first + size])
    form.finish()
    assert form.fields == {"text": "ähm", "empty": ""}
    assert [(file.field, file.name, file.mime_type) for file in form.files] == [
        ("file", 'a "b".png', "image/png"),
        ("file", "none", ""),
    ]
    stored = form.take(form.files[0]).finish("1", "a", "image/png")
    assert stored.path.read_bytes() == b"\r\n--C no end\r\n-" * 9
    assert form.received == len(WHOLE)
    form.abandon()
    assert store.used == stored.size


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"--B\r\n", 400),
        (part("a", b"x"), 400),
        (b"--B\r\n\r\nx\r\n--B--", 400),
        (part("", b"x") + b"--B--", 400),
        (b"--B\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--B--", 400),
        (b"--B\r\n" + b"X: y\r\n" * 5000, 400),
        (part("a", b"x") * 101 + b"--B--", 400),
        (part("a", b"x" * (FIELD_LIMIT + 1)) + b"--B--", 413),
        (part("a", b"", "; filename=x") * 11 + b"--B--", 400),
        (part("a", b"x" * 601, "; filename=x") + b"--B--", 413),
        (part("a", b"x" * 400, "; filename=x") * 3 + b"--B--", 507),
    ],
)
def test_a_bad_form_is_refused_and_nothing_of_it_is_kept(store: FileStore, body: bytes, status: int) -> None:
    """Incomplete, without names, too many parts, too long: the store is empty afterwards, and more bytes are ignored."""
    form = Form("B", store)
    form.feed(body)
    with pytest.raises(Refusal) as refusal:
        form.finish()
    form.feed(WHOLE)
    form.abandon()
    assert (refusal.value.status, store.used, form.files) == (status, 0, [])


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", "abc"),
        ('Multipart/Form-Data; boundary="a b"', "a b"),
        ("multipart/form-data", ""),
        ("multipart/form-data; boundary=" + "x" * 71, ""),
        ("multipart/mixed; boundary=abc", None),
        ("application/json", None),
        ("", None),
    ],
)
def test_the_boundary_is_found_in_the_content_type(content_type: str, boundary: str | None) -> None:
    """A form without a valid boundary has an empty one, and anything else has none."""
    assert form_boundary(content_type) == boundary


def test_a_form_without_a_boundary_is_refused(store: FileStore) -> None:
    """Whatever it holds."""
    form = Form("", store)
    form.feed(WHOLE)
    with pytest.raises(Refusal, match="boundary"):
        form.finish()
