"""Checks in the whole run that no log line, report, captured output, status or cause of a status contains a secret."""

from __future__ import annotations

import gc
import logging
import re
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from cometconn._streams.statuses import StatusFeed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cometconn import Status

# The plugin that programs use. It is also found by its entry point if the package is installed.
pytest_plugins = ["_cometconn_pytest"]

# The secrets of the emulator. They are random, so a match is never a coincidence.
SECRET = re.compile(r"\b(?:token|jwt)-[\w-]+?-[0-9a-f]{32}\b")
FOUND: list[str] = []


def search(where: str, text: str) -> None:
    """Record a secret in *text*, if there is one."""
    if (hit := SECRET.search(text)) is not None:
        FOUND.append(f"{where}: ...{text[max(0, hit.start() - 60) : hit.start()]}<secret>")


class Everything(logging.Handler):
    """Handles the records of all loggers."""

    def emit(self, record: logging.LogRecord) -> None:
        """Search the message and, if there is one, the traceback."""
        text = record.getMessage()
        if record.exc_info is not None:
            text += "".join(traceback.format_exception(*record.exc_info))
        search(f"a log line of {record.name}", text)


_publish = StatusFeed.publish


def _searched_publish(self: StatusFeed, before: Status, after: Status) -> None:
    """Search the status, and the traceback of its cause."""
    search("a status", repr(after))
    cause: Any = getattr(after, "cause", None)
    if cause is not None:
        search("the cause of a status", "".join(traceback.format_exception(cause)))
    _publish(self, before, after)


def set_signals() -> None:
    """Give this process, and so its children, the signal handling of a program that was started on a terminal.

    A shell ignores SIGINT and SIGQUIT in what it runs in the background, and a parent may have ignored or blocked other
    signals. Children inherit that, and in a program in which SIGINT is ignored, Ctrl-C has no effect.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for name in ("SIGQUIT", "SIGTERM", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGCONT", "SIGCHLD", "SIGUSR1", "SIGALRM"):
        if signal.getsignal(number := getattr(signal, name)) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Start the search, and reset the signals."""
    del config
    if sys.platform != "win32":
        set_signals()
    StatusFeed.publish = _searched_publish  # type: ignore[method-assign]
    logging.getLogger().addHandler(Everything(level=0))


def pytest_collection_finish() -> None:
    """Exempt the modules of all tests from garbage collection: without it, each `gc.collect()` of a test takes half a second."""
    gc.collect()
    gc.freeze()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Search a test's output, its log, and its failure."""
    search(f"the report of {report.nodeid}", report.longreprtext)
    for title, text in report.sections:
        search(f"{title} of {report.nodeid}", text)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Collect what a worker of pytest-xdist has found."""
    FOUND.extend(getattr(node, "workeroutput", {}).get("found", ()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the whole run if a secret was found."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["found"] = FOUND
    if FOUND:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print where secrets were found."""
    for leak in FOUND[:20]:
        terminalreporter.write_line(f"A SECRET IS SHOWN in {leak}", red=True)


@pytest.fixture
def message_bus() -> None:
    """Skip the test if no message bus can be started here; the reason is the daemon's own message."""
    from tests.appstate.fake_logind import why_not

    if reason := why_not():
        pytest.skip(reason)


@pytest.fixture(autouse=True)
def _sigint_is_left_alone() -> Iterator[None]:
    """Fail a test that leaves another handler of SIGINT behind: the next SIGINT could end the whole process."""
    before = signal.getsignal(signal.SIGINT)
    yield
    left = signal.getsignal(signal.SIGINT)
    if left is not before:
        signal.signal(signal.SIGINT, before)
    assert left is before
