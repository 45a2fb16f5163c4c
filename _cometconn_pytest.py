"""cometconn's pytest plugin: fixtures for programs that use cometconn.

pytest imports this module in every run in an environment where cometconn is installed. Therefore it is outside of the
package and imports only pytest: a fixture imports what it needs when a test requests it. The fixtures work with
pytest-trio (in its `trio_mode` or with `@pytest.mark.trio`), with pytest-asyncio in both of its modes, and with anyio's
plugin on both of its backends. A test that runs in asyncio gets the objects of `cometconn.aio`.

A fixture of the same name in a program's own tests replaces the one here. The `chat_...` fixtures exist to be replaced.
"""

from __future__ import annotations

import functools
import inspect
from contextlib import asynccontextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from cometconn import AppSettings, CometChat
    from cometconn.aio import CometChat as AioCometChat
    from cometconn.aio.emulator import Emulator as AioEmulator
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


# Real sockets, real time; Trio or asyncio.


@pytest.fixture
def emulator(request: pytest.FixtureRequest) -> Emulator | AioEmulator:
    """A CometChat server on loopback with real sockets, for the duration of the test. In asyncio: `cometconn.aio`'s."""
    server: Emulator | AioEmulator = _run_by_plugin(request, "emulator")
    return server


@asynccontextmanager
async def _open_emulator(chat_world: dict[str, Any]) -> AsyncGenerator[Emulator | AioEmulator, None]:
    if _in_trio():
        _check_time(virtual=False)
        from cometconn.emulator import open_emulator  # noqa: PLC0415
    else:
        from cometconn.aio.emulator import open_emulator  # noqa: PLC0415
    async with open_emulator(**chat_world) as server:
        yield server


@pytest.fixture
def chat(request: pytest.FixtureRequest) -> CometChat | AioCometChat:
    """A client of `emulator`, logged in and connected, with a `MemoryStore`. In asyncio: `cometconn.aio`'s."""
    client: CometChat | AioCometChat = _run_by_plugin(request, "chat")
    return client


@asynccontextmanager
async def _open_chat(
    emulator: Emulator, chat_settings: AppSettings, chat_user: str
) -> AsyncGenerator[CometChat | AioCometChat, None]:
    async with _connect(emulator, chat_settings, chat_user) as client:
        yield client


# Memory, virtual time; only Trio.


@pytest.fixture
def _virtual_time() -> None:
    """Marks the tests that run in virtual time: what uses it is known before any fixture is set up."""


@pytest.fixture
def memory_server(request: pytest.FixtureRequest, _virtual_time: None) -> MemoryServer:
    """A CometChat server in memory, for the duration of the test, which then runs in virtual time. Trio only."""
    server: MemoryServer = _run_by_plugin(request, "memory_server")
    return server


@asynccontextmanager
async def _open_memory_server(chat_world: dict[str, Any]) -> AsyncGenerator[MemoryServer, None]:
    from cometconn.testing import open_memory_server  # noqa: PLC0415

    if not _in_trio():
        _fail(
            "`memory_server` and `memory_chat` need virtual time, which only Trio has, and this test runs in asyncio."
            " Use `emulator` and `chat`, which have real sockets and real time, or run the test with Trio."
        )
    _check_time(virtual=True)
    async with open_memory_server(**chat_world) as server:
        yield server


@pytest.fixture
def memory_chat(request: pytest.FixtureRequest, _virtual_time: None) -> CometChat:
    """A client of `memory_server`, logged in and connected, in virtual time, with a `MemoryStore`. Trio only."""
    client: CometChat = _run_by_plugin(request, "memory_chat")
    return client


@asynccontextmanager
async def _open_memory_chat(
    memory_server: MemoryServer, chat_settings: AppSettings, chat_user: str
) -> AsyncGenerator[CometChat | AioCometChat, None]:
    async with _connect(memory_server, chat_settings, chat_user, environment=memory_server) as client:
        yield client


@asynccontextmanager
async def _connect(
    server: Emulator | MemoryServer, settings: AppSettings, uid: str, **options: Any
) -> AsyncGenerator[CometChat | AioCometChat, None]:
    """Open a client of *server*, log it in and connect it."""
    from cometconn import MemoryStore  # noqa: PLC0415

    if _in_trio():
        from cometconn import open_client  # noqa: PLC0415
    else:
        from cometconn.aio import open_client  # type: ignore[assignment]  # noqa: PLC0415
    world = server.world
    async with open_client(
        world.app_id, settings, store=MemoryStore(), endpoints=server.endpoints, **options
    ) as client:
        await client.login(uid=uid, auth_key=world.auth_key)
        await client.connect()
        yield client


# Every plugin has rules of its own for which async fixtures it runs. pytest-trio and anyio's plugin run those that are
# made by `pytest.fixture`. pytest-asyncio, in its strict mode, runs only those that are made by its own decorator, which
# also chooses the loop. So the public fixtures are synchronous, and request the one that the test's plugin runs.

_OPENED_BY: dict[str, Callable[..., Any]] = {
    "emulator": _open_emulator,
    "chat": _open_chat,
    "memory_server": _open_memory_server,
    "memory_chat": _open_memory_chat,
}
_SCOPES = ("function", "class", "module", "package", "session")


