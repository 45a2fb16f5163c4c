"""`cometconn fleet doctor`: whether the engine can be trusted with a fleet, and whether the fleet is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio
from rich.markup import escape

from cometconn.cli.stopping import until_stopped
from cometconn.cli.terminal import TerminalConsole, json_line, wrapped
from cometconn.errors import SettingsError
from cometconn.fleet import EngineError

from .doctor_checks import Check, Checks, Verdict
from .doctor_fleet import check_fleet
from .doctor_sqlite import check_sqlite

if TYPE_CHECKING:
    from .engine_options import EngineOptions

__all__ = ["doctor"]

UNREACHABLE, ENGINE_FAILED, FLEET_FAILED = 3, 4, 5

_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "bold red", Verdict.SKIPPED: "dim"}
_INDENT = 28
_WIDEST = 110  # columns


async def doctor(engine: EngineOptions, *, as_json: bool, timeout: float) -> int:  # noqa: ASYNC109 - of each call
    """Make all checks, print the results, and return the exit status."""
    if not 0 < timeout < float("inf"):
        message = f"--timeout must be more than 0 seconds, not {timeout:g}."
        raise SettingsError(message)
    engine.make()  # the options are wrong, or there is no file
    printer = _Printer()
    checks = Checks((lambda _: None) if as_json else printer.show)
    diagnosis = _Diagnosis(engine, checks, timeout)
    stopped = await until_stopped(diagnosis.run)
    status = stopped or diagnosis.status
    if as_json:
        report = {"ok": status == 0, "status": status, "checks": [each.to_json() for each in checks.all]}
        print(json_line(report, indent=2))  # noqa: T201 - a program's output
    elif not stopped:
        printer.sum_up(checks)
    return status


@attrs.define(eq=False)
class _Diagnosis:
    """Makes the checks in their order."""

    engine: EngineOptions
    checks: Checks
    patience: float
    _reached: bool = attrs.field(default=False, init=False)

    async def run(self) -> None:
        """Check the engine, and then the fleet, if that can be read."""
        self.checks.part = self.engine.label
        self._reached, has_fleet = await self._check_engine()
        if not has_fleet:
            return
        label, self.checks.part = self.checks.part, "fleet"
        try:
            with trio.fail_after(self.patience):
                async with self.engine.connect() as connection:
                    await check_fleet(self.checks, connection, self.engine.ring())
        except EngineError as error:
            self.checks.part = label
            self.checks.fail("usable", error.message, "No worker can join.", "See the failed checks above.")
        except trio.TooSlowError:
            self.checks.skip("state", f"not read within {self.patience:g} s")

    async def _check_engine(self) -> tuple[bool, bool]:
        """Return whether the engine can be reached, and whether it has a fleet."""
        path = self.engine.path
        if path is not None:
            is_usable = await trio.to_thread.run_sync(check_sqlite, self.checks, path, self.patience)
            return True, is_usable
        from .doctor_redis import check_redis  # noqa: PLC0415 - coredis is an extra

        address = await self.engine.redis_address()
        return await check_redis(self.checks, address, self.engine.namespace, self.engine.app_id, self.patience)

    @property
    def status(self) -> int:
        """The exit status: 0 if nothing failed."""
        if not self._reached:
            return UNREACHABLE
        if self.checks.has(Verdict.FAILED, self.engine.label):
            return ENGINE_FAILED
        return FLEET_FAILED if self.checks.has(Verdict.FAILED) else 0


@attrs.define(eq=False)
class _Printer:
    """Prints each check at once."""

    console: TerminalConsole = attrs.field(factory=lambda: TerminalConsole(highlight=False, soft_wrap=True))
    _part: str | None = attrs.field(default=None, init=False)

    def show(self, check: Check) -> None:
        """Print a check; if it did not pass, also why that matters and what to do."""
        if check.part != self._part:
            self._part = check.part
            self.console.print(f"[bold]{escape(check.part)}[/bold]")
        colour = _COLOURS[check.verdict]
        verdict = f"[{colour}]{check.verdict.value:<9}[/{colour}]"
        self.console.print(f"  {verdict}{escape(check.title):<16} {escape(self._beside(check.text))}")
        for text, style in ((check.why, ""), (check.advice, "yellow")):
            if text:
                indent = " " * _INDENT
                lines = f"{indent}{self._beside(text)}".removeprefix(f"{indent}\n")
                self.console.print(escape(lines), style=style)

    def _beside(self, text: str) -> str:
        """Break *text* for a terminal; a program that reads the output gets each part as one line."""
        return wrapped(text, min(self.console.width, _WIDEST), _INDENT) if self.console.is_terminal else text

    def sum_up(self, checks: Checks) -> None:
        """Print the result."""
        failed = [each.title for each in checks.all if each.verdict is Verdict.FAILED]
        warned = [each.title for each in checks.all if each.verdict is Verdict.WARNING]
        if failed:
            self.console.print(f"\n[bold red]Failed:[/bold red] {escape(', '.join(failed))}")
        elif warned:
            self.console.print(f"\n[yellow]Nothing failed. Look at:[/yellow] {escape(', '.join(warned))}")
        else:
            self.console.print("\n[green]Nothing is wrong.[/green]")
