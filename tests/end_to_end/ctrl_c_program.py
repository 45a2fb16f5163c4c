"""A program that is interrupted. Arguments: the server's address, and what it is doing when that happens."""

from __future__ import annotations

import signal
import sys

import trio

import cometconn
from cometconn import AppSettings, Endpoints, MemoryStore


async def main(url: str, act: str) -> None:
    """Connect, and stay until interrupted; "closing": the interrupt comes while the socket is being closed."""
    settings = AppSettings(auto_establish_socket_connection=False)
    async with cometconn.open_client("APP", settings, store=MemoryStore(), endpoints=Endpoints.at(url)) as chat:
        await chat.login(uid="zed-1", auth_key="KEY")
        if act == "connecting":
            print("ready", flush=True)
        await chat.connect()
        if act == "closing":
            with trio.open_signal_receiver(signal.SIGUSR1) as go:
                print("connected", flush=True)
                await anext(go)
            print("ready", flush=True)
            await chat.disconnect()
        else:
            print("ready", flush=True)
        await trio.sleep_forever()


if __name__ == "__main__":
    try:
        trio.run(main, *sys.argv[1:])
    except KeyboardInterrupt as interrupt:
        # Exit status 0 means that the KeyboardInterrupt was not in an exception group.
        sys.exit(0 if type(interrupt) is KeyboardInterrupt else 1)
