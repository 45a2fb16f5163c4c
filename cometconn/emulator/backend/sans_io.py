"""The whole server without I/O: a transport passes requests and frames in, and writes out what is queued."""

from __future__ import annotations

import email.utils
import time
import urllib.parse
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs
import trio

from cometconn._arguments import checked
from cometconn.emulator.faults import Faults
from cometconn.emulator.jsontext import Json, parse, render
from cometconn.emulator.limits import DEFAULT_LIMITS, ServerLimits
from cometconn.emulator.log import Kind, ServerLog
from cometconn.emulator.recording import Recording
from cometconn.emulator.world.chat_app import ChatApp
from cometconn.emulator.world.sessions import random_secret

from . import realtime, rest
from .client_traces import ClientTraces
from .file_routes import is_storage
from .form import Form, form_boundary
from .query import split_url
from .redact import by_name, by_value, masked
from .rest_meter import RestMeter
from .settings_payload import host_port, settings_payload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cometconn._environment import Request, Response
    from cometconn.emulator.world.devices import Device
    from cometconn.emulator.world.files import StoredFile

__all__ = ["How", "World"]

How: TypeAlias = Literal["close", "cut", "eof", "refused", "reset"]
"""How a connection ended: after the client's close frame, by the server's own closing of the TCP
connection, by the client's, by a refused upgrade, by a reset from either side."""

_SHOWN = 4_096
"""Longer frames stand in the log as text, cut to this many characters."""


