"""What the operating system knows about the application, told to the client.

Each source is an async function to run in a nursery beside your program:

    async with cometconn.open_client("APP", settings) as chat, trio.open_nursery() as nursery:
        await nursery.start(appstate.follow_job_control, chat)  # Ctrl-Z, fg, bg
        await nursery.start(appstate.follow_logind, chat)  # the machine goes to sleep, and wakes up
        await nursery.start(appstate.follow_network, chat)  # the network is back

A source ends when it is cancelled, and then gives back what it took. Any number of them
may run side by side. For a source of your own, `Excursion` is the way into the
background and back, and `Source` and `Follower` are the two sides as types.
"""

from __future__ import annotations

from .job_control import follow_job_control as follow_job_control
from .logind import follow_logind as follow_logind
from .network import follow_network as follow_network
from .source import Excursion as Excursion
from .source import Follower as Follower
from .source import Source as Source

__all__ = [
    "Excursion",
    "Follower",
    "Source",
    "follow_job_control",
    "follow_logind",
    "follow_network",
]
