"""Receiving files: redirects, the user's file token, and writing to disk."""

from __future__ import annotations

import os
import pathlib
import secrets
import urllib.parse
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

import attrs
import trio

from cometconn._account.retrying import Retrying
from cometconn._account.server_settings import usable_setting
from cometconn._account.session import is_token
from cometconn._environment import Request
from cometconn._network.http_date import retry_after_seconds
from cometconn._network.urls import is_loopback
from cometconn.errors import ApiError, FileError, SettingsError
from cometconn.events import Attachment, MediaMessage

from .addresses import file_address, is_at, is_encrypted_enough, next_url, normal_url, url_address, with_fat

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from cometconn._account.session import Session
    from cometconn._account.streaming import WritableFile
    from cometconn._account.transfer import Transfer

    from .request_call import TransferCall

__all__ = ["REFUSED", "Downloads", "file_refused"]

REFUSED = "FILE_REFUSED"
"""The code of errors for a server that keeps files, and has refused one."""

_CALL = "download()"
_RETRYING = Retrying(30.0, repeats=True, changes=False, is_foreign=True)
_ONCE = Retrying(changes=False, is_foreign=True)  # what was written into a program's file cannot be taken back
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_LONGEST_NAME = 200  # characters: with the rest, a file system's 255 bytes are enough for most
_NO_ACCESS = frozenset({401, 403})
_OK = 200


@attrs.frozen(eq=False)
class Downloads:
    """Receives files as the logged-in user.

    Attributes:
        requester: makes the requests.
    """

    requester: TransferCall

    def download(
        self,
        attachment: Attachment | MediaMessage | str,
        to: str | os.PathLike[str] | WritableFile,
        progress: Callable[[int, int | None], object] | None,
    ) -> Callable[[], Awaitable[int]]:
        """Take the call, and return the wait for it: see `CometChat.download()`."""
        url = attachment if isinstance(attachment, str) else attachment.url
        if url is None:
            message = f"{_CALL}: the {type(attachment).__name__} has no URL."
            raise SettingsError(message)
        address, session = file_address(_CALL, url), self.requester.logged_in(_CALL)
        if not is_encrypted_enough(address, self.requester.endpoints):
            message = f"{_CALL}: the URL is not encrypted: only https:// is used with CometChat's cloud."
            raise SettingsError(message)
        is_secured = is_at(address, usable_setting(session.settings, "SECURED_MEDIA_HOST"))
        return partial(self._download, normal_url(url), to, progress, is_secured=is_secured)

    @trio.lowlevel.enable_ki_protection
    async def _download(
        self,
        url: str,
        to: str | os.PathLike[str] | WritableFile,
        progress: Callable[[int, int | None], object] | None,
        *,
        is_secured: bool,
    ) -> int:
        if not isinstance(to, str | os.PathLike):
            return await self._received(url, _Sink(to, "the file"), progress, _ONCE, is_secured=is_secured)
        async with _open_beside(pathlib.Path(to)) as sink:
            return await self._received(url, sink, progress, _RETRYING, is_secured=is_secured)

    async def _received(
        self,
        url: str,
        sink: _Sink,
        progress: Callable[[int, int | None], object] | None,
        retrying: Retrying,
        *,
        is_secured: bool,
    ) -> int:
        """Receive the file; if the server of secured files refuses a token that was used before, once more with a new one."""
        known = self.requester.file_token
        fat = await self._file_token() if is_secured else None
        was_used = known is not None and known is self.requester.file_token
        take = partial(self._take, url, sink, progress)
        try:
            return await self.requester.begin(_CALL, partial(take, fat), retrying)()
        except ApiError as error:
            if not (was_used and error.status in _NO_ACCESS):
                raise
        self.requester.file_token = None
        return await self.requester.begin(_CALL, partial(take, await self._file_token()), retrying)()

    async def _file_token(self) -> str | None:
        """Return the user's token for secured files (`fat`), which the server sends with the user."""
        auth_token = self.requester.logged_in(_CALL).auth_token
        known = self.requester.file_token
        if known is None or known[0] != auth_token:
            me = (await self.requester.request(_CALL, "GET", "/me")())["data"]
            fat = me.get("fat") if isinstance(me, dict) else None
            known = self.requester.file_token = (auth_token, fat if is_token(fat) else "")
        return known[1] or None

    async def _take(
        self,
        url: str,
        sink: _Sink,
        progress: Callable[[int, int | None], object] | None,
        fat: str | None,
        session: Session,
    ) -> int:
        """Make one attempt, and follow redirects."""
        secured_host = usable_setting(session.settings, "SECURED_MEDIA_HOST")
        for _ in range(_MOST_REDIRECTS + 1):
            gets_token = fat is not None and is_at(file_address(_CALL, url), secured_host)
            asked = with_fat(url, fat) if fat is not None and gets_token else url
            async with self.requester.api.transfer(Request("GET", asked, {}, is_foreign=True)) as transfer:
                if transfer.response.status not in _REDIRECTS:
                    return await _written(transfer, sink, progress)
                url = self._redirected(transfer, url, fat)
        message = f"{_CALL}: the server redirects more than {_MOST_REDIRECTS} times."
        raise ApiError(message, code=REFUSED, status=transfer.response.status)

    def _redirected(self, transfer: Transfer, url: str, fat: str | None) -> str:
        """Return where a redirect leads, if it may be followed."""
        location = transfer.response.headers.get("location", "")
        target = next_url(url, location)
        before, address = file_address(_CALL, url), url_address(target)
        if address is None:
            fault = "leads to no URL of a file"
        elif is_loopback(address.host) and not is_loopback(before.host):
            fault = "leads to this machine"
        elif (before.scheme, address.scheme) == ("https", "http") or not is_encrypted_enough(
            address, self.requester.endpoints
        ):
            fault = "leads to a server without encryption"
        elif fat is not None and fat in urllib.parse.unquote(target) and address.host != before.host:
            fault = "would carry the user's file token to another server"
        else:
            return target
        message = f"{transfer.what}: the redirect {fault}, so it is not followed."
        raise ApiError(message, code=REFUSED, status=transfer.response.status)


