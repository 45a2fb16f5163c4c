"""The faults that a test can switch on: what the server does wrong on purpose."""

from __future__ import annotations

import email.utils
import math
from typing import Any, Literal, TypeAlias

import attrs

from cometconn._arguments import checked
from cometconn.errors import SettingsError

__all__ = [
    "AuthFault",
    "DownloadFault",
    "Faults",
    "Mode",
    "RestFault",
    "RetryAfterForm",
    "UpgradeFault",
    "UploadFault",
    "check_close_code",
]

AuthFault: TypeAlias = Literal["accept", "refuse", "silent"]
UpgradeFault: TypeAlias = Literal["accept", "hang"] | int
RestFault: TypeAlias = Literal["accept", "cut", "hang"] | int
UploadFault: TypeAlias = Literal["accept", "cut"] | int
DownloadFault: TypeAlias = Literal["accept", "cut", "redirect"] | int
RetryAfterForm: TypeAlias = Literal["seconds", "date"]
Mode: TypeAlias = Literal["DEFAULT", "LIMITED_TRANSIENT", "NO_TRANSIENT"]

_ERROR_STATUSES = range(400, 600)
_CLOSE_CODES = frozenset({*range(1000, 1004), *range(1007, 1014), *range(3000, 5000)})


def check_close_code(code: object, name: str) -> None:
    """Raise `SettingsError` unless *code* may stand in a close frame (RFC 6455, section 7.4)."""
    if code not in _CLOSE_CODES or isinstance(code, bool):
        message = f"{name} must be a close code that may be sent (1000, 1011, 3000 to 4999, ...), not {code!r}."
        raise SettingsError(message)


def _one_of(*words: str, statuses: range | None = None) -> Any:
    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        is_status = isinstance(value, int) and statuses is not None and value in statuses
        if value not in words and not is_status:
            choice = ", ".join([*map(repr, words), *(["an HTTP status from 400 to 599"] if statuses else [])])
            message = f"The fault {attribute.name!r} must be one of {choice}, not {value!r}."
            raise SettingsError(message)

    return check


def _check_bool(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, bool):
        message = f"The fault {attribute.name!r} must be True or False, not {value!r}."
        raise SettingsError(message)


def _check_auth_close(_: object, __: object, value: int) -> None:
    if value != 0:
        check_close_code(value, "The fault 'auth_close'")


def _check_retry_after(_: object, __: object, value: int | None) -> None:
    if value is not None and (not isinstance(value, int) or value < 0):
        message = f"The fault 'retry_after' must be None or a whole number of seconds, not {value!r}."
        raise SettingsError(message)


def _check_seconds(_: object, attribute: attrs.Attribute[Any], value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        message = f"The fault {attribute.name!r} must be a number of seconds, at least 0, not {value!r}."
        raise SettingsError(message)


def _check_count(_: object, attribute: attrs.Attribute[Any], value: int | None) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        message = f"The fault {attribute.name!r} must be None or a whole number, at least 0, not {value!r}."
        raise SettingsError(message)


@checked
@attrs.frozen(kw_only=True)
class Faults:
    """How the server behaves. By default there is no fault.

    Attributes:
        pong: pings are answered.
        auth: auth frames are checked, all refused, or never answered.
        auth_close: the close code that follows a refusal; 0 for no close.
        upgrade: WebSocket upgrades are accepted, answered with this HTTP status, or never answered.
        rest: REST requests are answered, answered with this HTTP status, or never answered. With `cut` a request takes
            effect, and then the connection is reset instead of an answer.
        rest_times: after so many requests that `rest` concerned, it ends; `None` for no end.
        rest_limit: in every `rest_window` only so many REST requests are answered; the others get 429 with
            `Retry-After`, in seconds until the window ends. `None` for no limit.
        rest_window: the length of that window, in seconds.
        rest_delay: seconds between a REST request and its answer. The request takes effect when it comes.
        retry_after: the `Retry-After` header beside such a status, in seconds; `None` for no header.
        retry_after_as: the form of that header: `seconds`, or a `date` so many seconds after the server's time.
        presigned: there is `POST files/upload-url`. Without it clients get 404 and upload with the message.
        upload: forms with files are accepted, answered with this HTTP status, or cut: the connection is reset after
            64 KiB of the form, or at its end.
        download: requests for files are answered with the file, answered with this HTTP status, cut after half of
            the file, or redirected to another path of this server.
        secured_media: files are given only to requests with `?fat=` and the `fat` of a user, which every login then
            returns, and the settings name the server as `SECURED_MEDIA_HOST`. Clients read both at their next login.
        date: answers of REST and of the upgrade carry a `Date` header.
        mode: the setting `MODE`, which clients read at their next login and which limits what they send: with
            `LIMITED_TRANSIENT` no typing indicators and receipts, with `NO_TRANSIENT` no transient messages either.
            The server passes on what a client sends all the same.
    """

    pong: bool = attrs.field(default=True, validator=_check_bool)
    auth: AuthFault = attrs.field(default="accept", validator=_one_of("accept", "refuse", "silent"))
    auth_close: int = attrs.field(default=4401, validator=_check_auth_close)
    upgrade: UpgradeFault = attrs.field(default="accept", validator=_one_of("accept", "hang", statuses=_ERROR_STATUSES))
    rest: RestFault = attrs.field(
        default="accept", validator=_one_of("accept", "cut", "hang", statuses=_ERROR_STATUSES)
    )
    rest_times: int | None = attrs.field(default=None, validator=_check_count)
    rest_limit: int | None = attrs.field(default=None, validator=_check_count)
    rest_window: float = attrs.field(default=60.0, validator=_check_seconds)
    rest_delay: float = attrs.field(default=0.0, validator=_check_seconds)
    retry_after: int | None = attrs.field(default=None, validator=_check_retry_after)
    retry_after_as: RetryAfterForm = attrs.field(default="seconds", validator=_one_of("seconds", "date"))
    presigned: bool = attrs.field(default=True, validator=_check_bool)
    upload: UploadFault = attrs.field(default="accept", validator=_one_of("accept", "cut", statuses=_ERROR_STATUSES))
    download: DownloadFault = attrs.field(
        default="accept", validator=_one_of("accept", "cut", "redirect", statuses=_ERROR_STATUSES)
    )
    secured_media: bool = attrs.field(default=False, validator=_check_bool)
    date: bool = attrs.field(default=True, validator=_check_bool)
    mode: Mode = attrs.field(default="DEFAULT", validator=_one_of("DEFAULT", "LIMITED_TRANSIENT", "NO_TRANSIENT"))

    def headers(self, now: float = 0.0) -> dict[str, str]:
        """Return the headers beside an HTTP status chosen here. *now*: the server's time, in seconds since 1970."""
        if self.retry_after is None:
            return {}
        if self.retry_after_as == "date":
            return {"retry-after": email.utils.formatdate(now + self.retry_after, usegmt=True)}
        return {"retry-after": str(self.retry_after)}
