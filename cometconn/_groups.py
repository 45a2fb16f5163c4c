"""The only code that looks inside exception groups: of our nurseries, and of the libraries' that we call."""

from __future__ import annotations

import functools
import sys
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, NoReturn, ParamSpec, TypeVar, final

import trio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

__all__ = ["InternalError", "Ungrouped", "open_nursery", "protected", "raise_sole"]

P = ParamSpec("P")
T = TypeVar("T")

_INTERRUPTS = (KeyboardInterrupt, SystemExit)


class InternalError(Exception):
    """A background task of cometconn raised. It should record an outcome: please report this."""


def raise_sole(group: BaseExceptionGroup[BaseException], mine: BaseException | None = None) -> NoReturn:
    """Raise what the user's block raised, as if no nursery were there.

    Our own tasks record outcomes and do not raise, so beside `Cancelled` there is just one
    exception in *group*, and it is the user's. *mine* is that exception where it is known:
    Trio copies groups on their way through a nursery, and a group of the user's shall
    come out as it is. A `KeyboardInterrupt` or `SystemExit` outranks everything else.

    The exception raised is the same object, with the cause and the context that it had; but
    the context of an interrupt that came while *mine* was on its way is *mine*.
    """
    real = [error for error in group.exceptions if not isinstance(error, trio.Cancelled)]
    found = _without_groups(real)
    interrupts = [error for error in found if isinstance(error, _INTERRUPTS)]
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
        # The user's error, interrupted on its way out, is what a traceback shall still show; what one of our
        # tasks was handling is not.
        context, sole.__cause__ = mine, None
    try:
        raise sole
    finally:
        sole.__context__ = context  # the group must not ride along
        del sole, context, group, real, found, interrupts, mine  # nor a reference cycle


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
    """Around a call into a library: `with Ungrouped(): ...`.

    A group of a nursery of the library's is replaced by what it holds, and a `KeyboardInterrupt`
    leaves with the context that the caller had, not with the errors that the library
    was handling at the time: the traceback that a user sees after Ctrl-C shows no chain.
    """

    __slots__ = ("_handled",)

    def __enter__(self) -> None:
        """Note which exception the caller is handling, if any."""
        self._handled = sys.exception()

    @trio.lowlevel.enable_ki_protection
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let the error out alone."""
        handled = self._handled
        del self._handled  # no reference cycle
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


def _bare(interrupt: KeyboardInterrupt, handled: BaseException | None) -> None:
    interrupt.__cause__ = None
    interrupt.__context__ = handled if handled is not interrupt else None


def protected(
    make: Callable[P, AbstractAsyncContextManager[T]],
) -> Callable[P, AbstractAsyncContextManager[T]]:
    """Protect the way in and out of what `asynccontextmanager` has made from `KeyboardInterrupt`.

    Protecting the generator is not enough, because the steps of contextlib itself are then open: a
    `KeyboardInterrupt` at the first one of leaving would leave the generator where it
    is, with its nursery open and its socket as well.
    """

    @functools.wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> AbstractAsyncContextManager[T]:
        return _Protected(make(*args, **kwargs))

    return made


@final
class _Protected(AbstractAsyncContextManager[T]):
    __slots__ = ("_inner",)

    def __init__(self, inner: AbstractAsyncContextManager[T]) -> None:
        self._inner = inner

    @trio.lowlevel.enable_ki_protection
    async def __aenter__(self) -> T:
        return await self._inner.__aenter__()

    @trio.lowlevel.enable_ki_protection
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return await self._inner.__aexit__(kind, error, traceback)


def open_nursery() -> AbstractAsyncContextManager[trio.Nursery]:
    """Open a nursery of ours around a block: what the block raises comes out as the same object, in no group.

    A group that the block itself raises stays as it is, and so does cancellation.
    """
    return _SoleNursery(trio.open_nursery())


@final
class _SoleNursery(AbstractAsyncContextManager[trio.Nursery]):
    """No generator: every client keeps one of these."""

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
                sole.__traceback__ = traceback  # without Trio's lines and ours
                return False
        finally:
            del error, traceback  # no reference cycle
