"""Which exceptions leave a nursery of ours."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import pydoc
import signal
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
import trio

import cometconn
import cometconn.admin
import cometconn.aio.admin
import cometconn.aio.emulator
import cometconn.aio.testing
import cometconn.appstate
import cometconn.emulator
import cometconn.fleet
import cometconn.testing
from cometconn import AppSettings, open_client
from cometconn._groups import InternalError, Ungrouped, interrupt_in, need_trio, open_nursery, protected, raise_sole
from cometconn._streams.stream_arguments import StreamOptions
from cometconn._streams.streams import Streams
from cometconn.emulator import open_emulator
from cometconn.errors import SettingsError
from cometconn.fleet import MemoryEngine, open_worker
from cometconn.testing import open_fault_proxy

if TYPE_CHECKING:
    import types
    from collections.abc import AsyncGenerator, Callable


async def cancelled() -> trio.Cancelled:
    """Return a real `Cancelled`, which only Trio can make."""
    caught: trio.Cancelled | None = None
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.sleep_forever()
        except trio.Cancelled as error:
            caught = error
            raise
    assert caught is not None
    return caught


async def test_the_blocks_exception_is_raised_alone() -> None:
    """`Cancelled` of other tasks is ignored, and the group is not its context."""
    mine = ValueError("mine")
    with pytest.raises(ValueError, match="mine") as caught:
        raise_sole(BaseExceptionGroup("", [await cancelled(), mine]), mine)
    assert caught.value is mine
    assert caught.value.__context__ is None


async def test_a_group_that_the_block_raised_is_not_unpacked() -> None:
    """The block's own group is raised instead of Trio's copy."""
    mine = ExceptionGroup("mine", [ValueError(), KeyError()])
    copy = mine.derive(list(mine.exceptions))
    with pytest.RaisesGroup(ValueError, KeyError) as caught:
        raise_sole(BaseExceptionGroup("", [copy]), mine)
    assert caught.value is mine


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("depth", [0, 2])
async def test_an_interrupt_takes_precedence(kind: type[BaseException], depth: int) -> None:
    """An interrupt is raised alone, as the same object and without a chain, through any number of nurseries."""
    interrupt = kind(3)
    inner: BaseException = interrupt
    for _ in range(depth):
        inner = BaseExceptionGroup("", [await cancelled(), inner])
    with pytest.raises(kind) as caught:
        raise_sole(BaseExceptionGroup("", [ValueError(), inner]))
    assert caught.value is interrupt
    assert (interrupt.__cause__, interrupt.__context__) == (None, None)


async def test_an_interrupt_keeps_the_error_that_was_being_raised_as_its_context() -> None:
    """Without a nursery, Python itself would show that error above the interrupt."""
    mine = ValueError("mine")
    with pytest.raises(KeyboardInterrupt) as caught:
        raise_sole(BaseExceptionGroup("", [mine, KeyboardInterrupt()]), mine)
    assert caught.value.__context__ is mine


async def test_an_interrupt_in_a_group_that_the_block_raised_stays_there() -> None:
    """The group comes from a nursery of the application, which expects it."""
    mine = BaseExceptionGroup("mine", [KeyboardInterrupt(), ValueError()])
    with pytest.RaisesGroup(KeyboardInterrupt, ValueError) as caught:
        raise_sole(BaseExceptionGroup("", [mine.derive(list(mine.exceptions))]), mine)
    assert caught.value is mine


async def test_our_nursery_does_not_change_the_blocks_exception() -> None:
    """The block's exception is the same object with its own cause, and without Trio's groups in its traceback."""
    for mine in (KeyboardInterrupt(), SystemExit(3), ValueError(), ExceptionGroup("mine", [ValueError()])):
        mine.__cause__ = KeyError()
        with pytest.raises(type(mine)) as caught:
            async with open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                raise mine
        assert caught.value is mine
        assert isinstance(mine.__cause__, KeyError)
        assert mine.__context__ is None


async def test_cancellation_passes_our_nursery() -> None:
    """A cancellation is caught by the scope around our nursery."""
    with trio.move_on_after(0) as scope:
        async with open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            await trio.sleep_forever()
    assert scope.cancelled_caught


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_is_found_in_nested_groups(kind: type[BaseException]) -> None:
    """An interrupt is found alone and at any depth; other exceptions are not interrupts."""
    interrupt = kind()
    nested = BaseExceptionGroup("", [ValueError(), BaseExceptionGroup("", [KeyError(), interrupt])])
    assert interrupt_in(interrupt) is interrupt_in(nested) is interrupt
    assert interrupt_in(ExceptionGroup("", [ValueError()])) is None
    assert interrupt_in(ValueError()) is None


async def test_groups_and_chains_of_a_library_are_removed() -> None:
    """The group of a library's nursery is unpacked, and an interrupt has no error of the library as its context."""

    async def interrupted() -> None:
        try:
            raise OSError
        except OSError:
            raise KeyboardInterrupt from None

    with pytest.raises(KeyboardInterrupt) as caught, Ungrouped():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(interrupted)
            nursery.start_soon(trio.sleep_forever)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    with pytest.raises(KeyboardInterrupt) as caught, Ungrouped():
        await interrupted()
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    with pytest.raises(OSError, match="mine"), Ungrouped():
        async with trio.open_nursery(), trio.open_nursery():
            message = "mine"
            raise OSError(message)


