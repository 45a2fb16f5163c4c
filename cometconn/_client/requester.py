"""REST requests as the logged-in user: a new token in place of an unknown one, repetitions, and the end of the client."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import attrs
import trio

from cometconn._account.api import is_token_unknown
from cometconn._account.retrying import ONE_ATTEMPT, Retrying, checked_retrying
from cometconn._arguments import refused
from cometconn._wire.outgoing import strip_secrets
from cometconn.errors import ApiError, NotLoggedInError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from cometconn._account.api import Api
    from cometconn._account.session import Session
    from cometconn._account.streaming import UploadFile
    from cometconn._connection.admission import Admission
    from cometconn._connection.identity import Identity
    from cometconn._rest.running_calls import RunningCalls
    from cometconn.settings import Endpoints

    from .login import Login
    from .renewal import SessionRenewal

__all__ = ["Requester"]

T = TypeVar("T")
Attempt: TypeAlias = "Callable[[Session], Awaitable[T]]"

_LOOKING = Retrying(30.0, repeats=True, changes=False)


@attrs.define(eq=False)
class Requester:
    """Makes REST requests for the logged-in user. It neither needs nor touches the socket.

    Attributes:
        api: CometChat's REST API.
        identity: holds the session at this moment.
        login: refuses a call without a logged-in user.
        renewal: replaces a token that the server no longer knows, or logs the user out.
        admission: is awaited before a new login.
        calls: those that are under way.
        file_token: the user's auth token and the token for secured files that came with it; `None` before the first
            secured file.
    """

    api: Api
    identity: Identity
    login: Login
    renewal: SessionRenewal
    admission: Admission
    calls: RunningCalls
    file_token: tuple[str, str] | None = attrs.field(default=None, init=False, repr=False)

    def request(
        self,
        call: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int | Sequence[str]] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        files: Sequence[UploadFile] | None = None,
        retry_for: float = 30.0,
    ) -> Callable[[], Awaitable[Any]]:
        """Take a request, and return the wait that makes it and returns the whole response, `data` and `meta`.

        *call* is the name of the public call for error messages; the other arguments, and the errors, are those of
        `CometChat.request()`.
        """
        from cometconn._rest.encoding import encoded_body, target  # noqa: PLC0415 - imported when it is first used

        retrying = checked_retrying(call, retry_for, repeats=method != "POST", changes=method != "GET")
        below, (body, content_type) = target(call, path, query), encoded_body(call, json, form)
        if files:
            if json is not None:
                message = f"{call}: give json or files, and not both."
                raise SettingsError(message)
            from cometconn._account.streaming import UploadFile  # noqa: PLC0415

            if not all(isinstance(file, UploadFile) for file in files):
                where = f"{call}: files"
                raise refused(where, "UploadFile objects", files)
            self.login.logged_in(call)
            return partial(self._with_files, call, method, below, form or {}, files, retrying)

        def attempt(session: Session) -> Awaitable[dict[str, Any]]:
            return self.api.program_request(session, method, below, body, content_type)

        return self.begin(call, attempt, retrying)

    def undecoded(
        self, call: str, path: str, *, query: Mapping[str, str | int | Sequence[str]] | None = None
    ) -> Callable[[], Awaitable[Mapping[str, bytes]]]:
        """Take a `GET` request, and return the wait for the undecoded JSON of `data` and `meta`. Otherwise like `request()`."""
        from cometconn._rest.encoding import target  # noqa: PLC0415 - imported when it is first used

        below = target(call, path, query)
        return self.begin(call, lambda session: self.api.undecoded(session, below), _LOOKING)

    async def _with_files(
        self,
        call: str,
        method: str,
        below: str,
        form: Mapping[str, str],
        files: Sequence[UploadFile],
        retrying: Retrying,
    ) -> Any:
        from cometconn._rest.multipart import open_form  # noqa: PLC0415

        async with open_form(call, form, files) as body:

            def attempt(session: Session) -> Awaitable[dict[str, Any]]:
                return self.api.program_request(session, method, below, body, body.content_type)

            return await self.begin(call, attempt, retrying)()

    def data(self, *args: Any, **given: Any) -> Callable[[], Awaitable[Any]]:
        """Do the same, for a wait that returns only the `data` of the response; of the own user, without its tokens."""
        return partial(_data_of, self.request(*args, **given))

    def begin(self, call: str, attempt: Attempt[T], retrying: Retrying = ONE_ATTEMPT) -> Callable[[], Awaitable[T]]:
        """Take a call of the logged-in user, and return the wait for its result.

        Args:
            call: its name, for error messages.
            attempt: makes the request once, with the session that it gets.
            retrying: when it is made again.
        """
        return partial(self._until_left, call, self.login.logged_in(call), attempt, retrying)

    @property
    def endpoints(self) -> Endpoints | None:
        """The servers that the program has chosen; `None` for CometChat's cloud."""
        return self.identity.endpoints

    def logged_in(self, call: str) -> Session:
        """Return the session for *call*; `NotLoggedInError` when there is none, or the client was left."""
        return self.login.logged_in(call)

    def leave(self) -> None:
        """End the calls that are under way: the client is being left."""
        self.calls.end("cometconn: the client was closed")

    async def _until_left(self, call: str, session: Session, attempt: Attempt[T], retrying: Retrying) -> T:
        """Make attempts. Between two of them the session may have been renewed."""
        self.login.logged_in(call)  # under asyncio the wait begins a moment after the call

        def next_attempt() -> Awaitable[T]:
            return self._attempt(call, self._session_of(call, session.uid), attempt, retrying)

        def ended() -> NotLoggedInError:
            unknown = ": whether the server has carried it out is not known" if retrying.changes else ""
            return NotLoggedInError(f"{call} was ended by leaving the client{unknown}.")

        return await self.calls.make(next_attempt, retrying, ended)

    def _session_of(self, call: str, uid: str) -> Session:
        """Return the session of the user of the call; `NotLoggedInError` if another one has logged in meanwhile."""
        session = self.login.logged_in(call)
        if session.uid != uid:
            message = f"{call} was ended, because another user has logged in meanwhile."
            raise NotLoggedInError(message)
        return session

    async def _attempt(self, call: str, session: Session, attempt: Attempt[T], retrying: Retrying) -> T:
        """Make the request; after an unknown token once more, with another."""
        refusal: ApiError | None = None
        try:
            result = await attempt(session)
        except ApiError as error:
            if not (is_token_unknown(error) and self.identity.is_current(session)):
                raise
            refusal = error
        if refusal is not None:
            session = await self._with_another_token(call, session, refusal)
            result = await attempt(session)
        if self.identity.is_current(session) and not retrying.is_foreign:
            self.renewal.key.token_accepted()
        return result

    async def _with_another_token(self, call: str, session: Session, refusal: ApiError) -> Session:
        """Return a session that the server knows; log out and raise *refusal* when there is none to get."""
        reason: NotLoggedInError | None = None
        try:
            await self.renewal.replace_token(session, refusal, self.admission.wait)
        except NotLoggedInError as error:
            reason = error
        except ApiError as error:
            error.sent = False  # the request itself was refused, so a retry cannot do anything twice
            raise
        if reason is None:
            return self.login.logged_in(call)
        if self.identity.is_current(session):
            await self.renewal.forget(reason)
        raise refusal


@trio.lowlevel.enable_ki_protection
async def _data_of(wait: Callable[[], Awaitable[dict[str, Any]]]) -> Any:
    data = (await wait())["data"]
    return strip_secrets(data) if isinstance(data, dict) and isinstance(data.get("jwt"), str) else data