def file_refused(transfer: Transfer) -> ApiError:
    """Return the error for a server that keeps files, and has refused one."""
    response = transfer.response
    message = f"{transfer.what}: the server refused the file with HTTP status {response.status}."
    retry_after = retry_after_seconds(response.headers.get("retry-after", ""), response.headers.get("date", ""))
    return ApiError(message, code=REFUSED, status=response.status, retry_after=retry_after)


async def _written(transfer: Transfer, sink: _Sink, progress: Callable[[int, int | None], object] | None) -> int:
    """Write the body of the response, and return its length."""
    headers = transfer.response.headers
    if transfer.response.status != _OK:
        raise file_refused(transfer)
    if headers.get("content-encoding", "identity").lower() != "identity":
        message = f"{transfer.what}: the file came compressed, which was not asked for."
        raise ApiError(message, code="INVALID_RESPONSE", status=_OK)
    length = headers.get("content-length", "")
    total = int(length) if length.isascii() and length.isdigit() else None
    received = 0
    await sink.begin()
    async for chunk in transfer:
        await sink.write(chunk)
        received += len(chunk)
        if progress is not None:
            progress(received, total)
    return received


# Writing.


@attrs.frozen
class _Sink:
    """A file that is written to. All its errors are `FileError`.

    Attributes:
        file: the file.
        name: what errors call it.
        is_own: whether it may be emptied for another attempt.
    """

    file: Any
    name: str
    is_own: bool = False

    async def begin(self) -> None:
        """Empty the file."""
        if self.is_own:
            await self._run(self.file.seek, 0)
            await self._run(self.file.truncate)

    async def write(self, chunk: bytes) -> None:
        """Write all of *chunk*."""
        rest = memoryview(chunk)
        while rest:
            written = await self._run(self.file.write, rest)
            rest = rest[written if isinstance(written, int) else len(rest) :]

    async def _run(self, call: Callable[..., Any], *args: object) -> Any:
        try:
            return await trio.to_thread.run_sync(call, *args)
        except (OSError, ValueError, TypeError) as error:  # ValueError: it is closed; TypeError: it takes only text
            raise _unwritable(self.name, error) from error


@asynccontextmanager
async def _open_beside(path: pathlib.Path) -> AsyncGenerator[_Sink, None]:
    """Open a new file beside *path*; give it that name if the block ends without an exception, and else remove it."""
    unfinished = path.parent / f".{path.name[:_LONGEST_NAME]}.{secrets.token_hex(4)}.part"
    shown = f"the file {str(path)!r}"
    file = await trio.to_thread.run_sync(_created, path, unfinished, shown)
    try:
        with file:
            yield _Sink(file, shown, is_own=True)
        await trio.to_thread.run_sync(_renamed, unfinished, path, shown)
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _created(path: pathlib.Path, unfinished: pathlib.Path, shown: str) -> BinaryIO:
    try:
        if not path.name or os.path.lexists(path):
            raise _unwritable(shown, FileExistsError(0, "there is something with that name"))
        return unfinished.open("xb", buffering=0)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise _unwritable(shown, error) from error


def _renamed(unfinished: pathlib.Path, path: pathlib.Path, shown: str) -> None:
    """Give the file its name, unless another file has got it meanwhile."""
    try:
        try:
            path.hardlink_to(unfinished)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            if os.path.lexists(path):
                raise FileExistsError(0, "another file has got that name meanwhile") from None
            unfinished.replace(path)
    except OSError as error:
        raise _unwritable(shown, error) from error


def _unwritable(name: str, error: Exception) -> FileError:
    reason = getattr(error, "strerror", None) or str(error)
    return FileError(f"{_CALL}: {name} cannot be written: {reason}.")
