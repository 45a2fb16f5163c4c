"""The application's settings: `AppSettings`, `Timing`, `Limits`, `Endpoints`.

The values are checked by the constructors: an invalid one raises `SettingsError`, which names the setting.
"""

from __future__ import annotations

import enum
import math
import re
from typing import TYPE_CHECKING, Any

import attrs

from ._arguments import checked
from ._modules import public_names
from ._network.urls import is_loopback, read_url
from .errors import SettingsError

__all__ = ["AppSettings", "Endpoints", "Limits", "SubscriptionType", "Timing"]

if not TYPE_CHECKING:  # otherwise a type checker would accept every name
    __getattr__, __dir__ = public_names(__name__, __all__)

_REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


class SubscriptionType(enum.Enum):
    """Whose presence the server reports (the auth frame's `presenceSubscription`)."""

    ALL_USERS = "ALL_USERS"
    """All users of the app."""
    ROLES = "ROLES"
    """Users who have one of `AppSettings.roles`."""
    FRIENDS = "FRIENDS"
    """The user's friends."""
    NONE = "NONE"
    """No user."""


def _seconds(*, zero: bool) -> Any:
    def check(_: object, attribute: attrs.Attribute[float], value: float) -> None:
        if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
            least = "0 or more" if zero else "more than 0"
            message = f"Timing.{attribute.name} must be {least} and finite, not {value!r}."
            raise SettingsError(message)

    return check


@checked
@attrs.frozen(kw_only=True)
class Timing:
    """Every duration that the client uses, in seconds. The defaults suit nearly all applications.

    Attributes:
        background_grace: manual mode: how long the socket stays open in the background after the last sign of life.
            CometChat documents 30.
        keepalive_interval: the time between two keepalive pings. Source: both official SDKs. The first ping is up to
            50 ms earlier or later, so that clients that connect at the same time do not ping at the same time.
        pong_timeout: the silence after a ping after which the connection is lost.
        connect_timeout: the bound of one attempt, from the name lookup to the auth reply.
        request_timeout: the bound of one REST request.
        close_timeout: the bound of the closing handshake; after it the TCP socket is closed forcefully.
        retry_base: the upper bound of the first retry's delay, which doubles with each further retry.
        retry_cap: the upper bound of every retry's delay, unless the server asked for a longer one.
        stable_after: how long a connection must have been open for the backoff to begin again.
    """

    background_grace: float = attrs.field(default=30.0, validator=_seconds(zero=False))
    keepalive_interval: float = attrs.field(default=15.0, validator=_seconds(zero=False))
    pong_timeout: float = attrs.field(default=5.0, validator=_seconds(zero=False))
    connect_timeout: float = attrs.field(default=10.0, validator=_seconds(zero=False))
    request_timeout: float = attrs.field(default=10.0, validator=_seconds(zero=False))
    close_timeout: float = attrs.field(default=2.0, validator=_seconds(zero=True))
    retry_base: float = attrs.field(default=2.0, validator=_seconds(zero=True))
    retry_cap: float = attrs.field(default=30.0, validator=_seconds(zero=False))
    stable_after: float = attrs.field(default=10.0, validator=_seconds(zero=True))


def _whole(least: int, most: int) -> Any:
    def check(_: object, attribute: attrs.Attribute[int], value: int) -> None:
        if not least <= value <= most:
            message = f"Limits.{attribute.name} must be a whole number from {least:,} to {most:,}, not {value!r}."
            raise SettingsError(message)

    return check


@checked
@attrs.frozen(kw_only=True)
class Limits:
    """How large one message may be, and how many requests run at a time. The defaults suit nearly all applications.

    The limits apply to received and to sent messages. A received message that exceeds one is not an error: streams
    yield it as an `UnreadableFrame`, and the connection stays open.

    Attributes:
        max_message: the most bytes of one message in UTF-8: 1 MiB by default, from 16 KiB to 16 MiB. Only the first
            64 KiB of a longer one are kept. A message of more than 16 MiB ends the connection with close code 1009.
        max_items: the most items of one message: every `[`, `{` and `,` of its JSON outside of strings is one. 10,000
            by default, at least 100. They are counted only in messages of more than 16 KiB.
        requests_at_once: the most REST requests that run at a time, 8 by default. Further ones wait for their turn, and
            `Timing.request_timeout` includes the wait.
    """

    max_message: int = attrs.field(default=1024 * 1024, validator=_whole(16 * 1024, 16 * 1024 * 1024))
    max_items: int = attrs.field(default=10_000, validator=_whole(100, 16 * 1024 * 1024))
    requests_at_once: int = attrs.field(default=8, validator=_whole(1, 1000))