class World(ChatApp):
    """The whole of CometChat, in memory and without I/O; only uploaded files lie on disk, in a temporary folder.

    A transport passes in requests and frames and writes out responses and queued frames: the
    emulator's over sockets, the testing kit's over memory. Every method returns at once and must
    be called from Trio's thread.

    Args:
        app_id: the app; other ids are refused.
        auth_key: its auth key.
        api_key: its REST API key, for what an auth key may not do.
        users: uids. `people` holds the rest (names, roles, friends) and may be changed.
        groups: guid and members of each group.
        limits: how much it keeps and takes.
        host: the host in the settings that clients get.
        port: the port in them.
        clock: seconds, for the log.
        wall_clock: seconds since 1970, for messages and the `Date` of answers. `clock_ahead` is added to it.
        make_secret: makes a token from its kind and the uid.

    Attributes:
        base_url: the beginning of the URLs of files, where it is not `http://HOST:PORT`.
        limits: how much it keeps and takes.
        traces: puts what clients send of themselves into the log.
        recording: what records the sessions; `None` unless `record()` was called.
        recorded: the last recording, also after `stop_recording()`.
    """

    @checked
    def __init__(
        self,
        *,
        app_id: str = "APP",
        auth_key: str = "KEY",
        api_key: str = "REST-KEY",
        users: Iterable[str] = ("zed-1", "amy-2"),
        groups: Mapping[str, Iterable[str]] | None = None,
        limits: ServerLimits = DEFAULT_LIMITS,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = trio.current_time,
        wall_clock: Callable[[], float] = time.time,
        make_secret: Callable[[str, str], str] = random_secret,
    ) -> None:
        super().__init__(
            app_id=app_id,
            auth_key=auth_key,
            api_key=api_key,
            users=users,
            groups=groups,
            limits=limits,
            wall_clock=wall_clock,
            make_secret=make_secret,
        )
        self.host: str = host
        self.port: int = port
        self.base_url: str | None = None
        self.limits: ServerLimits = limits
        self.log: ServerLog = ServerLog(clock, limit=limits.log_entries)
        self.traces: ClientTraces = ClientTraces(self.log, wall_clock, self._secrets)
        self.faults: Faults = Faults()
        self.rest_meter: RestMeter = RestMeter(clock)
        self.recording: Recording | None = None
        self.recorded: Recording | None = None
        self._clock = clock

    # REST

    def hangs(self, request: Request) -> bool:
        """Whether this request must be left without an answer; if so, it is recorded in the log."""
        if self.faults.rest != "hang" or self._is_storage(request) or not self.rest_meter.concerns(self.faults):
            return False
        self._log_request(request, status=None)
        return True

    def cuts(self, request: Request) -> bool:
        """Whether the connection must be reset instead of the answer to this request, which took effect."""
        return self.faults.rest == "cut" and not self._is_storage(request) and self.rest_meter.concerns(self.faults)

    def cuts_upload(self, request: Request) -> bool:
        """Whether the connection must be reset while this request, if it is a form, comes."""
        return self.faults.upload == "cut" and self.form(request) is not None

    def cuts_download(self, request: Request) -> bool:
        """Whether the connection must be reset in the middle of the answer, if that is a file."""
        return self.faults.download == "cut" and request.method == "GET" and self._is_storage(request)

    def _is_storage(self, request: Request) -> bool:
        return is_storage(split_url(request.url)[0])

    def form(self, request: Request) -> Form | None:
        """Return the reader of a request's body, if that is a form. The transport feeds it, and calls `abandon()`."""
        kinds = (value for name, value in request.headers.items() if name.lower() == "content-type")
        boundary = form_boundary(next(kinds, ""))
        return None if boundary is None else Form(boundary, self.files)

    def respond(self, request: Request, form: Form | None = None) -> tuple[Response, StoredFile | None]:
        """Answer one REST request. The transport calls `hangs()` before. Files of *form* that are not kept are deleted.

        Returns:
            The response, and the file that is its body: then the response itself has none.
        """
        secrets = self._secrets()  # before the request makes one of them invalid
        server = rest.Server(self, self.faults, self.rest_meter, self._base_url(), self._settings)
        answer = rest.answer(server, request, form)
        if form is not None:
            form.abandon()
        self._log_request(request, status=answer.response.status, uid=answer.uid, code=answer.code, secrets=secrets)
        if self.recording is not None:
            self.recording.exchanged(request, answer.response, answer.uid, self.faults.rest_delay)
        return attrs.evolve(answer.response, headers={**answer.response.headers, **self.date()}), answer.file

    def answer(self, request: Request) -> Response:
        """Answer one REST request whose whole body is in memory, with a response whose body is, too."""
        form = self.form(request)
        if form is not None:
            form.feed(request.body or b"")
        response, file = self.respond(request, form)
        return response if file is None else attrs.evolve(response, body=file.path.read_bytes())

    def _base_url(self) -> str:
        return self.base_url or f"http://{host_port(self.host, self.port)}"

    def _settings(self) -> Json:
        media_host = urllib.parse.urlsplit(self._base_url()).netloc if self.faults.secured_media else None
        return settings_payload(
            self.host,
            self.port,
            now=self.now(),
            mode=self.faults.mode,
            media_host=media_host,
            file_size=self.files.file_limit,
        )

    def date(self) -> dict[str, str]:
        """Return the `Date` header of an answer made now; none where the fault `date` is `False`."""
        if not self.faults.date:
            return {}
        return {"date": email.utils.formatdate(self.now(), usegmt=True)}

    # WebSockets: the transport reports what happens on each connection

    def asked(self, device: Device) -> None:
        """Record that a client requested the upgrade. `faults.upgrade` is what the transport must do about it."""
        self.connected(device)
        if device.port is not None:
            self.traces.note_connection(device.port, device.number)
        device.since = self.log.add(Kind.CONNECT, device.number, path=by_value(device.path, self._secrets())).at
        if self.recording is not None:
            self.recording.dialled(device.number)

    def accepted(self, device: Device) -> None:
        """Record that the WebSocket is open. Includes `asked()`, unless that was called before."""
        if not device.number:
            self.asked(device)
        device.open = True
        self.log.add(Kind.UPGRADE, device.number, status=101)
        if self.recording is not None:
            self.recording.upgraded(device.number, 101)

    def refused(self, device: Device, status: int) -> None:
        """Record that the upgrade was answered with an HTTP error, which ends the connection."""
        self.log.add(Kind.UPGRADE, device.number, status=status)
        if self.recording is not None:
            self.recording.upgraded(device.number, status, self.faults.headers(self.now()).get("retry-after"))
        self.closed(device, "refused")

    def received(self, device: Device, text: str) -> None:
        """Act upon a text frame. Frames of a silent connection, or after its end, are not even recorded."""
        if device.silent or device.gone:
            return
        self.log.add(Kind.FRAME_IN, device.number, device.uid, **self._shown(text))
        before = device.uid
        realtime.received(self, device, text, faults=self.faults, log=self.log)
        if before is None and device.uid is not None:
            self.traces.note_user(device.number, device.uid)
        if self.recording is not None:
            self.recording.framed(device.number, device.uid, "client", text)

    def sent(self, device: Device, text: str) -> None:
        """Record that a queued frame was written."""
        if not (device.silent or device.gone):
            self.log.add(Kind.FRAME_OUT, device.number, device.uid, **self._shown(text))
            if self.recording is not None:
                self.recording.framed(device.number, device.uid, "server", text)

    def wire(self, device: Device, kind: Kind, **detail: Any) -> None:
        """Record a close frame, an EOF or a reset below the WebSocket, and the end of the connection if this ends it.

        `CLOSE_IN` and `CLOSE_OUT` come with `code`, `RESET` with `by`. Before the upgrade is
        requested, and after the end, nothing is recorded.
        """
        if device.gone or not device.number:
            return
        self.log.add(kind, device.number, device.uid, **detail)
        if self.recording is not None:
            self._record_wire(self.recording, device.number, kind, detail)
        if kind is Kind.CLOSE_IN:
            device.close_in = detail["code"] or 0
        elif kind is Kind.CLOSE_OUT:
            device.close_out = True
        elif kind is Kind.EOF or kind is Kind.RESET:
            self.closed(device, "eof" if kind is Kind.EOF else "reset")
        if device.close_in is not None and device.close_out:
            self.closed(device, "close")

    def closed(self, device: Device, how: How) -> None:
        """Record the end of a connection, once; later calls change nothing.

        After a close frame of the client *how* is `close`, whatever became of the TCP connection.
        """
        if device.gone:
            return
        device.gone = True
        by_close_frame = device.close_in is not None
        self.log.add(
            Kind.GONE, device.number, device.uid, how="close" if by_close_frame else how, code=device.close_in or None
        )
        self.disconnected(device)

    def _record_wire(self, recording: Recording, number: int, kind: Kind, detail: Mapping[str, Any]) -> None:
        by = "client" if kind in {Kind.CLOSE_IN, Kind.EOF} or detail.get("by") == "client" else "server"
        if kind is Kind.CLOSE_IN or kind is Kind.CLOSE_OUT:
            recording.closed(number, by, detail["code"])
        else:
            recording.ended(number, by, "eof" if kind is Kind.EOF else "reset")

    # The log

    def record(self) -> Recording:
        """Begin to record what clients send and receive, and forget an earlier recording."""
        self.recording = self.recorded = Recording(self._clock)
        return self.recording

    def stop_recording(self) -> None:
        """Record no more; `recorded` stays."""
        self.recording = None

    def masked(self, values: list[Json]) -> list[Json]:
        """Return a copy of JSON objects without secrets, as the page of the server shows them."""
        return masked(values, self._secrets())

    def _secrets(self) -> tuple[str, ...]:
        return (*self.sessions.values(), self.api_key, self.auth_key)

    def _shown(self, text: str) -> dict[str, Any]:
        """Return a frame as the log shows it: without secrets, and cut if it is long."""
        frame = parse(text)
        if frame is None:
            return {"text": by_value(text, self._secrets())[:_SHOWN]}
        shown = by_value(render(by_name(frame)), self._secrets())
        again = parse(shown) if len(shown) <= _SHOWN else None
        return {"text": shown[:_SHOWN]} if again is None else {"frame": again}

    def _log_request(
        self,
        request: Request,
        *,
        status: int | None,
        uid: str | None = None,
        code: str | None = None,
        secrets: Sequence[str] | None = None,
    ) -> None:
        path, query = split_url(request.url)
        secrets = self._secrets() if secrets is None else secrets
        self.log.add(
            Kind.REST,
            uid=uid,
            method=request.method,
            path=by_value(urllib.parse.unquote(path), secrets),
            query={by_value(name, secrets): by_value(value, secrets) for name, value in by_name(query).items()},
            body=self._shown((request.body or b"{}").decode(errors="replace")).get("frame", {}),
            status=status,
            code=code,
        )
