"""Real netlink messages, in a network namespace of the test; and malformed ones."""

from __future__ import annotations

import errno
import itertools
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
from typing import Any

import attrs
import pytest
import trio
from hypothesis import example, given
from hypothesis import strategies as st

from cometconn.appstate import follow_network, network
from cometconn.errors import AppStateError

from .stand_in import StandIn

NEWADDR, DELADDR, NEWROUTE = 20, 21, 24


def has_namespaces() -> bool:
    """Return whether a network namespace can be made here."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_namespaces(), reason="unshare -rn is not possible here")
async def test_in_a_real_network() -> None:
    """A link that comes up, and an address, lead to a retry; a link that goes down does not; a burst leads to one, and one after the pause."""
    with trio.fail_after(30):
        done = await trio.run_process(
            ["unshare", "-rn", sys.executable, "-W", "error", "-m", "tests.appstate.network_program"],
            cwd=pathlib.Path(__file__).parents[2],
            capture_stdout=True,
        )
    assert done.stdout.decode().splitlines() == ["up", "down []", "address", "burst ['retry']"]


def message(kind: int, payload: bytes = b"", length: int | None = None) -> bytes:
    """Return a netlink message, padded as the kernel does."""
    whole = struct.pack("=IHHII", length if length is not None else 16 + len(payload), kind, 0, 0, 0) + payload
    return whole + bytes(-len(whole) % 4)


@attrs.define(eq=False)
class FakeSocket:
    """A socket whose `recvfrom()` returns or raises these."""

    answers: list[Any]

    def recvfrom(self, size: int) -> tuple[bytes, tuple[int, int]]:
        """Return or raise the next one."""
        if not self.answers:
            raise BlockingIOError
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([(message(NEWADDR), (0, 0))], True),
        ([(message(DELADDR, b"x") + message(NEWROUTE, b"y"), (0, 0))], True),
        ([(message(NEWROUTE), (0, 0)), (message(DELADDR), (0, 0))], True),
        ([(message(DELADDR), (0, 0))], False),
        ([(message(NEWADDR), (4711, 0))], False),
        ([OSError(errno.ENOBUFS, "No buffer space available")], True),
        ([(message(DELADDR, length=3) + message(NEWADDR), (0, 0))], False),
        ([], False),
    ],
    ids=["address", "second-message", "second-datagram", "gone", "another-process", "overrun", "cut", "nothing"],
)
def test_which_messages_count(answers: list[Any], found: bool) -> None:
    """A new address or route, in any message from the kernel, or an overflow of the buffer. All datagrams are read."""
    netlink: Any = FakeSocket(answers)
    assert network._drain(netlink) == found
    assert netlink.answers == []


def test_a_broken_socket_is_an_error() -> None:
    """Any other error of the socket is raised."""
    netlink: Any = FakeSocket([OSError(errno.EBADF, "Bad file descriptor")])
    with pytest.raises(OSError, match="Bad file"):
        network._drain(netlink)


@given(st.binary(max_size=200))
@example(bytes(64))
def test_any_bytes_can_be_read(datagram: bytes) -> None:
    """Whatever a datagram holds, reading it ends, without an error."""
    assert len(list(itertools.islice(network._types(datagram), 100))) <= len(datagram) // 16


async def test_it_opens_and_a_cancel_closes_it() -> None:
    """It needs no privilege, and is started once it can miss nothing."""
    if not hasattr(socket, "AF_NETLINK"):
        pytest.skip("there is no netlink here")
    async with trio.open_nursery() as nursery:
        await nursery.start(follow_network, StandIn())
        nursery.cancel_scope.cancel()


async def test_without_netlink_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only Linux has netlink; the error names the alternative."""
    monkeypatch.delattr(socket, "AF_NETLINK", raising=False)
    with pytest.raises(AppStateError, match=r"call retry_now\(\) yourself"):
        await follow_network(StandIn())


@pytest.mark.parametrize("broken", ["socket", "bind"])
async def test_a_sandbox_may_forbid_it(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error gives the reason, and no socket is left open."""
    real = socket.socket

    class Forbidden(real):  # type: ignore[misc, valid-type]
        def __init__(self, *_: Any) -> None:
            if broken == "socket":
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
            super().__init__()

        def bind(self, _: Any) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(socket, "socket", Forbidden)
    with pytest.raises(AppStateError, match="Netlink cannot be opened: (Address family|Operation not)"):
        await follow_network(StandIn())
