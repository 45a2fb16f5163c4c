"""Answers REST requests: finds the route, runs its handler, and turns a refusal into CometChat's error JSON."""

from __future__ import annotations

import urllib.parse
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import attrs

from cometconn._environment import Response
from cometconn.emulator.jsontext import Json, parse
from cometconn.emulator.world.files import StoredFile

from .call import Call, Handler
from .file_routes import is_storage
from .query import split_url
from .responses import Refusal, json_response
from .routes import ROUTES
from .settings_payload import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cometconn._environment import Request
    from cometconn.emulator.faults import Faults
    from cometconn.emulator.world.chat_app import ChatApp

    from .form import Form
    from .rest_meter import RestMeter

__all__ = ["Answer", "Server", "answer"]


_PDF: Final = "application/pdf"

_BY_LENGTH: dict[int, list[tuple[str, list[str], Handler]]] = {}
"""The routes, in their order, by the number of segments of their paths."""

for _method, _pattern, _handler in ROUTES:
    _segments = _pattern.split("/")
    _BY_LENGTH.setdefault(len(_segments), []).append((_method, _segments, _handler))


@attrs.frozen
class Answer:
    """A response, and what the log records with it.

    Attributes:
        response: the HTTP response; if `file` is set, without its body.
        file: the file that is the body.
        uid: the user of the request, where known.
        code: the error code of a refusal.
    """

    response: Response
    uid: str | None
    code: str | None
    file: StoredFile | None = None


@attrs.frozen
class Server:
    """What the answers depend on beside the app.

    Attributes:
        app: the app.
        faults: what the server does wrong on purpose.
        meter: counts the requests.
        base_url: the address of the server, as clients know it, without a path.
        settings: makes the server's settings object.
    """

    app: ChatApp
    faults: Faults
    meter: RestMeter
    base_url: str
    settings: Callable[[], Json]


def answer(server: Server, request: Request, form: Form | None = None) -> Answer:
    """Answer one request, whatever it is. *form*: its body, if that is a form."""
    app = server.app
    headers = {name.lower(): value for name, value in request.headers.items()}
    uid = app.sessions.user_of_token(headers.get("authtoken", ""))
    try:
        _check_faults(server, request, form)
        _check_app(app, headers)
        handler, call = _find(server, request, headers, form)
        if uid is None and call.path.get("uid") in app.people:
            uid = call.path["uid"]  # the user that logs in
        result = handler(call)
        if isinstance(result, StoredFile):
            return Answer(Response(200, _file_headers(result), b""), uid, None, result)
        return Answer(result if isinstance(result, Response) else json_response(200, result), uid, None)
    except Refusal as refusal:
        return Answer(refusal.response(), uid, refusal.code)


def _file_headers(file: StoredFile) -> dict[str, str]:
    """Return the headers of a file. A script in it must not run as if it were one of this server's page."""
    headers = {
        "content-type": file.mime_type,
        "content-length": str(file.size),
        "x-content-type-options": "nosniff",
    }
    if file.mime_type != _PDF:  # browsers do not show a PDF file in a sandbox, and its scripts reach no page
        headers["content-security-policy"] = "sandbox"
    return headers


def _check_faults(server: Server, request: Request, form: Form | None) -> None:
    """Refuse what the faults demand. The storage of files has faults of its own."""
    faults = server.faults
    if form is not None and isinstance(faults.upload, int):
        raise _set_to_fail(faults.upload, server)
    if isinstance(faults.rest, int) or isinstance(faults.download, int) or faults.rest_limit is not None:
        if is_storage(split_url(request.url)[0]):
            if request.method == "GET" and isinstance(faults.download, int):
                raise _set_to_fail(faults.download, server)
            return
        if isinstance(faults.rest, int) and server.meter.concerns(faults):
            raise _set_to_fail(faults.rest, server)
        server.meter.check_limit(faults)


def _set_to_fail(status: int, server: Server) -> Refusal:
    code = "TOO_MANY_REQUEST" if status == HTTPStatus.TOO_MANY_REQUESTS else "ERR_INTERNAL_SERVER_ERROR"
    headers = server.faults.headers(server.app.now())
    return Refusal(status, code, "The server is set to answer with an error.", headers)


def _check_app(app: ChatApp, headers: Mapping[str, str]) -> None:
    if headers.get("appid", app.app_id) != app.app_id:
        raise Refusal(404, "ERR_APP_NOT_FOUND", "There is no app with this id here.")


def _find(server: Server, request: Request, headers: Mapping[str, str], form: Form | None) -> tuple[Handler, Call]:
    """Find the handler of a request; 404 for an unknown path, 405 for a known one with another method."""
    url_path, query = split_url(request.url)
    segments = [urllib.parse.unquote(segment) for segment in url_path.strip("/").split("/")]
    if segments[0] == API_VERSION:
        del segments[0]
    methods = set()
    for method, pattern, handler in _BY_LENGTH.get(len(segments), ()):
        path = _match(pattern, segments)
        if path is not None and method == request.method:
            body = _read_body(request) if form is None else _read_form(form)
            call = Call(server.app, server.settings, server.base_url, server.faults, path, query, headers, body, form)
            return handler, call
        if path is not None:
            methods.add(method)
    if methods:
        raise Refusal(405, "ERR_METHOD_NOT_ALLOWED", f"This path answers {', '.join(sorted(methods))} only.")
    raise Refusal(404, "ERR_API_NOT_FOUND", "There is nothing at this path.")


def _match(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    """Compare segment by segment; return the segments that the pattern names in braces, or `None`."""
    found: dict[str, str] = {}
    for wanted, segment in zip(pattern, segments, strict=True):
        if wanted.startswith("{"):
            found[wanted.strip("{}")] = segment
        elif wanted != segment:
            return None
    return found


def _read_body(request: Request) -> Json:
    if not request.body:
        return {}
    body = parse(request.body)
    if body is None:
        raise Refusal(400, "ERR_BAD_REQUEST", "The body is not a JSON object.")
    return body


def _read_form(form: Form) -> Json:
    """Return the fields of a form. Lists and objects are JSON text in it; `data` is read where it is known to be one."""
    form.finish()
    body: Json = dict(form.fields)
    for name, text in form.fields.items():
        if name != "data" and text.startswith(("[", "{")):
            wrapped = parse(f'{{"value":{text}}}')
            body[name] = text if wrapped is None else wrapped["value"]
    return body
