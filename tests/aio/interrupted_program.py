"""A program that is interrupted by SIGINT. Arguments: the server's address, asyncio or uvloop, and how it runs."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import threading
import time

import trio

from cometconn import AppSettings, Endpoints, MemoryStore, aio

TIMES = 60


async def work(url: str) -> None:
    """Be busy in Trio and outside of it, until interrupted; then leave the client."""
    async with aio.open_client("APP", AppSettings(), store=MemoryStore(), endpoints=Endpoints.at(url)) as chat:
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        print("ready", flush=True)
        while True:
            await chat.ping()


def run(url: str, loop: asyncio.AbstractEventLoop) -> None:
    """`asyncio.run()`: the first Ctrl-C cancels the main task, which leaves its client."""
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(work(url))


def until_complete(url: str, loop: asyncio.AbstractEventLoop) -> None:
    """With Python's own handler of SIGINT: `KeyboardInterrupt` comes out, and the program goes on with its task."""
    before = signal.getsignal(signal.SIGINT)
    task = loop.create_task(work(url))
    try:
        loop.run_until_complete(task)
    finally:
        task.cancel()
        loop.run_until_complete(asyncio.wait([task]))
        assert signal.getsignal(signal.SIGINT) is before
        loop.close()


def interrupt_after(seconds: float) -> None:
    """Send this process a SIGINT."""
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGINT)


def many(url: str, loop: asyncio.AbstractEventLoop) -> None:
    """Interrupt it again and again, at random moments: each comes out once, and the client is as good as before."""

    async def enter() -> aio.CometChat:
        chat = await block.__aenter__()
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        return chat

    async def be_busy() -> None:
        while True:
            await chat.ping()
            chat.enter_foreground()

    block = aio.open_client("APP", AppSettings(), store=MemoryStore(), endpoints=Endpoints.at(url))
    chat = loop.run_until_complete(enter())
    choose = random.Random(16)
    caught = 0
    for _ in range(TIMES):
        task = loop.create_task(be_busy())
        rest = choose.random() * 0.01
        try:
            threading.Thread(target=interrupt_after, args=(rest,)).start()
            loop.run_until_complete(task)
        except KeyboardInterrupt:
            caught += 1
        task.cancel()
        loop.run_until_complete(asyncio.wait([task]))
    assert loop.run_until_complete(chat.ping()) > 0
    loop.run_until_complete(block.__aexit__(None, None, None))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    print(f"caught {caught} of {TIMES}", flush=True)
    loop.close()


def main(url: str, library: str, how: str) -> None:
    """Run it; status 3 means a `KeyboardInterrupt` in no group, with nothing of Trio left."""
    if library == "uvloop":
        import uvloop

        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    try:
        {"run": run, "until_complete": until_complete, "many": many}[how](url, loop)
    except KeyboardInterrupt:
        try:
            trio.lowlevel.current_statistics()
        except RuntimeError:
            sys.exit(3)


if __name__ == "__main__":
    main(*sys.argv[1:])
