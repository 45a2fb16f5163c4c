"""The emulator as a process of its own: sends messages to the accounts, and records what was sent and every socket.

Its argument is JSON: `journal`, the path of the record; `uids`; and `seed`. It prints its endpoints as one line of JSON, and
then takes commands from its standard input, one JSON array a line: `["rate", MESSAGES_A_SECOND]`,
`["burst", UID, MESSAGES, SECONDS]` and `["reset"]`. It ends when its standard input does.

Each line of the journal is a JSON array: the time on the monotonic clock, which all processes share, a word, and its values.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from typing import TYPE_CHECKING, Any

import attrs
import trio

from cometconn.emulator import Emulator, Kind, ServerLog, open_emulator
from cometconn.emulator.world.messages import MessageStore

if TYPE_CHECKING:
    from cometconn.emulator.log import Entry

_ENDS = (Kind.CLOSE_IN, Kind.EOF, Kind.RESET, Kind.GONE)
_LOGIN = "/auth_tokens"


class Journal(ServerLog):
    """The emulator's log, of which everything that the witness needs is written to a file at once."""

    def __init__(self, path: str) -> None:
        super().__init__(limit=1000)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, *values: object) -> None:
        """Write one line."""
        os.write(self._file, json.dumps([time.monotonic(), *values]).encode() + b"\n")

    def add(self, kind: Kind, connection: int | None = None, uid: str | None = None, **detail: Any) -> Entry:
        """Keep an entry, and write what is about sockets and logins."""
        if kind is Kind.CONNECT:
            self.write("attempt", connection)
        elif kind is Kind.AUTH and detail.get("outcome") == "accepted":
            self.write("open", connection, uid)
        elif kind in _ENDS:
            self.write("end", connection)
        elif kind is Kind.REST and detail["method"] == "POST" and detail["path"].endswith(_LOGIN):
            self.write("login", uid)
        return super().add(kind, connection, uid, **detail)


@attrs.define(eq=False)
class Talker:
    """Sends messages as the commands say."""

    server: Emulator
    journal: Journal
    uids: list[str]
    draw: random.Random
    rate: float = 0.0
    _said: int = 0

    def say(self, uid: str) -> None:
        """Send one message, and record its id."""
        self._said += 1
        message = self.server.say("sender", f"message {self._said}", receiver=uid)
        self.journal.write("said", uid, int(message["id"]), time.time())

    async def talk(self) -> None:
        """Send messages to random accounts at the present rate."""
        while True:
            await trio.sleep(1 / self.rate if self.rate else 0.05)
            if self.rate:
                self.say(self.draw.choice(self.uids))

    async def burst(self, uid: str, count: int, seconds: float) -> None:
        """Send many messages to one account, evenly over some seconds."""
        for _ in range(count):
            self.say(uid)
            await trio.sleep(seconds / count)

    async def obey(self, nursery: trio.Nursery) -> None:
        """Follow the commands until their end."""
        rest = b""
        async for chunk in trio.lowlevel.FdStream(os.dup(0)):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                match json.loads(line):
                    case ["rate", rate]:
                        self.rate = rate
                        self.journal.write("rate", rate)
                    case ["burst", uid, count, seconds]:
                        nursery.start_soon(self.burst, uid, count, seconds)
                    case ["reset"]:
                        self.server.drop(None, "reset")
                    case other:
                        raise ValueError(other)
        nursery.cancel_scope.cancel()


async def main(given: dict[str, Any]) -> None:
    """Run until the standard input ends."""
    uids = given["uids"]
    async with open_emulator(users=["sender", *uids], groups={}) as server, trio.open_nursery() as nursery:
        server.world.messages = MessageStore(limit=10**9)
        server.world.log = journal = Journal(given["journal"])
        talker = Talker(server, journal, uids, random.Random(given["seed"]))
        nursery.start_soon(talker.talk)
        nursery.start_soon(talker.obey, nursery)
        print(json.dumps(attrs.asdict(server.endpoints)), flush=True)


if __name__ == "__main__":
    trio.run(main, json.loads(sys.argv[1]))
