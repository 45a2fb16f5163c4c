"""Bodies of the type `multipart/form-data` (RFC 7578), read piece by piece: files go to disk as they come."""

# ruff: noqa: EM101, EM102, TRY003 - a refusal is an HTTP response, not a traceback

from __future__ import annotations

import email.message
import re
from typing import TYPE_CHECKING, Final

import attrs

from cometconn.emulator.world.files import FILES_AT_ONCE, FileWriter, StoreFullError

from .responses import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from cometconn.emulator.world.files import FileStore

__all__ = ["FIELD_LIMIT", "Form", "FormFile", "form_boundary"]

FIELD_LIMIT: Final = 1_048_576
"""The most bytes of all fields that are not files."""

_HEAD_LIMIT: Final = 8_192
"""The most bytes of the headers of one part."""

_PART_LIMIT: Final = 100
"""The most parts of one form."""

_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")


def form_boundary(content_type: str) -> str | None:
    """Return the boundary of a form from its `Content-Type`; empty if that has no valid one, `None` if it is no form."""
    if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
        return None
    message = email.message.Message()
    message["content-type"] = content_type
    boundary = message.get_boundary("")
    return boundary if _BOUNDARY.fullmatch(boundary) else ""


@attrs.frozen
class FormFile:
    """One file of a form.

    Attributes:
        field: the name of its field.
        name: the name of the file.
        mime_type: the type that its part has; empty if it has none.
        writer: the bytes, of which all have come.
    """

    field: str
    name: str
    mime_type: str
    writer: FileWriter


class Form:
    """Reads one form. `feed()` takes its bytes; then either `finish()` or `abandon()` must be called.

    Attributes:
        fields: the fields that are not files.
        files: the files, in their order. `take()` takes one out; `abandon()` deletes those that are left.
        received: how many bytes came.
    """

    def __init__(self, boundary: str, store: FileStore) -> None:
        self.fields: dict[str, str] = {}
        self.files: list[FormFile] = []
        self.received: int = 0
        self._store = store
        self._delimiter = f"\r\n--{boundary}".encode()
        self._buffer = bytearray(b"\r\n")  # so that the first delimiter looks like the others
        self._read: Callable[[], bool] = self._read_preamble
        self._refusal: Refusal | None = None if boundary else _bad("The boundary of the form is missing or not valid.")
        self._parts = 0
        self._field_size = 0
        self._name = ""
        self._text = bytearray()
        self._file: FormFile | None = None

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes. After an error, which `finish()` raises, they are ignored."""
        self.received += len(data)
        if self._refusal is not None:
            return
        self._buffer += data
        try:
            while self._read():
                pass
        except Refusal as refusal:
            self._refuse(refusal)
        except StoreFullError:
            self._refuse(
                Refusal(507, "ERR_STORAGE_FULL", f"All files together have at most {self._store.limit} bytes.")
            )

    def finish(self) -> None:
        """End the form. Raises `Refusal` if it is not complete and valid."""
        if self._refusal is None and self._read != self._read_epilogue:
            self._refuse(_bad("The form ends too early."))
        if self._refusal is not None:
            raise self._refusal

    def take(self, file: FormFile) -> FileWriter:
        """Take a file out, so that `abandon()` does not delete it."""
        self.files.remove(file)
        return file.writer

    def abandon(self) -> None:
        """Delete the files that were not taken. Idempotent."""
        unfinished = [] if self._file is None else [self._file]
        for file in (*self.files, *unfinished):
            file.writer.abandon()
        self.files.clear()
        self._file = None

    def _refuse(self, refusal: Refusal) -> None:
        self._refusal = refusal
        self._buffer.clear()
        self.abandon()

    # Each of these reads from the buffer, and returns whether another one may find more in it.

    def _read_preamble(self) -> bool:
        at = self._buffer.find(self._delimiter)
        if at < 0:
            del self._buffer[: max(0, len(self._buffer) - len(self._delimiter) + 1)]
            return False
        del self._buffer[: at + len(self._delimiter)]
        self._read = self._read_head
        return True

    def _read_head(self) -> bool:
        """Read what follows a delimiter: the end of the form, or the headers of the next part."""
        if self._buffer.startswith(b"--"):
            self._read = self._read_epilogue
            return True
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _HEAD_LIMIT:
                raise _bad("The headers of a part of the form are too long.")
            return False
        head = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        self._begin_part(head)
        self._read = self._read_part
        return True

    def _begin_part(self, head: bytes) -> None:
        self._parts += 1
        if self._parts > _PART_LIMIT:
            raise _bad(f"A form has at most {_PART_LIMIT} parts.")
        headers = email.message.Message()
        for line in head.decode("utf-8", "replace").split("\r\n"):
            name, separator, value = line.partition(":")
            if separator and name.strip().lower() in {"content-disposition", "content-type"}:
                headers[name.strip()] = value.strip()
        field = headers.get_param("name", None, "content-disposition")
        file_name = headers.get_filename()
        if headers.get_content_disposition() != "form-data" or not isinstance(field, str) or not field:
            raise _bad("Each part of the form must have a name.")
        self._name = field
        self._text = bytearray()
        if file_name is None:
            return
        file_name = file_name.replace("%22", '"')  # HTML, section 4.10.22.8: how clients write a quotation mark
        if len(self.files) >= FILES_AT_ONCE:
            raise Refusal(400, "ERR_TOO_MANY_FILES", f"A message has at most {FILES_AT_ONCE} files.")
        kind = headers.get_content_type() if "content-type" in headers else ""
        self._file = FormFile(field, file_name, kind, self._store.writer())

    def _read_part(self) -> bool:
        """Pass on the content of the part, but for bytes that may begin the delimiter."""
        at = self._buffer.find(self._delimiter)
        whole = at >= 0
        end = at if whole else max(0, len(self._buffer) - len(self._delimiter) + 1)
        with memoryview(self._buffer) as view, view[:end] as content:
            self._write(content)
        del self._buffer[: end + (len(self._delimiter) if whole else 0)]
        if whole:
            self._end_part()
            self._read = self._read_head
        return whole

    def _write(self, content: memoryview) -> None:
        if self._file is not None:
            writer = self._file.writer
            if writer.size + len(content) > self._store.file_limit:
                limit = self._store.file_limit
                raise Refusal(413, "ERR_FILE_SIZE_EXCEEDED", f"A file has at most {limit} bytes.")
            writer.write(content)
        else:
            self._field_size += len(content)
            if self._field_size > FIELD_LIMIT:
                message = f"The fields of the form have more than {FIELD_LIMIT} bytes."
                raise Refusal(413, "ERR_PAYLOAD_TOO_LARGE", message)
            self._text += content

    def _end_part(self) -> None:
        if self._file is not None:
            self.files.append(self._file)
        else:
            self.fields[self._name] = self._text.decode("utf-8", "replace")
        self._file = None

    def _read_epilogue(self) -> bool:
        self._buffer.clear()
        return False


def _bad(message: str) -> Refusal:
    return Refusal(400, "ERR_BAD_REQUEST", message)