async def test_the_exception_that_the_caller_was_handling_is_kept() -> None:
    """The exception that the caller was handling stays the context of an interrupt in a library."""
    try:
        raise ValueError
    except ValueError as error:
        mine = error
        with pytest.raises(KeyboardInterrupt) as caught, Ungrouped():
            raise KeyboardInterrupt from None
    assert caught.value.__context__ is mine


def test_the_way_out_is_protected() -> None:
    """The generator is left even if an interrupt comes at any call inside of contextlib."""
    for step in itertools.count(1):
        left: list[bool] = []
        striking = _Striking(step)
        with suppress(KeyboardInterrupt):
            trio.run(_leave, striking, left)
        assert left[0], f"struck at step {step}"
        if not striking.struck:
            break
    assert step > 3


async def _leave(striking: _Striking, left: list[bool]) -> None:
    @protected
    @asynccontextmanager
    @trio.lowlevel.enable_ki_protection
    async def opened() -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            left.append(True)

    try:
        async with opened():
            sys.setprofile(striking)
    finally:
        sys.setprofile(None)
        left.append(False)  # a later entry is the garbage collector's


class _Striking:
    """Raises SIGINT at the n-th call of a Python function.

    Calls by the garbage collector do not count, because Python ignores what they raise.
    """

    def __init__(self, n: int) -> None:
        self._left = n
        self.struck = False

    def __call__(self, frame: types.FrameType, event: str, arg: object) -> None:
        """Count the call, and raise the signal at the n-th."""
        if event == "call" and not self.struck and not frame.f_code.co_filename.endswith("_weakrefset.py"):
            self._left -= 1
            if self._left == 0:
                self.struck = True
                signal.raise_signal(signal.SIGINT)


async def test_a_task_of_ours_that_raises_is_an_internal_error() -> None:
    """If two exceptions are raised, one is a task's: an InternalError with the group as its cause."""
    group = ExceptionGroup("", [ValueError(), KeyError()])
    with pytest.raises(InternalError, match="report") as caught:
        raise_sole(group)
    assert caught.value.__cause__ is group


async def test_an_error_of_ours_is_not_lost_in_a_group_of_cancelled() -> None:
    """If one of our tasks raises, a nursery inside the block raises a group of `Cancelled`. Our error leaves all the same."""

    async def broken() -> None:
        message = "ours"
        raise ValueError(message)

    found: BaseException | None = None
    try:
        async with open_nursery() as nursery, trio.open_nursery() as inner:
            inner.start_soon(trio.sleep_forever)
            inner.start_soon(trio.sleep_forever)
            nursery.start_soon(broken)
    except BaseException as error:  # a group of `Cancelled` would end this test without a failure
        found = error
    assert isinstance(found, ValueError)


async def test_a_group_of_cancelled_only() -> None:
    """Of a group of `Cancelled` alone, one is raised."""
    error = await cancelled()
    with pytest.raises(trio.Cancelled):
        raise_sole(BaseExceptionGroup("", [error]))


@protected
@asynccontextmanager
async def opened(number: int = 1) -> AsyncGenerator[int, None]:
    """Open a number."""
    yield number


async def enter() -> None:
    """Enter it as a program does."""
    async with opened():
        pass


def step_without_a_loop() -> None:
    """Run the coroutine as a loop of another library would."""
    coroutine = enter()
    try:
        coroutine.send(None)
    finally:
        coroutine.close()


@pytest.mark.parametrize("run", [lambda: asyncio.run(enter()), step_without_a_loop], ids=["asyncio", "no loop"])
def test_without_trio(run: Callable[[], None]) -> None:
    """One sentence names Trio and `cometconn.aio`."""
    with pytest.raises(SettingsError, match=r"opened\(\) needs Trio.*cometconn\.aio") as caught:
        run()
    assert caught.value.code == "NO_TRIO"


TWINS = [cometconn.aio, cometconn.aio.admin, cometconn.aio.emulator, cometconn.aio.testing]


