"""What an environment needs to send and receive files. Public in `cometconn.environment`."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from cometconn._arguments import checked, refused
from cometconn._environment import Environment, Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

__all__ = ["MIME_TYPE", "BodyStream", "StreamedResponse", "StreamingEnvironment", "UploadFile", "WritableFile"]

MIME_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")
"""A MIME type without parameters (RFC 6838, section 4.2)."""


class BodyStream(Protocol):
    """The body of a request that is sent piece by piece, so that it is never in memory as a whole."""

    @property
    def size(self) -> int | None:
        """Its length in bytes; `None` if that is not known before it is sent."""
        ...

    @property
    def content_type(self) -> str:
        """The value of the header `Content-Type`."""
        ...

    def pieces(self) -> AsyncIterator[bytes]:
        """Return the pieces, from the first one on: each call begins anew, because a request may be repeated.

        What the iterator raises ends the request, and is raised by the call that makes it.
        """
        ...


@checked
@attrs.frozen
class StreamedResponse:
    """The response to a `Request` whose body is read piece by piece.

    Attributes:
        status: the HTTP status.
        headers: names in lower case, and values.
        chunks: the body as it is received. It raises `OSError` if the body ends too early.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    chunks: AsyncIterator[bytes] = attrs.field(repr=False)


def _not_empty(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not value:
        where = f"UploadFile.{attribute.name}"
        raise refused(where, "a text and not empty", value)


def _is_mime_type(_: object, __: object, value: str) -> None:
    if not MIME_TYPE.fullmatch(value):
        where = "UploadFile.mime_type"
        raise refused(where, 'a MIME type, such as "image/png"', value)


@checked
@attrs.frozen
class UploadFile:
    """One file in a form, for `CometChat.request(files=)`.

    Attributes:
        field: the name of the form's field, such as `"files[]"`.
        name: the name that the file has for the server.
        content: the bytes, or the path of a file that is read while it is sent.
        mime_type: its MIME type, such as `"image/png"`.
    """

    field: str = attrs.field(validator=_not_empty)
    name: str = attrs.field(validator=_not_empty)
    content: bytes | str | os.PathLike[str] = attrs.field(repr=False)
    mime_type: str = attrs.field(default="application/octet-stream", validator=_is_mime_type)


class StreamingEnvironment(Environment, Protocol):
    """An `Environment` that can send and receive files. Without it the calls for files raise `SettingsError`."""

    def open_response(
        self, request: Request, body: BodyStream | None = None
    ) -> AbstractAsyncContextManager[StreamedResponse]:
        """Make one REST request, and read the response during the block. *body* is sent in place of `request.body`.

        The headers of *request* have the content type, but no length. Redirects are not followed. Entering raises `OSError` if no response is received. Leaving the block, also by a
        cancel, closes the connection. The caller bounds the time.
        """
        ...


class WritableFile(Protocol):
    """A file object that is open for writing bytes."""

    def write(self, data: Any, /) -> Any:
        """Write bytes, and return how many were written."""
        ...
