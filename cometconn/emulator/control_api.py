"""The server's controls over HTTP, below `/control/`, and its page: for people, and for programs in other languages."""

# ruff: noqa: TRY301 - a refusal is an HTTP response, not a traceback

from __future__ import annotations

import secrets
import urllib.parse
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import attrs

from cometconn._environment import Response
from cometconn._network.urls import is_loopback
from cometconn.errors import SettingsError

from .backend.query import split_url
from .backend.responses import Refusal, json_response
from .control import bad_control
from .controls import CONTROLS
from .log_watch import LogWatch
from .page_files import page_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cometconn._environment import Request

    from .server_controls import ServerControls

__all__ = ["WATCHERS", "ControlApi"]

WATCHERS: Final = 20
"""At most this many pages and other programs watch the log at the same time; a further one gets 503."""

_CONTROL: Final = "/control"
_PREFIX: Final = f"{_CONTROL}/"
_PAGE: Final = "/page/"
_EVENTS: Final = f"{_PREFIX}events"
_HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_BY_NAME: Final = {control.name: control for control in CONTROLS}


@attrs.define(eq=False)
class ControlApi:
    """The controls of one server over HTTP.

    Attributes:
        server: the server.
    """

    server: ServerControls
    _id: str = attrs.field(factory=lambda: secrets.token_hex(8), init=False)
    _watchers: int = attrs.field(default=0, init=False)

    def concerns(self, url: str) -> bool:
        """Whether a request is for the controls or the page, and not for the REST API."""
        path = split_url(url)[0]
        return path in {"/", _CONTROL} or path.startswith((_PREFIX, _PAGE))

    def respond(self, request: Request) -> Response:
        """Carry a request out. The response to an invalid one is an HTTP error with the reason."""
        path, query = split_url(request.url)
        try:
            headers = _check_origin(path, request.headers)
            if path != _CONTROL and not path.startswith(_PREFIX):
                return _page(path, request.method, headers)
            control = _BY_NAME.get(path[len(_PREFIX) :] or "controls")
            if control is None:
                raise Refusal(404, "ERR_NO_CONTROL", f"There is no {path}: there are {', '.join(_BY_NAME)}.")
            if request.method != control.method:
                raise Refusal(405, "ERR_METHOD_NOT_ALLOWED", f"{path} takes {control.method} only.")
            given = control.read(query, request.body or b"")
            if control.handler is None:
                raise Refusal(503, "ERR_TOO_MANY_WATCHERS", f"{WATCHERS} programs watch the log already.")
            result = control.handler(self.server, **given)
            response = result if isinstance(result, Response) else json_response(200, {"data": result})
        except SettingsError as error:
            response = bad_control(error.message).response()
        except Refusal as refusal:
            response = refusal.response()
        except OSError as error:  # another process has taken the port
            response = Refusal(503, "ERR_CANNOT_LISTEN", error.strerror or str(error)).response()
        return attrs.evolve(response, headers={**_HEADERS, **response.headers})

    @contextmanager
    def watch(self, request: Request) -> Iterator[LogWatch | None]:
        """Return the log for a request to watch it; `None` where `respond()` makes the response."""
        path, query = split_url(request.url)
        if path != _EVENTS or request.method != "GET" or self._watchers >= WATCHERS:
            yield None
            return
        try:
            headers = _check_origin(path, request.headers)
            since = _BY_NAME["events"].read(query, request.body or b"").get("since")
        except Refusal:
            yield None
            return
        last = headers.get("last-event-id", "")
        if last.isascii() and last.isdecimal() and len(last) <= len(str(2**53)):
            since = int(last) + 1
        self._watchers += 1
        try:
            yield LogWatch(self.server.log, self._id, since)
        finally:
            self._watchers -= 1


def _page(path: str, method: str, headers: Mapping[str, str]) -> Response:
    if method != "GET":
        raise Refusal(405, "ERR_METHOD_NOT_ALLOWED", f"{path} takes GET only.")
    file = page_file(path, headers)
    if file is None:
        raise Refusal(404, "ERR_NO_FILE", f"The page has no file {path}.")
    return file


def _check_origin(path: str, headers: Mapping[str, str]) -> Mapping[str, str]:
    """Refuse what web pages of other origins request: a browser on this machine can reach the loopback port, too.

    A browser sends `Origin` with every request but `GET` and `HEAD` without CORS, and `Sec-Fetch-Site` with all to
    loopback; other programs send neither. A link of another page may open `/`.

    Returns the headers with names in lower case.
    """
    named = {name.lower(): value for name, value in headers.items()}
    host, origin, site = named.get("host", "localhost"), named.get("origin"), named.get("sec-fetch-site", "none")
    if not is_loopback(_host(f"http://{host}")):
        raise Refusal(403, "ERR_NOT_LOCAL", "The control interface is for this machine only.")
    is_own = origin is None or origin.rpartition("//")[2].lower() == host.lower()
    is_link = path == "/" and named.get("sec-fetch-mode") == "navigate"
    if not (is_own and (is_link or site in {"none", "same-origin"})):
        raise Refusal(403, "ERR_FOREIGN_ORIGIN", "The control interface is for this server's own page only.")
    return named


def _host(url: str) -> str:
    try:
        return urllib.parse.urlsplit(url).hostname or ""
    except ValueError:  # an invalid IPv6 address
        return ""
