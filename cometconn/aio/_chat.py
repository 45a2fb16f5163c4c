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
from cometconn._client.frame_sender import send_frame, send_frames
from cometconn._client.other_names import hint
from cometconn._client.receivers import address, message_of
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
    from cometconn._account.streaming import UploadFile, WritableFile
    from cometconn._client.client import A, B, C, D, _MediaKind, _ReceiverType
    from cometconn._client.client_statistics import Statistics
    from cometconn._client.core import ClientCore
    from cometconn._environment import Environment
    from cometconn._streams.stream_arguments import StreamKeywords
    from cometconn.errors import SendUncertainError
    from cometconn.events import Attachment, Event, Group, Marker, MediaMessage, Message, User
    from cometconn.instrumentation.detail import Hook
    from cometconn.settings import Endpoints
    from cometconn.status import AppState, Status

    from ._calls import Calls
    from ._rest import Conversations, Groups, Messages, Users

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
    that time. With a `console_hook()` it may take half a second more.
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
        self._calls = calls

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
        the request to the server may not have been made, and it ends within `close_timeout`, at least 2 s. At most
        `request_timeout` + `close_timeout`.
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

    @property
    def messages(self) -> Messages:
        """Messages that were sent: `async for message in chat.messages.history(user="amy-2")`. Does not wait."""
        from ._rest import Messages

        return Messages(self._core.rest_context(), self._calls)

    @property
    def conversations(self) -> Conversations:
        """The logged-in user's conversations, and how much is unread: `chat.conversations.list()`. Does not wait."""
        from ._rest import Conversations

        return Conversations(self._core.rest_context(), self._calls)

    @property
    def users(self) -> Users:
        """The users of the app, and the blocked ones: `await chat.users.get("amy-2")`. Does not wait."""
        from ._rest import Users

        return Users(self._core.rest_context(), self._calls)

    @property
    def groups(self) -> Groups:
        """The groups of the app, and their members: `await chat.groups.join("hikers")`. Does not wait."""
        from ._rest import Groups

        return Groups(self._core.rest_context(), self._calls)

    async def request(
        self,
        method: Literal["GET", "POST", "PUT", "DELETE"],
        path: str,
        *,
        query: Mapping[str, str | int | Sequence[str]] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        files: Sequence[UploadFile] | None = None,
        retry_for: float = 30.0,
    ) -> Any:
        """Make a REST request as the logged-in user, for what no other call of this class does.

        It needs a logged-in user, but no connection. The user's token and the usual headers are added here and go only
        to CometChat's servers. At most `Limits.requests_at_once` requests of a client run at a time.

        `GET`, `PUT` and `DELETE` are made again after a passing failure (`ApiError.worth_retrying`), with a growing
        random delay between `retry_base` and `retry_cap`, and not before the time in the server's `Retry-After`. `POST`
        is made again only if nothing was done: after status 429, or when there was no connection.

        Args:
            method: the HTTP method.
            path: the path below the API's version, such as `"/users/amy-2"`. Ids in it must be quoted
                (`urllib.parse.quote(uid, safe="")`).
            query: the parameters of the URL. A sequence of texts is joined by commas.
            json: the body: anything JSON can hold but `None`, which means no body.
            form: the fields of a form, instead of *json*.
            files: the files of a form.
            retry_for: how many seconds after the call the last attempt may begin. 0: there is one attempt.

        Returns:
            The `data` of the response.

        Raises:
            SettingsError: an argument is invalid; nothing was sent.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused, or no usable response was received, in the last of the attempts, whose number
                stands in the error. Worth retrying if `worth_retrying` is true; but if `status` is `None` and `sent` is
                true, a `POST` may have been carried out all the same. If the server no longer accepts the token, and
                `login()` was given no key to replace it, the user is logged out.

        If cancelled, the connection of the request is closed, and it was carried out or was not; the session
        stays. At most *retry_for* and `request_timeout`, and three times `request_timeout` more with a new token. Source:
        CometChat's REST API, with the headers that both official SDKs send.
        """
        check(CometChat.request, locals())
        given = {"query": query, "json": json, "form": form, "files": files, "retry_for": retry_for}
        return await self._run(self._core.requester.data("request()", method, path, **given))

    async def send_text(
        self,
        to: str | User | Group | Event,
        text: str,
        *,
        receiver_type: _ReceiverType = "user",
        muid: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        parent_message_id: int | None = None,
        quoted_message_id: int | None = None,
        tags: Sequence[str] = (),
    ) -> TextMessage:
        """Send a text message. It needs a logged-in user, but no connection.

        The message does not come back in this client's own event streams; other devices of the same user get it, and so
        does the next run of this program with `catch_up`. A bot that answers messages must therefore leave out those of
        its own user.

        Args:
            to: a uid, or with `receiver_type="group"` a guid; a `User` or a `Group`; or an event, to reply where it was
                sent: in its group, or else to its sender.
            text: the text, not empty. `User.mention` in it mentions a user.
            receiver_type: `"user"` or `"group"`, if *to* is an id.
            muid: an id of your own for the message, by which it can be found again; its receivers see it. By default a
                random one.
            metadata: the app's own data: anything JSON can hold.
            parent_message_id: the message that begins the thread this one belongs to.
            quoted_message_id: the message that this one quotes: `Message.quoted_message` for the receivers.
            tags: the message's tags.

        Returns:
            The message as the server returned it, with its id and time.

        Raises:
            SettingsError: an argument is invalid, or the message is more than `AppSettings.limits` allow; nothing
                was sent.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            SendUncertainError: no usable response was received, so the message may have been sent or not.
                `resend(error)` sends it only if it was not; calling this again may send it a second time.
            ApiError: the server refused the message for the reason in `code`, or there was no connection: nothing was
                sent. Worth retrying if `worth_retrying` is true. If the server no longer accepts the token, and
                `login()` was given no key to replace it, the user is logged out.

        If cancelled, the message was sent or was not, and no error tells which: a program that must know
        gives a *muid* of its own and looks for it. The connection and the session stay. At most `request_timeout`, four
        times that with a new token. Source: `POST /messages`, as both official SDKs do.
        """
        check(CometChat.send_text, locals())
        return await self._run(
            self._core.messages.send(
                "send_text()",
                TextMessage,
                to,
                receiver_type,
                text_draft,
                text=text,
                muid=muid,
                metadata=metadata,
                parent_message_id=parent_message_id,
                quoted_message_id=quoted_message_id,
                tags=tags,
            )
        )

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
        quoted_message_id: int | None = None,
        tags: Sequence[str] = (),
    ) -> CustomMessage:
        """Send a message whose content the app defines. Otherwise like `send_text()`.

        Args:
            to: as for `send_text()`.
            data: the content, `CustomMessage.custom_data` for the receivers.
            type: the app's own name for this kind of message.
            sub_type: a name for a variety of that kind.
            receiver_type: `"user"` or `"group"`, if *to* is an id.
            muid: an id of your own for the message; by default a random one.
            metadata: the app's own data beside the content.
            parent_message_id: the message that begins the thread this one belongs to.
            quoted_message_id: the message that this one quotes.
            tags: the message's tags.
        """
        check(CometChat.send_custom, locals())
        return await self._run(
            self._core.messages.send(
                "send_custom()",
                CustomMessage,
                to,
                receiver_type,
                custom_draft,
                type=type,
                data=data,
                sub_type=sub_type,
                muid=muid,
                metadata=metadata,
                parent_message_id=parent_message_id,
                quoted_message_id=quoted_message_id,
                tags=tags,
            )
        )

    async def reply(
        self,
        event: Event,
        text: str,
        *,
        thread: bool = False,
        quote: bool = False,
        muid: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
    ) -> TextMessage:
        """Send a text to where *event* was sent: to its group, or else to the other user. Otherwise like `send_text()`.

        Args:
            event: a message, or another event of a conversation, such as an edit, a reaction or a typing indicator.
            text: the text, not empty.
            thread: whether the reply belongs to the thread of the event's message. If that message is in no thread, it
                begins one.
            quote: whether the reply quotes the event's message.
            muid: as for `send_text()`.
            metadata: as for `send_text()`.
            tags: as for `send_text()`.

        Raises:
            SettingsError: an argument is invalid, *event* belongs to no conversation, or *thread* or *quote* is given
                for an event that is about no message; nothing was sent.
            NotLoggedInError: as for `send_text()`.
            SendUncertainError: as for `send_text()`.
            ApiError: as for `send_text()`.

        What a cancel leaves, and how long it takes, is as for `send_text()`.
        """
        check(CometChat.reply, locals())
        address("reply(event=...)", event, "user", self._core.identity.uid)
        return await self._run(
            self._core.messages.send(
                "reply()",
                TextMessage,
                event,
                "user",
                text_draft,
                text=text,
                muid=muid,
                metadata=metadata,
                parent_message_id=message_of("reply(thread=True)", event)[1] if thread else None,
                quoted_message_id=message_of("reply(quote=True)", event)[0] if quote else None,
                tags=tags,
            )
        )

    async def resend(self, error: SendUncertainError) -> Message:
        """Send the message of *error*, unless the server has it: look for its `muid` in the conversation first.

        The conversation is read backwards, up to messages that are older than the message can be by the server's own
        times. Calls for the same message wait for each other, so the message is sent a second time only if the server
        takes it and does not show it yet when it is looked for.

        Args:
            error: what a call that sends a message has raised, or an earlier `resend()`; in this client or in another
                one of the same app and user in this process.

        Returns:
            The message as the server has it, whether it was found or sent.

        Raises:
            SettingsError: *error* comes from no such call, or from one of another user or app; nothing was sent.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            SendUncertainError: the message could not be looked for, or again no usable response was received. Give this
                error to the next `resend()`, not before `retry_after` seconds have passed if that is a number.
            ApiError: the server does not have the message, and refuses it for the reason in `code`.

        If cancelled, it may be called again with the same error. At most `request_timeout` to look for the
        message, as long again for each further 100 messages that came since, and `request_timeout` to send it; three
        times that for a request with a new token. Source: the pages of messages that both official SDKs fetch.
        """
        check(CometChat.resend, locals())
        return await self._run(self._core.messages.resend(error))

    async def edit(
        self,
        message: TextMessage | int,
        text: str,
        *,
        metadata: Mapping[str, Any] | None = None,
        tags: Sequence[str] | None = None,
    ) -> TextMessage:
        """Change the text of a message. Its receivers get `MessageEdited`.

        This client's own streams get nothing for what it changes itself. Other devices of the same user do, and so does
        the next run of this program with `catch_up`.

        Args:
            message: the message or its id: one of the user's own or, for those who may moderate the group, of others.
            text: the new text, not empty.
            metadata: the new metadata. By default that of *message*; if only an id is given, the server decides.
            tags: the new tags. By default as for *metadata*.

        Returns:
            The message as it is now.

        Raises:
            SettingsError: an argument is invalid, or the message is more than `AppSettings.limits` allow; nothing was
                changed.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused, or no usable response was received although the request was repeated for 30 s;
                then the message may have been changed. Worth retrying if `worth_retrying` is true.

        If cancelled, the message was changed or was not. At most 30 s and `request_timeout`, and three
        times `request_timeout` more with a new token. Source: `PUT /messages/{id}`, as both official SDKs do.
        """
        check(CometChat.edit, locals())
        return await self._run(self._core.messages.changes.edit(message, text, metadata, tags))

    async def delete(self, message: Message | int) -> Message:
        """Delete a message. Its receivers get `MessageDeleted`. Otherwise like `edit()`.

        Args:
            message: the message or its id.

        Returns:
            What remains of the message, with `deleted_at` and `deleted_by`.
        """
        check(CometChat.delete, locals())
        return await self._run(self._core.messages.changes.delete(message))

    async def react(self, message: Message | int, emoji: str) -> Message:
        """Add a reaction to a message. The other users of the conversation get `ReactionAdded`.

        Other devices of the same user get it, too. Whether this client's own streams do is up to the server.

        Args:
            message: the message or its id.
            emoji: the reaction: an emoji, or another short text without a slash.

        Returns:
            The message with its `reactions`.

        Raises:
            SettingsError: an argument is invalid; nothing was sent.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused, also if the user has reacted with this emoji before. Or no usable response was
                received: then the reaction may have been added. Worth retrying if `worth_retrying` is true.

        The request is repeated only if nothing was done (status 429, or no connection), for 30 s. What a cancel leaves,
        and how long it takes, is as for `edit()`. Source: `POST /messages/{id}/reactions/{emoji}`, as both official
        SDKs do.
        """
        check(CometChat.react, locals())
        return await self._run(self._core.messages.changes.react(message, emoji))

    async def unreact(self, message: Message | int, emoji: str) -> Message:
        """Remove the user's own reaction from a message. Otherwise like `react()`; the event is `ReactionRemoved`.

        The request is repeated for 30 s after transient failures. If a response was lost, the server may therefore
        refuse the second request because the reaction is gone.
        """
        check(CometChat.unreact, locals())
        return await self._run(self._core.messages.changes.unreact(message, emoji))

    async def send_media(
        self,
        to: str | User | Group | Event,
        media: bytes | str | os.PathLike[str] | Sequence[bytes | str | os.PathLike[str]],
        *,
        name: str | None = None,
        mime_type: str | None = None,
        type: _MediaKind | None = None,
        caption: str | None = None,
        progress: Callable[[int, int], object] | None = None,
        receiver_type: _ReceiverType = "user",
        muid: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        parent_message_id: int | None = None,
        quoted_message_id: int | None = None,
        tags: Sequence[str] = (),
    ) -> MediaMessage:
        """Send files. It needs a logged-in user, but no connection. Otherwise like `send_text()`.

        Files are read while they are uploaded, so a file of 100 MB takes no more memory than a small one. Up to 30 s after
        the call, an upload that fails is begun again. The message is sent when all files are uploaded.

        Args:
            to: as for `send_text()`.
            media: a path; or bytes; or a URL that begins with `http://` or `https://`, which is not uploaded: the receivers
                get it as it is; or up to 10 of these.
            name: the file's name for the receivers; by default that of the path or URL. Only for one file.
            mime_type: its MIME type, such as `"image/png"`; by default that of the name. Only for one file.
            type: `"image"`, `"video"`, `"audio"` or `"file"`; by default that of the MIME types, and `"file"` if they differ.
            caption: a text for the files.
            progress: is called with the bytes of the files that were sent so far, and with those of all files. It must
                not wait. What it raises ends the call.
            receiver_type: `"user"` or `"group"`, if *to* is an id.
            muid: an id of your own for the message.
            metadata: the app's own data.
            parent_message_id: the message that begins the thread this one belongs to.
            quoted_message_id: the message that this one quotes.
            tags: the message's tags.

        Returns:
            The message as the server returned it, with the URLs of the files.

        Raises:
            SettingsError: an argument is invalid, or the environment cannot send files; nothing was sent.
            FileError: a file cannot be read, is empty or too large, or was changed while it was read; no message was sent.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused a file or the message, and no message was sent. Worth retrying if
                `worth_retrying` is true. `code` is `FILE_REFUSED` if the server that keeps files refused one.
            SendUncertainError: the files are uploaded, but it is not known whether the message was sent: see `resend()`.

        If cancelled, the upload is ended, or the message was sent or was not; the session stays. There is no
        limit for the whole, because files are large: each piece of 64 KiB takes at most `request_timeout`, and each other
        request as long as `request()`. Source: `POST /files/upload-url` and a form to the URL that it returns, or where the
        server has no such call a form to `POST /messages`; then `POST /messages`, as the JavaScript SDK does.
        """
        sender = self._core.media
        check(CometChat.send_media, locals())
        return await self._run(
            sender.send(
                to,
                media,
                receiver_type=receiver_type,
                name=name,
                mime_type=mime_type,
                type=type,
                caption=caption,
                progress=progress,
                muid=muid,
                metadata=metadata,
                parent_message_id=parent_message_id,
                quoted_message_id=quoted_message_id,
                tags=tags,
            )
        )

    async def download(
        self,
        attachment: Attachment | MediaMessage | str,
        to: str | os.PathLike[str] | WritableFile,
        *,
        progress: Callable[[int, int | None], object] | None = None,
    ) -> int:
        """Receive a file. It needs a logged-in user, but no connection.

        The file is written while it is received, so a file of 100 MB takes no more memory than a small one. Only the
        app's server for secured files gets the user's token for them; no other server gets a token or a header of this
        client. Redirects are followed at most 5 times, and never from `https` to `http`.

        Args:
            attachment: the file: an `Attachment`; a message, of which the first file is received; or a URL.
            to: the path of a new file, which gets its name when it is complete; or a file object that is open for writing
                bytes. It is written in a worker thread, and not closed.
            progress: is called with the bytes received so far, and with the length of the file, or `None` if the server
                did not send it. It must not wait. What it raises ends the call.

        Returns:
            The length of the file in bytes.

        Raises:
            SettingsError: an argument is invalid, or the environment cannot receive files.
            FileError: there is something at the path already, or the file cannot be written. At the path nothing is left.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused the file, it ended too early, or the server redirects too often or to where
                this call does not go. Worth retrying if `worth_retrying` is true; to a path, the call has done that for
                30 s.

        If cancelled, the connection is closed, and at the path nothing is left. There is no limit for the
        whole: the response, and each piece, takes at most `request_timeout`. Source: the token is `fat` of the user in
        `GET /me`, the server is the setting `SECURED_MEDIA_HOST`, as in both official SDKs.
        """
        downloads = self._core.downloads
        check(CometChat.download, locals())
        return await self._run(downloads.download(attachment, to, progress))

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

    @async_block("chat.typing", "")
    @asynccontextmanager
    async def typing(
        self,
        to: str | User | Group | Event,
        *,
        receiver_type: _ReceiverType = "user",
        metadata: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[None, None]:
        """Show *to* that the user is typing while the block runs: `async with chat.typing(message): ...`.

        The receiver is notified at the beginning and at the end, once each, however many blocks for this receiver
        overlap. Two frames to one receiver are at least 0.3 s apart: a later one is sent when that time has passed, or
        not at all if it would no longer be true. So many short blocks cost little. Apps remove the indicator
        at the end, some of them also a few seconds after the beginning; nothing is sent again in a long block.

        Without a connection, without a logged-in user and without `features.typing` nothing is sent, and no error is
        raised. If the connection is lost in the block and is there again at its end, the end is sent over the new one.

        Args:
            to: an id, a user, a group or an event, as for `send_text()`.
            receiver_type: `"user"` or `"group"`, if *to* is an id.
            metadata: the app's own data, for the receiver's `TypingStarted`. Of overlapping blocks, that of the first
                one is sent.

        Raises:
            SettingsError: an argument is invalid, or the frame is more than `AppSettings.limits` allow.

        Neither beginning nor leaving the block waits for anything. If the block is cancelled, its end is sent all the
        same. Source: both official SDKs send nothing for a second `startTyping` without `endTyping`.
        """
        receiver = address("typing(to=...)", to, receiver_type, self._core.identity.uid)
        blocks = self._core.typing
        blocks.enter(receiver, metadata)
        try:
            yield
        finally:
            blocks.leave(receiver)

    async def mark_as_delivered(self, message: Message) -> None:
        """Notify the sender of *message* that it has arrived. Otherwise like `mark_as_read()`, which does this, too."""
        check(CometChat.mark_as_delivered, locals())
        await self._run(self._send_receipts("mark_as_delivered()", message, "delivered"))

    async def mark_as_read(self, message: Message) -> None:
        """Notify the sender of *message* that it was read. That it has arrived is sent first, in a frame of its own.

        Source: of both frames together CometChat's UI kit shows when the message was delivered and when it was read.

        Raises:
            FeatureThrottledError: the server takes no receipts at present (`features.receipts`), and nothing was
                sent. Worth retrying later, after a new login.

        Other errors, and cancellation: as for `send_transient()`.
        """
        check(CometChat.mark_as_read, locals())
        await self._run(self._send_receipts("mark_as_read()", message, "delivered", "read"))

    def _send_receipts(
        self, call: str, message: Message, *actions: Literal["delivered", "read"]
    ) -> Callable[[], Awaitable[None]]:
        about = {"message_id": message.id, "message_sender": message.sender.uid}
        return send_frames(
            self._machine,
            self._core.identity,
            call,
            "receipts",
            message,
            "user",
            receipt_frame,
            [{"action": action, **about} for action in actions],
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
