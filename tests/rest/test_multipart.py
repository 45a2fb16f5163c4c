"""Forms with files."""

from __future__ import annotations

import email
import pathlib

import pytest

from cometconn._rest.multipart import open_form
from cometconn.environment import UploadFile
from cometconn.errors import FileError, SettingsError


async def test_a_form(tmp_path: pathlib.Path) -> None:
    """Fields and files are as another parser reads them; each time it is sent the bytes are the same, and as long as announced."""
    (tmp_path / "a.png").write_bytes(bytes(range(256)) * 1000)
    files = [
        UploadFile("files[]", 'a"b\r\nc.png', str(tmp_path / "a.png"), "image/png"),
        UploadFile("files[]", "ü.bin", b"hello"),
    ]
    seen: list[tuple[int, int]] = []
    async with open_form("call()", {"type": "ü", "data": "{}"}, files, lambda *each: seen.append(each)) as form:
        first = b"".join([piece async for piece in form.pieces()])
        again = b"".join([piece async for piece in form.pieces()])
    assert first == again
    assert form.size == len(first)
    parsed = email.message_from_bytes(b"Content-Type: " + form.content_type.encode() + b"\r\n\r\n" + first)
    parts = parsed.get_payload()
    assert isinstance(parts, list)
    assert [part.get_payload(decode=True) for part in parts] == [  # type: ignore[union-attr]
        "ü".encode(), b"{}", bytes(range(256)) * 1000, b"hello",
    ]  # fmt: skip
    assert b'name="files[]"; filename="a%22b%0D%0Ac.png"\r\nContent-Type: image/png\r\n\r\n' in first
    assert seen[-1] == (256_005, 256_005)
    assert seen[: len(seen) // 2] == seen[len(seen) // 2 :] == sorted(seen[: len(seen) // 2])


async def test_every_file_is_opened_first() -> None:
    """If one cannot be read, there is no form."""
    files = [UploadFile("a", "a", b"x"), UploadFile("b", "b", "/no/such/file")]
    with pytest.raises(FileError, match="/no/such/file"):
        async with open_form("call()", {}, files):
            raise AssertionError


@pytest.mark.parametrize("mime_type", ["", "image", "image/png\r\nX: y", "text/plain; charset=utf-8"])
def test_a_mime_type_is_checked(mime_type: str) -> None:
    """It becomes a header."""
    with pytest.raises(SettingsError, match="mime_type"):
        UploadFile("a", "a", b"x", mime_type)
