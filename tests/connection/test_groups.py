"""What comes out of a nursery of ours."""

from __future__ import annotations

import pytest
import trio

from cometconn._connection.groups import InternalError, raise_sole


async def cancelled() -> trio.Cancelled:
    """A real `Cancelled`; nobody else may make one."""
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


async def test_the_users_exception_comes_out_alone() -> None:
    """Siblings' `Cancelled` do not count, and the group does not ride along."""
    mine = ValueError("mine")
    with pytest.raises(ValueError, match="mine") as caught:
        raise_sole(BaseExceptionGroup("", [await cancelled(), mine]), mine)
    assert caught.value is mine
    assert caught.value.__context__ is None


async def test_a_group_of_the_users_is_not_unpacked() -> None:
    """Trio's copy of it is replaced by the user's own."""
    mine = ExceptionGroup("mine", [ValueError(), KeyError()])
    copy = mine.derive(list(mine.exceptions))
    with pytest.RaisesGroup(ValueError, KeyError) as caught:
        raise_sole(BaseExceptionGroup("", [copy]), mine)
    assert caught.value is mine


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
async def test_an_interrupt_outranks_everything(kind: type[BaseException]) -> None:
    """It comes out alone, with what it carries, and the rest as its cause."""
    group = BaseExceptionGroup("", [ValueError(), kind(3)])
    with pytest.raises(kind) as caught:
        raise_sole(group)
    assert caught.value.args == (3,)
    assert caught.value.__cause__ is group


async def test_a_task_of_ours_that_raises_is_an_internal_error() -> None:
    """Two exceptions: one cannot be the user's. Nothing is hidden."""
    group = ExceptionGroup("", [ValueError(), KeyError()])
    with pytest.raises(InternalError, match="report") as caught:
        raise_sole(group)
    assert caught.value.__cause__ is group


async def test_cancellation_alone_goes_on() -> None:
    """Nothing but `Cancelled`: one of them is raised."""
    error = await cancelled()
    with pytest.raises(trio.Cancelled):
        raise_sole(BaseExceptionGroup("", [error]))
