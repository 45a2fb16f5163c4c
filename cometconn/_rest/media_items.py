"""What a program gives `send_media()`: bytes, paths and URLs, with their names and MIME types."""

from __future__ import annotations

import mimetypes
import os
from typing import Any, Literal, TypeAlias

import attrs

from cometconn._account.streaming import MIME_TYPE
from cometconn._arguments import refused
from cometconn.errors import SettingsError

from .addresses import file_address

__all__ = ["MediaItem", "MediaKind", "items_of", "kind_of"]

MediaKind: TypeAlias = Literal["image", "video", "audio", "file"]

MOST = 10
"""The most files of one message. Source: CometChat's SDKs."""

_WHERE = "send_media(media=...)"
_UNKNOWN = "application/octet-stream"


@attrs.frozen
class MediaItem:
    """One file of a message.

    Attributes:
        content: the bytes, or the path of the file; `None` if it has a URL already.
        name: its name for the receivers.
        mime_type: its MIME type.
        url: where it is, if it is not to be uploaded.
    """

    content: bytes | str | os.PathLike[str] | None = attrs.field(repr=False)
    name: str
    mime_type: str
    url: str | None = None

    @property
    def kind(self) -> MediaKind:
        """The type of a message with this file alone."""
        family = self.mime_type.partition("/")[0]
        return family if family in {"image", "video", "audio"} else "file"  # type: ignore[return-value]

    @property
    def extension(self) -> str:
        """The extension of its name, without the dot."""
        return os.path.splitext(self.name)[1][1:]  # noqa: PTH122 - a name, and no path of this system

    @property
    def attachment(self) -> dict[str, Any]:
        """How a message describes it, if it has a URL. Its size is not known."""
        return {"url": self.url, "name": self.name, "extension": self.extension, "mimeType": self.mime_type}


def items_of(media: object, name: str | None, mime_type: str | None) -> list[MediaItem]:
    """Return the files that *media* names.

    Raises:
        SettingsError: there is no file or more than 10, one is none, or name and MIME type are given for several.
    """
    several = media if isinstance(media, list | tuple) else [media]
    if not 1 <= len(several) <= MOST:
        message = f"{_WHERE}: a message has 1 to {MOST} files, not {len(several)}."
        raise SettingsError(message)
    if len(several) > 1 and not (name is None and mime_type is None):
        message = "send_media(): name and mime_type are for one file; of several, each has that of its own name."
        raise SettingsError(message)
    if name is not None and not name.strip():
        where = "send_media(name=...)"
        raise refused(where, "a name and not empty", name)
    if mime_type is not None and not MIME_TYPE.fullmatch(mime_type):
        where = "send_media(mime_type=...)"
        raise refused(where, 'a MIME type, such as "image/png"', mime_type)
    return [_item(each, name, mime_type) for each in several]


def kind_of(items: list[MediaItem]) -> MediaKind:
    """Return the type of the message: that of its files if they have one in common, and otherwise `"file"`."""
    kinds = {item.kind for item in items}
    return kinds.pop() if len(kinds) == 1 else "file"


def _item(given: object, name: str | None, mime_type: str | None) -> MediaItem:
    url: str | None = None
    content: bytes | str | os.PathLike[str] | None = None
    if isinstance(given, str) and given.lower().startswith(("http://", "https://")):
        url = given
        path = file_address("send_media()", given).path
    elif isinstance(given, bytes):
        content, path = given, ""
    elif isinstance(given, str | os.PathLike) and isinstance(os.fspath(given), str) and os.fspath(given):
        content, path = given, os.fspath(given)
    else:
        raise refused(_WHERE, "bytes, a path, a URL, or a list of them", given)
    name = name or os.path.basename(path)  # noqa: PTH119 - also the path of a URL
    mime_type = mime_type or mimetypes.guess_type(name)[0] or _UNKNOWN
    return MediaItem(content, name or f"file{mimetypes.guess_extension(mime_type) or ''}", mime_type, url)
