"""The content of files that are sent."""

from __future__ import annotations

import os
import pathlib
from typing import Any

import pytest
import trio

from cometconn._rest.sources import Source, open_source
from cometconn.errors import FileError


async def read(source: Source) -> bytes:
    """All of it."""
    return b"".join([piece async for piece in source.pieces()])


async def test_bytes_and_files(tmp_path: pathlib.Path) -> None:
    """Both can be read any number of times, and their pieces are small."""
    content = os.urandom(200_000)
    (tmp_path / "a").write_bytes(content)
    for given in (content, tmp_path / "a", str(tmp_path / "a")):
        async with open_source("call()", given) as source:
            assert source.size == len(content)
            assert await read(source) == await read(source) == content
            assert max([len(piece) async for piece in source.pieces()]) == 65536


async def test_what_cannot_be_sent(tmp_path: pathlib.Path) -> None:
    """Each has an error that names the file and the reason; a pipe is not waited for."""
    (tmp_path / "empty").touch()
    (tmp_path / "long").write_bytes(b"12345")
    os.mkfifo(tmp_path / "pipe")
    table: list[tuple[Any, str]] = [
        (tmp_path / "none", "No such file"),
        (tmp_path, "directory|regular"),
        (tmp_path / "pipe", "no regular file"),
        (tmp_path / "empty", "is empty"),
        (tmp_path / "long", "at most 4"),
        ("a\0b", "null"),
        (b"", "the content is empty"),
        (b"12345", "at most 4"),
    ]
    for given, words in table:
        with trio.fail_after(20), pytest.raises(FileError, match=words) as caught:
            async with open_source("call()", given, largest=4):
                raise AssertionError
        assert str(caught.value).startswith("call(): the ")
        assert caught.value.code == "FILE_FAILED"


@pytest.mark.skipif(os.getuid() == 0, reason="root reads every file")
async def test_no_permission(tmp_path: pathlib.Path) -> None:
    """The error names the reason."""
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "a").chmod(0)
    with pytest.raises(FileError, match="Permission denied"):
        async with open_source("call()", tmp_path / "a"):
            raise AssertionError


@pytest.mark.parametrize("how", ["shorter", "longer", "touched"])
async def test_a_file_that_changes_while_it_is_read(tmp_path: pathlib.Path, how: str) -> None:
    """It is not sent to its end."""
    path = tmp_path / "a"
    path.write_bytes(bytes(100_000))
    async with open_source("call()", path) as source:
        pieces = source.pieces()
        await anext(pieces)
        if how == "touched":
            os.utime(path, (1, 1))
        else:
            os.truncate(path, 70_000 if how == "shorter" else 200_000)
        with pytest.raises(FileError, match="was changed while it was read"):
            await anext(pieces)
