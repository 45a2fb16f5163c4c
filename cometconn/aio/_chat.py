"""`open_client()` and `CometChat` for asyncio.

Made from `cometconn._client.open_client`, `cometconn._client.client` by `python -m tests.aio.twins --write`: change it there.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, final, overload

import cometconn
from cometconn._arguments import check, made_by
from cometconn._client.client_statistics import statistics_of
from cometconn._client.frame_sender import send_frame
from cometconn._client.other_names import hint
from cometconn._client.receivers import address
from cometconn._connection.keepalive import ping_every, wait_pong
from cometconn._groups import WrappedBlock, async_block, usage_of
from cometconn._lifecycle.states import Input
from cometconn._modules import no_such_attribute
from cometconn._streams.stream_arguments import stream_options
from cometconn._wire.outgoing import custom_draft, ping_frame, receipt_frame, text_draft, transient_frame, typing_frame
from cometconn.errors import SettingsError
from cometconn.events import CustomMessage, TextMessage
from cometconn.settings import AppSettings
from cometconn.status import Features

from ._blocks import Block
from ._handed_in import admitted_in_asyncio, called_by_loop, run_in_asyncio
from ._streams import EventStream, StatusStream

if TYPE_CHECKING:
    import os
    import ssl
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from typing import Any, Literal, Unpack

    from cometconn._account.store import Store
    from cometconn._client.client import A, B, C, D, _ReceiverType
    from cometconn._client.client_statistics import Statistics
    from cometconn._client.core import ClientCore
    from cometconn._environment import Environment
    from cometconn._streams.stream_arguments import StreamKeywords
    from cometconn.events import Event, Group, Marker, Message, User
    from cometconn.instrumentation.detail import Hook
    from cometconn.settings import Endpoints
    from cometconn.status import AppState, Status

    from ._calls import Calls

__all__ = ["CometChat", "open_client"]


def open_client(
    app_id: str,
    settings: AppSettings = AppSettings(),
    *,
    store: Store | str | os.PathLike[str] | None = None,
    endpoints: Endpoints | None = None,
    ssl_context: ssl.SSLContext | None = None,
    proxy: str | None = None,
    headers: Mapping[str, str] | None = None,
    environment: Environment | None = None,
    hooks: Iterable[Hook] = (),
    admission: Callable[[], Awaitable[object]] | None = None,
    position: int | None = None,
) -> AbstractAsyncContextManager[CometChat]:
    """Open a client for as long as the `async with` block runs. CometChat calls this `init()`.

    If the store holds a session, its user is logged in without a request, and in auto mode a task of the client
    connects. A session of other servers is not used: a WARNING names both, and it stays saved until the next login. No
    network access takes place before the block begins. After the block the socket is closed and all tasks
    have ended. The session stays saved.

    Args:
        app_id: the app's id, from CometChat's dashboard.
        settings: region, mode, presence, timing. The region can be left out only with *endpoints*.
        store: where the session is saved; by default a file in the platform's folder for user state. A path chooses the
            file; `MemoryStore()` saves nothing; a store of your own is a
            `cometconn.stores.Store`, and its calls run in asyncio.
        endpoints: the servers to use instead of CometChat's cloud.
        ssl_context: the TLS settings for REST, the socket and an `https` proxy, for instance with a private CA or a
            client certificate.
        proxy: the proxy for REST and the socket: `http://[user:password@]host:port`, or with `https`, `socks5h` or
            `socks5` (the last two need the extra `socks`). `None` uses the variables `HTTPS_PROXY`, `HTTP_PROXY`,
            `ALL_PROXY` and `NO_PROXY`, but no proxy for loopback addresses. `""` uses no proxy.
        headers: additional headers for REST requests and the upgrade. A header that cometconn sets itself raises
            `SettingsError`.
        environment: network, clock and randomness, for tests. Its calls run in Trio, also here. It replaces *ssl_context* and *proxy*.
        hooks: callables. Each is called with a `Detail`, a frozen object, for every step: see
            `cometconn.instrumentation`. The loop calls them, each a turn after its step. The first error of a hook is
            logged; errors in hooks have no other effect.
        admission: an async callable without arguments, for programs that limit their connections and logins. It is
            awaited before each login and each dial. The status is `Connecting` meanwhile, and the wait is not part of
            `connect_timeout`; it ends with the wish for a connection or with the `login()` call. An exception that it
            raises is a failed attempt, or makes `login()` raise `ApiError` with the code `ADMISSION_FAILED`.
        position: the id of the last handled message, for programs that save it themselves. Missed messages are fetched
            from the next one on, and a saved position is ignored. It applies only to the first user of this client, and
            needs `AppSettings(catch_up=True)`.

    Raises:
        SettingsError: an argument is invalid.
        StoreError: the saved session cannot be read within `request_timeout`, or is in use by another client.

    An exception that the block raises propagates unchanged: it is the same object, in no exception group.
    Leaving the block takes at most `close_timeout`, also when cancelled, because closing and saving are shielded for
    that time.
    """
    check(open_client, locals())
    return WrappedBlock(
        Block(
            lambda: cometconn.open_client(
                app_id,
                settings,
                store=run_in_asyncio(store),
                endpoints=endpoints,
                ssl_context=ssl_context,
                proxy=proxy,
                headers=headers,
                environment=environment,
                hooks=called_by_loop(hooks),
                admission=admitted_in_asyncio(admission),
                position=position,
            ),
            lambda chat, calls: CometChat(chat._core, calls),
            _end,
        ),
        usage_of("open_client"),
    )


@final
@no_such_attribute(hint)
@made_by("`async with open_client(...) as chat`")
class CometChat:
    """One client: a login, one connection, its events. Made by `open_client()`, not by you.

    Calls take effect in the order in which they are made, each at the call and not at its first await. They must be
    made in the thread of the asyncio loop; from another thread use `loop.call_soon_threadsafe(chat.enter_background)`.
    """

    def __init__(self, core: ClientCore, calls: Calls) -> None:
        self._core = core
        self._machine = core.machine
        self._login = core.login
        self._run = calls.run

    def __repr__(self) -> str:
        user, secrets = (self.get_logged_in_user(), self._core.identity.secrets)
        shown = secrets.masked_line(user.uid) if user else None
        return secrets.masked(f"<CometChat {self._core.identity.app_id!r}, user {shown!r}, {self.status}>")

    async def login(
        self, *, uid: str | None = None, auth_key: str | None = None, auth_token: str | None = None
    ) -> User:
        """Log a user in and save the session, so that the next `open_client()` needs no login.

        In auto mode and the foreground a task of the client then connects; `connect()` waits for that. For the user
        already logged in, no request is made: the saved user is returned, and the status is no longer
        `Disconnected(AUTHENTICATION_FAILED)` or `(DISCONNECT_CALLED)`. If the server no longer accepts the saved token,
        the next attempt or `send_text()` logs in anew with *auth_key*, once; the key is kept in memory until then, or
        until the token is accepted. If another user was logged in, that user's connection ends first.

        Args:
            uid: the user's id in the app, together with *auth_key*.
            auth_key: the app's key, for development. In production use tokens.
            auth_token: a token of the user, made by your server, instead of *uid* and *auth_key*.

        Returns:
            The user, with the attributes that the server sent.

        Raises:
            SettingsError: the arguments do not fit together.
            ApiError: the server refused, or sent no response (then `status` is `None`, and a retry can help).
            LoginInProgressError: another `login()` runs, or the client logs in anew as described above.
            NotLoggedInError: `logout()` was called meanwhile.
            StoreError: the session was not saved within `close_timeout` (at least 2 s); no user is logged in.

        If cancelled, a user who was already logged in stays so if the call was for the same user; otherwise
        no user is logged in. Takes at most two `request_timeout`, and what the store and `admission` take. Source: CometChat's
        `POST /users/{uid}/auth_tokens` and `PUT /me`, as both official SDKs send them.
        """
        check(CometChat.login, locals())
        return await self._run(self._login.login(uid, auth_key, auth_token))

    async def logout(self) -> None:
        """Close the socket, forget the saved session, and log out at the server (`DELETE /me`).

        Takes effect at the call. Each of the three is tried even if another fails; then the first error is raised.

        Raises:
            NotLoggedInError: no user is logged in.
            StoreError: the store could not forget what the error names. Leaving the client tries once more.
            ApiError: the server refused or sent no response; the user is logged out in this client all the same.

        During a first `login()` it ends that login and returns. If cancelled, the user is logged out, and
        the request to the server may not have been made. At most `request_timeout` + `close_timeout`.
        """
        await self._run(self._login.logout())

    def get_logged_in_user(self) -> User | None:
        """Return the logged-in user, or `None`. Does not wait."""
        return self._core.identity.user

    async def connect(self, *, retry: bool = False) -> None:
        """Return once the client is connected; connect if it is not.

        Any number of calls share one attempt and one socket. In manual mode the client tries to connect as long as one
        of them waits, and stays connected once it is. In the background this call extends the connection as `ping()` does.

        Args:
            retry: wait through failed attempts, until connected or cancelled. Otherwise the first failure raises, and
                in auto mode the library goes on retrying.

        Raises:
            NotLoggedInError: no user is logged in.
            ConnectError: the client is not connected, for its `reason`. `CONNECT_FAILED` is worth retrying.
            AuthenticationError: the token is refused; log in again.
            NotConnectedError: the client was left.

        If cancelled, an attempt in manual mode ends unless another call waits for it; no socket stays
        open. Without *retry*, at most `connect_timeout`, twice that if the token must be renewed, and what `admission`
        takes; with it, no limit.
        """
        check(CometChat.connect, locals())
        await self._run(self._machine.connect(patient=retry))

    async def disconnect(self) -> None:
        """Close the socket and stay disconnected until `connect()` (in auto mode also `login()`).

        Takes effect at the call; returns when the socket is closed, at most `close_timeout` later. Idempotent, never
        raises. Cancelling it ends only the wait.
        """
        await self._run(self._machine.disconnect())

    async def wait_closed(self) -> None:
        """Return once the socket that is open now is closed; if none is open, return immediately.

        For programs that must know that the closing handshake is over: after `enter_background()` in auto mode, before
        the machine sleeps or the process stops. It closes nothing by itself. Cancelling it ends only the
        wait. Once the status is `Disconnected`, at most `close_timeout`.
        """
        await self._run(self._machine.closing())

    async def ping(self) -> float:
        """Ping the server. In manual mode and the background, stay connected for another `background_grace`.

        The lease is extended at the call, whether or not a pong comes.

        Returns:
            The round trip, in seconds.

        Raises:
            NotConnectedError: there is no connection, or its time in the background has just ended.
            ConnectionLostError: the connection ended while waiting; `reason` is why.
            PongTimeoutError: other bytes came within `pong_timeout`, but no pong; the connection stays. It is also
                raised when a pausing event stream is full, since the pong is not read then.

        If cancelled, the lease stays extended and the frame is sent whole. At most `pong_timeout`. Source:
        CometChat's `ping()`; the frame is both official SDKs'.
        """
        return await self._run(partial(wait_pong, self._machine, *self._machine.ping(ping_frame())))

    async def keep_alive(self, every: float = 20.0) -> None:
        """Ping in a loop, so that a service in the background stays connected.

        Run it in a task of its own. When a ping cannot be sent or gets no pong, the next one follows at its usual time. Returns
        when the client is left.

        Args:
            every: seconds from ping to ping; less than `background_grace`.

        Raises:
            SettingsError: *every* is not between 0 and `background_grace`.
        """
        check(CometChat.keep_alive, locals())
        grace = self._core.identity.settings.timing.background_grace
        if not 0 < every < grace:
            message = f"keep_alive(every={every!r}): must be more than 0 and less than background_grace, {grace:g} s."
            raise SettingsError(message)
        await self._run(ping_every(self._machine, every))

    def enter_background(self) -> None:
        """Note that the app has gone to the background. Never blocks; `status` is up to date on return.

        Auto mode: disconnect at once. Manual mode: the connection stays for `background_grace`, and as long again after
        every `ping()`. Idempotent.
        """
        self._machine.apply(Input.ENTERED_BACKGROUND)

    def enter_foreground(self) -> None:
        """Note that the app is in the foreground again. Never blocks; `status` is up to date on return.

        Auto mode: an attempt begins at once. Manual mode: a connection that is still there stays; otherwise call
        `connect()`. Idempotent.
        """
        self._machine.apply(Input.ENTERED_FOREGROUND)

    def retry_now(self) -> None:
        """Start a retry that waits for its time now, for instance because the network is back.

        At most one call a second has an effect, and none has while the server's `Retry-After` lasts. Never blocks; does
        nothing while no retry waits.
        """
        self._machine.apply(Input.RETRY_NOW)

    @property
    def app_state(self) -> AppState:
        """Foreground or background, as the last of the two calls noted."""
        return self._machine.app_state

    @property
    def status(self) -> Status:
        """The status at this moment: a deadline that has just passed counts."""
        return self._machine.status

    @property
    def features(self) -> Features:
        """What the server lets the logged-in user send over the socket. Does not wait.

        It comes from the server's settings at the last login, and is saved with the session. Everything is allowed where
        the settings have no `MODE`, and while no user is logged in. Source: `MODE` in CometChat's settings, as both
        official SDKs apply it; their status `featureThrottled` is documented, but neither of them ever reports it.
        """
        session = self._core.identity.session
        return Features() if session is None else session.features

    def statistics(self) -> Statistics:
        """Return counters of this client. Does not wait."""
        return statistics_of(self._machine, self._core.streams, self._core.catch_up)

    @overload
    def events(
        self, *, markers: bool = True, **others: Unpack[StreamKeywords]
    ) -> AbstractAsyncContextManager[EventStream[Event]]: ...

    @overload
    def events(
        self, a: type[A], /, *, markers: Literal[True] = True, **others: Unpack[StreamKeywords]
    ) -> AbstractAsyncContextManager[EventStream[A | Marker]]: ...

    @overload
    def events(
        self, a: type[A], /, *, markers: Literal[False], **others: Unpack[StreamKeywords]
    ) -> AbstractAsyncContextManager[EventStream[A]]: ...

    @overload
    def events(
        self, a: type[A], b: type[B], /, *, markers: Literal[True] = True, **others: Unpack[StreamKeywords]
    ) -> AbstractAsyncContextManager[EventStream[A | B | Marker]]: ...

    @overload
    def events(
        self, a: type[A], b: type[B], /, *, markers: Literal[False], **others: Unpack[StreamKeywords]
    ) -> AbstractAsyncContextManager[EventStream[A | B]]: ...

    @overload
    def events(
        self, a: type[A], b: type[B], c: type[C], /, *, markers: Literal[True] = True, **others: Unpack[StreamKeywords]
    ) -> AbstractAsyncContextManager[EventStream[A | B | C | Marker]]: ...

    @overload
    def events(
        self, a: type[A], b: type[B], c: type[C], /, *, markers: Literal[False], **others: Unpack[StreamKeywords]
    ) -> AbstractAsyncContextManager[EventStream[A | B | C]]: ...

    @overload
    def events(
        self,
        a: type[A],
        b: type[B],
        c: type[C],
        d: type[D],
        /,
        *,
        markers: Literal[True] = True,
        **others: Unpack[StreamKeywords],
    ) -> AbstractAsyncContextManager[EventStream[A | B | C | D | Marker]]: ...

    @overload
    def events(
        self,
        a: type[A],
        b: type[B],
        c: type[C],
        d: type[D],
        /,
        *,
        markers: Literal[False],
        **others: Unpack[StreamKeywords],
    ) -> AbstractAsyncContextManager[EventStream[A | B | C | D]]: ...

    @overload
    def events(
        self, *types: type[Event], markers: bool = True, **others: Unpack[StreamKeywords]
    ) -> AbstractAsyncContextManager[EventStream[Event]]: ...

    def events(
        self,
        *types: type[Event],
        markers: bool = True,
        max_events: int = 1024,
        max_bytes: int = 4 * 1024 * 1024,
        overflow: Literal["pause", "drop_oldest", "fail"] = "pause",
        acknowledge: Literal["next", "call", "never"] = "next",
        on_logout: Literal["wait", "raise"] = "wait",
    ) -> AbstractAsyncContextManager[EventStream]:
        """Open a stream of typed events: `async with chat.events() as events: async for event in events: ...`.

        It begins with the events that no stream has taken: those that came while no stream was open, and those that a
        stream still held when its block was left. Markers (`Gap`, `Overflow`, `Resumed`) are yielded whatever *types* are.
        So `events(TextMessage)` is an `EventStream[TextMessage | Marker]` for type checkers, and with `markers=False` an
        `EventStream[TextMessage]`. The union is exact for up to four *types*; of more, `Event` is the type.

        A message that is not acknowledged is yielded again: by the next stream of this client, and with `catch_up` in the
        next run of the program, even after a SIGKILL. With several streams, each that takes a message must acknowledge it.

        Args:
            types: event classes to take, their subclasses included; none means all. A message of another class counts as
                handled as far as this stream is concerned.
            markers: `False` leaves out the markers. Instead `EventStream.gaps` has the gaps and overflows, and each gap
                after which messages may be missing is a WARNING.
            max_events: how many events may be in the stream: those that wait, and those that were handed out and are
                not acknowledged. Default 1,024.
            max_bytes: how many bytes of frames these may have together. Default 4 MiB.
            overflow: what happens when it is full. `"pause"`: the socket is not read until there is room, for any
                stream. `"drop_oldest"`: an `Overflow(dropped=n)` stands in the place of what was dropped, which counts
                as handled. `"fail"`: the stream raises `SlowConsumerError`.
            acknowledge: when a message counts as handled. `"next"`: when the asyncio task that got it calls for the next event
                or batch, or leaves the block without an exception (`break` and `return` included). `"call"`: when
                `EventStream.acknowledge()` is called with it. `"never"`: the stream has no effect on that. It starts
                empty, and what it still holds at its end is dropped: for logs, for screens, to wait for one reply.
            on_logout: what happens when the user is logged out: by the server, which is a WARNING, too, by `logout()`, or
                by a `login()` of another user. `"wait"`: the stream goes on with the events of the next user, or of
                the same one. `"raise"`: it yields what it holds, then raises `NotLoggedInError` with the cause, and
                gets nothing more. So a bot ends, or logs in and opens a new stream. A stream that was opened while
                no user was logged in waits for the first one. A token that the server refuses without a logout
                (`Disconnected(AUTHENTICATION_FAILED)`) is a status and a WARNING, and ends no stream.

        Raises:
            SettingsError: one of *types* is no event class, or a marker although *markers* is false; a bound is not
                positive; or *overflow*, *acknowledge* or *on_logout* is none of those.
            RuntimeError: the context manager that one call returned is entered a second time.
        """
        check(CometChat.events, locals())
        options = stream_options(
            types, max_events, max_bytes, overflow, acknowledge, markers=markers, on_logout=on_logout
        )
        return self._core.streams.subscribe(options, EventStream, partial(self._run, self._core.positions.commit))

    @property
    def position(self) -> int | None:
        """The id up to which every message is handled: acknowledged, not wanted, or dropped and reported as dropped.

        It is saved, and `catch_up` begins behind it in the next run. `None` before the first message, when no user is
        logged in, and while the first missed messages are being fetched. Does not wait.
        """
        return self._core.streams.position if self._core.identity.user is not None else None

    @async_block("chat.statuses", "statuses", "change")
    @asynccontextmanager
    async def statuses(self) -> AsyncGenerator[StatusStream, None]:
        """Open a stream of `StatusChange`: the current status first, then every change, in order.

        When more than 256 wait, all but the newest are dropped, and its `skipped` is their number. The stream ends after
        `CLIENT_CLOSED`.
        """
        with self._machine.statuses.subscribe(self.status) as queue:
            yield StatusStream(queue)

    async def send_text(
        self,
        to: str | User | Group | Event,
        text: str,
        *,
        receiver_type: _ReceiverType = "user",
        muid: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        parent_message_id: int | None = None,
        tags: Sequence[str] = (),
    ) -> TextMessage:
        """Send a text message. It needs a logged-in user, but no connection.

        The message does not come back in this client's own event streams; other devices of the same user get it, and so
        does the next run of this program with `catch_up`. A bot that answers messages must therefore leave out those of
        its own user.

        Args:
            to: a uid, or with `receiver_type="group"` a guid; a `User` or a `Group`; or an event, to reply where it was
                sent: in its group, or else to its sender.
            text: the text, not empty.
            receiver_type: `"user"` or `"group"`, if *to* is an id.
            muid: an id of your own for the message; its receivers see it.
            metadata: the app's own data: anything JSON can hold.
            parent_message_id: the message that begins the thread this one belongs to.
            tags: the message's tags.

        Returns:
            The message as the server returned it, with its id and time.

        Raises:
            SettingsError: an argument is invalid, or the message is more than `AppSettings.limits` allow; nothing
                was sent.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused the message for the reason in `code`, and nothing was sent. Or no usable response
                was received: if `status` is `None` or at least 500, or `code` is `INVALID_RESPONSE`, the message may
                have been sent. A retry may then send it a second time; receivers can recognise the second one by the
                same *muid*. If the server no longer accepts the token, and `login()` was given no key to replace it,
                the user is logged out.

        If cancelled, the message was sent or was not; the connection and the session stay. At most
        `request_timeout`, four times that with a new token. Source: `POST /messages`, as both official SDKs do.
        """
        check(CometChat.send_text, locals())
        receiver, kind = address("send_text(to=...)", to, receiver_type, self._core.identity.uid)
        draft = text_draft(
            text=text,
            receiver=receiver,
            receiver_type=kind,
            muid=muid,
            metadata=metadata,
            parent_message_id=parent_message_id,
            tags=tags,
        )
        return await self._run(self._core.messages.send("send_text()", draft, TextMessage, to))

    async def send_custom(
        self,
        to: str | User | Group | Event,
        data: Mapping[str, Any],
        *,
        type: str,
        sub_type: str | None = None,
        receiver_type: _ReceiverType = "user",
        muid: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        parent_message_id: int | None = None,
        tags: Sequence[str] = (),
    ) -> CustomMessage:
        """Send a message whose content the app defines. Otherwise like `send_text()`.

        Args:
            to: as for `send_text()`.
            data: the content, `CustomMessage.custom_data` for the receivers.
            type: the app's own name for this kind of message.
            sub_type: a name for a variety of that kind.
            receiver_type: `"user"` or `"group"`, if *to* is an id.
            muid: an id of your own for the message.
            metadata: the app's own data beside the content.
            parent_message_id: the message that begins the thread this one belongs to.
            tags: the message's tags.
        """
        check(CometChat.send_custom, locals())
        receiver, kind = address("send_custom(to=...)", to, receiver_type, self._core.identity.uid)
        draft = custom_draft(
            type=type,
            data=data,
            sub_type=sub_type,
            receiver=receiver,
            receiver_type=kind,
            muid=muid,
            metadata=metadata,
            parent_message_id=parent_message_id,
            tags=tags,
        )
        return await self._run(self._core.messages.send("send_custom()", draft, CustomMessage, to))

    async def start_typing(
        self,
        receiver: str | User | Group | Event,
        *,
        receiver_type: _ReceiverType = "user",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Notify *receiver* that the user is typing.

        *receiver* is an id, a user, a group or an event, as *to* of `send_text()`. *metadata* is passed on as it is.
        Without `features.typing`, nothing is sent. Errors and cancellation: as for `send_transient()`.
        """
        check(CometChat.start_typing, locals())
        await self._run(
            send_frame(
                self._machine,
                self._core.identity,
                "start_typing()",
                "typing",
                receiver,
                receiver_type,
                typing_frame,
                action="started",
                metadata=metadata,
            )
        )

    async def end_typing(
        self,
        receiver: str | User | Group | Event,
        *,
        receiver_type: _ReceiverType = "user",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Notify *receiver* that the user has stopped typing. Like `start_typing()`."""
        check(CometChat.end_typing, locals())
        await self._run(
            send_frame(
                self._machine,
                self._core.identity,
                "end_typing()",
                "typing",
                receiver,
                receiver_type,
                typing_frame,
                action="ended",
                metadata=metadata,
            )
        )

    async def mark_as_delivered(self, message: Message) -> None:
        """Notify the sender of *message* that it has arrived. Like `mark_as_read()`."""
        check(CometChat.mark_as_delivered, locals())
        await self._run(self._send_receipt("mark_as_delivered()", "delivered", message))

    async def mark_as_read(self, message: Message) -> None:
        """Notify the sender of *message* that it was read.

        Raises:
            FeatureThrottledError: the server takes no receipts at present (`features.receipts`), and nothing was
                sent. Worth retrying later, after a new login.

        Other errors, and cancellation: as for `send_transient()`.
        """
        check(CometChat.mark_as_read, locals())
        await self._run(self._send_receipt("mark_as_read()", "read", message))

    def _send_receipt(
        self, call: str, action: Literal["delivered", "read"], message: Message
    ) -> Callable[[], Awaitable[None]]:
        return send_frame(
            self._machine,
            self._core.identity,
            call,
            "receipts",
            message,
            "user",
            receipt_frame,
            action=action,
            message_id=message.id,
            message_sender=message.sender.uid,
        )

    async def send_transient(
        self, receiver: str | User | Group | Event, data: Mapping[str, Any], *, receiver_type: _ReceiverType = "user"
    ) -> None:
        """Send *data* to *receiver*, as a `TransientMessage`, which reaches only devices that are connected now.

        Without `features.transient`, nothing is sent, and the call returns all the same.

        Args:
            receiver: an id, a user, a group or an event, as *to* of `send_text()`.
            data: anything JSON can hold.
            receiver_type: `"user"` or `"group"`, if *receiver* is an id.

        Raises:
            SettingsError: an argument is invalid, or the frame is more than `AppSettings.limits` allow; nothing was
                sent.
            NotConnectedError: there is no connection.
            ConnectionLostError: the connection ended before the frame was written. Worth retrying once connected.

        Returns when the frame is written: at once, as long as the server reads. If cancelled, the frame is
        sent whole or not at all.
        """
        check(CometChat.send_transient, locals())
        await self._run(
            send_frame(
                self._machine,
                self._core.identity,
                "send_transient()",
                "transient",
                receiver,
                receiver_type,
                transient_frame,
                data=data,
            )
        )


def _end(chat: cometconn.CometChat) -> None:
    """Trio has crashed: end the streams, which are read by tasks of asyncio's."""
    chat._core.streams.close()
    chat._core.machine.statuses.close()