def _run_by_plugin(request: pytest.FixtureRequest, name: str) -> Any:
    """Return what the fixture *name* is in this test."""
    _check(request, name)
    mark = request.node.get_closest_marker("asyncio")
    if mark is None or not _has_pytest_asyncio(request.config):
        return request.getfixturevalue(f"_{name}")
    scope = mark.kwargs.get("loop_scope") or request.config.getini("asyncio_default_test_loop_scope")
    return request.getfixturevalue(f"_{name}_in_the_loop_of_a_{scope}")


def _async_fixture(open_it: Callable[..., Any]) -> Callable[..., AsyncGenerator[Any, None]]:
    """Return a function to make a fixture of. Each fixture needs its own, because pytest-asyncio keeps the loop's scope there."""

    async def run(**arguments: Any) -> AsyncGenerator[Any, None]:
        async with open_it(**arguments) as value:
            yield value  # noqa: ASYNC119 - every plugin runs a fixture to its end

    run.__signature__ = inspect.signature(open_it)  # type: ignore[attr-defined]
    return run


for _name, _open_it in _OPENED_BY.items():
    globals()[f"_{_name}"] = pytest.fixture(_async_fixture(_open_it), name=f"_{_name}")


def _has_pytest_asyncio(config: pytest.Config) -> bool:
    return hasattr(config.option, "asyncio_mode")


def pytest_configure(config: pytest.Config) -> None:
    """With pytest-asyncio, make its own fixtures, one for each loop that a test may run in."""
    if not _has_pytest_asyncio(config):
        return
    import pytest_asyncio  # noqa: PLC0415

    fixtures = ModuleType("_cometconn_pytest_asyncio")
    for name, open_it in _OPENED_BY.items():
        for scope in _SCOPES:
            full = f"_{name}_in_the_loop_of_a_{scope}"
            fixture: Any = pytest_asyncio.fixture(loop_scope=scope, name=full)  # type: ignore[call-overload]
            setattr(fixtures, full, fixture(_async_fixture(open_it)))
    config.pluginmanager.register(fixtures, fixtures.__name__)


# What cannot work fails with a message that names what can.


def _in_trio() -> bool:
    import trio  # noqa: PLC0415

    return trio.lowlevel.in_trio_task()


def _check(request: pytest.FixtureRequest, name: str) -> None:
    """Fail a test in which no fixture can work.

    This happens before the test's plugin sets up an async fixture: if that failed, pytest would also fail the module's other
    tests that use it.
    """
    if hasattr(request.function, "hypothesis"):
        # A fixture is set up once, but Hypothesis runs the test function many times.
        _fail("With Hypothesis, open the server in the test: `open_memory_server()`, or `play()` a script.")
    marks = {name for name in ("trio", "asyncio") if request.node.get_closest_marker(name)}
    if marks == {"trio", "asyncio"}:
        _fail(
            f"Both pytest-trio and pytest-asyncio would run `{request.node.name}`. In pytest's settings, leave out"
            ' `trio_mode` or `asyncio_mode = "auto"`.'
        )
    if marks or "anyio_backend" in request.fixturenames or _runs_everything(request.config):
        return
    if not inspect.iscoroutinefunction(request.function):
        _fail(
            f"`{name}` is for async tests, and `{request.node.name}` is not one: write `async def`. A synchronous test can"
            " open a server in a function that it passes to `trio.run()`."
        )
    _fail(
        f"`{name}` needs a plugin that runs `{request.node.name}`. For Trio, install pytest-trio, and set `trio_mode = true`"
        " in pytest's settings (`[tool.pytest.ini_options]` in pyproject.toml) or mark the test with `@pytest.mark.trio`."
        " For asyncio, mark it with `@pytest.mark.asyncio` (pytest-asyncio) or `@pytest.mark.anyio` (anyio)."
    )


def _runs_everything(config: pytest.Config) -> bool:
    """Return whether pytest-asyncio runs the async fixtures of all tests."""
    return _has_pytest_asyncio(config) and "auto" in {config.option.asyncio_mode, config.getini("asyncio_mode")}


def _fail(message: str) -> NoReturn:
    pytest.fail(message, pytrace=False)  # a traceback would only show this plugin


def _check_time(*, virtual: bool) -> None:
    """Fail a test that runs in the wrong kind of time."""
    import trio  # noqa: PLC0415
    import trio.testing  # noqa: PLC0415

    is_virtual = isinstance(trio.lowlevel.current_clock(), trio.testing.MockClock)
    if is_virtual and not virtual:
        # A mock clock jumps although bytes are in transit on a socket, so every timeout would expire.
        _fail("`emulator` has real sockets and needs real time: use `memory_server` in virtual time.")
    if virtual and not is_virtual:
        _fail(
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
        if marks and "_virtual_time" in getattr(item, "fixturenames", ()):
            run = next((mark.kwargs["run"] for mark in marks if mark.kwargs.get("run") is not None), None)
            item.add_marker(pytest.mark.trio(run=functools.partial(_run_in_virtual_time, run)), append=False)


def _run_in_virtual_time(run: Callable[..., Any] | None, main: Any, *, clock: Any = None, **options: Any) -> Any:
    """Run *main* with the test's own runner, and with an autojump clock unless the test names a clock itself."""
    import trio  # noqa: PLC0415
    import trio.testing  # noqa: PLC0415

    if clock is None:
        clock = trio.testing.MockClock(autojump_threshold=0)
    return (run or trio.run)(main, clock=clock, **options)
