"""`cometconn listen --forward-to`: sends each event to a web service, in order, until the service has accepted it."""

from __future__ import annotations

import base64
import json
import pathlib
import urllib.parse
import uuid
from typing import TYPE_CHECKING, Annotated, Final

import attrs
import trio
from cyclopts import Parameter

from cometconn._account.api import check_secret
from cometconn._lifecycle.backoff import retry_delay
from cometconn._network.http_date import retry_after_seconds
from cometconn._network.os_errors import os_error_text
from cometconn._network.urls import is_loopback, read_url
from cometconn._wire.message_key import message_key
from cometconn.environment import Request, SystemEnvironment
from cometconn.errors import CometConnError, SettingsError
from cometconn.events import as_json

from .network_options import tls_context
from .options import read_secret
from .terminal import SECRETS, print_news

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cometconn import EventStream
    from cometconn.environment import Response
    from cometconn.events import Event

    from .options import Options

__all__ = ["ForwardOptions", "Forwarder", "Receiver", "authorization_of"]

_BASE: Final = 0.5  # seconds: the window of the first retry's delay, which doubles
_CAP: Final = 30.0  # seconds: the largest window
_PATIENCE: Final = 30.0  # seconds that one request may take
_TRIES: Final = 8  # refusals in a row of one event, in about half a minute
_PAUSE: Final = 300.0  # seconds between two lines about the same fault
_LATER: Final = frozenset({408, 425, 429})  # statuses below 500 with which the same request may succeed later
_OF_THE_EVENT: Final = frozenset({400, 413, 422})  # refusals of the event and not of the request's address or secret


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class ForwardOptions:
    """Where events are sent, and what happens to those that are refused there."""

    forward_to: Annotated[
        str | None,
        Parameter(
            env_var="COMETCONN_FORWARD_TO",
            help="Send each event by POST to this URL instead of printing it, in order, again and again until it is "
            "accepted with a status of 2xx. Implies --catch-up.",
        ),
    ] = None
    forward_auth_file: Annotated[
        pathlib.Path | None,
        Parameter(
            help="A file with the secret for that URL, instead of COMETCONN_FORWARD_AUTH: USER:PASSWORD, a bearer "
            "token, or the whole value of the header Authorization."
        ),
    ] = None
    skip_refused: Annotated[
        bool,
        Parameter(
            negative=(),
            show_default=False,
            help="Report and skip an event that is refused with 400, 413 or 422 eight times, instead of ending.",
        ),
    ] = False
    allow_insecure: Annotated[
        bool,
        Parameter(negative=(), show_default=False, help="Allow http:// in --forward-to, to another machine."),
    ] = False

    def receiver(self) -> Receiver | None:
        """Return the web service; `None` if events are to be printed.

        Raises:
            SettingsError: an option cannot be used.
        """
        secret = read_secret("COMETCONN_FORWARD_AUTH", self.forward_auth_file)
        if self.forward_to is None:
            if self.forward_auth_file is not None or self.skip_refused:
                message = "--forward-auth-file and --skip-refused need --forward-to."
                raise SettingsError(message)
            return None
        base, _, query = self.forward_to.partition("?")
        address = read_url(base)
        is_readable = query.isascii() and query.isprintable() and not set(query) & set(" #")
        if address is None or address.scheme not in {"http", "https"} or not is_readable:
            message = "--forward-to must look like https://host:port/path, plain ASCII."  # it may hold a secret
            raise SettingsError(message)
        if address.user is not None:
            message = (
                "--forward-to must not hold a user and a password, which other users of this machine could read: "
                "use --forward-auth-file instead."
            )
            raise SettingsError(message)
        if address.scheme == "http" and not self.allow_insecure and not is_loopback(address.host):
            message = (
                f"--forward-to is not encrypted and {address.host} is not this machine: "
                "use https://, or --allow-insecure if events may travel in the clear."
            )
            raise SettingsError(message)
        return Receiver(self.forward_to, address.host, None if secret is None else authorization_of(secret))


def authorization_of(secret: str) -> str:
    """Return the header Authorization for *secret*: the whole value, or USER:PASSWORD, or a bearer token.

    Raises:
        SettingsError: it holds a character that cannot be sent.
    """
    scheme, _, rest = secret.partition(" ")
    if scheme.lower() in {"basic", "bearer"} and rest:
        SECRETS.learn(rest.strip())
        check_secret("The secret for --forward-to", rest.strip())
        return secret
    if ":" in secret:
        user, _, password = secret.partition(":")
        SECRETS.learn_credentials(user, password)
        return f"Basic {base64.b64encode(secret.encode()).decode()}"
    check_secret("The secret for --forward-to", secret)
    return f"Bearer {secret}"


@attrs.frozen
class Receiver:
    """The web service.

    Attributes:
        url: gets the events. Not in the `repr`, because its path may be a secret.
        host: its host, for people.
        authorization: the header Authorization, if there is one.
    """

    url: str = attrs.field(repr=False)
    host: str
    authorization: str | None = attrs.field(default=None, repr=False)

    def environment(self, options: Options) -> SystemEnvironment:
        """Return how it is reached: with the certificates and the proxy of *options*."""
        return SystemEnvironment(
            # The client certificate is for CometChat's server, and is not presented to another one.
            ssl_context=tls_context(options.ca_file, None, None),
            # What is not encrypted because it stays on this machine could be read at a proxy.
            proxy="" if is_loopback(self.host) else options.chosen_proxy,
        )


