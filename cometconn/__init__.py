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
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import types

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
    "preload",
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

_FOR_LATER = (
    "_open",
    "_account.body",
    "_account.exchange",
    "_connection.delivery",
    "_connection.link_nursery",
    "_connection.witness",
    "_transport.websocket",
)
"""The modules that a client imports when it first needs them. With what they import in turn, that is everything."""


def preload() -> None:
    """Import everything that a client may need, so that the first one does not hold the event loop.

    Without it, modules are imported when they are first needed: most with the first `open_client`, the rest
    with the first connection, the first REST request, and the first use of `hooks`. Each import holds the loop,
    for up to 0.2 s altogether on a quiet machine. That does not matter to a command that starts, sends and ends;
    it does to a program in which other tasks run already.

    Call it before `trio.run()`, or in a thread beside a running loop:
    `await trio.to_thread.run_sync(cometconn.preload)`. It imports, and does nothing else: it opens no file and
    no connection. A second call does nothing. Optional libraries are not imported: `python-socks` is with the
    first connection through a SOCKS proxy.

    Raises:
        ImportError: a library that cometconn needs is not installed. Nothing else is raised; a
            `KeyboardInterrupt` leaves no module half imported, and calling it again imports the rest.
    """
    ours = (f"{__name__}.{name}" for name in (*_FOR_LATER, *sorted(_ROOMS)))
    for name in (*ours, "platformdirs", "encodings.idna"):  # the latter looks up host names
        _import(name)


def _import(name: str) -> types.ModuleType:
    """Import a module as a whole: in a running Trio loop, Ctrl-C in the middle of it is raised behind it.

    Python discards some exceptions in the middle of an import, and modules that import each other may be of no use
    after one that it does not discard.
    """

    def imported() -> types.ModuleType:
        return importlib.import_module(name)

    if "trio" in sys.modules:  # else it does not run
        import trio  # noqa: PLC0415 - as above

        imported = trio.lowlevel.enable_ki_protection(imported)
    return imported()


if not TYPE_CHECKING:  # a type checker would take every name for one of ours

    def __getattr__(name: str) -> object:
        if name in _HOME:
            value = globals()[name] = getattr(_import(f"{__name__}.{_HOME[name]}"), name)
            return value
        if name in _ROOMS:
            return _import(f"{__name__}.{name}")
        if name == "__version__":
            return _import(f"{__name__}._version").__version__
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS, "__version__"})
