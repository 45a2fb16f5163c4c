"""cometconn's pytest plugin: fixtures for programs that use cometconn.

pytest imports this module in every run in an environment where cometconn is installed. Therefore it is outside of the
package and imports only pytest: a fixture imports what it needs when a test requests it. The fixtures are for
pytest-trio, in its `trio_mode` or with `@pytest.mark.trio`.

A fixture of the same name in a program's own tests replaces the one here. The `chat_...` fixtures exist to be replaced.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from cometconn import AppSettings, CometChat
    from cometconn.emulator import Emulator
    from cometconn.testing import MemoryServer

__all__ = ["chat", "chat_settings", "chat_user", "chat_world", "emulator", "memory_chat", "memory_server"]


# Fixtures to be replaced.


@pytest.fixture
def chat_settings() -> AppSettings:
    """The `AppSettings` of `chat` and `memory_chat`: the defaults. Replace this fixture to choose others."""
    from cometconn import AppSettings  # noqa: PLC0415 - see the module's docstring

    return AppSettings()


@pytest.fixture
def chat_user() -> str:
    """The user whom `chat` and `memory_chat` log in: `zed-1`. Replace this fixture to choose another of `chat_world`."""
    return "zed-1"


@pytest.fixture
def chat_world() -> dict[str, Any]:
    """The world of the servers: `app_id`, `auth_key`, `users` and `groups`. Replace this fixture to choose others."""
    users = ("zed-1", "amy-2")
    return {"users": users, "groups": {"hikers": users}}


# Real sockets, real time.


@pytest.fixture
async def emulator(request: pytest.FixtureRequest, chat_world: dict[str, Any]) -> AsyncGenerator[Emulator, None]:
    """A CometChat server on loopback with real sockets, for the duration of the test."""
    from cometconn.emulator import open_emulator  # noqa: PLC0415

    _check_time(request, virtual=False)
    async with open_emulator(**chat_world) as server:
        yield server


@pytest.fixture
async def chat(emulator: Emulator, chat_settings: AppSettings, chat_user: str) -> AsyncGenerator[CometChat, None]:
    """A client of `emulator`, logged in and connected, with a `MemoryStore`."""
    import cometconn  # noqa: PLC0415

    async with cometconn.open_client(
        emulator.world.app_id, chat_settings, store=cometconn.MemoryStore(), endpoints=emulator.endpoints
    ) as client:
        await client.login(uid=chat_user, auth_key=emulator.world.auth_key)
        await client.connect()
        yield client


# Memory, virtual time.


@pytest.fixture
async def memory_server(
    request: pytest.FixtureRequest, chat_world: dict[str, Any]
) -> AsyncGenerator[MemoryServer, None]:
    """A CometChat server in memory, for the duration of the test, which then runs in virtual time."""
    from cometconn.testing import open_memory_server  # noqa: PLC0415

    _check_time(request, virtual=True)
    async with open_memory_server(**chat_world) as server:
        yield server


@pytest.fixture
async def memory_chat(
    memory_server: MemoryServer, chat_settings: AppSettings, chat_user: str
) -> AsyncGenerator[CometChat, None]:
    """A client of `memory_server`, logged in and connected, in virtual time, with a `MemoryStore`."""
    import cometconn  # noqa: PLC0415

    async with cometconn.open_client(
        memory_server.world.app_id,
        chat_settings,
        store=cometconn.MemoryStore(),
        endpoints=memory_server.endpoints,
        environment=memory_server,
    ) as client:
        await client.login(uid=chat_user, auth_key=memory_server.world.auth_key)
        await client.connect()
        yield client


def _check_time(request: pytest.FixtureRequest, *, virtual: bool) -> None:
    """Fail a test in which the fixture cannot work, with a message that names what can."""
    import trio  # noqa: PLC0415
    import trio.testing  # noqa: PLC0415

    if hasattr(request.function, "hypothesis"):
        # pytest-trio sets a fixture up once, but Hypothesis runs the test function many times.
        pytest.fail("With Hypothesis, open the server in the test: `open_memory_server()`, or `play()` a script.")
    if not trio.lowlevel.in_trio_run():
        pytest.fail(
            "cometconn's fixtures run in Trio, and this test runs in asyncio. pytest-asyncio's auto mode takes every async test:"
            " set `asyncio_mode = strict` and mark this one with `@pytest.mark.trio`, or run Trio's tests apart with"
            ' `pytest -p no:asyncio -o trio_mode=true`. With anyio\'s plugin, let the fixture `anyio_backend` return "trio".'
        )
    is_virtual = isinstance(trio.lowlevel.current_clock(), trio.testing.MockClock)
    if is_virtual and not virtual:
        # A mock clock jumps although bytes are in transit on a socket, so every timeout would expire.
        pytest.fail("`emulator` has real sockets and needs real time: use `memory_server` in virtual time.")
    if virtual and not is_virtual:
        pytest.fail(
            "`memory_server` needs virtual time, and this test has real time. With pytest-trio, name `memory_server` or"
            " `memory_chat` among the test's own arguments. Where a fixture asks for them by getfixturevalue(), pytest-trio"
            " has chosen the clock before that: let the test name `autojump_clock`, too. With anyio's plugin, let the fixture"
            ' `anyio_backend` return ("trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}).'
        )


# pytest-trio passes a clock to Trio only if the test function itself names one; a fixture cannot. A runner can pass one,
# and `@pytest.mark.trio(run=...)` is pytest-trio's way to choose the runner.


@pytest.hookimpl(trylast=True)  # after pytest-trio has marked the tests
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run every Trio test that uses `memory_server` in virtual time."""
    for item in items:
        marks = list(item.iter_markers("trio"))
        if marks and "memory_server" in getattr(item, "fixturenames", ()):
            run = next((mark.kwargs["run"] for mark in marks if mark.kwargs.get("run") is not None), None)
            item.add_marker(pytest.mark.trio(run=functools.partial(_run_in_virtual_time, run)), append=False)


def _run_in_virtual_time(run: Callable[..., Any] | None, main: Any, *, clock: Any = None, **options: Any) -> Any:
    """Run *main* with the test's own runner, and with an autojump clock unless the test names a clock itself."""
    import trio  # noqa: PLC0415
    import trio.testing  # noqa: PLC0415

    if clock is None:
        clock = trio.testing.MockClock(autojump_threshold=0)
    return (run or trio.run)(main, clock=clock, **options)
