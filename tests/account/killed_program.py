"""Saves sessions in children that are killed. Arguments: the session file, and how often.

Each child is a fork, so that two hundred of them take seconds. Every round a child saves one
session after the other and is killed with SIGKILL: half of the time at a random moment, half of the time
just before or behind a certain system call of the saving. What is then in the file must be one of the
sessions that were being saved, and the lock must be free. Prints how many rounds were well.
"""

from __future__ import annotations

import os
import pathlib
import random
import signal
import sys
import time
from typing import Any

import trio

from cometconn import FileStore
from cometconn._account.session import Session

STEPS = ("open", "fsync", "replace", "fdopen", "close")


def session(number: int) -> Session:
    """One that is longer or shorter than the next."""
    return Session("APP", "zed-1", f"token-{number}", None, {"uid": "zed-1", "filling": "x" * (number % 7 * 5000)}, {})


async def save_for_ever(path: pathlib.Path, first: int, ready: int) -> None:
    """Save the next session, and the next."""
    store = FileStore(path)
    await store.open("APP")
    os.write(ready, b"!")
    number = first
    while True:
        number += 1
        await store.save(session(number))


def kill_at(step: str, after: bool, count: int) -> None:
    """Let this process be killed at the *count*-th call of that function of `os`."""
    real, left = getattr(os, step), count

    def deadly(*args: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **options)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(os, step, deadly)


def one_round(path: pathlib.Path, first: int, draw: random.Random) -> None:
    """Let a child save, and kill it."""
    reading, ready = os.pipe()
    step = draw.choice(STEPS) if draw.random() < 0.5 else None
    pid = os.fork()
    if pid == 0:
        if step is not None:
            kill_at(step, draw.random() < 0.5, draw.randint(1, 12))
        trio.run(save_for_ever, path, first, ready)
        os._exit(1)
    os.close(ready)
    os.read(reading, 1)  # it has begun, or has been killed already
    os.close(reading)
    if step is None:
        time.sleep(draw.uniform(0, 0.004))
        os.kill(pid, signal.SIGKILL)
    else:
        time.sleep(0.002)
        os.kill(pid, signal.SIGALRM)  # were it never killed: not every function is called so often
    os.waitpid(pid, 0)


async def look(path: pathlib.Path) -> int | None:
    """Open the file as the next program would; return the number of the session in it."""
    store = FileStore(path)
    found = (await store.open("APP")).session
    await store.aclose()
    if found is None:
        return None
    number = int(found.auth_token.removeprefix("token-"))
    assert found == session(number), "half a session"
    return number


def main(path: pathlib.Path, rounds: int) -> None:
    """Do it all."""
    draw, last = random.Random(), 0
    for _ in range(rounds):
        one_round(path, last, draw)
        number = trio.run(look, path)
        assert (number or 0) >= last, f"session {number} after {last}"
        last = number or 0
        left = sorted(file.name for file in path.parent.iterdir() if file != path)
        assert left in ([f"{path.name}.lock"], []), left
    print(rounds, "rounds,", last, "sessions")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
