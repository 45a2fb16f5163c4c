"""A program on asyncio that is interrupted. Arguments: the server's address, what it is doing then, and how it runs its loop."""

from __future__ import annotations

import asyncio
import signal
import sys

import cometconn.aio
from cometconn import AppSettings, Endpoints, MemoryStore


async def main(url: str, act: str) -> None:
    """Connect, and stay until interrupted; "closing": the interrupt comes while the socket is being closed."""
    settings = AppSettings(auto_establish_socket_connection=False)
    async with cometconn.aio.open_client("APP", settings, store=MemoryStore(), endpoints=Endpoints.at(url)) as chat:
        await chat.login(uid="zed-1", auth_key="KEY")
        if act == "connecting":
            print("ready", flush=True)
        await chat.connect()
        if act == "closing":
            go = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, go.set)
            print("connected", flush=True)
            await go.wait()
            print("ready", flush=True)
            await chat.disconnect()
        else:
            print("ready", flush=True)
        await asyncio.Event().wait()


def run_until_complete(url: str, act: str) -> None:
    """Run the loop as programs did before `asyncio.run()`: Python's own handler of SIGINT stays."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(main(url, act))
    try:
        loop.run_until_complete(task)
    finally:
        task.cancel()
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


if __name__ == "__main__":
    *arguments, style = sys.argv[1:]
    try:
        if style == "run":
            asyncio.run(main(*arguments))
        else:
            run_until_complete(*arguments)
    except KeyboardInterrupt as interrupt:
        # Exit status 0 means that the KeyboardInterrupt was not in an exception group.
        handled = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        sys.exit(0 if type(interrupt) is KeyboardInterrupt and handled else 1)
