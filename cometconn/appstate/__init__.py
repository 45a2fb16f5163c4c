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

import warnings
from typing import TYPE_CHECKING

from cometconn._modules import no_such_name

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

_RENAMED = {"Excursion": "BackgroundGuard", "Follower": "AppStateTarget"}

if TYPE_CHECKING:
    # The previous names, for type checkers.
    Excursion = BackgroundGuard
    Follower = AppStateTarget
else:  # with a `__getattr__`, a type checker would accept any name

    def __getattr__(name: str) -> object:
        """Return the class that a previous name stands for, with a `DeprecationWarning`."""
        if name not in _RENAMED:
            no_such_name(__name__, __all__, name)
        new = _RENAMED[name]
        warnings.warn(
            f"{__name__}.{name} is deprecated and goes with the next release: use {new}.",
            DeprecationWarning,
            stacklevel=2,
        )
        return globals()[new]


def __dir__() -> list[str]:
    return sorted(__all__)