@attrs.frozen
class _Attempt:
    """What came of one attempt to send an event.

    Attributes:
        text: the outcome, for people.
        status: the HTTP status; `None` if there was no complete response.
        retry_after: the delay that the receiver asked for, in seconds.
        body: the beginning of the response.
    """

    text: str
    status: int | None = None
    retry_after: float = 0.0
    body: bytes = b""

    @property
    def is_accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_refused(self) -> bool:
        """Whether the same request would be refused again: 4xx except 408, 425 and 429, and redirects."""
        return self.status is not None and 300 <= self.status < 500 and self.status not in _LATER


@attrs.define(eq=False)
class Forwarder:
    """Sends events to a web service, one after the other.

    A message is acknowledged when the service has accepted it, and not before. So it is sent at least once: with
    `catch_up` it comes again in the next run of the command if the service was not reached, or if the command was
    killed. It then has the same `Idempotency-Key`.

    An attempt without a response, and one with 408, 425, 429 or 5xx, is repeated for as long as it takes. With any
    other status the service refuses the event. After 8 refusals in a row `CometConnError` is raised, and the event is
    not acknowledged; with *skip_refused*, an event that was refused with 400, 413 or 422 is reported, and counts as
    handled.

    Attributes:
        receiver: the web service.
        request: makes one HTTP request, and follows no redirect.
        random: returns a number from 0 to 1, for the jitter.
        sender: the app id and the uid, with which every `Idempotency-Key` begins.
        skip_refused: whether refused events are skipped.
    """

    receiver: Receiver
    request: Callable[[Request], Awaitable[Response]]
    random: Callable[[], float]
    sender: tuple[str, str]
    skip_refused: bool = False
    _run: str = attrs.field(factory=lambda: str(uuid.uuid4()), init=False)
    _sent: int = attrs.field(default=0, init=False)
    _reported: str = attrs.field(default="", init=False)  # the fault that was reported last; empty if there is none
    _quiet_until: float = attrs.field(default=0.0, init=False)

    async def run(self, events: EventStream) -> None:
        """Send the events of a stream that was opened with `acknowledge="call"`, until it ends."""
        async for event in events:
            await self.deliver(event)
            events.acknowledge(event)

    async def deliver(self, event: Event) -> None:
        """Return when the receiver has accepted *event*, or when it is to be skipped."""
        self._sent += 1
        number = message_key(event)
        name = type(event).__name__ if number is None else f"{type(event).__name__} {number}"
        request = Request("POST", self.receiver.url, self._headers(number), json.dumps(as_json(event)).encode())
        began, tries, refusals = trio.current_time(), 0, 0
        while True:
            attempt = await self._try(request)
            tries += 1
            if attempt.is_accepted:
                if self._reported:
                    took = trio.current_time() - began
                    print_news(
                        f"forwarding goes on: {self.receiver.host} accepted {name} (attempt {tries}, {took:.1f} s)"
                    )
                    self._reported = ""
                return
            refusals = refusals + 1 if attempt.is_refused else 0
            if refusals == _TRIES:
                self._refused(name, attempt, comes_again=number is not None)
                return
            delay = retry_delay(tries - 1, self.random(), base=_BASE, cap=_CAP, retry_after=attempt.retry_after)
            self._report(name, attempt.text, delay)
            await trio.sleep(delay)

    def _headers(self, number: int | None) -> Mapping[str, str]:
        """Return the headers of one event.

        The key is the same in each attempt. That of a message, which may come again in another run, is made of its id.
        """
        last = f"{self._run}-{self._sent}" if number is None else str(number)
        key = ":".join(urllib.parse.quote(part, safe="") for part in (*self.sender, last))
        secret = {} if self.receiver.authorization is None else {"Authorization": self.receiver.authorization}
        return {"Content-Type": "application/json", "User-Agent": "cometconn", "Idempotency-Key": key, **secret}

    async def _try(self, request: Request) -> _Attempt:
        try:
            with trio.fail_after(_PATIENCE):
                response = await self.request(request)
        except trio.TooSlowError:
            return _Attempt(f"no response within {_PATIENCE:g} s")
        except OSError as error:
            return _Attempt(os_error_text(error))
        headers = response.headers
        asked = retry_after_seconds(headers.get("retry-after", ""), headers.get("date", ""))
        return _Attempt(f"HTTP status {response.status}", response.status, asked or 0.0, response.body[:1000])

    def _report(self, name: str, fault: str, delay: float) -> None:
        """Print that an attempt has failed: the first one, one with another fault, and else one in five minutes."""
        now = trio.current_time()
        if fault == self._reported and now < self._quiet_until:
            return
        self._reported, self._quiet_until = fault, now + _PAUSE
        print_news(f"forwarding waits: {name} to {self.receiver.host}: {fault}; next attempt in {delay:.1f} s")

    def _refused(self, name: str, attempt: _Attempt, *, comes_again: bool) -> None:
        """Report that the event is skipped, or raise the error that ends the command."""
        answer = SECRETS.masked_line(attempt.body.decode("utf-8", "replace"))
        text = f"{self.receiver.host} refused {name} {_TRIES} times: {attempt.text}"
        text = f"{text}, {answer}" if answer else text
        self._reported = ""
        if self.skip_refused and attempt.status in _OF_THE_EVENT:
            print_news(f"forwarding skips an event: {text}")
            return
        advice = "" if attempt.status not in _OF_THE_EVENT else ", or give --skip-refused"
        again = ", and comes again in the next run" if comes_again else ""
        message = f"{text}. The event is not handled{again}: correct the service or the options{advice}."
        raise CometConnError(message, code="FORWARD_REFUSED")
