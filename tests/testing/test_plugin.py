"""The pytest plugin, as other projects use it: each test here runs pytest on a project of its own."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import TypeAlias

import pytest

import cometconn.aio.testing
import cometconn.emulator
import cometconn.testing

cometconn.preload()
ROOT = pathlib.Path(__file__).parents[2]
PLUGIN = "_cometconn_pytest"
# pytester removes the modules that a run inside this process imports, so these are imported before: otherwise two runs
# would have two copies of them.
_KEPT = (cometconn.aio, cometconn.emulator, cometconn.testing)
Run: TypeAlias = "Callable[..., str]"
TRIO_MODE = "[pytest]\ntrio_mode = true\nfilterwarnings = error\n"


pytest_plugins = ["pytester"]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """Return a function that runs pytest in this process on a project of one file, and returns its output."""

    def run(code: str, *options: str, ini: str = TRIO_MODE) -> str:
        pytester.makeini(ini)
        pytester.makepyfile(code)
        # Some versions of pytest warn that this process has already imported the plugin, and a warning is an error here.
        loaded = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
        if "asyncio_mode" not in ini:
            options += ("-p", "no:asyncio")  # it warns of an option that is unset, and a warning is an error here
        result = pytester.runpytest_inprocess("-q", "-p", PLUGIN, "-W", loaded, "-p", "no:cacheprovider", *options)
        return result.stdout.str()

    return run


def run_apart(tmp_path: pathlib.Path, code: str) -> str:
    """Run pytest on such a project in a process of its own, without other plugins, and return its output."""
    (tmp_path / "pytest.ini").write_text(TRIO_MODE, encoding="utf-8")
    (tmp_path / "test_it.py").write_text(code, encoding="utf-8")
    # Only these two plugins: the project does not use the others that are installed here.
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_CURRENT_TEST"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_trio.plugin", "-p", PLUGIN]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.stdout + done.stderr


def test_a_project_with_the_plugin_alone(tmp_path: pathlib.Path) -> None:
    """Fixtures work over sockets and in memory, in virtual time without naming a clock; `chat_` fixtures are replaced."""
    code = """
import pytest, trio
from cometconn import AppSettings, Connected, SubscriptionType

async def test_over_sockets(emulator, chat):
    assert isinstance(chat.status, Connected)
    async with chat.events() as events:
        emulator.say("amy-2", "hello", receiver="zed-1")
        assert (await anext(events)).text == "hello"

async def test_in_memory(memory_server, memory_chat):
    async with memory_chat.events() as events:
        memory_server.say("amy-2", "to all", group="hikers")
        assert (await anext(events)).text == "to all"
    began = trio.current_time()
    await trio.sleep(600)
    assert trio.current_time() - began == 600
    assert memory_server.connections("zed-1") == 1

async def test_its_own_clock(memory_chat, mock_clock):
    assert trio.lowlevel.current_clock() is mock_clock

async def test_named_as_well(memory_chat, autojump_clock):
    assert trio.lowlevel.current_clock() is autojump_clock

class TestReplaced:
    @pytest.fixture
    def chat_settings(self):
        return AppSettings(auto_establish_socket_connection=False)

    @pytest.fixture
    def chat_user(self):
        return "bob"

    @pytest.fixture
    def chat_world(self):
        return {"users": ("bob", "eve"), "app_id": "OTHER", "auth_key": "OTHER-KEY"}

    async def test_it(self, memory_chat, memory_server):
        assert memory_chat.get_logged_in_user().uid == "bob"
        memory_chat.enter_background()
        await trio.sleep(31)
        assert memory_server.connections("bob") == 0

    async def test_it_over_sockets(self, chat):
        assert chat.get_logged_in_user().uid == "bob"
"""
    own = """
import pytest

@pytest.fixture
def chat():
    return "mine"

def test_a_fixture_of_ones_own_goes_first(chat):
    assert chat == "mine"
"""
    (tmp_path / "test_own.py").write_text(own, encoding="utf-8")
    assert "7 passed" in run_apart(tmp_path, code)


def test_with_explicit_marks(run: Run) -> None:
    """Without `trio_mode` a mark on the test is enough, its own runner is used, and other tests are not changed."""
    code = """
import pytest, trio
ran = []

def my_run(main, **options):
    ran.append(True)
    return trio.run(main, **options)

@pytest.mark.trio
async def test_marked(memory_chat):
    await trio.sleep(1000)

@pytest.mark.trio(run=my_run)
async def test_marked_with_a_runner(memory_chat):
    await trio.sleep(1000)
    assert ran

def test_sync():
    pass
