"""`assert_no_leaks()` finds everything that can be left behind, and nothing else."""

from __future__ import annotations

import pathlib
import socket
from typing import Any

import pytest
import trio
import trio.testing

import cometconn
from cometconn import AppSettings, FileStore, MemoryStore
from cometconn._connection.link import Link
from cometconn._lifecycle.heartbeat import Heartbeat
from cometconn._lot import Lot
from cometconn.emulator import open_emulator
from cometconn.testing import MemoryServer, assert_no_leaks, leaks, memory_socket_pair, open_memory_server


def client(server: Any, **more: Any) -> Any:
    """Return a client of *server*."""
    if isinstance(server, MemoryServer):
        more["environment"] = server
    store = more.pop("store", None) or MemoryStore()
    return cometconn.open_client("APP", AppSettings(), store=store, endpoints=server.endpoints, **more)


async def test_a_client_over_sockets_leaves_nothing(tmp_path: pathlib.Path) -> None:
    """Neither does the server, outside or inside of the block."""
    async with open_emulator() as outside:
        async with assert_no_leaks():
            async with client(outside, store=FileStore(tmp_path / "session.json")) as chat:
                await chat.login(uid="zed-1", auth_key="KEY")
                await chat.connect()
    async with assert_no_leaks(), open_emulator() as server, client(server) as chat:
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        outside_drop = server.drop("zed-1", "reset")
    assert outside_drop == 1


async def test_a_client_in_memory_leaves_nothing(autojump_clock: trio.testing.MockClock) -> None:
    """It may have connected several times, and the closed client itself may still be referenced."""
    async with open_memory_server() as server, assert_no_leaks():
        async with client(server) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            for _ in range(3):
                await chat.connect()
                await chat.disconnect()
    assert chat.get_logged_in_user() is not None


def test_round_a_whole_run() -> None:
    """The check works with `with`, outside of Trio."""

    async def main() -> None:
        async with open_emulator() as server, client(server) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            await chat.connect()

    with assert_no_leaks():
        trio.run(main)


async def test_a_task_is_found(autojump_clock: trio.testing.MockClock) -> None:
    """The error for a client that is still open lists its tasks and its socket."""
    async with open_memory_server() as server:
        opened = client(server)
        with pytest.raises(AssertionError, match="task cometconn.supervisor") as caught:
            async with assert_no_leaks():
                chat = await opened.__aenter__()
                await chat.login(uid="zed-1", auth_key="KEY")
                await chat.connect()
        await opened.__aexit__(None, None, None)
    assert "object <cometconn.testing.memory_stream.MemorySocket" in str(caught.value)
    assert "task cometconn.receive_loop" in str(caught.value)


def test_a_socket_is_found() -> None:
    """The error contains the addresses of a connected socket, and the address of a listening one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = listener.getsockname()
        with pytest.raises(AssertionError, match=f"a socket from .* to .*{where[1]}"):
            with assert_no_leaks():
                connected = socket.create_connection(where)
        connected.close()
    with pytest.raises(AssertionError, match=r"a socket at \('127.0.0.1', "):
        with assert_no_leaks():
            listener = socket.create_server(("127.0.0.1", 0))
    listener.close()


def test_a_file_is_found(tmp_path: pathlib.Path) -> None:
    """The error contains its name."""
    with pytest.raises(AssertionError, match="left-open"):
        with assert_no_leaks():
            file = (tmp_path / "left-open").open("w")
    file.close()


def test_a_descriptor_that_took_anothers_number_is_found(tmp_path: pathlib.Path) -> None:
    """A new file with the number of a closed one is a leak, too."""
    first = (tmp_path / "first").open("w")
    with pytest.raises(AssertionError, match="second"):
        with assert_no_leaks():
            first.close()
            second = (tmp_path / "second").open("w")
    second.close()


def test_what_is_pending_in_memory_is_found() -> None:
    """An open memory socket and a link that did not end are leaks; closed and ended ones are not."""
    with pytest.raises(AssertionError, match="object Link") as caught:
        with assert_no_leaks():
            ends = memory_socket_pair()
            link = Link(number=1, heartbeat=Heartbeat(15, 5), lease=trio.CancelScope(), attempt_ends=10.0, room=Lot())
    assert str(caught.value).count("MemorySocket") == 2
    with assert_no_leaks():
        link.end(None, None)
        for end in ends:
            trio.run(end.aclose)
        more = memory_socket_pair()
        for end in more:
            trio.run(end.aclose)


async def test_what_the_block_raises_is_raised() -> None:
    """Nothing is checked then, in either kind of block."""
    for check in (assert_no_leaks(), assert_no_leaks()):
        with pytest.raises(KeyError):
            async with check:
                raise KeyError
    with pytest.raises(KeyError):
        with assert_no_leaks():
            raise KeyError


async def test_what_is_about_to_end_is_waited_for() -> None:
    """A task outside of the block that needs a moment to end, as a server does, is not a leak."""

    async def close_later(end: socket.socket) -> None:
        await trio.sleep(0.05)
        end.close()

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery, assert_no_leaks(patience=5):
            for end in socket.socketpair():
                nursery.start_soon(close_later, end)


async def test_in_virtual_time_it_waits_until_all_tasks_are_blocked(autojump_clock: trio.testing.MockClock) -> None:
    """No time passes meanwhile."""
    async with trio.open_nursery() as nursery, assert_no_leaks():
        for end in memory_socket_pair():
            nursery.start_soon(end.aclose)
    assert trio.current_time() == 0


async def test_it_waits_no_longer_than_it_must() -> None:
    """For a leak it waits as long as its patience, and no longer."""
    ends = socket.socketpair()
    began = trio.current_time()
    with trio.fail_after(10), pytest.raises(AssertionError, match="descriptor"):
        async with assert_no_leaks(patience=0.05):
            more = socket.socketpair()
    assert trio.current_time() - began >= 0.05
    for end in (*ends, *more):
        end.close()


def test_where_descriptors_are_not_listed_the_rest_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """So it is on Windows."""
    monkeypatch.setattr(leaks, "_FOLDERS", ("/nowhere", "/nowhere-else"))
    with assert_no_leaks():
        ends = socket.socketpair()
    for end in ends:
        end.close()
    assert leaks._describe(10_000) == "not a socket"
