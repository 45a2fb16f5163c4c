"""cometconn: a Trio connection core for CometChat.

Against the local server (`cometconn serve`); for CometChat's cloud leave *endpoints* out::

    endpoints = Endpoints.at("http://127.0.0.1:9000")
    async with cometconn.open_client("APP", AppSettings(region="us"), endpoints=endpoints) as chat:
        await chat.login(uid="amy-2", auth_key="KEY")
        async with chat.events() as events:
            async for event in events:
                ...

Event classes live in `cometconn.events`, errors in `cometconn.errors`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._account.file_store import FileStore as FileStore
    from ._account.store import MemoryStore as MemoryStore
    from ._client import CometChat as CometChat
    from ._connection.event_stream import EventStream as EventStream
    from ._environment import Environment as Environment
    from ._open import open_client as open_client
    from .events import User as User
    from .settings import AppSettings as AppSettings
    from .settings import Endpoints as Endpoints
    from .settings import SubscriptionType as SubscriptionType
    from .settings import Timing as Timing
    from .status import AppState as AppState
    from .status import Connected as Connected
    from .status import Connecting as Connecting
    from .status import ConnectionState as ConnectionState
    from .status import Disconnected as Disconnected
    from .status import Reason as Reason
    from .status import Status as Status
    from .status import StatusChange as StatusChange
    from .status import Waiting as Waiting

    __version__: str

__all__ = [
    "AppSettings",
    "AppState",
    "CometChat",
    "Connected",
    "Connecting",
    "ConnectionState",
    "Disconnected",
    "Endpoints",
    "Environment",
    "EventStream",
    "FileStore",
    "MemoryStore",
    "Reason",
    "Status",
    "StatusChange",
    "SubscriptionType",
    "Timing",
    "User",
    "Waiting",
    "open_client",
]

_HOME = {
    "AppSettings": "settings",
    "AppState": "status",
    "CometChat": "_client",
    "Connected": "status",
    "Connecting": "status",
    "ConnectionState": "status",
    "Disconnected": "status",
    "Endpoints": "settings",
    "Environment": "_environment",
    "EventStream": "_connection.event_stream",
    "FileStore": "_account.file_store",
    "MemoryStore": "_account.store",
    "Reason": "status",
    "Status": "status",
    "StatusChange": "status",
    "SubscriptionType": "settings",
    "Timing": "settings",
    "User": "events",
    "Waiting": "status",
    "open_client": "_open",
}
"""The module of each name. It is imported when the name is first asked for: to import us costs next to nothing."""

_ROOMS = frozenset({"environment", "errors", "events", "settings", "status", "stores"})


if not TYPE_CHECKING:  # a type checker would take every name for one of ours

    def __getattr__(name: str) -> object:
        if name in _HOME:
            value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
            return value
        if name in _ROOMS:
            return importlib.import_module(f"{__name__}.{name}")
        if name == "__version__":
            return importlib.import_module(f"{__name__}._version").__version__
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS, "__version__"})
