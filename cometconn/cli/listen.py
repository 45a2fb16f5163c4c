"""`cometconn listen`: log in, and print or forward every event."""

from __future__ import annotations

import contextlib
import functools
import signal
from typing import TYPE_CHECKING, Literal

import attrs
import trio

from cometconn import Disconnected, Reason
from cometconn._groups import open_nursery
from cometconn.appstate import follow_job_control
from cometconn.errors import AuthenticationError, CometConnError
from cometconn.instrumentation import TraceFile

from .formatting import event_line, status_text
from .forward import Forwarder, ForwardOptions
from .stopping import until_stopped
from .terminal import learn_client_secrets, print_news, write_lines

if TYPE_CHECKING:
    import pathlib

    from cometconn import CometChat, EventStream
    from cometconn._streams.statuses import StatusStream

    from .forward import Receiver
    from .options import ListenOptions

__all__ = ["listen"]

_FINAL = frozenset({Reason.AUTHENTICATION_FAILED, Reason.LOGGED_OUT})
_NO_FORWARDING = ForwardOptions()


async def listen(
    options: ListenOptions, trace: pathlib.Path | None = None, forwarding: ForwardOptions = _NO_FORWARDING
) -> int:
    """Print or forward events until stopped, and write a trace to the file *trace*, if given; return the exit status."""
    receiver = forwarding.receiver()
    settings = options.settings()
    if receiver is not None:
        settings = attrs.evolve(settings, catch_up=True)
    with contextlib.nullcontext() if trace is None else TraceFile(trace) as file:
        async with options.open_client(settings, hooks=() if file is None else (file,)) as chat:
            # Before the signal handlers: Ctrl-C must also end the prompt for the key.
            user = await options.credentials.log_in(chat)
            forwarder = None if receiver is None else _forwarder(options, forwarding, receiver, user.uid)
            return await until_stopped(functools.partial(_Listening(chat, forwarder).run, connect=options.manual))


def _forwarder(options: ListenOptions, forwarding: ForwardOptions, receiver: Receiver, uid: str) -> Forwarder:
    environment = receiver.environment(options)
    return Forwarder(receiver, environment.request, environment.random, (options.app_id, uid), forwarding.skip_refused)


@attrs.define(eq=False)
class _Listening:
    """Prints or forwards events, and prints statuses to standard error, until an error that needs a new login.

    Attributes:
        chat: the client.
        forwarder: sends the events to a web service; `None` if they are printed to standard output.
    """

    chat: CometChat
    forwarder: Forwarder | None
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _failure: CometConnError | OSError | None = attrs.field(default=None, init=False)

    async def run(self, *, connect: bool) -> None:
        """Go on until cancelled. *connect*: call `connect()`, as manual mode needs it."""
        acknowledge: Literal["next", "call"] = "next" if self.forwarder is None else "call"
        async with self.chat.events(acknowledge=acknowledge) as events, self.chat.statuses() as statuses:
            with self._scope:
                async with open_nursery() as nursery:
                    if hasattr(signal, "SIGTSTP"):  # not on Windows
                        await nursery.start(follow_job_control, self.chat)
                    if self.forwarder is None:
                        nursery.start_soon(self._print_events, events)
                    else:
                        nursery.start_soon(self._forward, self.forwarder, events)
                    nursery.start_soon(self._print_statuses, statuses)
                    if connect:
                        await self._connect()
        if self._failure is not None:
            raise self._failure

    async def _forward(self, forwarder: Forwarder, events: EventStream) -> None:
        try:
            await forwarder.run(events)
        except CometConnError as error:
            self._fail(error)

    async def _connect(self) -> None:
        try:
            await self.chat.connect()
        except CometConnError as error:
            self._fail(error)

    async def _print_events(self, events: EventStream) -> None:
        while batch := await events.batch():
            learn_client_secrets(self.chat)
            try:
                await write_lines(map(event_line, batch))
            except OSError as error:
                self._fail(error)
                return

    async def _print_statuses(self, statuses: StatusStream) -> None:
        async for change in statuses:
            print_news(status_text(change.current))
            if isinstance(change.current, Disconnected) and change.current.reason in _FINAL:
                self._fail(change.current.cause or AuthenticationError(_REFUSED, reason=change.current.reason))

    def _fail(self, error: CometConnError | OSError) -> None:
        self._failure = self._failure or error
        self._scope.cancel(reason="cometconn: no more events can arrive")


_REFUSED = "The server no longer accepts this session: log in again, with COMETCONN_AUTH_KEY or COMETCONN_AUTH_TOKEN."
