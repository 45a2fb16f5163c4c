"""The emulator of `cometconn.emulator` for tests that run in asyncio.

`open_emulator()` is entered in asyncio, and the methods that wait are awaited there; everything else is as in
`cometconn.emulator`. It runs in the thread of the loop. For a server of other programs run `cometconn serve`.
"""

from __future__ import annotations

from ._emulator import Emulator as Emulator
from ._emulator import ServerLog as ServerLog
from ._servers import open_emulator as open_emulator

__all__ = ["Emulator", "ServerLog", "open_emulator"]