@pytest.mark.parametrize(
    "module",
    [cometconn, cometconn.admin, cometconn.emulator, cometconn.testing, cometconn.fleet, cometconn.appstate],
)
def test_what_asyncio_does_not_have(module: types.ModuleType) -> None:
    """An asyncio program is sent to `cometconn.aio` only for what is there."""
    names = [name for name in module.__all__ if name.startswith(("open_", "follow_"))]
    assert names
    for name in names:
        with pytest.raises(SettingsError) as caught:
            need_trio(f"{name}()")
        there = any(name in aio.__all__ for aio in TWINS)
        assert ("use cometconn.aio instead" in str(caught.value)) == there
        assert ("cometconn.aio does not have it" in str(caught.value)) != there


USES: dict[str, Callable[[Any], object]] = {
    "needs `async with` instead of `with`": lambda block: block.__enter__(),
    "is not awaited": lambda block: block.__await__(),
    "needs `async with` instead of `for`": list,
    "needs `async with` instead of `next()`": next,
    "needs `async with` around `async for`": aiter,
    "needs `async with` around `anext()`": anext,
    "returns a block to be entered, which has no 'login'": lambda block: block.login(),
}
"""Each use that is not `async with`, and what its error says before it shows the right line."""

ITERATED = ("`for`", "`next()`", "`async for`", "`anext()`")


@pytest.fixture(scope="module")
def blocks() -> dict[str, tuple[Callable[[], Any], str]]:
    """What makes a block, and the right line, by the call."""
    engine = MemoryEngine()
    chat_events = Streams()

    async def no_commit() -> None:
        raise AssertionError

    return {
        "opened": (opened, "opened(...) as opened"),
        "open_client": (lambda: open_client("APP"), "open_client(...) as chat"),
        "chat.events": (
            lambda: chat_events.subscribe(StreamOptions(), lambda queue, _: queue, no_commit),
            "chat.events(...) as events",
        ),
        "open_worker": (
            lambda: open_worker("APP", AppSettings(), engine=engine, name="a"),
            "open_worker(...) as worker",
        ),
        "engine.connect": (lambda: engine.connect("APP"), "engine.connect(...) as connection"),
        "open_emulator": (open_emulator, "open_emulator(...) as server"),
        "open_fault_proxy": (lambda: open_fault_proxy("http://127.0.0.1:9"), "open_fault_proxy(...) as proxy"),
    }


@pytest.mark.parametrize("use", USES)
async def test_any_use_but_async_with(blocks: dict[str, tuple[Callable[[], Any], str]], use: str) -> None:
    """Each is an error that shows the right line, and Python does not warn as well."""
    kind = AttributeError if "has no" in use else TypeError
    for call, (make, line) in blocks.items():
        given = line.split()[-1]
        inside = f"use `{given}` inside the block"
        if call == "chat.events" and any(word in use for word in ITERATED):
            inside = "inside the block `async for event in events:`"
        with pytest.raises(kind) as caught:
            USES[use](make())
        assert str(caught.value) == f"{call}() {use}: write `async with {line}:`, and {inside}."


async def test_the_statements_themselves(blocks: dict[str, tuple[Callable[[], Any], str]]) -> None:
    """`with`, `await` and `async for` reach the methods that explain."""
    for make, _ in blocks.values():
        with pytest.raises(TypeError, match="instead of `with`: write"), make():
            raise AssertionError
        with pytest.raises(TypeError, match="is not awaited: write"):
            await make()
        with pytest.raises(TypeError, match="around `async for`: write"):
            async for _ in make():
                raise AssertionError


async def test_a_call_whose_result_is_never_entered(blocks: dict[str, tuple[Callable[[], Any], str]]) -> None:
    """It is a warning, as for a coroutine that is never awaited."""
    for call, (make, line) in blocks.items():
        with pytest.warns(RuntimeWarning) as caught:
            make()  # and it is deleted at once
        (warning,) = caught
        given = line.split()[-1]
        assert str(warning.message) == (
            f"{call}() was never entered, so it had no effect: write `async with {line}:`, and use `{given}` inside the block."
        )


async def test_a_block_is_entered_once() -> None:
    """Looking at its attributes first is no entry; a second entry is an error that shows the remedy."""
    block = opened()
    assert not hasattr(block, "__len__")
    assert not hasattr(block, "aclose")
    async with block as number:
        assert number == 1
    with pytest.raises(RuntimeError) as caught:
        async with block:
            raise AssertionError
    assert str(caught.value) == "What opened() returned was entered before: call opened() again for another block."


def test_what_help_shows() -> None:
    """The type of the result is that of a block, and not that of a generator."""
    assert inspect.signature(opened).return_annotation == "AbstractAsyncContextManager[int]"
    assert "-> 'AbstractAsyncContextManager[CometChat]'" in pydoc.render_doc(open_client, renderer=pydoc.plaintext)  # type: ignore[attr-defined]


def test_a_wrong_argument_is_refused_at_the_call() -> None:
    """Not only when the block is entered."""
    with pytest.raises(SettingsError, match=r"opened\(number=\.\.\.\) must be a whole number, not '1'"):
        opened("1")  # type: ignore[arg-type]
