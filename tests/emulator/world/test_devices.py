"""`cometconn.emulator.world.devices`."""

from __future__ import annotations

import attrs
import trio
from trio.testing import wait_all_tasks_blocked

from cometconn.emulator import Close, Device, Order, Send


@attrs.define(eq=False)
class _Line:
    calls: list[str] = attrs.field(factory=list)

    def reset(self) -> None:
        self.calls.append("reset")

    def silence(self) -> None:
        self.calls.append("silence")


def _open(limit: int = 8) -> tuple[Device, _Line]:
    line = _Line()
    device = Device(line, limit=limit)
    device.open = True
    return device, line


async def test_orders_come_in_order() -> None:
    """Frames come as they were queued, the close frame behind them, and nothing after it."""
    device, _ = _open()
    device.send("one")
    device.send_json({"a": 1})
    device.close(1001, "bye")
    device.send("late")
    device.close(1002)

    with trio.fail_after(10):
        orders = [await device.next_order() for _ in range(3)]

    assert orders == [Send("one"), Send('{"a":1}'), Close(1001, "bye")]
    assert await _nothing_comes(device)


async def test_an_order_wakes_the_waiting_task() -> None:
    """A task that waits for an order gets what is queued."""
    device, _ = _open()
    taken: list[Order] = []

    async def drain() -> None:
        taken.append(await device.next_order())

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(drain)
            await wait_all_tasks_blocked()
            device.send("one")

    assert taken == [Send("one")]


async def test_a_full_queue_resets_the_connection() -> None:
    """The frame over the limit resets the connection, and what waited is dropped."""
    device, line = _open(limit=2)

    for text in ("one", "two", "three"):
        device.send(text)

    assert line.calls == ["reset"]
    assert await _nothing_comes(device)


async def test_silence_drops_what_waits() -> None:
    """Nothing is written to a silenced device any more, not even a close frame."""
    device, line = _open()
    device.send("one")

    device.silence()
    device.send("two")
    device.close()

    assert line.calls == ["silence"]
    assert await _nothing_comes(device)


def test_a_hanging_upgrade_is_reset_instead_of_closed() -> None:
    """Before the upgrade there is no WebSocket to close."""
    line = _Line()

    Device(line).close()

    assert line.calls == ["reset"]


async def _nothing_comes(device: Device) -> bool:
    with trio.move_on_after(0) as scope:
        await wait_all_tasks_blocked()
        await device.next_order()
    return scope.cancelled_caught
