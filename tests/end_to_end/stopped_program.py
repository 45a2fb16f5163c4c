"""A program that is stopped and continued. Arguments: the server's address, and `auto` or `background`."""

from __future__ import annotations

import sys

import trio

import cometconn
from cometconn import AppSettings, CometChat, Endpoints, MemoryStore, Timing
from cometconn.events import TextMessage

TIMING = Timing(keepalive_interval=0.05, pong_timeout=0.3, background_grace=0.4)


async def main(url: str, act: str) -> None:
    """Connect, print "ready", and print every status and message from then on."""
    settings = AppSettings(auto_establish_socket_connection=act == "auto", timing=TIMING)
    async with cometconn.open_client("APP", settings, store=MemoryStore(), endpoints=Endpoints.at(url)) as chat:
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        async with trio.open_nursery() as nursery:
            await nursery.start(print_statuses, chat)
            async with chat.events(TextMessage) as events:
                if act == "background":
                    chat.enter_background()
                print("ready", flush=True)
                async for event in events:
                    print(event.text if isinstance(event, TextMessage) else type(event).__name__, flush=True)


async def print_statuses(chat: CometChat, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Print what the status becomes."""
    async with chat.statuses() as changes:
        await anext(changes)
        task_status.started()
        async for change in changes:
            current = change.current
            reason = current.reason.name if isinstance(current, cometconn.Disconnected) else ""
            print(type(current).__name__, reason, flush=True)


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])
