"""`cometconn.emulator.transport.http_server`."""

from __future__ import annotations

import errno
import logging
import math
import socket
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from cometconn.emulator import Emulator, Kind
from cometconn.emulator.transport import http_server as http_server_module
from cometconn.emulator.transport import listener as listener_module
from cometconn.emulator.transport.listener import listen

if TYPE_CHECKING:
    from tests.emulator.conftest import Dial, Join


async def _refused(server: Emulator) -> bool:
    """Whether the system refuses a connection to the server's port."""
    try:
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
    except OSError:
        return True
    await stream.aclose()
    return False


async def test_connections_can_be_refused_and_accepted_again(server: Emulator, join: Join) -> None:
    """The listener is closed and opened again on the same port; open connections stay."""
    port = server.port
    with trio.fail_after(10):
        async with join(server, "amy-2") as amy:
            for _ in range(2):
                server.refuse_connections()
                server.refuse_connections()
                assert await _refused(server)
                await amy.send({"action": "ping"})
                assert await amy.receive() == {"action": "pong"}

                server.accept_connections()
                server.accept_connections()
                assert server.port == port
                async with join(server, "zed-1"):
                    pass


@pytest.mark.parametrize(("first", "second"), [(1, 5), (5, 1), (math.inf, 1)])
async def test_a_later_refusal_replaces_the_earlier_one(
    autojump_clock: trio.testing.MockClock, server: Emulator, first: float, second: float
) -> None:
    """Whether it ends later or sooner: its time counts from the call."""
    server.refuse_connections(first)
    await trio.testing.wait_all_tasks_blocked()
    server.refuse_connections(second)
    await trio.sleep(second - 0.1)
    assert await _refused(server)
    await trio.sleep(0.2)
    assert not await _refused(server)


async def test_a_port_in_use_is_named() -> None:
    """The error has the host, the port and advice."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1, port {port}: .*Choose another port") as error:
            listen("127.0.0.1", port)

    assert error.value.errno == errno.EADDRINUSE


async def test_a_port_that_was_taken_is_named(server: Emulator) -> None:
    """Listening again fails with a clear error while the port is in use, and works once it is free."""
    server.refuse_connections()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", server.port))
        taken.listen()
        with pytest.raises(OSError, match="cannot listen"):
            server.accept_connections()

    with trio.fail_after(10):
        server.accept_connections()
        assert not await _refused(server)


async def test_a_taken_port_is_one_warning(
    autojump_clock: trio.testing.MockClock, server: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """However long another process has it when a refusal is over; and another one the next time."""
    for _ in range(2):
        caplog.clear()
        server.refuse_connections(1)
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", server.port))
            taken.listen()
            await trio.sleep(60)
        await trio.sleep(1)
        assert not await _refused(server)
        (warning,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert "cannot listen again" in warning


async def test_ipv6_is_listened_on() -> None:
    """An IPv6 address opens an IPv6 socket."""
    try:
        listener = listen("::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with listener:
        with trio.fail_after(10):
            stream = await trio.open_tcp_stream("::1", listener.socket.getsockname()[1])
            await stream.aclose()


async def test_accepting_goes_on_after_file_descriptors_ran_out(
    server: Emulator, join: Join, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a free file descriptor the server logs a warning, waits, and goes on accepting."""
    accept, failures = trio.SocketListener.accept, [errno.EMFILE, errno.ENFILE]

    async def starved(listener: trio.SocketListener) -> trio.SocketStream:
        stream = await accept(listener)
        if not failures:
            return stream
        await stream.aclose()
        raise OSError(failures.pop(), "Too many open files")

    monkeypatch.setattr(trio.SocketListener, "accept", starved)
    monkeypatch.setattr(listener_module, "_RETRY_DELAY", 0.0)
    with trio.fail_after(10):
        # The accept() that waits already is the unchanged one: the first connection completes it.
        for _ in range(3):
            assert not await _refused(server)
        await trio.testing.wait_all_tasks_blocked()
        async with join(server, "zed-1"):
            pass

    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warnings == ["cannot accept a connection: Too many open files"]


async def test_a_crash_on_one_connection_leaves_the_others_alone(
    server: Emulator, dial: Dial, join: Join, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with its traceback, its connection is closed, and the next one is served."""

    async def crash(*_: Any) -> None:
        await trio.lowlevel.checkpoint()
        message = "on purpose"
        raise RuntimeError(message)

    with trio.fail_after(10):
        with monkeypatch.context() as patch:
            patch.setattr(http_server_module, "Http1Server", crash)
            async with dial(server) as peer:
                assert await peer.stream.receive_some() == b""
        async with join(server, "zed-1"):
            pass

    (record,) = caplog.records
    assert (record.name, record.levelname, record.getMessage()) == (
        "cometconn.emulator",
        "ERROR",
        "a connection failed",
    )
    assert "on purpose" in str(record.exc_info)


async def test_nothing_is_written_to_the_terminal(
    server: Emulator, join: Join, capfd: pytest.CaptureFixture[str]
) -> None:
    """Hypercorn's own log does not appear."""
    with trio.fail_after(10):
        async with join(server, "zed-1"):
            pass
        await server.log.wait_for(lambda entry: entry.kind is Kind.GONE)

    assert capfd.readouterr() == ("", "")
