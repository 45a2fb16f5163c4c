"""Test a program that uses cometconn, without CometChat and without a network.

`open_memory_server()` opens a complete server in Trio's thread: with `trio.testing.MockClock`, hours of virtual time
take no real time. `MemoryServer.script()` expects what the client does, and sends events, drops connections and refuses
them. For real sockets there is `cometconn.emulator`, and `open_fault_proxy()` in front of it, which delays, drops and
cuts. `record()` writes a transcript of a session without its secrets, and `open_replay()` replays the server's side of
it. `assert_no_leaks()` checks that a block leaves nothing behind.

`cometconn.testing.strategies` needs Hypothesis: it draws scripts of lifecycle events for `cometconn.testing.scripts`,
and events and frames of every kind. The pytest plugin with its fixtures (`chat`, `emulator`, `memory_chat`,
`memory_server`) needs no import. docs/how-to/test.md shows all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cometconn._modules import needs_extra, public_names

with needs_extra(__name__, "testing"):
    from .event_frames import to_frame as to_frame
    from .fault_proxy import FaultProxy as FaultProxy
    from .fault_proxy import ProxyEntry as ProxyEntry
    from .fault_proxy import open_fault_proxy as open_fault_proxy
    from .leaks import LeakCheck as LeakCheck
    from .leaks import assert_no_leaks as assert_no_leaks
    from .line_faults import LineFaults as LineFaults
    from .line_faults import random_faults as random_faults
    from .memory_server import MemoryServer as MemoryServer
    from .memory_server import open_memory_server as open_memory_server
    from .memory_stream import MemorySocket as MemorySocket
    from .memory_stream import memory_socket_pair as memory_socket_pair
    from .recorder import Recorder as Recorder
    from .recorder import record as record
    from .replay import Replay as Replay
    from .replay import ReplayError as ReplayError
    from .replay import open_replay as open_replay
    from .server_script import ServerScript as ServerScript
    from .transcript import TranscriptLine as TranscriptLine
    from .transcript import read_transcript as read_transcript

__all__ = [
    "FaultProxy",
    "LeakCheck",
    "LineFaults",
    "MemoryServer",
    "MemorySocket",
    "ProxyEntry",
    "Recorder",
    "Replay",
    "ReplayError",
    "ServerScript",
    "TranscriptLine",
    "assert_no_leaks",
    "memory_socket_pair",
    "open_fault_proxy",
    "open_memory_server",
    "open_replay",
    "random_faults",
    "read_transcript",
    "record",
    "to_frame",
]

if not TYPE_CHECKING:  # otherwise a type checker would accept every name
    __getattr__, __dir__ = public_names(__name__, __all__)
