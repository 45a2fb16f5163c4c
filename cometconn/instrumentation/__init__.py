"""Observe what a client does: hooks are called with a frozen detail for every step.

For example::

    async with cometconn.open_client("APP", AppSettings(region="us"), hooks=[LogHook()]) as chat:
        ...

`LogHook` logs each detail. `TraceFile` writes it as a line of JSON, which `cometconn timeline` draws and `read_trace()`
reads. `console_hook()` sends it to a local server, which shows it beside its own log. A hook of your own is any callable that takes a `Detail`. Without hooks each step costs one test of a variable,
and none of these modules is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cometconn._modules import public_names

from .attempts import AttemptBegun as AttemptBegun
from .attempts import AttemptFailed as AttemptFailed
from .attempts import Authenticated as Authenticated
from .attempts import ClientOpened as ClientOpened
from .attempts import Dialled as Dialled
from .attempts import RenewalBegun as RenewalBegun
from .attempts import RetrySet as RetrySet
from .attempts import TokenRefused as TokenRefused
from .attempts import Upgraded as Upgraded
from .connections import CloseFrameSent as CloseFrameSent
from .connections import ConnectionLost as ConnectionLost
from .connections import EventsDropped as EventsDropped
from .connections import EventsReceived as EventsReceived
from .connections import GapMarked as GapMarked
from .connections import PageFetched as PageFetched
from .connections import PingSent as PingSent
from .connections import PongReceived as PongReceived
from .connections import ReadingPaused as ReadingPaused
from .connections import ReadingResumed as ReadingResumed
from .connections import SocketClosed as SocketClosed
from .console import ConsoleHook as ConsoleHook
from .console import console_hook as console_hook
from .detail import Detail as Detail
from .detail import Hook as Hook
from .lease import DeadlineMoved as DeadlineMoved
from .lease import DetailsDropped as DetailsDropped
from .lease import EnteredBackground as EnteredBackground
from .lease import EnteredForeground as EnteredForeground
from .lease import LeaseEnded as LeaseEnded
from .lease import MachineSlept as MachineSlept
from .lease import StatusChanged as StatusChanged
from .logs import LogHook as LogHook
from .trace import Trace as Trace
from .trace import TraceFile as TraceFile
from .trace import read_trace as read_trace
from .words import in_words as in_words

__all__ = [
    "AttemptBegun",
    "AttemptFailed",
    "Authenticated",
    "ClientOpened",
    "CloseFrameSent",
    "ConnectionLost",
    "ConsoleHook",
    "DeadlineMoved",
    "Detail",
    "DetailsDropped",
    "Dialled",
    "EnteredBackground",
    "EnteredForeground",
    "EventsDropped",
    "EventsReceived",
    "GapMarked",
    "Hook",
    "LeaseEnded",
    "LogHook",
    "MachineSlept",
    "PageFetched",
    "PingSent",
    "PongReceived",
    "ReadingPaused",
    "ReadingResumed",
    "RenewalBegun",
    "RetrySet",
    "SocketClosed",
    "StatusChanged",
    "TokenRefused",
    "Trace",
    "TraceFile",
    "Upgraded",
    "console_hook",
    "in_words",
    "read_trace",
]

if TYPE_CHECKING:
    GoodbyeSaid = CloseFrameSent  # the previous name, for type checkers
else:  # with a `__getattr__`, a type checker would accept any name
    __getattr__, __dir__ = public_names(__name__, __all__, {"GoodbyeSaid": CloseFrameSent})
