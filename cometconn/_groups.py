"""Async context managers: exceptions leave their nurseries in no group, and a use without `async with` is explained."""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, NamedTuple, NoReturn, ParamSpec, TypeVar, final

import trio

from ._arguments import check_call
from .errors import CometConnError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

__all__ = [
    "AsyncBlock",
    "InternalError",
    "ShortTraceback",
    "Ungrouped",
    "Usage",
    "WrappedBlock",
    "async_block",
    "interrupt_in",
    "left_block_error",
    "need_trio",
    "open_nursery",
    "protected",
    "raise_sole",
    "usage_of",
]

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=Exception)

_INTERRUPTS = (KeyboardInterrupt, SystemExit)


class InternalError(Exception):
    """A background task of cometconn raised, which is a bug in cometconn: please report this."""


def raise_sole(group: BaseExceptionGroup[BaseException], mine: BaseException | None = None) -> NoReturn:
    """Raise the exception of the block around which the nursery was opened, as if there were no nursery.

    Our own tasks record their outcome and do not raise, so *group* holds, besides `Cancelled`, exactly one exception,
    and the block raised it. Pass it as *mine* where it is known: Trio copies groups that leave a nursery, and a group
    that the block raised must come out as the same object. A `KeyboardInterrupt` or `SystemExit` takes precedence.

    The exception raised is the same object, with its own cause and context. Only if an interrupt came while *mine* was
    being raised, the context of the interrupt is *mine*.
    """
    real = [error for error in group.exceptions if not isinstance(error, trio.Cancelled)]
    found = _without_groups(real)
    interrupts = [error for error in found if isinstance(error, _INTERRUPTS)]
    if mine is not None and found and not _without_groups([mine]):
        mine = None  # a group of nothing but `Cancelled`, because one of our tasks raised
    if mine is not None and real and (len(real) == 1 or isinstance(mine, _INTERRUPTS)):
        sole = mine
    elif interrupts:
        sole = interrupts[0]
    elif len(found) > 1:
        message = "a background task of cometconn raised: please report this"
        raise InternalError(message) from group
    else:
        sole = (found or _without_groups(group.exceptions, cancelled=True))[0]
    context = sole.__context__
    if interrupts and sole is not mine:
        # A traceback must still show the block's error that the interrupt replaced, but not an error that one of our
        # tasks was handling.
        context, sole.__cause__ = mine, None
    try:
        raise sole
    finally:
        sole.__context__ = context  # Python has just set it to the group
        del sole, context, group, real, found, interrupts, mine  # avoids a reference cycle


def interrupt_in(error: BaseException) -> BaseException | None:
    """Return the `KeyboardInterrupt` or `SystemExit` that *error* is or, as a group, contains; else `None`."""
    return next((each for each in _without_groups([error]) if isinstance(each, _INTERRUPTS)), None)


def _without_groups(errors: Iterable[BaseException], *, cancelled: bool = False) -> list[BaseException]:
    found: list[BaseException] = []
    for error in errors:
        if isinstance(error, BaseExceptionGroup):
            found += _without_groups(error.exceptions, cancelled=cancelled)
        elif cancelled or not isinstance(error, trio.Cancelled):
            found.append(error)
    return found


