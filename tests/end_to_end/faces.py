"""Tests that run twice: with the client for Trio, and with that for asyncio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import pytest
import trio

import cometconn

from ..aio import face as on_asyncio

T = TypeVar("T", bound=Callable[..., Any])
_faces = ["trio"]


@pytest.fixture(params=["trio", "asyncio"])
def face(request: pytest.FixtureRequest) -> Iterator[None]:
    """Choose the client of this test."""
    _faces.append(request.param)
    yield
    _faces.pop()


def with_both_clients(test: T) -> T:
    """Run a test with each client. The test and its server are Trio's; with the client for asyncio they run in its guest."""
    marked: T = pytest.mark.trio(run=_run)(pytest.mark.usefixtures("face")(test))
    return marked


def open_client(*args: Any, **options: Any) -> AbstractAsyncContextManager[Any]:
    """Open the client of this test."""
    opened_by = on_asyncio.open_client if _faces[-1] == "asyncio" else cometconn.open_client
    return opened_by(*args, **options)


def _run(main: Callable[[], Any], **options: Any) -> Any:
    return on_asyncio.run_in_guest(main) if _faces[-1] == "asyncio" else trio.run(main, **options)
