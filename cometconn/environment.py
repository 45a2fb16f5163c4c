"""What a client needs from outside, behind one protocol.

The default, `SystemEnvironment`, uses the network. A test passes another one as `open_client(environment=...)`, and the
whole client then runs in memory and in virtual time: see `cometconn.testing`.
"""

from __future__ import annotations

from ._client.system_environment import SystemEnvironment
from ._environment import Environment, Request, Response

__all__ = ["Environment", "Request", "Response", "SystemEnvironment"]
