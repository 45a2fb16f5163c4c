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

from typing import TYPE_CHECKING

from ._account.store import FileStore as FileStore
from ._account.store import MemoryStore as MemoryStore
from ._client import CometChat as CometChat
from ._connection.event_stream import EventStream as EventStream
from ._open import open_client as open_client
from .environment import Environment as Environment
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

if TYPE_CHECKING:
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


def __getattr__(name: str) -> str:
    if name == "__version__":
        from ._version import version  # noqa: PLC0415 - reading the metadata costs milliseconds

        return version()
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
