"""For the whole run: no secret in any log line, report, captured output, status or its causes."""

from __future__ import annotations

import logging
import re
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from cometconn._streams.statuses import StatusFeed

if TYPE_CHECKING:
    from cometconn import Status

# What users have: found by its entry point, too, once the package is installed anew.
pytest_plugins = ["_cometconn_pytest"]

# What the emulator makes: guessing none of them is possible, so finding one means that it was shown.
SECRET = re.compile(r"\b(?:token|jwt)-[\w-]+?-[0-9a-f]{32}\b")
FOUND: list[str] = []


def search(where: str, text: str) -> None:
    """Note a secret that is shown."""
    if (hit := SECRET.search(text)) is not None:
        FOUND.append(f"{where}: ...{text[max(0, hit.start() - 60) : hit.start()]}<secret>")


class Everything(logging.Handler):
    """Reads every log record of everybody."""

    def emit(self, record: logging.LogRecord) -> None:
        """Search the message and, if there is one, the traceback."""
        text = record.getMessage()
        if record.exc_info is not None:
            text += "".join(traceback.format_exception(*record.exc_info))
        search(f"a log line of {record.name}", text)


_publish = StatusFeed.publish


def _searched_publish(self: StatusFeed, before: Status, after: Status) -> None:
    """Search the status, and its cause as a traceback would show it."""
    search("a status", repr(after))
    cause: Any = getattr(after, "cause", None)
    if cause is not None:
        search("the cause of a status", "".join(traceback.format_exception(cause)))
    _publish(self, before, after)


def set_signals() -> None:
    """Give this process, and so its children, the signals of a program that was started on a terminal.

    A shell starts what it runs in the background with SIGINT and SIGQUIT ignored, and a parent may have ignored or
    blocked others; all of that is inherited, and a program in which SIGINT is ignored knows no Ctrl-C.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for name in ("SIGQUIT", "SIGTERM", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGCONT", "SIGCHLD", "SIGUSR1", "SIGALRM"):
        if signal.getsignal(number := getattr(signal, name)) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Look from the beginning, as a program of a terminal."""
    del config
    if sys.platform != "win32":
        set_signals()
    StatusFeed.publish = _searched_publish  # type: ignore[method-assign]
    logging.getLogger().addHandler(Everything(level=0))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Search what a test printed, logged, and failed with."""
    search(f"the report of {report.nodeid}", report.longreprtext)
    for title, text in report.sections:
        search(f"{title} of {report.nodeid}", text)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker of pytest-xdist has found."""
    FOUND.extend(getattr(node, "workeroutput", {}).get("found", ()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A secret shown anywhere fails the whole run."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["found"] = FOUND
    if FOUND:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say where."""
    for leak in FOUND[:20]:
        terminalreporter.write_line(f"A SECRET IS SHOWN in {leak}", red=True)


@pytest.fixture
def message_bus() -> None:
    """Skip the test if no message bus can be run here, in the words of the daemon itself."""
    from tests.appstate.fake_logind import why_not

    if reason := why_not():
        pytest.skip(reason)
