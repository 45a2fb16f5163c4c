"""One row against bare trio-websocket, as its own README uses it. Arguments: the number of the row.

Prints for each step how many seconds the call took and its result. The parent process ends this one after a time.
"""

from __future__ import annotations

import sys
import time

import trio
import trio_websocket

from .authority import Authority
from .catalogue import CATALOGUE
from .verdict import QUICK, misbehaving


def show(step: str, began: float, outcome: object) -> None:
    """Print immediately, because the next step may never end."""
    print(f"{step} {time.monotonic() - began:.1f} s: {outcome}", flush=True)


async def main(number: int) -> None:
    """Connect, log in as the protocol wants it, read until an error or five seconds of quiet, leave."""
    case, authority = CATALOGUE[number], Authority()
    context = authority.client() if case.tls is not None else None
    async with misbehaving(case, QUICK.connect_timeout / 50, authority) as (url, _), trio.open_nursery() as sending:
        began, count = time.monotonic(), 0
        try:
            async with trio_websocket.open_websocket_url(url, ssl_context=context) as websocket:
                await websocket.send_message('{"type": "auth"}')
                show("connect", began, "open")
                began = time.monotonic()
                try:
                    for size in case.sends:
                        sending.start_soon(websocket.send_message, "x" * size)
                    if case.at_a_ping:
                        await websocket.send_message('{"action": "ping"}')
                    while True:
                        with trio.fail_after(2):
                            await websocket.get_message()
                        count += 1
                except (trio_websocket.ConnectionClosed, trio.TooSlowError) as error:
                    show("read", began, f"{count} messages, then {type(error).__name__}")
                began = time.monotonic()
        except Exception as error:
            show("end", began, f"{type(error).__name__}: {error}"[:120])
        else:
            show("leave", began, "done")
        sending.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]))
