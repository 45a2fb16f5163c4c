"""Uploaded files, on disk in a temporary folder, and the permissions to upload that clients were given."""

from __future__ import annotations

import mimetypes
import pathlib
import re
import shutil
import tempfile
import urllib.parse
import weakref
from typing import TYPE_CHECKING, Final

import attrs

from cometconn.emulator.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json

__all__ = [
    "FILES_AT_ONCE",
    "UPLOAD_TIME",
    "FileStore",
    "FileWriter",
    "StoreFullError",
    "StoredFile",
    "Ticket",
]

FILES_AT_ONCE: Final = 10
"""The most files of one message, as CometChat's SDKs have it."""

UPLOAD_TIME: Final = 15 * 60
"""Seconds in which a presigned upload must begin, as CometChat's SDKs have it."""

_TICKETS: Final = 1_000
"""At most this many presigned uploads are known; the oldest are forgotten first."""

_UNKNOWN_TYPE: Final = "application/octet-stream"
_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+(;[ -~]*)?", re.ASCII)


class StoreFullError(Exception):
    """The files that are being written take all the space that the store may use."""


@attrs.frozen(eq=False)
class StoredFile:
    """One file that was uploaded completely.

    Attributes:
        id: its id in this store.
        name: the name that the client gave it.
        mime_type: the type that the client gave it, or that of its name.
        size: in bytes.
        path: where its bytes are.
    """

    id: str
    name: str
    mime_type: str
    size: int
    path: pathlib.Path

    @property
    def url_path(self) -> str:
        """The path of its URL on the server."""
        return f"/files/{self.id}/{urllib.parse.quote(self.name, safe='', errors='replace')}"

    def attachment(self, base_url: str) -> Json:
        """Return the file as it stands in `data.attachments` of a message."""
        return attachment(self.name, self.mime_type, self.size, f"{base_url}{self.url_path}")


@attrs.frozen(eq=False)
class Ticket:
    """The permission to upload one file without a token: a presigned URL and its form fields.

    Attributes:
        file_id: the id that the file will have.
        name: its name.
        mime_type: its type.
        size: the most bytes that it may have.
        fields: the form fields that must come with the file, unchanged.
        expires_at: when it ends, in seconds since 1970.
    """

    file_id: str
    name: str
    mime_type: str
    size: int
    fields: dict[str, str] = attrs.field(repr=False)
    expires_at: int

    def attachment(self, base_url: str) -> Json:
        """Return the file as it will stand in `data.attachments` of a message."""
        url_path = StoredFile(self.file_id, self.name, self.mime_type, self.size, pathlib.Path()).url_path
        return attachment(self.name, self.mime_type, self.size, f"{base_url}{url_path}")


def attachment(name: str, mime_type: str, size: int, url: str) -> Json:
    """Return one element of `data.attachments`."""
    extension = pathlib.PurePosixPath(name).suffix.removeprefix(".")
    return {"url": url, "name": name, "extension": extension, "mimeType": mime_type, "size": size}


class FileStore:
    """The files of a server. The folder is made with the first file and deleted by `close()`, or with the store.

    Files beyond *limit* bytes in all push the oldest ones out.

    Attributes:
        limit: the most bytes of all files.
        file_limit: the most bytes of one file.
    """

    def __init__(self, *, limit: int = DEFAULT_LIMITS.files_size, file_limit: int = DEFAULT_LIMITS.file_size) -> None:
        self.limit: int = limit
        self.file_limit: int = min(file_limit, limit)
        self._files: dict[str, StoredFile] = {}
        self._tickets: dict[str, Ticket] = {}
        self._folder: pathlib.Path | None = None
        self._remove_folder: weakref.finalize[..., FileStore] | None = None
        self._used = 0
        self._last_id = 0

    @property
    def used(self) -> int:
        """The bytes on disk, those of unfinished files included."""
        return self._used

    def get(self, identifier: str) -> StoredFile | None:
        """Find a file by its id."""
        return self._files.get(identifier)

    def new_id(self) -> str:
        """Return the id of a file that is to come."""
        self._last_id += 1
        return f"file-{self._last_id}"

    def issue(self, key: str, ticket: Ticket) -> None:
        """Remember the permission to upload under this key of its URL."""
        self._tickets[key] = ticket
        while len(self._tickets) > _TICKETS:
            del self._tickets[next(iter(self._tickets))]

    def ticket(self, key: str) -> Ticket | None:
        """Find a permission to upload."""
        return self._tickets.get(key)

    def redeem(self, key: str) -> None:
        """End a permission to upload: the file came."""
        self._tickets.pop(key, None)

    def writer(self) -> FileWriter:
        """Begin a file."""
        if self._folder is None:
            self._folder = pathlib.Path(tempfile.mkdtemp(prefix="cometconn-emulator-"))
            self._remove_folder = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return FileWriter(self, self._folder / self.new_id())

    def reserve(self, size: int) -> None:
        """Make room for *size* more bytes of an unfinished file; raise `StoreFullError` if that cannot be done."""
        while self._used + size > self.limit and self._files:
            oldest = self._files.pop(next(iter(self._files)))
            oldest.path.unlink(missing_ok=True)
            self._used -= oldest.size
        if self._used + size > self.limit:
            raise StoreFullError
        self._used += size

    def give_back(self, size: int) -> None:
        """Count *size* bytes as free again: an unfinished file was removed."""
        self._used -= size

    def add(self, file: StoredFile) -> None:
        """Keep a finished file. One of the same id is replaced."""
        replaced = self._files.pop(file.id, None)
        if replaced is not None:
            replaced.path.unlink(missing_ok=True)
            self._used -= replaced.size
        self._files[file.id] = file

    def close(self) -> None:
        """Delete all files and the folder. Idempotent."""
        self._files.clear()
        self._used = 0
        if self._remove_folder is not None:
            self._remove_folder()
            self._folder = self._remove_folder = None


class FileWriter:
    """One file that is being written.

    Attributes:
        size: how many bytes were written.
    """

    def __init__(self, store: FileStore, path: pathlib.Path) -> None:
        self._store = store
        self._path = path
        self._file = path.open("xb", buffering=0)
        self.size: int = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes. Raises `StoreFullError` when the store has no room."""
        self._store.reserve(len(data))
        self.size += len(data)
        self._file.write(data)

    def finish(self, identifier: str, name: str, mime_type: str) -> StoredFile:
        """Keep the file under this id."""
        self._file.close()
        given = mime_type if _TYPE.fullmatch(mime_type) else mimetypes.guess_type(name)[0]
        file = StoredFile(identifier, name, given or _UNKNOWN_TYPE, self.size, self._path)
        self._store.add(file)
        return file

    def abandon(self) -> None:
        """Delete what was written. Once only, and not after `finish()`."""
        self._file.close()
        self._path.unlink(missing_ok=True)
        self._store.give_back(self.size)