@final
class Ungrouped:
    """Surrounds a call into a library that uses nurseries: `with Ungrouped(): ...`.

    The group from a nursery of the library is replaced by the one exception in it. A `KeyboardInterrupt` keeps the
    context that the caller had and not the errors that the library was handling, so the traceback after Ctrl-C shows no
    chain.
    """

    __slots__ = ("_handled",)

    def __enter__(self) -> None:
        """Remember the exception that the caller is handling, if any."""
        self._handled = sys.exception()

    @trio.lowlevel.enable_ki_protection
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Raise the exception without its group."""
        handled = self._handled
        del self._handled  # avoids a reference cycle
        try:
            if isinstance(error, BaseExceptionGroup):
                raise_sole(error)
        except KeyboardInterrupt as sole:
            _bare(sole, handled)
            raise
        else:
            if isinstance(error, KeyboardInterrupt):
                _bare(error, handled)
        finally:
            del handled, error


@final
class ShortTraceback:
    """Surrounds the inner steps of a call: an error that we raise there on purpose leaves without their lines.

    Its text describes what happened, and its cause is chained; the steps only make the traceback long.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Remove the lines."""
        if isinstance(error, CometConnError):
            error.__traceback__ = None


def _bare(interrupt: KeyboardInterrupt, handled: BaseException | None) -> None:
    interrupt.__cause__ = None
    interrupt.__context__ = handled if handled is not interrupt else None


class Usage(NamedTuple):
    """The lines that a program should have, for errors.

    Attributes:
        call: the call whose result is entered, such as `chat.events`.
        given: the usual name of what the block gets, such as `events`; empty if it gets nothing.
        item: the usual name of what is iterated over in the block; empty if it is not iterated over.
    """

    call: str
    given: str
    item: str = ""

    def shown(self, *, iterating: bool = False) -> str:
        """Return the advice."""
        if not self.given:
            return f"write `async with {self.call}(...):`."
        inside = f"use `{self.given}` inside the block"
        if iterating and self.item:
            inside = f"inside the block `async for {self.item} in {self.given}:`"
        return f"write `async with {self.call}(...) as {self.given}:`, and {inside}."


class AsyncBlock(AbstractAsyncContextManager[T]):
    """The base of what public calls return for `async with`. Any other use is an error that shows the right line.

    A subclass has a `_usage`, enters by `_enter()`, and sets the two flags of `__slots__` to `False` when it is made.
    """

    __slots__ = ("_is_entered", "_is_explained")

    _usage: Usage
    _is_entered: bool
    _is_explained: bool

    def _enter(self) -> None:
        """Note that the block is entered; raise `RuntimeError` if that is the second time."""
        if self._is_entered:
            call = self._usage.call
            message = f"What {call}() returned was entered before: call {call}() again for another block."
            raise RuntimeError(message)
        self._is_entered = True

    def _explain(self, kind: type[E], what: str, *, iterating: bool = False) -> E:
        self._is_explained = True  # so that `__del__` does not warn as well
        return kind(f"{self._usage.call}() {what}: {self._usage.shown(iterating=iterating)}")

    def __enter__(self) -> NoReturn:
        raise self._explain(TypeError, "needs `async with` instead of `with`")

    def __exit__(self, *_: object) -> None:
        """Only there so that `with` calls `__enter__`."""

    def __await__(self) -> NoReturn:
        raise self._explain(TypeError, "is not awaited")

    def __iter__(self) -> NoReturn:
        raise self._explain(TypeError, "needs `async with` instead of `for`", iterating=True)

    def __next__(self) -> NoReturn:
        raise self._explain(TypeError, "needs `async with` instead of `next()`", iterating=True)

    def __aiter__(self) -> NoReturn:
        raise self._explain(TypeError, "needs `async with` around `async for`", iterating=True)

    def __anext__(self) -> NoReturn:
        raise self._explain(TypeError, "needs `async with` around `anext()`", iterating=True)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):  # `copy` and others look for optional methods
            raise AttributeError(name)
        raise self._explain(AttributeError, f"returns a block to be entered, which has no {name!r}")

    def __del__(self) -> None:
        # A missing flag: the subclass could not be made.
        if not getattr(self, "_is_entered", True) and not getattr(self, "_is_explained", True):
            problem = self._explain(RuntimeWarning, "was never entered, so it had no effect")
            warnings.warn(problem, stacklevel=2)


def left_block_error(call: str, given: str) -> RuntimeError:
    """Return the error for an `async for` over what a block has given, and that has begun after the block."""
    line = f"`async with {call}(...) as {given}:`"
    message = (
        f"The block of {line} was left, so nothing comes any more: put the `async for` inside of it, or open another."
    )
    return RuntimeError(message)


@final
class WrappedBlock(AsyncBlock[T]):
    """An `AsyncBlock` that enters and leaves another context manager.

    Args:
        inner: the other one.
        usage: the lines that a program should have.
        needs_trio: refuse to be entered without Trio.
    """

    __slots__ = ("_inner", "_needs_trio", "_usage")

    def __init__(self, inner: AbstractAsyncContextManager[T], usage: Usage, *, needs_trio: bool = False) -> None:
        self._inner = inner
        self._usage = usage
        self._needs_trio = needs_trio
        self._is_entered = self._is_explained = False

    @trio.lowlevel.enable_ki_protection
    async def __aenter__(self) -> T:
        self._enter()
        if self._needs_trio:
            need_trio(f"{self._usage.call}()")
        return await self._inner.__aenter__()

    @trio.lowlevel.enable_ki_protection
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return await self._inner.__aexit__(kind, error, traceback)


_GIVEN = {"open_client": "chat", "open_emulator": "server", "open_fault_proxy": "proxy", "open_memory_server": "server"}
"""The usual name of what a call gives, where it is not the rest of the call's name."""