def _check_roles(settings: AppSettings, _: object, roles: tuple[str, ...]) -> None:
    if not all(isinstance(role, str) and role and role.isprintable() for role in roles):
        message = f"AppSettings.roles must be names of roles, not {roles!r}."
        raise SettingsError(message)
    if settings.subscription_type is SubscriptionType.ROLES and not roles:
        message = "AppSettings.roles is empty, but subscription_type is ROLES: name at least one role."
        raise SettingsError(message)
    if settings.subscription_type is not SubscriptionType.ROLES and roles:
        message = "AppSettings.roles is only used with subscription_type=SubscriptionType.ROLES."
        raise SettingsError(message)


def _check_region(_: object, __: object, region: str | None) -> None:
    if region is not None and not _REGION.fullmatch(region):
        message = f'AppSettings.region must be a CometChat region such as "us", "eu" or "in", not {region!r}.'
        raise SettingsError(message)


def _roles(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset):
        message = f"AppSettings.roles must be a sequence of role names, not {value!r}."
        raise SettingsError(message)
    return tuple(value)


@checked
@attrs.frozen(kw_only=True)
class AppSettings:
    """The settings of CometChat's `AppSettingsBuilder`, and this library's durations and limits.

    Attributes:
        region: the app's region (`"us"`, `"eu"`, `"in"`, ...). It can be omitted only if `open_client()` is given
            `endpoints`.
        subscription_type: the users whose presence is reported.
        roles: the names of roles, with `SubscriptionType.ROLES` only.
        auto_establish_socket_connection: `True` (auto mode): the library connects in the foreground and disconnects in
            the background. `False` (manual mode): only `connect()` opens the socket.
        catch_up: fetch the messages missed while disconnected, and put them into the streams.
        timing: the durations.
        limits: how large one message may be, and how many requests run at a time.
    """

    region: str | None = attrs.field(default=None, validator=_check_region)
    subscription_type: SubscriptionType = SubscriptionType.NONE
    roles: tuple[str, ...] = attrs.field(default=(), converter=_roles, validator=_check_roles)
    auto_establish_socket_connection: bool = True
    catch_up: bool = False
    timing: Timing = attrs.field(factory=Timing)
    limits: Limits = attrs.field(factory=Limits)


@checked
@attrs.frozen(kw_only=True)
class Endpoints:
    """The URLs of servers to use instead of CometChat's cloud.

    They are used as given, including the path: only the resource (`users/...`, `me`) is appended. They take precedence
    over the hosts in the server's settings.

    Attributes:
        admin_url: for REST calls that need the auth key, `https://host[:port][/path]`.
        client_url: for REST calls of the logged-in user.
        socket_url: for the WebSocket, `wss://host[:port][/path]`.
        allow_insecure: allow `http` and `ws` to hosts other than loopback. Tokens are then sent unencrypted.
    """

    admin_url: str
    client_url: str
    socket_url: str
    allow_insecure: bool = False

    @classmethod
    def at(cls, url: str, *, allow_insecure: bool = False) -> Endpoints:
        """Return the endpoints of a server that has all three at one address, as `cometconn serve` does.

        Args:
            url: `http://host[:port][/path]`, or `https`.
            allow_insecure: as the attribute.
        """
        _check_url("Endpoints.at(url=...)", url, secure="https", plain="http", allow_insecure=allow_insecure)
        return cls(admin_url=url, client_url=url, socket_url=f"ws{url[4:]}", allow_insecure=allow_insecure)

    def __attrs_post_init__(self) -> None:
        """Check each URL. The error names the attribute."""
        for name, secure, plain in (("admin", "https", "http"), ("client", "https", "http"), ("socket", "wss", "ws")):
            url = getattr(self, f"{name}_url")
            _check_url(f"Endpoints.{name}_url", url, secure=secure, plain=plain, allow_insecure=self.allow_insecure)


def _check_url(where: str, url: str, *, secure: str, plain: str, allow_insecure: bool) -> None:
    address = read_url(url)
    if address is None or address.scheme not in {secure, plain} or address.user is not None:
        # The URL may contain a password or a token: then the error does not show it.
        shown = "" if set(url) & set("@?#") else f", not {url!r}"
        with_scheme = read_url(f"{plain}://{url}") if "://" not in url and shown else None
        if with_scheme is not None:
            scheme = plain if is_loopback(with_scheme.host) else secure
            shown += f": write {f'{scheme}://{url}'!r}"
        message = f"{where} must look like {secure}://host:port/path, plain ASCII{shown}."
        raise SettingsError(message)
    if address.scheme == plain and not allow_insecure and not is_loopback(address.host):
        message = (
            f"{where} is not encrypted and {address.host} is not this machine: "
            f"use {secure}://, or allow_insecure=True if tokens may travel in the clear."
        )
        raise SettingsError(message)
