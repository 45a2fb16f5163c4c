"""POSIX job control: Ctrl-Z closes the connection before the process stops, `fg` and `bg` open it again."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, Self

import attrs
import trio

from cometconn._arguments import check
from cometconn._groups import need_trio
from cometconn.errors import AppStateError

from .source import BackgroundGuard

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from .source import AppStateTarget

__all__ = ["follow_job_control"]


@trio.lowlevel.enable_ki_protection
async def follow_job_control(
    chat: AppStateTarget, *, patience: float = 2.0, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Follow the shell's job control: `SIGTSTP` (Ctrl-Z) and `SIGCONT` (`fg`, `bg`), until cancelled.

    A stopped process sends nothing: the server counts it as connected until a timeout, and
    what the server sends meanwhile waits in the socket. So on `SIGTSTP` the app first enters
    the background, which in auto mode closes the connection. Only then does the process
    stop, by the same signal and with its previous disposition, as shells expect. When the
    process is continued, the app enters the foreground again and a waiting retry is made now.

    - `bg` has the same effect as `fg`: a running app is in the foreground, even if the
      terminal belongs to another process, because a bot in the shell's background needs its
      connection.
    - `SIGCONT` without a preceding `SIGTSTP` (for example after `kill -STOP`, which no process
      can catch) calls `retry_now()`. A `SIGCONT` during the closing handshake cancels the
      stop, as it does in the kernel.
    - Where the kernel does not stop for `SIGTSTP` (in an orphaned process group, which no
      shell could continue) the app returns to the foreground at once.
    - A signal that is ignored when this starts stays ignored: shells without job control
      start their jobs that way.
    - `SIGTTIN` and `SIGTTOU` (terminal input or output from the background) and `SIGSTOP`
      are not followed: they stop the process without closing the connection.

    Only this process is stopped: the terminal sends Ctrl-Z to each process of the group.

    Args:
        chat: the client. For several clients in one process, give an `AppStateTarget` that
            calls them all, since a signal has only one handler.
        patience: how long the closing handshake may delay the stop, in seconds. The default
            is the client's default `close_timeout`; if you changed that, give the same here.
        task_status: from `nursery.start()`; started once both handlers are installed.

    Raises:
        AppStateError: the system has no job control (Windows). Not worth retrying.
        ValueError: this is not the main thread, the only one that may set signal handlers.

    Runs until cancelled. A cancel restores both signals' previous dispositions, and the
    foreground if this function left it; if it interrupts a closing handshake after Ctrl-Z,
    the process stops then, so the Ctrl-Z is not lost. Source: POSIX (XBD 11.1.9, XSH 2.4),
    and the GNU C Library's manual on job control signals.
    """
    check(follow_job_control, locals())
    need_trio("follow_job_control()")
    if not hasattr(signal, "SIGTSTP"):
        message = "This system has no job control: it has no SIGTSTP."
        raise AppStateError(message)
    with BackgroundGuard(chat) as away, _Signals(trio.lowlevel.current_trio_token()) as signals:
        task_status.started()
        while True:
            await signals.wait()
            if signals.stop_asked:
                away.begin()
                await away.wait_quiet(patience)
                signals.stop_process()
            away.end()
            chat.retry_now()


@attrs.define(eq=False)
class _Signals:
    """Handles the two signals for as long as the block lasts.

    The handlers run between any two byte codes of the main thread, so they only set a flag
    and wake the waiting task. The flag holds the latest signal, so it does not matter how
    often a signal came, or that one wake-up stands for several signals.

    Attributes:
        stop_asked: there was a `SIGTSTP`, and no `SIGCONT` since.
    """

    _token: trio.lowlevel.TrioToken
    stop_asked: bool = attrs.field(default=False, init=False)
    _signalled: trio.Event = attrs.field(factory=trio.Event, init=False)
    _before: dict[int, Any] = attrs.field(factory=dict, init=False)

    def __enter__(self) -> Self:
        self._take(signal.SIGTSTP)
        self._take(signal.SIGCONT)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        if self.stop_asked:
            signal.raise_signal(signal.SIGTSTP)

    async def wait(self) -> None:
        """Wait for the next signal."""
        await self._signalled.wait()
        self._signalled = trio.Event()

    def stop_process(self) -> None:
        """Stop this process by `SIGTSTP`, unless a `SIGCONT` came meanwhile; return when it runs again.

        The signal is blocked while it is raised, for two reasons. Another Ctrl-Z merges with
        it instead of stopping the process twice. And no `SIGCONT` can be missed between
        the check of `stop_asked` and the stop: an earlier one has cleared the flag, and a
        later one discards the pending `SIGTSTP`, by the kernel's rule. The signal is raised
        for this thread alone, because another thread may not block it.
        """
        masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
        signal.signal(signal.SIGTSTP, self._before[signal.SIGTSTP])
        signal.raise_signal(signal.SIGTSTP)
        if not self.stop_asked:
            signal.signal(signal.SIGTSTP, signal.SIG_IGN)  # discards a pending one
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)  # here the process stops
        self.stop_asked = False
        signal.signal(signal.SIGTSTP, self._record)

    def _take(self, number: int) -> None:
        before = signal.getsignal(number)
        # `None`: the handler was not set by Python, so Python could not restore it.
        if before not in {signal.SIG_IGN, None}:
            self._before[number] = signal.signal(number, self._record)

    def _record(self, number: int, frame: FrameType | None) -> None:
        self.stop_asked = number == signal.SIGTSTP
        self._token.run_sync_soon(self._wake, idempotent=True)

    def _wake(self) -> None:
        self._signalled.set()
