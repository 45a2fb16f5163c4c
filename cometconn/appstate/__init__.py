"""Sources that report what the operating system knows about the application to the client.

Each source is an async function to run in a nursery beside your program, as in
`await nursery.start(follow_job_control, chat)`:

- `follow_job_control()`: Ctrl-Z, `fg` and `bg`;
- `follow_logind()`: the machine goes to sleep, and wakes up;
- `follow_network()`: the network is back.

A source runs until it is cancelled, and then releases what it took: signals, locks, sockets.
Any number of sources may run side by side. To write a source of your own, use
`BackgroundGuard` to enter the background and come back; `Source` is the type of a source,
and `AppStateTarget` the type of what it drives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cometconn._renamed import previous_name

from .job_control import follow_job_control as follow_job_control
from .logind import follow_logind as follow_logind
from .network import follow_network as follow_network
from .source import AppStateTarget as AppStateTarget
from .source import BackgroundGuard as BackgroundGuard
from .source import Source as Source

__all__ = [
    "AppStateTarget",
    "BackgroundGuard",
    "Source",
    "follow_job_control",
    "follow_logind",
    "follow_network",
]

if TYPE_CHECKING:
    # The previous names, for type checkers.
    Excursion = BackgroundGuard
    Follower = AppStateTarget
else:  # with a `__getattr__`, a type checker would accept any name

    def __getattr__(name: str) -> object:
        return previous_name(__name__, {"Excursion": BackgroundGuard, "Follower": AppStateTarget}, name)