"""
    assert "3 passed" in run(code, ini="[pytest]\nfilterwarnings = error\n")


def test_a_fixture_with_hypothesis_is_an_error(run: Run) -> None:
    """If Hypothesis's own check is disabled, the error message names what to use instead of the fixture."""
    code = """
from hypothesis import HealthCheck, given, settings, strategies as st

@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(number=st.integers())
async def test_it(memory_chat, number):
    raise AssertionError
"""
    assert "With Hypothesis, open the server in the test" in run(code)


def test_a_fixture_with_the_wrong_kind_of_time_is_an_error(run: Run) -> None:
    """Sockets in virtual time, and memory in real time, fail at once with a message that names what to do."""
    code = """
async def test_sockets(emulator, autojump_clock):
    raise AssertionError

async def test_both(chat, memory_chat):
    raise AssertionError
"""
    output = run(code)
    assert output.count("use `memory_server` in virtual time") >= 2
    code = """
import pytest

@pytest.fixture
def any_server(request):
    return request.getfixturevalue("memory_server")

async def test_late(any_server):
    raise AssertionError

async def test_late_but_with_a_clock(any_server, autojump_clock):
    pass
"""
    output = run(code)
    assert "let the test name `autojump_clock`, too" in output
    assert "1 failed, 1 passed" in output


def test_a_sync_test_fails_alone(run: Run) -> None:
    """A synchronous test that uses a fixture fails with one sentence, and the other tests of the module are not affected."""
    code = """
import pytest

@pytest.fixture
async def mine(memory_chat):
    return memory_chat

def test_sync(memory_server):
    raise AssertionError

def test_by_another_fixture(mine):
    raise AssertionError

def test_late(request):
    request.getfixturevalue("emulator")

async def test_memory(memory_chat, mine):
    assert mine is memory_chat
"""
    output = run(code)
    assert "1 passed, 3 errors" in output or "1 failed, 1 passed, 2 errors" in output, output
    for name, test in (("memory_server", "sync"), ("memory_chat", "by_another_fixture"), ("emulator", "late")):
        assert f"`{name}` is for async tests, and `test_{test}` is not one: write `async def`." in output
    assert "_cometconn_pytest.py" not in output


def test_without_a_plugin_that_runs_the_test(run: Run) -> None:
    """A test that nothing runs in Trio or asyncio fails with the ways to change that; so does one that two plugins would run."""
    code = """
async def test_it(chat):
    raise AssertionError
"""
    output = run(code, ini="[pytest]\n")
    assert (
        "`chat` needs a plugin that runs `test_it`. For Trio, install pytest-trio, and set `trio_mode = true`" in output
    )
    pytest.importorskip("pytest_asyncio", reason="pytest-asyncio is not installed")
    output = run(code, ini=f"{ASYNCIO}auto\ntrio_mode = true\n")
    assert "Both pytest-trio and pytest-asyncio would run `test_it`." in output
    sync = "def test_sync(emulator):\n    assert emulator.url\n"
    assert "1 passed" in run(sync, ini=f"{ASYNCIO}auto")


def test_with_anyios_plugin(run: Run) -> None:
    """On anyio's Trio backend the memory server needs a mock clock; without one, the message shows how to set it."""
    code = """
import pytest, trio
from trio.testing import MockClock

@pytest.fixture
def anyio_backend():
    return BACKEND

@pytest.mark.anyio
async def test_an_hour(memory_server, memory_chat):
    await trio.sleep(3600)
    assert memory_server.connections("zed-1") == 1
"""
    ini = "[pytest]\nfilterwarnings = error\n"
    clock = '("trio", {"clock": MockClock(autojump_threshold=0)})'
    assert "1 passed" in run(code.replace("BACKEND", clock), ini=ini)
    assert "With anyio's plugin, let the fixture `anyio_backend` return" in run(
        code.replace("BACKEND", '"trio"'), ini=ini
    )


ASYNCIO = "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\nasyncio_mode = "

