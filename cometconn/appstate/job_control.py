"""POSIX job control: Ctrl-Z says goodbye before the process stops, `fg` and `bg` come back."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, Self

import attrs
import trio

from cometconn.errors import AppStateError

from .source import Excursion

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from .source import Follower

__all__ = ["follow_job_control"]


@trio.lowlevel.enable_ki_protection
async def follow_job_control(
    chat: Follower, *, patience: float = 2.0, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Follow the shell's job control: `SIGTSTP` (Ctrl-Z) and `SIGCONT` (`fg`, `bg`), until cancelled.

    A stopped process says nothing: to the server it looks connected until a timeout, and
    what is sent to it meanwhile waits in its socket. So on `SIGTSTP` the app first enters
    the background, which in auto mode closes the socket, and only then does the process
    stop, by the same signal and with the disposition that was there before, as shells
    expect. When it is continued it enters the foreground again, and a retry that waits is
    made now.

    - `bg` counts as `fg`: the app is in the foreground while it runs, whether or not the
      terminal is its own. A bot in the shell's background wants its connection.
    - `SIGCONT` without a stop of ours (after `kill -STOP`, which nobody can catch, or
      out of the blue) is `retry_now()`. A `SIGCONT` that overtakes the goodbye takes the
      stop back, as the kernel does.
    - Where the kernel does not stop for `SIGTSTP` (an orphaned process group: no shell
      would ever continue it) the app returns to the foreground at once.
    - A signal that is ignored when this starts stays ignored: shells without job control
      start their jobs that way.
    - `SIGTTIN` and `SIGTTOU` (terminal input or output from the background) are left
      alone: they stop the process without a goodbye. `SIGSTOP` does, too.

    Only this process is stopped: Ctrl-Z reaches each process of the group by itself.

    Args:
        chat: the client. For several in one process give a `Follower` that tells them all,
            since signals have one owner.
        patience: how long the goodbye may delay the stop, in seconds. The default is the
            client's own `close_timeout`: with another one there, give the same here.
        task_status: from `nursery.start()`; started once both signals are taken.

    Raises:
        AppStateError: the system has no job control (Windows). Not worth retrying.
        ValueError: this is not the main thread, where Python's signals live.

    Never returns by itself. If cancelled, both signals have their former dispositions,
    and the app is back in the foreground if it was this that led it away; a Ctrl-Z whose
    goodbye was cut by the cancel stops the process then, so it is not lost. Source: POSIX
    (XBD 11.1.9, XSH 2.4), and the GNU C Library's manual on job control signals.
    """
    if not hasattr(signal, "SIGTSTP"):
        message = "This system has no job control: there is no SIGTSTP to follow."
        raise AppStateError(message)
    with Excursion(chat) as away, _Signals(trio.lowlevel.current_trio_token()) as signals:
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
    """Owns the two signals for as long as the block lasts.

    The handlers run between any two byte codes of the main thread, so they do no more than
    set flags and ring. Flags say what holds *now*, so it does not matter how often a
    signal came, nor that several ring once.

    Attributes:
        stop_asked: there was a `SIGTSTP`, and no `SIGCONT` since.
    """

    _token: trio.lowlevel.TrioToken
    stop_asked: bool = attrs.field(default=False, init=False)
    _rung: trio.Event = attrs.field(factory=trio.Event, init=False)
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
        await self._rung.wait()
        self._rung = trio.Event()

    def stop_process(self) -> None:
        """Stop this process by `SIGTSTP`, unless it was continued meanwhile; return when it runs again.

        The signal is held back while it is raised, for two reasons. One more Ctrl-Z merges
        with it instead of stopping the process twice. And a `SIGCONT` cannot slip in between
        the look and the stop: one that came before is seen by the look, one that comes
        after takes the pending signal back, by the kernel's own rule. It is raised for this
        thread alone: another one might let it through.
        """
        masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
        signal.signal(signal.SIGTSTP, self._before[signal.SIGTSTP])
        signal.raise_signal(signal.SIGTSTP)
        if not self.stop_asked:
            signal.signal(signal.SIGTSTP, signal.SIG_IGN)  # which discards a pending one
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)  # here the process stops
        self.stop_asked = False
        signal.signal(signal.SIGTSTP, self._hear)

    def _take(self, number: int) -> None:
        before = signal.getsignal(number)
        # `None`: set by other means than Python's, so that Python could not put it back.
        if before not in {signal.SIG_IGN, None}:
            self._before[number] = signal.signal(number, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.stop_asked = number == signal.SIGTSTP
        self._token.run_sync_soon(self._ring, idempotent=True)

    def _ring(self) -> None:
        self._rung.set()
