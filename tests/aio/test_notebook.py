"""A notebook: cells of a real Jupyter kernel. `nox -s notebook` installs what it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

pytest.importorskip("ipykernel", reason="ipykernel is not installed")
manager = pytest.importorskip("jupyter_client.manager", reason="jupyter_client is not installed")

pytestmark = pytest.mark.filterwarnings("default")  # Jupyter's own
PATIENCE = 60.0  # seconds for one cell
Run: TypeAlias = Callable[..., "tuple[str, str]"]

OPEN = """
from contextlib import AsyncExitStack
from cometconn import AppSettings, MemoryStore, Timing, aio
from cometconn.aio.emulator import open_emulator

stack = AsyncExitStack()
server = await stack.enter_async_context(open_emulator())
settings = AppSettings(timing=Timing(keepalive_interval=0.5))
client = aio.open_client("APP", settings, endpoints=server.endpoints, store=MemoryStore())
chat = await stack.enter_async_context(client)
await chat.login(uid="zed-1", auth_key="KEY")
await chat.connect()
events = await stack.enter_async_context(chat.events())
"""


@pytest.fixture
def kernel() -> Iterator[Any]:
    """A Jupyter kernel and a client of it."""
    kernel, client = manager.start_new_kernel()
    try:
        yield kernel, client
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


@pytest.fixture
def run(kernel: Any) -> Run:
    """Return a function that runs a cell and returns its result and the name of its error."""
    kernel_process, client = kernel

    def run(code: str, *, interrupt: bool = False) -> tuple[str, str]:
        result = ""

        def received(message: Any) -> None:
            nonlocal result
            if message["msg_type"] == "stream" and interrupt:
                kernel_process.interrupt_kernel()
            if message["msg_type"] == "execute_result":
                result = message["content"]["data"]["text/plain"]

        reply = client.execute_interactive(code, timeout=PATIENCE, output_hook=received)["content"]
        return result, reply.get("ename", "")

    return run


def test_a_client_lives_from_cell_to_cell(run: Run) -> None:
    """It stays connected between cells, an interrupt ends only the wait of its cell, and leaving it leaves nothing."""
    assert run(OPEN) == ("", "")
    assert run("chat.status.state.value") == ("'connected'", "")
    assert run("sent = server.say('amy-2', 'one', receiver='zed-1'); (await anext(events)).text") == ("'one'", "")
    assert run("print('waiting', flush=True); await anext(events)", interrupt=True) == ("", "CancelledError")
    assert run("import time; print('busy', flush=True); time.sleep(60)", interrupt=True) == ("", "KeyboardInterrupt")
    assert run("chat.status.state.value, await chat.ping() > 0") == ("('connected', True)", "")
    assert run("sent = server.say('amy-2', 'two', receiver='zed-1'); (await anext(events)).text") == ("'two'", "")
    assert run("await stack.aclose(); import trio; trio.lowlevel.in_trio_run(), chat.status.reason.value") == (
        "(False, 'client_closed')",
        "",
    )


def test_a_cell_in_trio(run: Run) -> None:
    """With `%autoawait trio` a client of `cometconn` is opened and left in one cell."""
    assert run("%autoawait trio") == ("", "")
    code = OPEN.replace("cometconn.aio.emulator", "cometconn.emulator").replace("aio.open_client", "open_client")
    code = code.replace(", aio", ", open_client")
    assert run(f"{code}state = chat.status.state.value\nawait stack.aclose()\nstate") == ("'connected'", "")