def usage_of(name: str) -> Usage:
    """Return the usage of the public function *name*, such as `open_worker`."""
    return Usage(name, _GIVEN.get(name, name.removeprefix("open_")))


def protected(
    make: Callable[P, AbstractAsyncContextManager[T]],
) -> Callable[P, AbstractAsyncContextManager[T]]:
    """Protect entering and leaving an `asynccontextmanager`, a public function, from `KeyboardInterrupt`.

    Protecting the generator is not enough, because contextlib's own code around it is not protected: a
    `KeyboardInterrupt` there would never resume the generator, whose nursery and socket would then stay open.
    Arguments are checked at the call, and the result is an `AsyncBlock`.
    """
    return _made_into_blocks(make, usage_of(make.__name__), needs_trio=True)


def async_block(
    call: str, given: str, item: str = ""
) -> Callable[
    [Callable[P, AbstractAsyncContextManager[T]]],
    Callable[P, AbstractAsyncContextManager[T]],
]:
    """Let an `asynccontextmanager`, a public method, return an `AsyncBlock`. It works without Trio, too, if *make* does.

    Args:
        call: as in `Usage`.
        given: as in `Usage`.
        item: as in `Usage`.
    """
    return lambda make: _made_into_blocks(make, Usage(call, given, item), needs_trio=False)


def _made_into_blocks(
    make: Callable[P, AbstractAsyncContextManager[T]], usage: Usage, *, needs_trio: bool
) -> Callable[P, AbstractAsyncContextManager[T]]:
    @functools.wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> AbstractAsyncContextManager[T]:
        check_call(made, args, kwargs)
        return WrappedBlock(make(*args, **kwargs), usage, needs_trio=needs_trio)

    # `help()` would otherwise show the type of the generator: it reads the signature of what is wrapped, and from Python 3.14
    # on the annotations of the wrapper are its own.
    given = str(make.__annotations__["return"]).partition("[")[2].rpartition(",")[0]
    returns = made.__annotations__["return"] = f"AbstractAsyncContextManager[{given}]"
    made.__signature__ = inspect.signature(make).replace(return_annotation=returns)  # type: ignore[attr-defined]
    return made


_IN_AIO = frozenset({"open_admin()", "open_client()", "open_emulator()", "open_fault_proxy()", "open_replay()"})


def need_trio(call: str) -> None:
    """Raise `SettingsError` unless a Trio task is running."""
    if not trio.lowlevel.in_trio_task():
        aio = (
            ", or in an asyncio program use cometconn.aio instead"
            if call in _IN_AIO
            else "; cometconn.aio does not have it"
        )
        message = f"{call} needs Trio: run the program with trio.run(main){aio}."
        raise SettingsError(message, code="NO_TRIO")


def open_nursery() -> AbstractAsyncContextManager[trio.Nursery]:
    """Open a nursery around a block, such that an exception of the block leaves it as the same object, in no group.

    A group that the block itself raises is not unpacked, and cancellation passes unchanged.
    """
    return _SoleNursery(trio.open_nursery())


@final
class _SoleNursery(AbstractAsyncContextManager[trio.Nursery]):
    """A class and not a generator, which would need more memory: every client holds one of these."""

    __slots__ = ("_nursery",)

    def __init__(self, nursery: AbstractAsyncContextManager[trio.Nursery]) -> None:
        self._nursery = nursery

    @trio.lowlevel.enable_ki_protection
    async def __aenter__(self) -> trio.Nursery:
        return await self._nursery.__aenter__()

    @trio.lowlevel.enable_ki_protection
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        try:
            return await self._nursery.__aexit__(kind, error, traceback)
        except BaseExceptionGroup as group:
            try:
                raise_sole(group, None if isinstance(error, trio.Cancelled) else error)
            except BaseException as sole:
                if sole is not error:
                    raise
                sole.__traceback__ = traceback  # without the lines of Trio and of this module
                return False
        finally:
            del error, traceback  # avoids a reference cycle
