"""A program that Ctrl-C interrupts while it starts, and that then starts again.

`python -m tests.cold_start.interrupted WAY KIND FILE NUMBER...`: so many events of a kind after each start begins, SIGINT
comes. The program prints one line of JSON about what came of it, and, without a number, how many events there are.
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import types
    from collections.abc import Callable

GENERATORS = 0x20 | 0x80 | 0x200  # `inspect.CO_GENERATOR`, CO_COROUTINE, CO_ASYNC_GENERATOR
NEVER = 10**9


class Interrupt:
    """Raises SIGINT in this process, once, after so many events of Python's profiler.

    An event is where Python looks for signals: the beginning of a function, and the return from one that is written in
    C. It does not look where a coroutine or a generator goes on, which the profiler calls a beginning, too.

    Of the kind `"implicit"` are those in methods such as `__hash__`: what calls them is often written in C, and may clear
    what they raise.
    """

    def __init__(self, kind: str, events: int = NEVER) -> None:
        self.implicit = kind == "implicit"
        self.left = events
        self.place = ""

    def __call__(self, frame: types.FrameType, event: str, _: object) -> None:
        if event not in {"call", "c_return"} or (event == "call" and frame.f_code.co_flags & GENERATORS):
            return
        if self.implicit and not frame.f_code.co_name.startswith("__"):
            return
        self.left -= 1
        if self.left > 0 or _is_lost(frame):
            return
        sys.setprofile(None)
        self.place = f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name} ({event})"
        signal.raise_signal(signal.SIGINT)


def _is_lost(frame: types.FrameType | None) -> bool:
    """Return whether Python discards what is raised here, in every program: a callback of the import system's own."""
    while frame is not None:
        if frame.f_code.co_name == "cb" and frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


class Story:
    """What came of each interrupt."""

    def __init__(self) -> None:
        self.risen = 0
        self.wrong: list[str] = []

    def note(self, interrupt: Interrupt, error: BaseException | None) -> bool:
        """Judge what a start ended with, and return whether it was interrupted at all."""
        sys.setprofile(None)
        if type(error) is KeyboardInterrupt and interrupt.place:
            self.risen += 1
        elif error is not None or interrupt.place:
            self.wrong.append(f"{interrupt.place or 'not interrupted'}: {error!r}")
        return interrupt.place != ""


class Unreachable:
    """A network that leads nowhere."""

    async def dial(self, url: str) -> Any:
        """Fail."""
        raise OSError("there is no network here")

    async def request(self, request: object) -> Any:
        """Fail as well."""
        raise OSError("there is no network here")

    def boot_time(self) -> float:
        """Return 0 always: the machine never sleeps."""
        return 0.0

    def random(self) -> float:
        """Return the same number always."""
        return 0.5


async def use(file: str) -> None:
    """Open a client, and let its first connection fail: everything that a connection needs is imported for it."""
    import cometconn

    settings, endpoints = cometconn.AppSettings(), cometconn.Endpoints.at("http://127.0.0.1:9")
    async with cometconn.open_client(
        "APP", settings, store=file, endpoints=endpoints, environment=Unreachable()
    ) as chat:
        try:
            await chat.connect()
        except cometconn.errors.ConnectError:
            return
        raise AssertionError("connected to nothing")


def in_loop(file: str, interrupts: list[Interrupt]) -> Story:
    """Trio runs already: each start begins in the main task, and so does the last one, which nothing interrupts."""
    import trio

    story = Story()

    async def main() -> None:
        for interrupt in interrupts:
            try:
                sys.setprofile(interrupt)
                await use(file)
                await trio.lowlevel.checkpoint()  # where Trio raises what came while it could not be raised
            except BaseException as error:
                interrupted = story.note(interrupt, error)
            else:
                interrupted = story.note(interrupt, None)
            if not interrupted:
                break
        await use(file)

    trio.run(main)
    return story


def before_loop(file: str, interrupts: list[Interrupt]) -> Story:
    """The names are imported before Trio runs, and everything else by `preload()`."""
    story = Story()
    for interrupt in interrupts:
        try:
            sys.setprofile(interrupt)
            from cometconn import AppSettings, CometChat, EventStream, open_client, preload  # noqa: F401
            from cometconn.events import TextMessage  # noqa: F401

            preload()
        except BaseException as error:
            interrupted = story.note(interrupt, error)
        else:
            interrupted = story.note(interrupt, None)
        if not interrupted:
            break
    import trio

    trio.run(use, file)
    return story


def from_nothing(file: str, interrupts: list[Interrupt]) -> Story:
    """Nothing is imported yet. Each start has a process: Trio is of no use after its own import was interrupted."""
    import os

    story = Story()
    for interrupt in interrupts:
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            story = Story()
            try:
                sys.setprofile(interrupt)
                import trio

                trio.run(use, file)
            except BaseException as error:
                story.note(interrupt, error)
            else:
                story.note(interrupt, None)
            os.write(writing, "".join([*story.wrong, "risen" * story.risen, str(interrupt.left)]).encode())
            os._exit(0)  # it is a copy of this process
        os.close(writing)
        with open(reading, encoding="utf-8") as told:
            said = told.read()
        os.waitpid(process, 0)
        if said.startswith("risen"):
            story.risen += 1
        elif said.isdigit():
            interrupt.left = int(said)
        else:
            story.wrong.append(said or "the process ended without a word")
    return story


WAYS: dict[str, Callable[[str, list[Interrupt]], Story]] = {
    "in_loop": in_loop,
    "before_loop": before_loop,
    "from_nothing": from_nothing,
}


def main(way: str, kind: str, file: str, *numbers: str) -> None:
    """Start, and print the report."""
    interrupts = [Interrupt(kind, int(number)) for number in numbers] or [Interrupt(kind)]
    story = WAYS[way](file, interrupts)
    import json

    print(json.dumps({"risen": story.risen, "wrong": story.wrong, "events": NEVER - interrupts[0].left}))


if __name__ == "__main__":
    main(*sys.argv[1:])
