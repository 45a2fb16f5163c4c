"""The pytest plugin, as other projects meet it: each test here runs pytest on a project of its own."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import TypeAlias

import pytest

import cometconn.emulator
import cometconn.testing

ROOT = pathlib.Path(__file__).parents[2]
PLUGIN = "_cometconn_pytest"
# pytester forgets the modules that a run inside this process imported first: two runs would meet two copies of them.
_KEPT = (cometconn.emulator, cometconn.testing)
Run: TypeAlias = "Callable[..., str]"
TRIO_MODE = "[pytest]\ntrio_mode = true\nfilterwarnings = error\n"


pytest_plugins = ["pytester"]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """What pytest says of a project that consists of this one file, run in this process."""

    def run(code: str, *options: str, ini: str = TRIO_MODE) -> str:
        pytester.makeini(ini)
        pytester.makepyfile(code)
        # This process has loaded the plugin already, which some versions of pytest warn of; a warning is an error here.
        loaded = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
        result = pytester.runpytest_inprocess("-q", "-p", PLUGIN, "-W", loaded, "-p", "no:cacheprovider", *options)
        return result.stdout.str()

    return run


def run_apart(tmp_path: pathlib.Path, code: str) -> str:
    """What pytest says of such a project in a process of its own, with no other plugins."""
    (tmp_path / "pytest.ini").write_text(TRIO_MODE, encoding="utf-8")
    (tmp_path / "test_it.py").write_text(code, encoding="utf-8")
    # Only the two plugins: what else is installed here is not the project's.
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
    """Fixtures over sockets and in memory, virtual time without a clock's name, and every `chat_` fixture replaced."""
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
    """Without `trio_mode`, the mark on a test is enough, a runner of its own is used, and other tests stay as they are."""
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


def test_hypothesis_is_told_what_to_use(run: Run) -> None:
    """A fixture is made once and Hypothesis calls many times: whoever silences its own warning is told what to do."""
    code = """
from hypothesis import HealthCheck, given, settings, strategies as st

@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(number=st.integers())
async def test_it(memory_chat, number):
    raise AssertionError
"""
    assert "With Hypothesis, open the server in the test" in run(code)


def test_time_that_does_not_fit_is_told(run: Run) -> None:
    """Sockets in virtual time, and memory in real time, fail at once with what to do."""
    code = """
async def test_sockets(emulator, autojump_clock):
    raise AssertionError

async def test_both(chat, memory_chat):
    raise AssertionError

import trio, pytest
async def test_late(request):
    raise AssertionError

def test_asked_for_late(request):
    request.getfixturevalue("memory_server")
"""
    told = run(code.replace("async def test_late(request):\n    raise AssertionError\n", ""))
    assert told.count("use `memory_server` in virtual time") >= 2
    assert "Trio fixtures can only be used by Trio tests" in told
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
    told = run(code)
    assert "let the test name `autojump_clock`, too" in told
    assert "1 failed, 1 passed" in told


def test_with_anyios_plugin(run: Run) -> None:
    """On anyio's Trio backend memory needs a clock that the backend was given, and without one says how."""
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


def test_in_asyncio(run: Run) -> None:
    """A test that another plugin runs in asyncio is told that the fixtures are Trio's, and which settings make it work."""
    code = """
import pytest

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
async def test_memory(memory_chat):
    pass

@pytest.mark.anyio
async def test_sockets(chat):
    pass
"""
    told = run(code, ini="[pytest]\n")
    assert told.count("say `asyncio_mode = strict` and mark this one with `@pytest.mark.trio`") >= 2
    assert "2 errors" in told
    assert "must be called from async context" not in told


def test_fixtures_are_documented(run: Run) -> None:
    """`pytest --fixtures` tells what each is."""
    told = run("", "--fixtures")
    for name in ("emulator", "chat", "memory_server", "memory_chat", "chat_settings", "chat_user", "chat_world"):
        assert f"\n{name} -- " in told


def test_it_costs_a_run_nothing() -> None:
    """The plugin itself loads nothing of ours, nor Trio; it works where no extra is installed."""
    code = f"import {PLUGIN}, sys; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120, cwd=ROOT
    )
    assert not {"cometconn", "trio", "hypothesis", "attrs"} & set(done.stdout.split())


def test_the_kit_loads_no_test_tool() -> None:
    """`import cometconn.testing` needs neither pytest nor Hypothesis."""
    code = "import cometconn.testing, sys; print('pytest' in sys.modules, 'hypothesis' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120, cwd=ROOT
    )
    assert done.stdout.split() == ["False", "False"]
