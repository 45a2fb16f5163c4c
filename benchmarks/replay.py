"""The replay server, a process of its own: it implements just enough of a protocol, then pushes encoded messages.

`python -m benchmarks.replay SPEAKER MESSAGES [PACE]`. Every connection gets MESSAGES messages: in a burst, as fast as the
socket takes them, hundreds to a send; or PACE of them a second, one to a send. It prints its port. A line of its input may
contain a smaller number of messages for the connections from then on. For each line it prints the connections and the times
of their close frames. It ends with its input.
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


@attrs.define
class Flow:
    """What every connection gets after the greeting.

    Attributes:
        encoded: the messages.
        pace: how many of them are sent a second, one to a send; `None` for as fast as the socket takes them.
        count: how many of them are sent.
    """

    encoded: list[bytes]
    pace: float | None = None
    count: int = attrs.field(default=attrs.Factory(lambda self: len(self.encoded), takes_self=True))

    def send(self, peer: Peer) -> None:
        """Send them."""
        began, together = time.monotonic(), _TOGETHER if self.pace is None else 1
        for start in range(0, self.count, together):
            if self.pace is not None:
                time.sleep(max(0.0, began + start / self.pace - time.monotonic()))
            peer.send(b"".join(self.encoded[start : min(start + together, self.count)]))


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
    flow = Flow([wrap(message(number)) for number in range(int(messages))], float(pace[0]) if pace else None)
    seen: list[Link] = []
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        threading.Thread(target=serve, args=(listener, speaker, flow, seen), daemon=True).start()
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        for line in sys.stdin:
            flow.count = json.loads(line).get("messages", flow.count)
            print(json.dumps({"links": [attrs.asdict(link) for link in list(seen)]}), flush=True)


if __name__ == "__main__":
    main()
