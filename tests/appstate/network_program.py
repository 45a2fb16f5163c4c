"""Runs in a network of its own that has nothing yet; brings it up step by step, and prints what the source says."""

from __future__ import annotations

import fcntl
import socket
import struct

import trio

from cometconn.appstate import follow_network
from tests.appstate.stand_in import StandIn

SIOCSIFADDR, SIOCSIFFLAGS, IFF_UP = 0x8916, 0x8914, 1  # linux/sockios.h, linux/if.h


def give_address(address: str) -> None:
    """Give the loopback device an address, which brings a route along once it is up."""
    request = struct.pack("16sHH4s8x", b"lo", socket.AF_INET, 0, socket.inet_aton(address))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        fcntl.ioctl(door, SIOCSIFADDR, request)


def bring_up(up: bool) -> None:
    """Switch the loopback device on or off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        fcntl.ioctl(door, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", IFF_UP if up else 0))


async def main() -> None:
    """Something that is no news, and three things that are."""
    chat = StandIn()
    async with trio.open_nursery() as nursery:
        await nursery.start(lambda task_status: follow_network(chat, pause=0.05, task_status=task_status))
        bring_up(True)
        await chat.until("retry")
        print("up", flush=True)
        await trio.sleep(0.1)
        chat.heard.clear()
        bring_up(False)
        await trio.sleep(0.1)
        print(f"down {chat.heard}", flush=True)
        bring_up(True)
        await chat.until("retry")
        give_address("10.9.8.7")
        await chat.until("retry")
        print("address", flush=True)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main)
