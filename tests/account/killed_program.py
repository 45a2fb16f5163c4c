"""Saves sessions in child processes that are killed. Arguments: the session file, and the number of children.

Each child is a fork, so that 200 of them take seconds. The first children are killed by SIGKILL at every point of one
save: just before and just after each system call. The next ones are ended by the system in the middle of a write
(SIGXFSZ, when the file reaches a size limit), and the rest are killed by SIGKILL at random times while they save one
session after the other. After each, the file must contain the old or the new session, the lock must be free, and the
next program that opens the file must leave no other file beside it. Finally the same is done for moving an unreadable
file aside. Prints how often each was done.
"""

from __future__ import annotations

import io
import logging
import os
import pathlib
import random
import resource
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

import outcome
import trio

from cometconn import FileStore
from cometconn._account.session import Session
from cometconn._account.session_files import SessionFiles
from cometconn.stores import SavedSession

GARBAGE = b"{ half a session"


def session(number: int) -> SavedSession:
    """Return a session whose length differs from that of the next one."""
    user = {"uid": "zed-1", "filling": "x" * (number % 7 * 5000)}
    return SavedSession("APP", "A-DEVICE", Session("APP", "zed-1", f"token-{number}", None, user, {}))


def die(*_: object) -> NoReturn:
    """Kill this process."""
    while True:
        os.kill(os.getpid(), signal.SIGKILL)


class Deadly:
    """A profile function that kills its process at the *point*-th beginning or end of a system call."""

    def __init__(self, point: int) -> None:
        self.left = point

    def __call__(self, _: object, event: str, called: Any) -> None:
        if not event.startswith("c_"):
            return
        owner = getattr(called, "__self__", None)
        if called is io.open or getattr(called, "__module__", "") == "posix" or isinstance(owner, io.IOBase):
            self.left -= 1
            if self.left == 0:
                die()


def watch(name: str, point: int) -> None:
    """Let the method *name* of `SessionFiles` kill the process at *point*."""
    real = getattr(SessionFiles, name)

    def deadly(*arguments: Any, **named: Any) -> Any:
        sys.setprofile(Deadly(point))
        try:
            return real(*arguments, **named)
        finally:
            sys.setprofile(None)

    setattr(SessionFiles, name, deadly)


async def save_from(path: pathlib.Path, first: int, how_many: int, ready: int = -1) -> None:
    """Save *how_many* sessions, one after the other."""
    store = FileStore(path)
    await store.load("APP")
    if ready >= 0:
        os.write(ready, b"!")
    for number in range(first, first + how_many):
        await store.save(session(number))


in_a_thread = trio.lowlevel.start_thread_soon


def in_no_thread(function: Callable[[], Any], deliver: Callable[[outcome.Outcome[Any]], object], *_: Any) -> None:
    """Replace `start_thread_soon` in the parent, because a process that forks must have no other threads."""
    deliver(outcome.capture(function))


def fork(work: Callable[[], object]) -> int:
    """Run *work* in a child process, and return its id."""
    pid = os.fork()
    if pid == 0:
        trio.lowlevel.start_thread_soon = in_a_thread
        try:
            work()
        except BaseException as error:
            os.write(2, f"{error!r}\n".encode())
            os._exit(1)
        os._exit(0)
    return pid


def killed(pid: int, by: signal.Signals = signal.SIGKILL) -> bool:
    """Wait for a child, and return whether it was killed. If not, it must have succeeded."""
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == by, status
        return True
    assert status == 0, status
    return False


def at_point(path: pathlib.Path, first: int, point: int) -> bool:
    """Kill a child that saves once at *point*; return `False` if it ended before that."""

    def work() -> None:
        watch("_write", point)
        trio.run(save_from, path, first, 1)

    return killed(fork(work))


def in_a_write(path: pathlib.Path, first: int, draw: random.Random) -> None:
    """Let the system kill a child while it writes the file."""

    def work() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        trio.run(save_from, path, first, 1)

    limit = draw.randint(1, 100 + first % 7 * 5000)
    assert killed(fork(work), signal.SIGXFSZ)


def at_random(path: pathlib.Path, first: int, draw: random.Random) -> None:
    """Kill a child that saves one session after the other."""
    reading, ready = os.pipe()
    pid = fork(lambda: trio.run(save_from, path, first, 1_000_000, ready))
    os.close(ready)
    os.read(reading, 1)
    os.close(reading)
    time.sleep(draw.uniform(0, 0.004))
    os.kill(pid, signal.SIGKILL)
    assert killed(pid)


async def look(path: pathlib.Path) -> int:
    """Open the file as the next program would; return the number of the session in it."""
    store = FileStore(path)
    found = await store.load("APP")
    await store.aclose()
    left = sorted(file.name for file in path.parent.iterdir() if file != path)
    assert left == [f"{path.name}.lock"], left
    if found.session is None:
        return 0
    number = int(found.session.auth_token.removeprefix("token-"))
    assert found == session(number), "half a session"
    return number


def save_and_die(path: pathlib.Path, rounds: int) -> str:
    """Kill children in all these ways while they save."""
    draw, last, points = random.Random(), 0, 0
    while at_point(path, last + 1, points + 1):
        points += 1
        number = trio.run(look, path)
        assert number in {last, last + 1}, (last, number)
        last = number
    assert trio.run(look, path) == last + 1, "what was saved to the end is there"
    last += 1
    for _ in range(rounds // 5):
        in_a_write(path, last + 1, draw)
        assert trio.run(look, path) == last
        last += 1
        trio.run(save_from, path, last, 1)
    for _ in range(rounds - points - rounds // 5):
        at_random(path, last + 1, draw)
        number = trio.run(look, path)
        assert number >= last, (last, number)
        last = number
    return f"{points} points of one saving, {rounds} killed, {last} sessions"


def move_and_die(path: pathlib.Path) -> str:
    """Kill children that move an invalid file aside, at every point: its content must still be in one of the files."""

    def work() -> None:
        watch("_move_aside", points + 1)
        trio.run(save_from, path, 1, 0)

    points = 0
    while True:
        path.write_bytes(GARBAGE)
        gone_on = not killed(fork(work))
        contents = [file.read_bytes() for file in path.parent.iterdir() if not file.name.endswith(".lock")]
        assert contents.count(GARBAGE) == points + 1, contents
        trio.run(save_from, path, 1, 0)  # the next one moves it, if that one did not
        assert not path.exists()
        if gone_on:
            return f"{points} points of one moving"
        points += 1


if __name__ == "__main__":
    trio.lowlevel.start_thread_soon = in_no_thread  # type: ignore[assignment]
    logging.getLogger("cometconn").addHandler(logging.NullHandler())
    print(save_and_die(pathlib.Path(sys.argv[1]), int(sys.argv[2])))
    print(move_and_die(pathlib.Path(sys.argv[1])))
