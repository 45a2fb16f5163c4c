"""The replay server, a process of its own: it implements just enough of a protocol, then pushes encoded messages.

`python -m benchmarks.replay SPEAKER MESSAGES [PACE]`. Every connection gets MESSAGES messages: in a burst, as fast as the
socket takes them, hundreds to a send; or PACE of them a second, one to a send. It prints its port. For each line of
its input it prints the connections and the times of their close frames. It ends with its input.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import time

import attrs

from .encryption import encrypted
from .frames import CLOSE, message
from .sockets import Peer
from .speakers import SPEAKERS

__all__ = ["Flow", "Link", "main", "serve"]

_TOGETHER = 256  # messages to a send in a burst, about 170 kB


@attrs.frozen
class Flow:
    """What every connection gets after the greeting.

    Attributes:
        pieces: the bytes of each send.
        pace: how many of them are sent a second; `None` for as fast as the socket takes them.
    """

    pieces: list[bytes]
    pace: float | None = None

    @classmethod
    def of(cls, encoded: list[bytes], pace: float | None = None) -> Flow:
        """Make a flow of *encoded* messages."""
        if pace is not None:
            return cls(encoded, pace)
        starts = range(0, len(encoded), _TOGETHER)
        return cls([b"".join(encoded[start : start + _TOGETHER]) for start in starts])

    def send(self, peer: Peer) -> None:
        """Send it all."""
        began = time.monotonic()
        for number, piece in enumerate(self.pieces):
            if self.pace is not None:
                time.sleep(max(0.0, began + number / self.pace - time.monotonic()))
            peer.send(piece)


@attrs.define
class Link:
    """One connection, as the server reports it.

    Attributes:
        device: the `deviceId` of the auth frame.
        closed_at: the time of its close frame, on the machine's monotonic clock, which all processes share.
    """

    device: str
    closed_at: float | None = None


def serve(listener: socket.socket, speaker: str, flow: Flow, seen: list[Link]) -> None:
    """Accept connections until the listener is closed, each in a thread of its own."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # it was closed
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve_one, args=(connection, speaker, flow, seen), daemon=True).start()


def _serve_one(connection: socket.socket, speaker: str, flow: Flow, seen: list[Link]) -> None:
    with contextlib.suppress(OSError, EOFError), Peer(encrypted(connection)) as peer:
        speaks = SPEAKERS[speaker]
        link = Link(speaks.greet(peer))
        seen.append(link)
        flow.send(peer)
        if not speaks.frames:
            peer.drain()
        while True:
            opcode, _ = peer.frame()
            if opcode == 8:  # noqa: PLR2004 - RFC 6455's close
                link.closed_at = time.monotonic()
                peer.send(CLOSE)
                return


def main() -> None:
    """Serve until the input ends."""
    speaker, messages, *pace = sys.argv[1:]
    wrap = SPEAKERS[speaker].wrap
    flow = Flow.of([wrap(message(number)) for number in range(int(messages))], float(pace[0]) if pace else None)
    seen: list[Link] = []
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        threading.Thread(target=serve, args=(listener, speaker, flow, seen), daemon=True).start()
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        for _ in sys.stdin:
            print(json.dumps({"links": [attrs.asdict(link) for link in list(seen)]}), flush=True)


if __name__ == "__main__":
    main()
