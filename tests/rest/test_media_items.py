"""What a program gives `send_media()`."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from cometconn._rest.media_items import items_of, kind_of
from cometconn.errors import SettingsError


@pytest.mark.parametrize(
    ("media", "name", "mime_type", "kind"),
    [
        ("/x/a.PNG", "a.PNG", "image/png", "image"),
        (pathlib.Path("b.mp4"), "b.mp4", "video/mp4", "video"),
        ("c.mp3", "c.mp3", "audio/mpeg", "audio"),
        ("d.pdf", "d.pdf", "application/pdf", "file"),
        ("e", "e", "application/octet-stream", "file"),
        (b"x", "file.bin", "application/octet-stream", "file"),
        ("https://a.test/p/f.jpg?x=1#y", "f.jpg", "image/jpeg", "image"),
        ("HTTP://a.test", "file.bin", "application/octet-stream", "file"),
    ],
)
def test_name_and_type_are_found(media: Any, name: str, mime_type: str, kind: str) -> None:
    """By the name of the path or URL."""
    (item,) = items_of(media, None, None)
    assert (item.name, item.mime_type, item.kind) == (name, mime_type, kind)
    assert (item.url is None) == (item.content is not None)


def test_what_is_given_counts() -> None:
    """Name and type of the program outrank those of the path; a name is made for bytes with a type."""
    (item,) = items_of("x.png", "y.mp3", None)
    assert (item.name, item.extension, item.mime_type) == ("y.mp3", "mp3", "audio/mpeg")
    (item,) = items_of(b"x", None, "image/png")
    assert (item.name, item.kind) == ("file.png", "image")


def test_the_type_of_several() -> None:
    """That of all, or else `file`."""
    assert kind_of(items_of(["a.png", "b.jpg"], None, None)) == "image"
    assert kind_of(items_of(["a.png", "b.mp4"], None, None)) == "file"


@pytest.mark.parametrize(
    ("media", "name", "mime_type", "words"),
    [
        ([], None, None, "1 to 10 files, not 0"),
        (["a"] * 11, None, None, "1 to 10 files, not 11"),
        (["a", 5], None, None, "media"),
        ("", None, None, "media"),
        (["a", "b"], "n", None, "one file"),
        ("a", " ", None, "name"),
        ("a", None, "image", "mime_type"),
        ("https://u:p@a.test/", None, None, "must look like https"),
    ],
)
def test_what_cannot_be_sent(media: Any, name: Any, mime_type: Any, words: str) -> None:
    """It is refused, and the error names what is wrong."""
    with pytest.raises(SettingsError, match=words):
        items_of(media, name, mime_type)
