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
    from ._client.client import CometChat as CometChat
    from ._client.open_client import open_client as open_client
    from ._environment import Environment as Environment
    from ._streams.event_stream import EventStream as EventStream
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
    "CometChat": "_client.client",
    "Connected": "status",
    "Connecting": "status",
    "ConnectionState": "status",
    "Disconnected": "status",
    "Endpoints": "settings",
    "Environment": "_environment",
    "EventStream": "_streams.event_stream",
    "FileStore": "_account.file_store",
    "MemoryStore": "_account.store",
    "Reason": "status",
    "Status": "status",
    "StatusChange": "status",
    "SubscriptionType": "settings",
    "Timing": "settings",
    "User": "events",
    "Waiting": "status",
    "open_client": "_client.open_client",
}
"""The module of each name. It is imported when the name is first used, so that importing cometconn takes little time."""

_ROOMS = frozenset({"environment", "errors", "events", "settings", "status", "stores"})

_FOR_LATER = (
    "_client.message_changes",
    "_client.open_client",
    "_client.sent_search",
    "_client.typing_blocks",
    "_account.exchange",
    "_account.streaming",
    "_account.transfer",
    "_connection.catch_up",
    "_telemetry.hook_dispatcher",
    "_connection.link_nursery",
    "_rest.context",
    "_rest.conversations",
    "_rest.download",
    "_rest.encoding",
    "_rest.groups",
    "_rest.media",
    "_rest.messages",
    "_rest.multipart",
    "_rest.users",
    "_telemetry.step_observer",
    "_telemetry.trace_sender",
    "_transport.websocket",
)
"""The modules that a client imports when it first needs them. With what they import themselves, that is everything."""


def preload() -> None:
    """Import everything that a client may need, so that the first one does not hold the event loop.

    Without it, modules are imported when they are first needed: most with the first `open_client`, the rest
    with the first connection, the first REST request, and the first use of `hooks`. Each import holds the loop,
    for about 0.2 s altogether on an idle machine. That does not matter for a command that starts, sends and ends, but
    it does for a program in which other tasks already run.

    Call it before `trio.run()`, or in a thread beside a running loop:
    `await trio.to_thread.run_sync(cometconn.preload)`. It only imports: it opens no file and no connection. A second
    call does nothing. Optional libraries are not imported: `python-socks` is imported with the first connection through
    a SOCKS proxy.

    Raises:
        ImportError: a library that cometconn needs is not installed.

    Apart from that, only `KeyboardInterrupt` is raised. It leaves no module half imported: another call imports the rest.
    """
    ours = (f"{__name__}.{name}" for name in (*_FOR_LATER, *sorted(_ROOMS)))
    for name in (*ours, "platformdirs", "encodings.idna"):  # the latter looks up host names
        _import(name)


def _import(name: str) -> types.ModuleType:
    """Import a module completely: a Ctrl-C meanwhile raises `KeyboardInterrupt` when the import is done.

    After an interrupted import the next one may fail: msgspec's C code then ends the process, and Trio's modules no
    longer find each other. Code in C may also clear a `KeyboardInterrupt`.
    """
    import signal  # noqa: PLC0415 - importing cometconn alone imports nothing
    import threading  # noqa: PLC0415

    interrupted = False

    def imported() -> types.ModuleType:
        return importlib.import_module(name)

    def note(_: int, __: object) -> None:
        nonlocal interrupted
        interrupted = True

    if "trio" in sys.modules:  # otherwise no Trio loop runs that could raise KeyboardInterrupt
        import trio  # noqa: PLC0415

        imported = trio.lowlevel.enable_ki_protection(imported)
    in_main_thread = threading.current_thread() is threading.main_thread()
    is_default = in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_default:  # any other handler stays: Trio has one of its own, and so may the program
        signal.signal(signal.SIGINT, note)
    try:
        return imported()
    finally:
        if is_default:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if interrupted:
            raise KeyboardInterrupt


if not TYPE_CHECKING:  # for a type checker, every name would exist here

    def __getattr__(name: str) -> object:
        if name in _HOME:
            value = globals()[name] = getattr(_import(f"{__name__}.{_HOME[name]}"), name)
            return value
        if name in _ROOMS or name == "aio":  # `preload()` leaves it out, because it imports asyncio
            return _import(f"{__name__}.{name}")
        if name == "__version__":
            return _import(f"{__name__}._client.version").__version__
        return _import(f"{__name__}._modules").no_such_name(__name__, __dir__(), name)


def __dir__() -> list[str]:
    return sorted({*__all__, *_ROOMS, "__version__"})
