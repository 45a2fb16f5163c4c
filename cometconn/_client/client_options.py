"""The arguments of `open_client()`, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from cometconn._account.session import Hosts
from cometconn.errors import SettingsError

from .network_arguments import checked_headers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cometconn.settings import AppSettings, Endpoints

__all__ = ["ClientOptions"]


@attrs.frozen
class ClientOptions:
    """The options of one client; `open_client()` describes each.

    Attributes:
        hosts: where the REST API is.
    """

    app_id: str
    settings: AppSettings
    endpoints: Endpoints | None
    hosts: Hosts
    headers: Mapping[str, str] = attrs.field(repr=False)
    position: int | None
    admission: Callable[[], Awaitable[object]] | None = attrs.field(repr=False)

    @classmethod
    def checked(
        cls,
        app_id: str,
        settings: AppSettings,
        endpoints: Endpoints | None,
        headers: Mapping[str, str] | None,
        position: int | None,
        admission: Callable[[], Awaitable[object]] | None,
    ) -> ClientOptions:
        """Return the options; `SettingsError` if an argument is invalid."""
        extra = checked_headers(headers)
        if endpoints is None and settings.region is None:
            message = (
                'AppSettings.region is needed, e.g. AppSettings(region="us"), unless open_client() gets endpoints.'
            )
            raise SettingsError(message)
        hosts = Hosts(app_id, settings.region, endpoints)
        _check_position(position, settings)
        return cls(app_id, settings, endpoints, hosts, extra, position, admission)


def _check_position(position: int | None, settings: AppSettings) -> None:
    if position is None:
        return
    if position < 0:
        message = f"open_client(position=...) must be the id of a message, a whole number, not {position!r}."
        raise SettingsError(message)
    if not settings.catch_up:
        message = "open_client(position=...) needs AppSettings(catch_up=True): otherwise nothing is fetched from there."
        raise SettingsError(message)
