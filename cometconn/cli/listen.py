"""`cometconn listen`: log in, and print what arrives."""

from __future__ import annotations

import contextlib
import datetime
import functools
import signal
import sys
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn import Disconnected, Reason
from cometconn._groups import open_nursery
from cometconn.appstate import follow_job_control
from cometconn.errors import AuthenticationError, CometConnError
from cometconn.instrumentation import TraceFile

from .lines import event_line, in_words
from .shown import learn_from
from .stopping import until_stopped

if TYPE_CHECKING:
    import pathlib

    from cometconn import CometChat, EventStream
    from cometconn._streams.statuses import StatusStream

    from .options import ListenOptions

__all__ = ["listen"]

_FINAL = frozenset({Reason.AUTHENTICATION_FAILED, Reason.LOGGED_OUT})


async def listen(options: ListenOptions, trace: pathlib.Path | None = None) -> int:
    """Print events until stopped, and write *trace* if there is one; return the exit status."""
    with contextlib.nullcontext() if trace is None else TraceFile(trace) as file:
        async with options.open_client(options.settings(), hooks=() if file is None else (file,)) as chat:
            # Before signals are taken over: Ctrl-C must also end the question for the key.
            await options.account.log_in(chat)
            return await until_stopped(functools.partial(_Printing(chat).run, connect=options.manual))


@attrs.define(eq=False)
class _Printing:
    """Events to standard output, statuses to standard error, until an error that nothing mends."""

    chat: CometChat
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _failure: CometConnError | OSError | None = attrs.field(default=None, init=False)
    _writers: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1), init=False)

    async def run(self, *, connect: bool) -> None:
        """Print. *connect*: in manual mode somebody has to ask for the connection."""
        async with self.chat.events() as events, self.chat.statuses() as statuses:
            with self._scope:
                async with open_nursery() as nursery:
                    if hasattr(signal, "SIGTSTP"):  # not on Windows
                        await nursery.start(follow_job_control, self.chat)
                    nursery.start_soon(self._print_events, events)
                    nursery.start_soon(self._print_statuses, statuses)
                    if connect:
                        await self._connect()
        if self._failure is not None:
            raise self._failure

    async def _connect(self) -> None:
        try:
            await self.chat.connect()
        except CometConnError as error:
            self._fail(error)

    async def _print_events(self, events: EventStream) -> None:
        while batch := await events.batch():
            learn_from(self.chat)
            text = "".join(f"{event_line(event)}\n" for event in batch)
            try:
                # In a thread, because whoever reads our output may be slow; Ctrl-C does not wait for them.
                await trio.to_thread.run_sync(_write, text, abandon_on_cancel=True, limiter=self._writers)
            except OSError as error:
                self._fail(error)
                return

    async def _print_statuses(self, statuses: StatusStream) -> None:
        async for change in statuses:
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
            print(f"{now} {in_words(change.current)}", file=sys.stderr, flush=True)  # noqa: T201 - a program's output
            if isinstance(change.current, Disconnected) and change.current.reason in _FINAL:
                self._fail(change.current.cause or AuthenticationError(_REFUSED, reason=change.current.reason))

    def _fail(self, error: CometConnError | OSError) -> None:
        self._failure = self._failure or error
        self._scope.cancel(reason="cometconn: nothing more will come")


_REFUSED = "The server does not know this session any more: log in again, with COMETCONN_AUTH_KEY or _TOKEN."


def _write(text: str) -> None:
    # JSON is UTF-8, whatever the terminal's encoding; half a surrogate pair becomes its escape.
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()
