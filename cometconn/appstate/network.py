"""The network is back: Linux reports by netlink when an address or a route appears."""

from __future__ import annotations

import errno
import socket
import struct
from typing import TYPE_CHECKING

import trio

from cometconn._arguments import check
from cometconn._groups import need_trio
from cometconn.errors import AppStateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import AppStateTarget

__all__ = ["follow_network"]

# linux/rtnetlink.h: the multicast groups, as bits, and the two messages that mean the network may be back.
_GROUPS = 0x10 | 0x40 | 0x100 | 0x400  # RTMGRP_IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR, _IPV6_ROUTE
_MESSAGES = frozenset({20, 24})  # RTM_NEWADDR, RTM_NEWROUTE
_KERNEL = 0  # the kernel's port; other processes may send to our socket, too
# linux/netlink.h: struct nlmsghdr is length, type, flags, sequence number, port; messages are padded to 4 bytes.
_HEADER = struct.Struct("=IHHII")
_ALIGNED = 4
_LARGEST = 65536  # more than the kernel puts in one datagram


@trio.lowlevel.enable_ki_protection
async def follow_network(
    chat: AppStateTarget, *, pause: float = 1.0, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Make a waiting retry as soon as the machine gets an address or a route, until cancelled.

    Without it, a client reconnects up to `retry_cap` (30 s) after the network is back; with
    it, at once. It only calls `retry_now()`: an address that appears while the client is
    connected changes nothing, and neither does a network that goes away.

    An address often appears moments before the route that makes it usable. So a change during
    the pause after a retry leads to one more retry when the pause is over.

    Args:
        chat: the client.
        pause: seconds between two calls of `retry_now()`; the client acts on one a second.
        task_status: from `nursery.start()`; started once no change can be missed.

    Raises:
        AppStateError: the system has no netlink (it is not Linux), or a sandbox forbids
            it (systemd: `RestrictAddressFamilies=` needs `AF_NETLINK`). Not worth retrying.

    Runs until cancelled, and needs no privilege. A cancel closes its socket. Source: Linux,
    rtnetlink(7) and netlink(7).
    """
    check(follow_network, locals())
    need_trio("follow_network()")
    with _open() as netlink:
        task_status.started()
        while True:
            await trio.lowlevel.wait_readable(netlink)
            if _drain(netlink):
                chat.retry_now()
                await trio.sleep(pause)


def _open() -> socket.socket:
    if not hasattr(socket, "AF_NETLINK"):
        message = "Only Linux has netlink: on this system, call retry_now() yourself when the network is back."
        raise AppStateError(message)
    netlink: socket.socket | None = None
    try:
        netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        netlink.bind((0, _GROUPS))
    except OSError as error:
        if netlink is not None:
            netlink.close()
        message = f"Netlink cannot be opened: {error.strerror}."
        raise AppStateError(message) from error
    return netlink


def _drain(netlink: socket.socket) -> bool:
    """Read all waiting datagrams; return whether an address or a route may have appeared."""
    found = False
    while True:
        try:
            datagram, sender = netlink.recvfrom(_LARGEST)
        except BlockingIOError:
            return found
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            found = True  # the socket's buffer overflowed: the lost datagrams may have held one
        else:
            found = found or (sender[0] == _KERNEL and not _MESSAGES.isdisjoint(_types(datagram)))


def _types(datagram: bytes) -> Iterator[int]:
    """Yield the types of the messages in *datagram*, up to the first malformed one."""
    at = 0
    while at + _HEADER.size <= len(datagram):
        length, kind, *_ = _HEADER.unpack_from(datagram, at)
        if length < _HEADER.size:
            return
        yield kind
        at += -(-length // _ALIGNED) * _ALIGNED
