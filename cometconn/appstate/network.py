"""The network is back: Linux tells by netlink when an address or a route appears."""

from __future__ import annotations

import errno
import socket
import struct
from typing import TYPE_CHECKING

import trio

from cometconn.errors import AppStateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import Follower

__all__ = ["follow_network"]

# linux/rtnetlink.h: the multicast groups, as bits, and the two messages that are good news.
_GROUPS = 0x10 | 0x40 | 0x100 | 0x400  # RTMGRP_IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR, _IPV6_ROUTE
_GOOD_NEWS = frozenset({20, 24})  # RTM_NEWADDR, RTM_NEWROUTE
_KERNEL = 0  # the port of the kernel; any process may send to ours
# linux/netlink.h: struct nlmsghdr is length, type, flags, sequence number, port; messages are padded to 4 bytes.
_HEADER = struct.Struct("=IHHII")
_ALIGNED = 4
_LARGEST = 65536  # more than the kernel puts in one datagram


@trio.lowlevel.enable_ki_protection
async def follow_network(
    chat: Follower, *, pause: float = 1.0, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Make a waiting retry as soon as the machine gets an address or a route, until cancelled.

    Without it a client whose network was away for long comes back within `retry_cap`, 30
    s; with it, at once. Only `retry_now()` is called: an address that appears while the
    client is connected, or the network going away, changes nothing.

    An address often comes moments before the route that makes it useful. So news that
    comes during the pause after a retry leads to one more when the pause is over.

    Args:
        chat: the client.
        pause: seconds between two calls of `retry_now()`; the client obeys one a second.
        task_status: from `nursery.start()`; started once no news can be missed.

    Raises:
        AppStateError: the system has no netlink (it is not Linux), or a sandbox forbids
            it (systemd: `RestrictAddressFamilies=` needs `AF_NETLINK`).

    Never returns by itself, and needs no right. If cancelled, its socket is closed. Source:
    Linux, rtnetlink(7) and netlink(7).
    """
    with _open() as news:
        task_status.started()
        while True:
            await trio.lowlevel.wait_readable(news)
            if _drain(news):
                chat.retry_now()
                await trio.sleep(pause)


def _open() -> socket.socket:
    if not hasattr(socket, "AF_NETLINK"):
        message = "This system has no netlink, which is Linux's: call retry_now() yourself when the network is back."
        raise AppStateError(message)
    news: socket.socket | None = None
    try:
        news = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        news.bind((0, _GROUPS))
    except OSError as error:
        if news is not None:
            news.close()
        message = f"Netlink cannot be opened: {error.strerror}."
        raise AppStateError(message) from error
    return news


def _drain(news: socket.socket) -> bool:
    """Read everything that waits; tell whether there was good news in it."""
    good = False
    while True:
        try:
            datagram, sender = news.recvfrom(_LARGEST)
        except BlockingIOError:
            return good
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            good = True  # the kernel had more news than room, so some of it may have been good
        else:
            good = good or (sender[0] == _KERNEL and not _GOOD_NEWS.isdisjoint(_types(datagram)))


def _types(datagram: bytes) -> Iterator[int]:
    """Give the types of the messages in *datagram*, as far as it can be read."""
    at = 0
    while at + _HEADER.size <= len(datagram):
        length, kind, *_ = _HEADER.unpack_from(datagram, at)
        if length < _HEADER.size:
            return
        yield kind
        at += -(-length // _ALIGNED) * _ALIGNED
