"""What the parts of the demo share: the printed log, the server, and the result of each rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio
from rich.markup import escape

from cometconn import Connected, Connecting, Disconnected, Waiting
from cometconn.emulator import Kind

from .formatting import status_text
from .terminal import safe_text

if TYPE_CHECKING:
    from rich.console import Console

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
_COLOURS = {Connected: "green", Connecting: "yellow", Waiting: "yellow", Disconnected: "red"}


@attrs.define(eq=False)
class DemoRun:
    """The demo in progress.

    Attributes:
        console: prints the log.
        server: the emulator.
        grace: `background_grace`, in seconds.
        results: for each rule, whether it held and what was observed.
    """

    console: Console
    server: Emulator
    grace: float
    results: dict[str, tuple[bool, str]] = attrs.field(factory=dict, init=False)
    _began: float = attrs.field(factory=trio.current_time, init=False)

    def heading(self, title: str) -> None:
        """Print the heading of a part."""
        self.console.print(f"\n[bold]{escape(safe_text(title))}[/bold]")

    def print_line(self, source: str, text: str, colour: str = "default") -> None:
        """Print one line of the log: the time, *source* and *text*."""
        at = trio.current_time() - self._began
        self.console.print(f"[dim]{at:7.2f} s[/dim]  {source:<7} [{colour}]{escape(safe_text(text))}[/{colour}]")

    def check(self, rule: str, held: object, observation: str) -> None:
        """Record and print what was observed of *rule*. A rule that failed once stays failed."""
        before_held, before = self.results.get(rule, (True, ""))
        both = f"{before}; {observation}" if before else observation
        self.results[rule] = (before_held and bool(held), both)
        mark, colour = ("✓", "green") if held else ("✗", "bold red")
        self.print_line(f"  {rule}", f"{mark} {observation}", colour)

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
        self.console.print("\n[bold]Summary[/bold]")
        failed = 0
        for rule, text in RULES.items():
            held, observation = self.results.get(rule, (False, "not checked"))
            failed += not held
            mark = "[green]✓[/green]" if held else "[bold red]✗[/bold red]"
            self.console.print(
                f"{mark} [bold]{rule:<4}[/bold] {escape(text)}\n       [dim]{escape(safe_text(observation))}[/dim]"
            )
        return failed
