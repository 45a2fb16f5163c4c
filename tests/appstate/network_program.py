"""Runs in an empty network namespace, brings the network up step by step, and prints the calls of the source."""

from __future__ import annotations

import fcntl
import socket
import struct

import trio
import trio.testing

from cometconn.appstate import follow_network
from tests.appstate.stand_in import StandIn

SIOCSIFADDR, SIOCSIFFLAGS, IFF_UP = 0x8916, 0x8914, 1  # linux/sockios.h, linux/if.h
PAUSE = 0.1


def give_address(address: str) -> None:
    """Give the loopback device an address; the kernel adds a route once the device is up."""
    request = struct.pack("16sHH4s8x", b"lo", socket.AF_INET, 0, socket.inet_aton(address))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        fcntl.ioctl(door, SIOCSIFADDR, request)


def bring_up(up: bool) -> None:
    """Switch the loopback device on or off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        fcntl.ioctl(door, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", IFF_UP if up else 0))


async def main() -> None:
    """One change that is ignored, and three that lead to a retry."""
    chat = StandIn()
    async with trio.open_nursery() as nursery:
        await nursery.start(lambda task_status: follow_network(chat, pause=PAUSE, task_status=task_status))
        bring_up(True)
        await chat.until("retry")
        print("up", flush=True)
        await trio.sleep(2 * PAUSE)
        chat.calls.clear()
        bring_up(False)
        await trio.sleep(2 * PAUSE)
        print(f"down {chat.calls}", flush=True)
        bring_up(True)
        await chat.until("retry")
        give_address("10.9.8.7")
        await chat.until("retry")
        print("address", flush=True)
        await trio.sleep(3 * PAUSE)
        chat.calls.clear()
        give_address("10.9.8.6")
        await chat.until("retry")
        for last in range(5):
            give_address(f"10.9.8.{last + 1}")
            await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(4 * PAUSE)
        print(f"burst {chat.calls}", flush=True)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main)
