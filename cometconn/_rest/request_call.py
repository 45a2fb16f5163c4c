"""The two calls by which this package reaches CometChat's REST API, and the paths for it."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from cometconn._arguments import refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from cometconn._account.api import Api
    from cometconn._account.retrying import Retrying
    from cometconn._account.session import Session
    from cometconn._account.streaming import UploadFile
    from cometconn.settings import Endpoints

__all__ = ["RequestCall", "TransferCall", "segments"]

T = TypeVar("T")


class RequestCall(Protocol):
    """Makes REST requests as the logged-in user: `Requester` of `cometconn._client`."""

    def request(
        self,
        call: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int | Sequence[str]] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        files: Sequence[UploadFile] | None = None,
        retry_for: float = 30.0,
    ) -> Callable[[], Awaitable[Any]]:
        """Take a request, and return the wait that makes it and returns the whole response, `data` and `meta`.

        *call* is the name of the public call for error messages; the other arguments, and the errors, are those of
        `CometChat.request()`.
        """
        ...

    def undecoded(
        self, call: str, path: str, *, query: Mapping[str, str | int | Sequence[str]] | None = None
    ) -> Callable[[], Awaitable[Mapping[str, bytes]]]:
        """Take a `GET` request, and return the wait for the undecoded JSON of the response's `data` and `meta`.

        So a long list is read in short steps, and an invalid element leaves the others as they are. Otherwise like `request()`.
        """
        ...


class TransferCall(RequestCall, Protocol):
    """What sending and receiving files needs beside that."""

    file_token: tuple[str, str] | None

    @property
    def api(self) -> Api:
        """The REST API."""
        ...

    @property
    def endpoints(self) -> Endpoints | None:
        """The servers that the program has chosen."""
        ...

    def logged_in(self, call: str) -> Session:
        """Return the session; raises `NotLoggedInError` if there is none."""
        ...

    def begin(
        self, call: str, attempt: Callable[[Session], Awaitable[T]], retrying: Retrying = ...
    ) -> Callable[[], Awaitable[T]]:
        """Take a call, and return the wait for its result: see `Requester.begin()`."""
        ...


def segments(*names: str) -> str:
    """Return the path of these segments: `segments("users", uid, "messages")`. Each is quoted.

    Raises:
        SettingsError: one is empty, `.` or `..`, which mean something else in a path, or has half a surrogate pair.
    """
    quoted: list[str] = []
    for name in names:
        try:
            quoted.append(urllib.parse.quote(name, safe=""))
        except UnicodeEncodeError:
            quoted.append("")
        if quoted[-1] in {"", ".", ".."}:
            where = f"The id after {names[len(quoted) - 2]!r}" if len(quoted) > 1 else "An id"
            raise refused(where, "an id that a path can contain", name)
    return "".join(f"/{name}" for name in quoted)
