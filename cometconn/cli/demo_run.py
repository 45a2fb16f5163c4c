"""What the parts of the demo share: the printed log, the server, and the result of each rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from cometconn import Connected, Connecting, Disconnected, Waiting
from cometconn.emulator import Kind

from .demo_text import MARKS, DemoText
from .formatting import status_text

if TYPE_CHECKING:
    from cometconn import CometChat, Status
    from cometconn.emulator import Emulator, Entry

__all__ = ["RULES", "DemoRun"]

RULES = {
    "P1": "login() saves the user and opens the WebSocket",
    "P2": "a reopened app connects without a login",
    "P3": "auto mode is the default",
    "P4": "auto, foreground: connected",
    "P5": "auto, background: disconnected immediately",
    "P6": "auto, foreground, network lost: reconnects",
    "P7": "manual: only connect() opens, disconnect() closes",
    "P8": "manual, background: closed after the background grace",
    "P9": "manual, background: ping() extends the grace",
    "P10": "ping() sends a ping message to the server",
    "P11": "messages sent while disconnected do not arrive by the WebSocket",
    "P12": "manual, foreground, network lost: reconnects",
    "P13": "manual, disconnected: only connect() opens again",
    "P14": "connect() needs a logged-in user",
    "P15": "connected: events of the user and the groups arrive",
    "P16": "errors have a code and a message",
    "P17": "settings: app id, region, presence, mode",
    "P18": "pinging in a loop keeps the connection open",
}

_SERVER_TEXTS = {Kind.UPGRADE: "opened the WebSocket", Kind.CLOSE_IN: "received a close frame"}
_BESIDE = 21  # columns before what was observed: it stands below the rule, or at the left if that were too narrow
_COLOURS = {Connected: "green", Connecting: "yellow", Waiting: "yellow", Disconnected: "red"}


@attrs.define(eq=False)
class DemoRun(DemoText):
    """The demo in progress.

    Attributes:
        server: the emulator.
        grace: `background_grace`, in seconds.
        results: for each rule that was checked, whether it held.
    """

    server: Emulator
    grace: float
    results: dict[str, bool] = attrs.field(factory=dict, init=False)

    def check(self, rule: str, held: object, observation: str) -> None:
        """Record and print what was observed of *rule*. A rule that failed once stays failed."""
        self.results[rule] = self.results.get(rule, True) and bool(held)
        mark, colour = MARKS[bool(held)]
        self.print_line(f"  {rule}", f"{mark} {RULES[rule]}", colour)
        self.print_text(observation, "dim" if held else colour, " " * (_BESIDE if self.console.width >= 60 else 4))

    async def print_statuses(
        self, chat: CometChat, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Print every status of *chat*."""
        async with chat.statuses() as changes:
            task_status.started()
            async for change in changes:
                colour = _COLOURS[type(change.current)]
                self.print_line("client", status_text(change.current), colour)

    async def wait_for(self, chat: CometChat, kind: type) -> Status:
        """Wait for a status of this class, and return it."""
        async with chat.statuses() as changes:
            async for change in changes:
                if isinstance(change.current, kind):
                    await trio.sleep(0.02)  # another task prints the status: let it do so first
                    return change.current
        message = "the client was closed"
        raise AssertionError(message)

    async def server_saw(self, kind: Kind, since: int) -> Entry:
        """Wait for an entry of this kind in the server's log, from position *since* on."""
        entry = await self.server.log.wait_for(lambda entry: entry.kind is kind, since=since)
        code = entry.detail.get("code")
        self.print_line("server", f"{_SERVER_TEXTS[kind]}{f', code {code}' if code else ''}", "cyan")
        return entry

    def summary(self) -> int:
        """Print the result of every rule; return how many failed or were not checked."""
        self.heading("Summary")
        for rule, text in RULES.items():
            mark, colour = MARKS[self.results.get(rule, False)]
            self.print_text(
                text if rule in self.results else f"{text}: not checked", lead=f"{mark} {rule:<4} ", lead_style=colour
            )
        return sum(not self.results.get(rule, False) for rule in RULES)
