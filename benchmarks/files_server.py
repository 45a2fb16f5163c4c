"""The server of the files, a process of its own: `python -m benchmarks.files_server`. It prints its URL, and ends with its input.

The emulator has no TLS. Over TLS the same process decrypts in front of it.
"""

from __future__ import annotations

import json
import ssl
import sys

import trio

from cometconn.emulator import open_emulator

from .encryption import server_context

__all__ = ["main"]

_READ = 64 * 1024


async def _serve() -> None:
    context = server_context()
    if context is None:
        async with open_emulator() as server:
            await _until_the_input_ends(server.url)
        return
    listeners = await trio.open_ssl_over_tcp_listeners(0, context, host="127.0.0.1", https_compatible=True)
    public = f"127.0.0.1:{listeners[0].transport_listener.socket.getsockname()[1]}"
    async with open_emulator(public=public) as server, trio.open_nursery() as nursery:

        async def forward(stream: trio.abc.Stream) -> None:
            async with (
                stream,
                await trio.open_tcp_stream("127.0.0.1", server.port) as inner,
                trio.open_nursery() as both,
            ):
                both.start_soon(_copy, stream, inner)
                await _copy(inner, stream)
                both.cancel_scope.cancel(reason="the emulator has closed its connection")

        nursery.start_soon(trio.serve_listeners, forward, listeners)
        await _until_the_input_ends(f"https://{public}")
        nursery.cancel_scope.cancel(reason="the input has ended")


async def _copy(source: trio.abc.ReceiveStream, target: trio.abc.SendStream) -> None:
    try:
        while data := await source.receive_some(_READ):
            await target.send_all(data)
    except (trio.BrokenResourceError, ssl.SSLError):
        pass  # the other direction ends, too


async def _until_the_input_ends(url: str) -> None:
    print(json.dumps({"url": url}), flush=True)
    await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)


def main() -> None:
    """Serve until the input ends."""
    trio.run(_serve)


if __name__ == "__main__":
    main()
