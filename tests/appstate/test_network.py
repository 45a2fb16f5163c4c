"""The kernel's own news, in a network that the test makes; and bytes that nobody would send."""

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
    """Tell whether a network of our own can be had."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_namespaces(), reason="unshare -rn is not possible here")
async def test_in_a_real_network() -> None:
    """A link that comes up and an address are news, one that goes down is none; a burst is one retry, and one more after the pause."""
    with trio.fail_after(30):
        done = await trio.run_process(
            ["unshare", "-rn", sys.executable, "-W", "error", "-m", "tests.appstate.network_program"],
            cwd=pathlib.Path(__file__).parents[2],
            capture_stdout=True,
        )
    assert done.stdout.decode().splitlines() == ["up", "down []", "address", "burst ['retry']"]


def message(kind: int, payload: bytes = b"", length: int | None = None) -> bytes:
    """A netlink message, padded as the kernel does."""
    whole = struct.pack("=IHHII", length if length is not None else 16 + len(payload), kind, 0, 0, 0) + payload
    return whole + bytes(-len(whole) % 4)


@attrs.define(eq=False)
class Mailbox:
    """A socket with these answers to `recvfrom()`."""

    answers: list[Any]

    def recvfrom(self, size: int) -> tuple[bytes, tuple[int, int]]:
        """Give the next one."""
        if not self.answers:
            raise BlockingIOError
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("answers", "good"),
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
def test_what_is_good_news(answers: list[Any], good: bool) -> None:
    """An address or a route, in any message from the kernel; or that some news was lost. Everything is read."""
    mailbox: Any = Mailbox(answers)
    assert network._drain(mailbox) == good
    assert mailbox.answers == []


def test_a_broken_socket_is_no_news() -> None:
    """Any other error of the socket is an error."""
    mailbox: Any = Mailbox([OSError(errno.EBADF, "Bad file descriptor")])
    with pytest.raises(OSError, match="Bad file"):
        network._drain(mailbox)


@given(st.binary(max_size=200))
@example(bytes(64))
def test_no_bytes_are_too_odd(datagram: bytes) -> None:
    """Whatever a datagram holds, reading it ends, without an error."""
    assert len(list(itertools.islice(network._types(datagram), 100))) <= len(datagram) // 16


async def test_it_opens_and_a_cancel_closes_it() -> None:
    """Unprivileged; started when nothing can be missed any more."""
    if not hasattr(socket, "AF_NETLINK"):
        pytest.skip("there is no netlink here")
    async with trio.open_nursery() as nursery:
        await nursery.start(follow_network, StandIn())
        nursery.cancel_scope.cancel()


async def test_where_there_is_no_netlink_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere than on Linux, and what to do instead."""
    monkeypatch.delattr(socket, "AF_NETLINK", raising=False)
    with pytest.raises(AppStateError, match=r"call retry_now\(\) yourself"):
        await follow_network(StandIn())


@pytest.mark.parametrize("broken", ["socket", "bind"])
async def test_a_sandbox_may_forbid_it(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says why, and nothing is left open."""
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
