"""What the demo's acts share: the timeline, the server, and the list of what was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio
from rich.markup import escape

from cometconn import Connected, Connecting, Disconnected, Waiting

from .formatting import status_text
from .terminal import safe_text

if TYPE_CHECKING:
    from rich.console import Console

    from cometconn import CometChat, Status
    from cometconn.emulator import Emulator, Entry, Kind

__all__ = ["RULES", "DemoRun"]

RULES = {
    "P1": "login() saves the user and opens the WebSocket",
    "P2": "a reopened app connects without a login",
    "P3": "auto mode is the default",
    "P4": "auto, foreground: connected",
    "P5": "auto, background: disconnected immediately",
    "P6": "auto, foreground, network lost: reconnects",
    "P7": "manual: only connect() opens, disconnect() closes",
    "P8": "manual, background: closed when the grace is over",
    "P9": "manual, background: ping() gives another grace",
    "P10": "ping() sends a ping message to the server",
    "P11": "messages sent while disconnected do not come by the socket",
    "P12": "manual, foreground, network lost: reconnects",
    "P13": "manual, disconnected: only connect() opens again",
    "P14": "connect() needs a logged-in user",
    "P15": "connected: events of the user and the groups arrive",
    "P16": "errors have a code and a message",
    "P17": "settings: app id, region, presence, mode",
    "P18": "pinging in a loop keeps the socket for ever",
}

_COLOURS = {Connected: "green", Connecting: "yellow", Waiting: "yellow", Disconnected: "red"}


@attrs.define(eq=False)
class DemoRun:
    """The demo in progress.

    Attributes:
        console: where the timeline goes.
        server: the emulator.
        grace: `background_grace`, in seconds.
        seen: for each rule whether it held, and what showed it.
    """

    console: Console
    server: Emulator
    grace: float
    seen: dict[str, tuple[bool, str]] = attrs.field(factory=dict, init=False)
    _began: float = attrs.field(factory=trio.current_time, init=False)

    def heading(self, title: str) -> None:
        """Begin an act."""
        self.console.print(f"\n[bold]{escape(safe_text(title))}[/bold]")

    def print_line(self, who: str, what: str, colour: str = "default") -> None:
        """Print one line of the timeline."""
        at = trio.current_time() - self._began
        self.console.print(f"[dim]{at:7.2f} s[/dim]  {who:<7} [{colour}]{escape(safe_text(what))}[/{colour}]")

    def check(self, rule: str, held: object, observation: str) -> None:
        """Note what was observed of *rule*; once failed it stays failed."""
        before_held, before = self.seen.get(rule, (True, ""))
        both = f"{before}; {observation}" if before else observation
        self.seen[rule] = (before_held and bool(held), both)
        mark, colour = ("✓", "green") if held else ("✗", "bold red")
        self.print_line(f"  {rule}", f"{mark} {observation}", colour)

    async def print_statuses(
        self, chat: CometChat, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Print every status that *chat* goes through."""
        async with chat.statuses() as changes:
            task_status.started()
            async for change in changes:
                colour = _COLOURS[type(change.current)]
                self.print_line("client", status_text(change.current), colour)

    async def wait_for(self, chat: CometChat, kind: type) -> Status:
        """Wait until the status is of this kind, and return it."""
        async with chat.statuses() as changes:
            async for change in changes:
                if isinstance(change.current, kind):
                    await trio.sleep(0.02)  # the timeline is written by another task: let it come first
                    return change.current
        message = "the client was left"
        raise AssertionError(message)

    async def server_saw(self, kind: Kind, since: int) -> Entry:
        """Wait for an entry of the server's log from position *since* on."""
        entry = await self.server.log.wait_for(lambda entry: entry.kind is kind, since=since)
        code = entry.detail.get("code")
        self.print_line("server", f"saw {kind.value}{f' with code {code}' if code else ''}", "cyan")
        return entry

    def summary(self) -> int:
        """Print what was seen of every rule; return how many failed or were not seen."""
        self.console.print("\n[bold]What was seen[/bold]")
        failed = 0
        for rule, text in RULES.items():
            held, observation = self.seen.get(rule, (False, "not seen"))
            failed += not held
            mark = "[green]✓[/green]" if held else "[bold red]✗[/bold red]"
            self.console.print(
                f"{mark} [bold]{rule:<4}[/bold] {escape(text)}\n       [dim]{escape(safe_text(observation))}[/dim]"
            )
        return failed
