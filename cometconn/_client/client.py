"""`CometChat`: what a program does with its client."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, final

import trio

from cometconn._connection.keepalive import wait_pong
from cometconn._groups import Ungrouped
from cometconn._lifecycle.states import Input
from cometconn._streams.stream_arguments import stream_options
from cometconn._wire.outgoing import custom_draft, ping_frame, receipt_frame, text_draft, transient_frame, typing_frame
from cometconn.errors import CometConnError
from cometconn.events import CustomMessage, Group, TextMessage
from cometconn.status import Features

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from cometconn._streams.event_stream import EventStream
    from cometconn._streams.statuses import StatusStream
    from cometconn.events import Event, Message, User
    from cometconn.status import AppState, Status

    from .core import ClientCore, Statistics

__all__ = ["CometChat"]

_ReceiverType = Literal["user", "group"]
_Overflow = Literal["pause", "drop_oldest", "fail"]
_Acknowledge = Literal["next", "call", "never"]


@final
class CometChat:
    """One client: who is logged in, one connection, its events. Made by `open_client()`, not by you.

    Every call takes effect in the order in which the calls are made, at the call and not at
    its first await. All of it belongs to the Trio thread; from another one use
    `trio.from_thread.run_sync(chat.enter_background)`.
    """

    def __init__(self, parts: ClientCore) -> None:
        self._parts = parts
        self._machine = parts.machine
        self._login = parts.login

    def __repr__(self) -> str:
        user, secrets = self.get_logged_in_user(), self._parts.identity.secrets
        shown = secrets.line(user.uid) if user else None
        return secrets.whole(f"<CometChat {self._parts.identity.app_id!r}, user {shown!r}, {self.status}>")

    # Identity.

    async def login(
        self, *, uid: str | None = None, auth_key: str | None = None, auth_token: str | None = None
    ) -> User:
        """Log a user in and save the session, so that the next `open_client()` needs no login.

        In auto mode and the foreground the socket is then opened in the background of this
        call; `connect()` waits for it. The user who is logged in already gets no request:
        the saved user is returned, and `Disconnected(AUTHENTICATION_FAILED)` or
        `(DISCONNECT_CALLED)` is lifted. If the server no longer knows the saved token, the next
        attempt or `send_text()` logs in anew with *auth_key*, once, which is kept in memory until
        then or until the token is accepted. For another user the old connection ends first.

        Args:
            uid: the user's id in the app, together with *auth_key*.
            auth_key: the app's key. Good for development; give people tokens.
            auth_token: a token of the user, made by your server, instead of the two.

        Returns:
            The user, as the server describes it.

        Raises:
            SettingsError: the arguments do not fit together.
            ApiError: the server refused, or did not answer (then its `status` is `None`
                and a retry can help).
            LoginInProgressError: another `login()` runs, or the client logs in anew as described above.
            NotLoggedInError: `logout()` was called meanwhile.
            StoreError: the session was not saved within `close_timeout` (at least 2 s); nobody is logged in.

        A checkpoint. If cancelled, nobody is logged in who was not before; after a login of
        another user, nobody. Takes at most two `request_timeout`, and what the store takes. Source:
        CometChat's `POST /users/{uid}/auth_tokens` and `PUT /me`, as both official SDKs send them.
        """
        return await self._login.login(uid, auth_key, auth_token)

    async def logout(self) -> None:
        """Close the socket, forget the saved session, and tell the server (`DELETE /me`).

        Takes effect at the call. Each of the three is tried, whatever the others do; then the first error is raised.

        Raises:
            NotLoggedInError: nobody is logged in.
            StoreError: what its text names could not be forgotten. Leaving the client tries once more.
            ApiError: the server refused or did not answer; you are logged out all the same.

        During a first `login()` it ends that login and returns. A checkpoint; if cancelled,
        you are logged out and the server may not know. At most `request_timeout` + `close_timeout`.
        """
        await self._login.logout()

    def get_logged_in_user(self) -> User | None:
        """Return the logged-in user, or `None`. Not a checkpoint."""
        return self._login.user

    # The connection.

    async def connect(self, *, retry: bool = False) -> None:
        """Return once the connection is authenticated; open it if it is not there.

        Any number of callers share one attempt and one socket. In manual mode this is the
        wish to be connected: it lives as long as a caller waits, and once it has been
        fulfilled it stands by itself. In the background it is a sign of life.

        Args:
            retry: stay through failed attempts, until connected or cancelled. Otherwise
                the first failure raises, and in auto mode the library goes on retrying.

        Raises:
            NotLoggedInError: nobody is logged in.
            ConnectError: `reason` says why. `CONNECT_FAILED` is worth retrying.
            AuthenticationError: the token is refused; log in again.
            NotConnectedError: the client was left.

        A checkpoint. If cancelled, a wish that only this call held up ends; nothing leaks.
        Without *retry*, at most `connect_timeout`, twice that when the token must be renewed.
        """
        await self._machine.connect(patient=retry)

    async def disconnect(self) -> None:
        """Close the socket and stay disconnected until `connect()` (in auto mode also `login()`).

        Takes effect at the call; returns when the socket is closed, at most `close_timeout`
        later. Idempotent, never raises. A checkpoint; cancelling it ends only the wait.
        """
        self._machine.disconnect()
        await self.wait_closed()

    @trio.lowlevel.enable_ki_protection
    async def wait_closed(self) -> None:
        """Return once the socket that is open now is closed; at once when none is.

        For whoever has to know that the goodbye is said: after `enter_background()` in auto
        mode, before the machine sleeps or the process stops. It asks for nothing by itself.
        A checkpoint; cancelling it ends only the wait. Once the status is `Disconnected`, at
        most `close_timeout`.
        """
        link = self._machine.unclosed_link
        if link is None:
            await trio.lowlevel.checkpoint()
        else:
            await link.wait_closed()

    @trio.lowlevel.enable_ki_protection
    async def ping(self) -> float:
        """Ping the server; in manual mode and background, stay connected for another `background_grace`.

        The lease is extended at the call, whether or not a pong comes.

        Returns:
            The round trip, in seconds.

        Raises:
            NotConnectedError: there is no connection, or its lease is just over.
            ConnectionLostError: the connection ended while waiting; `reason` says how.
            PongTimeoutError: other bytes came but no pong, within `pong_timeout`; the
                connection stays. So it does when you do not read a pausing event stream.

        A checkpoint. If cancelled, the lease stays extended and the frame is sent whole. At
        most `pong_timeout`. Source: CometChat's `ping()`; the frame is both official SDKs'.
        """
        return await wait_pong(self._machine, *self._machine.ping(ping_frame()))

    async def keep_alive(self, every: float = 20.0) -> None:
        """Ping in a loop, so that a background service keeps its socket for ever.

        Run it in a nursery. A ping that cannot be made or is not answered is skipped: the
        next one is tried when its time comes. Returns when the client is left.

        Args:
            every: seconds from ping to ping; less than `background_grace`.

        Raises:
            SettingsError: *every* is not between 0 and `background_grace`.
        """
        self._parts.check_keep_alive(every)
        with Ungrouped():  # Ctrl-C may come while Trio handles a deadline
            while not self._parts.left:
                next_ping = trio.current_time() + every
                try:
                    await self.ping()
                except CometConnError:
                    await trio.lowlevel.checkpoint()
                await trio.sleep_until(next_ping)

    def enter_background(self) -> None:
        """Say that the app is out of sight. Never blocks; `status` tells the new truth on return.

        Auto mode: disconnected at once. Manual mode: the connection lives on for
        `background_grace`, and longer with every `ping()`. Idempotent.
        """
        self._tell(Input.ENTERED_BACKGROUND)

    def enter_foreground(self) -> None:
        """Say that the app is in use again. Never blocks; `status` tells the new truth on return.

        Auto mode: an attempt begins at once. Manual mode: a connection that is still alive
        stays, one that is not needs `connect()`. Idempotent.
        """
        self._tell(Input.ENTERED_FOREGROUND)

    def retry_now(self) -> None:
        """Say that the network is back: a waiting retry is made at once.

        At most one a second is obeyed, and none while the server has asked to be left alone
        (`Retry-After`). Never blocks; otherwise does nothing.
        """
        self._tell(Input.RETRY_NOW)

    def _tell(self, on: Input) -> None:
        if not self._parts.left:
            self._machine.tell(on)

    @property
    def app_state(self) -> AppState:
        """Foreground or background, as you said."""
        return self._machine.app_state

    @property
    def status(self) -> Status:
        """The status at this moment: a deadline that has just passed counts."""
        return self._machine.status

    @property
    def features(self) -> Features:
        """What the server lets the logged-in user send over the socket. Not a checkpoint.

        It is what the server said at the last login, and it is saved with the session. Everything is allowed where
        it said nothing, and while nobody is logged in. Source: `MODE` in CometChat's settings, as both official SDKs
        obey it; the SDKs' status `featureThrottled` is documented, and never told by them.
        """
        session = self._parts.identity.session
        return Features() if session is None else session.features

    def statistics(self) -> Statistics:
        """Return counters of this client. Not a checkpoint."""
        return self._parts.statistics()

    # What arrives.

    def events(
        self,
        *types: type[Event],
        max_events: int = 1024,
        max_bytes: int = 4 * 1024 * 1024,
        overflow: _Overflow = "pause",
        acknowledge: _Acknowledge = "next",
    ) -> AbstractAsyncContextManager[EventStream]:
        """Open a stream of typed events: `async with chat.events() as events: async for event in events: ...`.

        It begins with the events that no stream has taken: what came before the first one was opened, or between two,
        and what a stream held when its block was left. Markers (`Gap`, `Overflow`, `Resumed`) come whatever *types* says.

        A message comes again until it is acknowledged: to the next stream of this client, and with `catch_up` to the
        next run of the program, even after a SIGKILL. With several streams, each that takes a message must acknowledge it.

        Args:
            types: event classes to take, their subclasses included; none means all. What a stream does not want
                counts as handled for it.
            max_events: how many events may be in the stream: those that wait, and those that were handed out and are
                not acknowledged. Default 1,024.
            max_bytes: how many bytes of frames these may have together. Default 4 MiB.
            overflow: what happens when it is full. `"pause"`: the socket is not read until
                there is room, for all streams. `"drop_oldest"`: an `Overflow(dropped=n)`
                marks the hole, and what was dropped counts as handled. `"fail"`: the stream raises `SlowConsumerError`.
            acknowledge: when a message counts as handled. `"next"`: when the task that got it asks for the next event or
                batch, or leaves the block without an exception (`break` and `return` included). `"call"`: when
                `EventStream.acknowledge()` is called with it. `"never"`: the stream only looks on. It starts empty,
                leaves nothing behind, and does not count: for logs, for screens, to wait for one reply.

        Raises:
            SettingsError: one of *types* is no event class, a bound is not positive, or
                *overflow* or *acknowledge* is none of the three.
            RuntimeError: what one call returned is entered a second time.
        """
        options = stream_options(types, max_events, max_bytes, overflow, acknowledge)
        return self._parts.streams.subscribe(options)

    @property
    def position(self) -> int | None:
        """The id up to which every message is handled: acknowledged, not wanted, or dropped and told of.

        It is what is saved, and where `catch_up` begins next time. `None` before the first message, when nobody is
        logged in, and while the first missed messages are being fetched. Not a checkpoint.
        """
        return self._parts.streams.position if self._login.user is not None else None

    @asynccontextmanager
    async def statuses(self) -> AsyncGenerator[StatusStream, None]:
        """Open a stream of `StatusChange`: the current status first, then every change, in order.

        A reader who falls more than 256 behind gets the newest one, with `skipped` saying
        how many are missing. It ends after `CLIENT_CLOSED`.
        """
        with self._machine.statuses.subscribe(self.status) as stream:
            yield stream

    # What is sent over REST, with or without a socket.

    async def send_text(
        self,
        receiver: str,
        text: str,
        *,
        receiver_type: _ReceiverType = "user",
        muid: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        parent_message_id: int | None = None,
        tags: Sequence[str] = (),
    ) -> TextMessage:
        """Send a text message. It needs a logged-in user, but no connection.

        The message does not come back in this client's own event streams; other devices of
        the same user get it, and so does the next run of this program with `catch_up`. A bot
        that answers messages must therefore leave out those of its own user.

        Args:
            receiver: a uid, or with `receiver_type="group"` a guid.
            text: what to say.
            receiver_type: `"user"` or `"group"`; `event.receiver.receiver_type` tells.
            muid: an id of your own for the message, which everybody sees who gets it.
            metadata: the app's own data: anything JSON can hold.
            parent_message_id: the message that begins the thread this one belongs to.
            tags: the message's tags.

        Returns:
            The message as the server has it: with its id and time.

        Raises:
            SettingsError: an argument makes no sense, or the message is more than `AppSettings.limits` allow; nothing
                was sent.
            NotLoggedInError: nobody is logged in, or the client was left meanwhile.
            ApiError: the server refused (`code` says why): nothing was sent. Or no usable answer
                came: without a `status`, with one from 500 up, or with `INVALID_RESPONSE`
                the message may have been sent. A retry may then send it a second time; with
                the same *muid* whoever gets both can tell. Should the server no longer know
                the token, and `login()` have no key to replace it, the user is logged out.

        A checkpoint. If cancelled, the message was sent or was not; the connection and the session
        stay. At most `request_timeout`, four times that with a new token. Source: `POST /messages`, as both official SDKs do.
        """
        draft = text_draft(
            text=text,
            receiver=receiver,
            receiver_type=receiver_type,
            muid=muid,
            metadata=metadata,
            parent_message_id=parent_message_id,
            tags=tags,
        )
        return await self._parts.speaking.say("send_text()", draft, TextMessage)

    async def send_custom(
        self,
        receiver: str,
        data: Mapping[str, Any],
        *,
        type: str,  # noqa: A002 - CometChat's word, and the event's
        sub_type: str | None = None,
        receiver_type: _ReceiverType = "user",
        muid: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        parent_message_id: int | None = None,
        tags: Sequence[str] = (),
    ) -> CustomMessage:
        """Send a message whose content is the app's own affair. Else like `send_text()`.

        Args:
            receiver: a uid, or with `receiver_type="group"` a guid.
            data: the content, `CustomMessage.custom_data` to whoever gets it.
            type: the app's own name for this kind of message.
            sub_type: a finer one.
            receiver_type: `"user"` or `"group"`.
            muid: an id of your own for the message.
            metadata: the app's own data beside the content.
            parent_message_id: the message that begins the thread this one belongs to.
            tags: the message's tags.
        """
        draft = custom_draft(
            type=type,
            data=data,
            sub_type=sub_type,
            receiver=receiver,
            receiver_type=receiver_type,
            muid=muid,
            metadata=metadata,
            parent_message_id=parent_message_id,
            tags=tags,
        )
        return await self._parts.speaking.say("send_custom()", draft, CustomMessage)

    # What is sent over the socket. All of these are checkpoints, return when the frame is written, raise
    # `NotConnectedError` without a connection and `ConnectionLostError` when it ends first;
    # if cancelled, the frame is sent whole or not at all.

    async def start_typing(
        self, receiver: str, *, receiver_type: _ReceiverType = "user", metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Tell *receiver* (a uid, or with `receiver_type="group"` a guid) that the user is typing.

        *metadata* is passed on as it is. Without `features.typing`, nothing is sent. Errors and cancellation: as for
        `send_transient()`.
        """
        await self._parts.send(
            "start_typing()", "typing", receiver, receiver_type, typing_frame, action="started", metadata=metadata
        )

    async def end_typing(
        self, receiver: str, *, receiver_type: _ReceiverType = "user", metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Tell *receiver* that the user has stopped typing. Like `start_typing()`."""
        await self._parts.send(
            "end_typing()", "typing", receiver, receiver_type, typing_frame, action="ended", metadata=metadata
        )

    async def mark_as_delivered(self, message: Message) -> None:
        """Tell the sender of *message* that it has arrived. Like `mark_as_read()`."""
        await self._send_receipt("mark_as_delivered()", "delivered", message)

    async def mark_as_read(self, message: Message) -> None:
        """Tell the sender of *message* that it was read.

        Raises:
            FeatureThrottledError: the server takes no receipts at present (`features.receipts`), and nothing was
                sent. Worth retrying later, after a new login.

        Other errors, and cancellation: as for `send_transient()`.
        """
        await self._send_receipt("mark_as_read()", "read", message)

    async def _send_receipt(self, call: str, action: Literal["delivered", "read"], message: Message) -> None:
        if isinstance(message.receiver, Group):
            receiver, receiver_type = message.receiver.guid, "group"
        else:
            receiver, receiver_type = message.sender.uid, "user"
        sender = message.sender.uid
        await self._parts.send(
            call,
            "receipts",
            receiver,
            receiver_type,
            receipt_frame,
            action=action,
            message_id=message.id,
            message_sender=sender,
        )

    async def send_transient(
        self, receiver: str, data: Mapping[str, Any], *, receiver_type: _ReceiverType = "user"
    ) -> None:
        """Send *data* to *receiver*, who gets it now as a `TransientMessage`, or never.

        Without `features.transient`, nothing is sent, and the call returns all the same.

        Args:
            receiver: a uid, or with `receiver_type="group"` a guid.
            data: anything JSON can hold.
            receiver_type: `"user"` or `"group"`.

        Raises:
            SettingsError: an argument makes no sense, or the frame is more than `AppSettings.limits` allow; nothing was
                sent.
            NotConnectedError: there is no connection.
            ConnectionLostError: it ended before the frame was written. Worth retrying
                once connected.

        A checkpoint; returns when the frame is written. If cancelled, the frame is sent
        whole or not at all. As long as the server reads, at once.
        """
        await self._parts.send("send_transient()", "transient", receiver, receiver_type, transient_frame, data=data)