ON_ASYNCIO = """
import asyncio, pytest, trio
from cometconn import AppSettings, Connected, aio
from cometconn.events import TextMessage

async def test_over_sockets(emulator, chat):
    assert type(chat) is aio.CometChat
    assert isinstance(chat.status, Connected)
    async with chat.events(TextMessage) as events, asyncio.timeout(20):
        emulator.say("amy-2", "hello", receiver="zed-1")
        assert (await anext(events)).text == "hello"
        await chat.disconnect()
        await emulator.wait_gone("zed-1")

class TestReplaced:
    @pytest.fixture
    def chat_settings(self):
        return AppSettings(auto_establish_socket_connection=False)

    @pytest.fixture
    def chat_world(self):
        return {"users": ("zed-1", "eve"), "app_id": "OTHER", "auth_key": "OTHER-KEY"}

    async def test_it(self, emulator, chat):
        async with asyncio.timeout(20):
            await emulator.wait_connected("zed-1")
            entry = await emulator.log.wait_for(lambda entry: entry.uid == "zed-1")
        assert entry in emulator.log

async def test_the_guest_is_gone_between_tests():
    assert not trio.lowlevel.in_trio_run()
"""


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_with_pytest_asyncio(run: Run, mode: str) -> None:
    """In both modes the fixtures run in the test's loop, whatever its scope, and give it the objects of `cometconn.aio`."""
    pytest.importorskip("pytest_asyncio", reason="pytest-asyncio is not installed")
    mark = "pytestmark = pytest.mark.asyncio\n" if mode == "strict" else ""
    shared = """
@pytest.mark.asyncio(loop_scope="module")
class TestInOneLoop:
    loops = []

    @pytest.mark.parametrize("number", range(2))
    async def test_it(self, chat, number):
        self.loops.append(asyncio.get_running_loop())
        assert await chat.ping() > 0
        assert self.loops[0] is self.loops[-1]
"""
    output = run(
        ON_ASYNCIO.replace("async def test_over", f"{mark}async def test_over", 1) + shared, ini=ASYNCIO + mode
    )
    assert "5 passed" in output, output


def test_trio_and_asyncio_in_one_project(run: Run) -> None:
    """In pytest-asyncio's strict mode, each test names its library, and gets the client of that one, in turn."""
    pytest.importorskip("pytest_asyncio", reason="pytest-asyncio is not installed")
    code = """
import asyncio, pytest, trio, cometconn, cometconn.aio

@pytest.mark.parametrize("number", range(2))
@pytest.mark.asyncio
async def test_in_asyncio(chat, number):
    assert type(chat) is cometconn.aio.CometChat

@pytest.mark.parametrize("number", range(2))
@pytest.mark.trio
async def test_in_trio(chat, number):
    assert type(chat) is cometconn.CometChat

@pytest.mark.trio
async def test_in_virtual_time(memory_chat):
    await trio.sleep(3600)

@pytest.mark.asyncio
async def test_in_virtual_time_of_asyncio(memory_chat):
    raise AssertionError
"""
    output = run(code, ini=ASYNCIO + "strict")
    assert "5 passed, 1 error" in output, output
    assert "need virtual time, which only Trio has" in output


def test_on_both_backends_of_anyio(run: Run) -> None:
    """A test that names no library runs twice, and each time has the client of the right one."""
    code = """
import anyio, importlib.util, pytest, cometconn, cometconn.aio

pytestmark = pytest.mark.anyio

async def test_it(emulator, chat, anyio_backend_name):
    assert type(chat) is (cometconn.aio if anyio_backend_name == "asyncio" else cometconn).CometChat
    async with chat.events() as events:
        emulator.say("amy-2", "hello", receiver="zed-1")
        with anyio.fail_after(20):
            assert (await anext(events)).text == "hello"

@pytest.mark.skipif(importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed")
@pytest.mark.parametrize("anyio_backend", [("asyncio", {"use_uvloop": True})])
async def test_on_uvloop(chat, anyio_backend):
    assert await chat.ping() > 0

@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_memory(memory_chat, anyio_backend):
    raise AssertionError
"""
    output = run(code, ini="[pytest]\nfilterwarnings = error\n")
    assert "3 passed, 1 error" in output or "2 passed, 1 skipped, 1 error" in output, output
    assert "need virtual time, which only Trio has" in output


def test_fixtures_are_documented(run: Run) -> None:
    """`pytest --fixtures` lists each with its docstring."""
    output = run("", "--fixtures")
    for name in ("emulator", "chat", "memory_server", "memory_chat", "chat_settings", "chat_user", "chat_world"):
        assert f"\n{name} -- " in output


def test_the_plugin_imports_nothing_but_pytest() -> None:
    """It imports neither cometconn nor Trio, and so works without any extra."""
    code = f"import {PLUGIN}, sys; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120, cwd=ROOT
    )
    assert not {"cometconn", "trio", "hypothesis", "attrs"} & set(done.stdout.split())


def test_the_kit_imports_no_test_tool() -> None:
    """`import cometconn.testing` imports neither pytest nor Hypothesis."""
    code = "import cometconn.testing, sys; print('pytest' in sys.modules, 'hypothesis' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120, cwd=ROOT
    )
    assert done.stdout.split() == ["False", "False"]
