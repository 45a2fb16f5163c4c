"""The server of the files, a process of its own: `python -m benchmarks.files_server`. It prints its port, and ends with its input."""

from __future__ import annotations

import json
import sys

import trio

from cometconn.emulator import open_emulator

__all__ = ["main"]


async def _serve() -> None:
    async with open_emulator() as server:
        print(json.dumps({"url": server.url}), flush=True)
        await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)


def main() -> None:
    """Serve until the input ends."""
    trio.run(_serve)


if __name__ == "__main__":
    main()
