"""A program that follows job control. Arguments: the server's address, then `manual`, `group`, `session` or `ignored`."""

from __future__ import annotations

import os
import signal
import sys

import trio

import cometconn
from cometconn import AppSettings, Disconnected, Endpoints, MemoryStore
from cometconn.appstate import follow_job_control


async def main(url: str, *special: str) -> None:
    """Connect, and print every status; Ctrl-C ends it."""
    settings = AppSettings(auto_establish_socket_connection="manual" not in special)
    async with (
        cometconn.open_client("APP", settings, store=MemoryStore(), endpoints=Endpoints.at(url)) as chat,
        trio.open_nursery() as nursery,
    ):
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        await nursery.start(follow_job_control, chat)
        async with chat.statuses() as changes:
            async for change in changes:
                current = change.current
                reason = f" {current.reason.name}" if isinstance(current, Disconnected) else ""
                print(f"{type(current).__name__}{reason} {chat.app_state.value}", flush=True)


if __name__ == "__main__":
    if "group" in sys.argv:  # as a shell with job control starts its jobs
        os.setpgid(0, 0)
    if "session" in sys.argv:  # an orphaned process group, which no shell could continue
        os.setsid()
    if "ignored" in sys.argv:  # as a shell without job control may start its jobs
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        trio.run(main, *sys.argv[1:])
    except* KeyboardInterrupt:
        sys.exit(130)
