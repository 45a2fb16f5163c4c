"""The server of the longest step, a process of its own: `python -m benchmarks.step_server`.

It prints its port. Each line of its input names a kind of `hostile`, a number of bytes, and a way: `live` or `rest`; or,
for a shape without a name, a file with the text of a frame. From then on a connection gets that, followed by a message
that marks the end. It ends with its input.
"""

from __future__ import annotations

import contextlib
import functools
import json
import pathlib
import socket
import sys
import threading

import attrs

from .encryption import encrypted
from .frames import AUTH_REPLY, PONG, frame, message
from .hostile import KINDS, Kind, frames_of, page_of
from .sockets import Peer

__all__ = ["main"]

_PATIENCE = 60.0  # seconds until a client requests its page
_NO_PAGE = b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 11\r\n\r\n{"data":[]}'


@attrs.define
class Job:
    """What a connection gets: frames after the ping, or a page; then the last message."""

    frames: bytes = b""
    page: bytes = b""
    pinged: threading.Event = attrs.field(factory=threading.Event)
    served: threading.Event = attrs.field(factory=threading.Event)

    @classmethod
    def of(cls, way: str, size: int, kind: str | None = None, file: str | None = None) -> Job:
        """Return a job."""
        if file is not None:
            text = pathlib.Path(file).read_text(encoding="utf-8")
            made = _made(Kind(lambda _: text, "frame" if way == "live" else "page"), way, size)
        else:
            made = _made(KINDS[str(kind)], way, size)
        return cls(frames=made) if way == "live" else cls(page=made)


@functools.lru_cache(maxsize=4)  # the same is sent in each round, and to make it takes longer than to send it
def _made(kind: Kind, way: str, size: int) -> bytes:
    return frames_of(kind, size) if way == "live" else page_of(kind, size)


@attrs.define
class _Server:
    """Handles each connection in a thread of its own."""

    job: Job = attrs.field(factory=Job)

    def serve(self, listener: socket.socket) -> None:
        """Accept connections until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve_one, args=(connection,), daemon=True).start()

    def _serve_one(self, connection: socket.socket) -> None:
        job = self.job
        with contextlib.suppress(OSError, EOFError), _Conversation(encrypted(connection)) as peer:
            if peer.wants_messages:
                job.pinged.wait(_PATIENCE)
                peer.send(_NO_PAGE if job.served.is_set() else job.page)
                job.served.set()
            else:
                self._push(peer, job)

    def _push(self, peer: _Conversation, job: Job) -> None:
        peer.upgrade()
        peer.frame()
        peer.send(frame(AUTH_REPLY))
        peer.frame()  # the ping: the client measures from here on
        job.pinged.set()
        peer.send(frame(PONG))
        if job.page:
            job.served.wait(_PATIENCE)
        peer.send(job.frames + frame(message(0)))
        while True:
            peer.frame()


class _Conversation(Peer):
    """A peer, after its first line was read."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        self.wants_messages = self.line().startswith(b"GET /messages")


def main() -> None:
    """Serve until the input ends."""
    server = _Server()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=server.serve, args=(listener,), daemon=True).start()
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        for line in sys.stdin:
            server.job = Job.of(**json.loads(line))
            print("{}", flush=True)


if __name__ == "__main__":
    main()
