"""Made-up traffic: users write to each other, to put load on a program."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import trio

from cometconn.errors import SettingsError

if TYPE_CHECKING:
    import random

    from .server_controls import ServerControls

__all__ = ["make_traffic", "parse_rate"]

_RATE: Final = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)/(s|min)")
_PER_SECOND: Final = {"s": 1.0, "min": 1 / 60}
_FASTEST: Final = 10_000.0
_BEHIND: Final = 1.0
"""Seconds that the traffic may be late, because the machine is busy, and still makes up for it."""

_TO_GROUPS: Final = 0.3
"""The share of messages that go to a group, if there is one."""


def parse_rate(words: str) -> float:
    """Read a rate such as `30/s` or `5/min`; return it per second. Raises `SettingsError`."""
    found = _RATE.fullmatch(words)
    rate = 0.0 if found is None else float(found[1]) * _PER_SECOND[found[2]]
    if not 0 < rate <= _FASTEST:
        message = f"--flow must be a rate such as 30/s or 5/min, at most {_FASTEST:g}/s, not {words!r}."
        raise SettingsError(message)
    return rate


async def make_traffic(server: ServerControls, per_second: float, choose: random.Random) -> None:
    """Let users send messages, *per_second* of them, to each other and to the groups that they are in, until cancelled.

    They are numbered texts. A message that the server refuses, for example because its group is gone, is left out.
    """
    number, due = 0, trio.current_time()
    while True:
        due = max(due + 1 / per_second, trio.current_time() - _BEHIND)
        await trio.sleep_until(due)
        number += 1
        try:
            _send(server, f"message {number}", choose)
        except SettingsError:
            continue


def _send(server: ServerControls, text: str, choose: random.Random) -> None:
    """Let a random user send one message."""
    groups = [group for group in server.world.groups.values() if len(group.members) > 1]
    people = list(server.world.people)
    if groups and choose.random() < _TO_GROUPS:
        group = choose.choice(groups)
        server.say(choose.choice(list(group.members)), text, group=group.guid)
    elif len(people) > 1:
        sender, receiver = choose.sample(people, 2)
        server.say(sender, text, receiver=receiver)
