"""`cometconn doctor`: checks step by step whether this machine can connect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from rich.markup import escape

from cometconn.environment import SystemEnvironment
from cometconn.errors import ProtocolError, SettingsError

from .doctor_account import DiagnosedAccount
from .doctor_findings import DoctorStep, Finding, Findings, Outcome
from .doctor_network import Route
from .doctor_socket import check_socket
from .stopping import until_stopped
from .terminal import SECRETS, TerminalConsole, json_line, wrapped

if TYPE_CHECKING:
    from cometconn import AppSettings, Endpoints
    from cometconn._transport.dial import Target
    from cometconn._transport.proxy import Proxy

    from .options import Options

__all__ = ["doctor"]

_COLOURS = {Outcome.OK: "green", Outcome.FAILED: "bold red", Outcome.SKIPPED: "dim"}
_INDENT = 35
_WIDEST = 110  # columns of the advice


async def doctor(options: Options, *, as_json: bool, timeout: float) -> int:  # noqa: ASYNC109 - of each step
    """Take all steps, print the findings, and return the exit status."""
    if not 0 < timeout < float("inf"):
        message = f"--timeout must be more than 0 seconds, not {timeout:g}."
        raise SettingsError(message)
    environment = SystemEnvironment(
        ssl_context=options.ssl_context(), proxy=options.chosen_proxy, endpoints=options.endpoints
    )
    settings, account = options.settings(), DiagnosedAccount.of(options, environment, timeout)
    printer = _Printer()
    findings = Findings(timeout, (lambda _: None) if as_json else printer.show, SECRETS)
    # Before the signal handlers: Ctrl-C must also end the prompt for the key.
    await account.identify(options, findings)
    diagnosis = _Diagnosis(options.endpoints, settings, environment, account, findings)
    stopped = await until_stopped(diagnosis.run)
    if as_json:
        print(json_line(_report(findings, stopped), indent=2))  # noqa: T201 - a program's output
    elif not stopped:
        printer.sum_up(findings)
    return stopped or findings.status


def _report(findings: Findings, stopped: int) -> dict[str, object]:
    return {
        "ok": not stopped and findings.status == 0,
        "status": stopped or findings.status,
        "findings": [finding.to_json() for finding in findings.all],
    }


@attrs.define(eq=False)
class _Diagnosis:
    """Takes the steps in their order.

    Attributes:
        endpoints: the server, if it is not CometChat's cloud.
        settings: the settings of a client with these options.
        environment: opens connections and makes requests, as a client's does.
        account: the user and the credentials.
        findings: collects what each step finds.
    """

    endpoints: Endpoints | None
    settings: AppSettings
    environment: SystemEnvironment
    account: DiagnosedAccount
    findings: Findings
    _blocked: set[tuple[Target, Proxy | None]] = attrs.field(factory=set, init=False)

    async def run(self) -> None:
        """Take all steps that do not depend on a failed one."""
        account, findings = self.account, self.findings
        reached = True
        for url in dict.fromkeys(account.rest_urls()):
            reached = reached and await self._reach(url)
        findings.part = "account"
        if reached:
            await account.log_in(findings)
        else:
            account.session = None
            findings.skip(DoctorStep.LOG_IN, "the server cannot be reached")
        await self._socket()
        findings.part = "account"
        await account.log_out(findings)

    async def _reach(self, url: str) -> bool:
        route = self._route(url)
        try:
            reached = await route.open(self.findings)
        finally:
            await route.aclose()
        if not reached:
            self._blocked.add((route.target, route.proxy))
        return reached

    def _route(self, url: str) -> Route:
        return Route(url, self.environment.proxies.leading_to(url), self.environment.tls)

    async def _socket(self) -> None:
        self.findings.part = "WebSocket"
        url = self._socket_url()
        if url is None:
            return
        route = self._route(url)
        if (route.target, route.proxy) in self._blocked:
            self.findings.part = url
            self.findings.skip(DoctorStep.UPGRADE, "the host and the proxy are those that failed above")
            return
        try:
            if await route.open(self.findings):
                assert route.stream is not None, "reached"
                await check_socket(self.findings, route.stream, url, self.account, self.settings)
        finally:
            await route.aclose()

    def _socket_url(self) -> str | None:
        """Return the WebSocket's URL, from the endpoints or else from the settings that come with a login."""
        if self.endpoints is not None:
            return self.endpoints.socket_url
        session = self.account.session
        if session is None:
            self.findings.skip(DoctorStep.UPGRADE, "its address comes with a login")
            return None
        try:
            return session.socket_url()
        except ProtocolError as error:
            self.findings.fail(
                DoctorStep.UPGRADE,
                error,
                "The server's settings are wrong: report this to CometChat, or to the operator of the server.",
            )
        return None


@attrs.define(eq=False)
class _Printer:
    """Prints each finding as soon as its step has ended."""

    console: TerminalConsole = attrs.field(factory=lambda: TerminalConsole(highlight=False, soft_wrap=True))
    _part: str | None = attrs.field(default=None, init=False)

    def show(self, finding: Finding) -> None:
        """Print a finding and its advice."""
        if finding.part != self._part:
            self._part = finding.part
            self.console.print(f"[bold]{escape(finding.part)}[/bold]")
        colour = _COLOURS[finding.outcome]
        took = "" if finding.seconds is None else f"{finding.seconds * 1000:.0f} ms"
        text = self._wrapped(finding.text, _INDENT)
        line = f"  [{colour}]{finding.outcome.value:<8}[/{colour}]{took:>8}  {finding.step.title:<15}{escape(text)}"
        self.console.print(line)
        if finding.advice is not None:
            width = min(self.console.width, _WIDEST) if self.console.is_terminal else _WIDEST
            indent = " " * _INDENT
            advice = f"{indent}{wrapped(finding.advice, width, _INDENT)}".removeprefix(f"{indent}\n")
            self.console.print(escape(advice), style="yellow")

    def _wrapped(self, text: str, lead: int = 0) -> str:
        """Break *text* for a terminal; a program that reads the output gets each finding as one line."""
        return wrapped(text, self.console.width, lead) if self.console.is_terminal else text

    def sum_up(self, findings: Findings) -> None:
        """Print the result."""
        failed = [finding for finding in findings.all if finding.outcome is Outcome.FAILED]
        if failed:
            first = failed[0]
            text = self._wrapped(f"{first.step.title} ({first.part}).", len("Failed: "))
            self.console.print(f"\n[bold red]Failed:[/bold red] {escape(text)}")
        elif findings.status:
            text = "No step failed, but some were skipped: they need a user (--uid, or COMETCONN_AUTH_TOKEN)."
            self.console.print(f"\n{self._wrapped(text)}")
        else:
            self.console.print("\n[green]All steps passed.[/green]")
