"""Opens and closes an `Admin`: `open_admin()`."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from cometconn._account.api import Api, check_secret
from cometconn._account.session import Hosts, new_session_id
from cometconn._client.network_arguments import checked_headers
from cometconn._client.version import client_info
from cometconn._groups import protected
from cometconn._rest.running_calls import RunningCalls
from cometconn._text.secret_names import is_secret_name
from cometconn.environment import SystemEnvironment
from cometconn.errors import SettingsError
from cometconn.settings import AppSettings, Limits, Timing

from .admin import Admin
from .calls import AdminCalls

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Mapping

    from cometconn._environment import Environment
    from cometconn.settings import Endpoints

__all__ = ["open_admin"]


@protected
@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def open_admin(
    app_id: str,
    *,
    api_key: str,
    region: str | None = None,
    endpoints: Endpoints | None = None,
    timing: Timing | None = None,
    ssl_context: ssl.SSLContext | None = None,
    proxy: str | None = None,
    headers: Mapping[str, str] | None = None,
    environment: Environment | None = None,
) -> AsyncGenerator[Admin, None]:
    """Make the calls of a backend, for as long as the `async with` block runs. No user is logged in for them.

    Entering opens no connection and sends nothing. A web service enters it once when it starts, and all its requests use it.

    Args:
        app_id: the app's id, from CometChat's dashboard.
        api_key: the app's REST API key, from the dashboard: the one with full access, and not the auth key. Read it from
            the environment or a file. It is in no error, log or `repr`, and it is forgotten when the block is left.
        region: the app's region: `"us"`, `"eu"`, `"in"`. It can be left out only with *endpoints*.
        endpoints: the servers to use instead of CometChat's cloud; of them only `admin_url` is used.
        timing: `request_timeout` bounds one request; `retry_base` and `retry_cap` bound the waits between two. `Timing()`
            unless given.
        ssl_context: as in `open_client()`.
        proxy: as in `open_client()`.
        headers: as in `open_client()`.
        environment: network and randomness, for tests. Its calls run in Trio. It replaces *ssl_context* and *proxy*.

    Raises:
        SettingsError: an argument is invalid.

    An exception that the block raises propagates unchanged. Leaving the block ends the calls that other tasks have under
    way: they raise `RuntimeError`.
    """
    check_secret("open_admin(api_key=...)", api_key)
    if region is None and endpoints is None:
        message = 'open_admin(region=...) is needed, e.g. region="us", unless it gets endpoints.'
        raise SettingsError(message)
    timing = timing or Timing()
    hosts = Hosts(app_id, _checked(region), endpoints)
    extra = checked_headers(headers)
    hosts.secrets.learn(api_key, *(value for name, value in extra.items() if is_secret_name(name)))
    environment = environment or SystemEnvironment(
        ssl_context=ssl_context, proxy=proxy, headers=extra, endpoints=endpoints
    )
    info = client_info()
    api = Api(
        app_id=app_id,
        hosts=hosts,
        request=environment.request,
        session_id=new_session_id(info.platform.upper(), info.version),
        device_id="",
        version=info.version,
        timeout=timing.request_timeout,
        at_once=Limits().requests_at_once,
        secrets=hosts.secrets,
    )
    calls = AdminCalls(api, RunningCalls(timing, environment.random), api_key)
    try:
        yield Admin(calls)
    finally:
        calls.leave()


def _checked(region: str | None) -> str | None:
    try:
        return AppSettings(region=region).region
    except SettingsError as error:
        message = error.message.replace("AppSettings.region", "open_admin(region=...)")
        raise SettingsError(message) from None
