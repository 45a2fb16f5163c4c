"""`Owned`: what a handler gets of the account that this worker owns."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, final

import trio

from cometconn._arguments import checked, made_by
from cometconn._client.client import CometChat
from cometconn._streams.event_stream import EventStream
from cometconn.errors import ApiError
from cometconn.events import Event, Gap, TextMessage

from .errors import LeaseLostError
from .log_format import to_log_event
from .values import Account, Appended

if TYPE_CHECKING:
    from .lease import LocalLease
    from .log_writer import AccountLog, LogWriter

__all__ = ["Handler", "Owned", "recorder"]

Handler: TypeAlias = "Callable[[Owned], Awaitable[object]]"

_FIRST_DELAY, _LONGEST_DELAY = 1.0, 30.0  # seconds until a message whose sending is in doubt is sent again
_SERVER_ERRORS = 500


@final
@made_by("fleet.open_worker()")
@checked
class Owned:
    """One account, for as long as this worker owns it. Made by `open_worker()`, not by you.

    The handler runs inside of the ownership: when it ends, the handler is cancelled, and its socket is closed. From then
    on every call raises `LeaseLostError`. A request that has begun in a shielded part of the handler, such as an answer, has
    `Timing.close_timeout` to finish if the account is given back (a drain, a worker that joins); not if the lease was lost.
    """

    def __init__(
        self,
        account: Account,
        chat: CometChat,
        log: AccountLog,
        writer: LogWriter,
        is_over: Callable[[], bool],
        fetches_again: Callable[[Gap], bool],
    ) -> None:
        self._account = account
        self._chat = chat
        self._log = log
        self._writer = writer
        self._is_over = is_over
        self._fetches_again = fetches_again

    def __repr__(self) -> str:
        return f"<Owned {self.account.uid!r}, token {self.token}>"

    @property
    def account(self) -> Account:
        """The account as it was configured when it was claimed."""
        return self._account

    @property
    def token(self) -> int:
        """The fencing token: one more for each claim of this account. Other systems can refuse smaller ones."""
        return self._log.word.token

    @property
    def lease(self) -> LocalLease:
        """The lease of the worker. Read its `deadline` and `remaining`; leave the rest to the worker."""
        return self._writer.lease

    @property
    def chat(self) -> CometChat:
        """The client of the account, opened with `catch_up`. What it sends by itself is not fenced: see `send_text()`."""
        self.check()
        return self._chat

    def check(self) -> None:
        """Raise `LeaseLostError` if the ownership is over. Reads the boot-time clock, which goes on while the machine sleeps."""
        self.lease.check()
        if self._log.has_ended or self._is_over():
            message = f"This worker does not own {self.account.uid!r} any more."
            raise LeaseLostError(message)

    def events(self, *types: type[Event], **options: Any) -> AbstractAsyncContextManager[EventStream]:
        """Open a stream of the account's events: see `CometChat.events()`, whose arguments it takes.

        When a message is acknowledged, the engine's position moves behind it within 0.5 s, and at the end of the ownership.
        The next owner begins there: what was handed out and not acknowledged comes again.

        Raises:
            LeaseLostError: the ownership is over.
            SettingsError: an argument is invalid.
        """
        self.check()
        return self._chat.events(*types, **options)

    async def record(self, events: Iterable[Event], *, own: bool = True) -> Appended | None:
        """Append events to the engine's log, each message exactly once by (account, message id).

        Recording a message counts all messages of this account up to it as handled, so record a batch as a whole.
        Events without an id (typing, presence, receipts) are recorded at most once, and marked as signals. A `Gap` whose
        messages could not be fetched becomes a hole; but if fetching them failed for a passing reason, the handler is
        cancelled instead, and the client is opened again where the log ends, with growing delays for about 5 minutes.

        Args:
            events: as a stream yielded them, in its order.
            own: whether messages that the account itself has sent get an entry. Otherwise only their ids count. `True`
                by default; use the same value always, or a takeover records what was left out before.

        Returns:
            what the engine did; `None` if there was nothing to append.

        Raises:
            LeaseLostError: the ownership ended. The events may be recorded; the next owner gets what is not.
            FencedError: the same, because another worker owns the account. Let it propagate: the handler is cancelled anyway.
            RewoundError: the same, because the engine has forgotten something, and the client is opened again.

        A checkpoint. Waits while the engine is unreachable, at most until the lease ends. If cancelled, the events may
        still be recorded; recording them again does no harm.
        """
        self.check()
        events = list(events)
        if any(isinstance(event, Gap) and self._fetches_again(event) for event in events):
            await trio.lowlevel.checkpoint()  # cancelled, unless the handler shields itself
            message = f"The client of {self.account.uid!r} is opened again, to fetch what it has missed."
            raise LeaseLostError(message)
        entries = (to_log_event(event, self.account.uid, own=own) for event in events)
        given = [entry for entry in entries if entry is not None]
        if not given:
            await trio.lowlevel.checkpoint()
            return None
        return await self._writer.append(self._log, given)

    async def send_text(
        self,
        receiver: str,
        text: str,
        *,
        key: object | None = None,
        on_doubt: Literal["repeat", "skip"] = "repeat",
        **options: Any,
    ) -> TextMessage | None:
        """Send a text message, unless the ownership is over. Otherwise like `CometChat.send_text()`.

        CometChat has no idempotent sending, so it cannot be exactly once (F13). With *key* the message has the same `muid`
        each time it is sent for that key, by this worker or another one, so receivers can recognise a second copy.

        Args:
            receiver: a uid, or with `receiver_type="group"` a guid.
            text: the text.
            key: what the message responds to, for instance the id of the event: anything with a stable `str()`.
            on_doubt: what happens if no usable response came, so that the message may have been sent. `"repeat"`: send it
                again until there is one, with growing delays of 1 to 30 s. `"skip"`: return `None`.
            options: `receiver_type`, `metadata`, `parent_message_id`, `tags`; without *key* also `muid`.

        Returns:
            the message as the server returned it; `None` if it is in doubt, with `on_doubt="skip"`.

        Raises:
            LeaseLostError: the ownership is over; nothing was sent by this call after its end.
            ApiError: the server refused the message, and nothing was sent. Or there is neither *key* nor `"skip"`, and
                the message is in doubt.
            SettingsError: as for `CometChat.send_text()`.
            NotLoggedInError: the same.

        A checkpoint. If cancelled, the message was sent or was not. With *key* and `"repeat"`, at most until the ownership
        ends.
        """
        if key is not None:
            options["muid"] = _muid(self._writer.connection.app_id, self.account.uid, key)
        for failures in itertools.count():
            self.check()
            try:
                return await self._chat.send_text(receiver, text, **options)
            except ApiError as error:
                doubtful = _is_doubtful(error)
                if doubtful and on_doubt == "skip":
                    return None
                if key is None or not (doubtful or error.worth_retrying):
                    raise
                delay = max(error.retry_after or 0.0, min(_LONGEST_DELAY, _FIRST_DELAY * 2**failures))
            await trio.sleep(delay)
        raise AssertionError("unreachable")  # noqa: EM101 - for the type checker


def _muid(app_id: str, uid: str, key: object) -> str:
    return hashlib.sha256(f"{app_id}\0{uid}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _is_doubtful(error: ApiError) -> bool:
    """Return whether the server may have sent the message: no response came, or none that is CometChat's."""
    if error.code == "ADMISSION_FAILED":
        return False
    return error.status is None or error.status >= _SERVER_ERRORS or error.code == "INVALID_RESPONSE"


@checked
def recorder(*, own: bool = True) -> Handler:
    """Return the handler that records every event in the engine's log. It is the default of `open_worker()`.

    Args:
        own: whether messages that an account itself has sent get an entry: see `Owned.record()`.
    """

    async def record(owned: Owned) -> None:
        """Record batches until the ownership ends. A full stream pauses the socket."""
        async with owned.events() as events:
            while batch := await events.batch():
                await owned.record(batch, own=own)

    return record
