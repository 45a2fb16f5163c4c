"""What the client takes from the world, behind one Protocol.

The default, `SystemEnvironment`, reaches the network. A test gives `open_client(environment=...)` its own,
and the whole client runs over memory, in virtual time (`cometconn.testing`).
"""

from __future__ import annotations

from ._client.system_environment import SystemEnvironment
from ._environment import Environment, Request, Response

__all__ = ["Environment", "Request", "Response", "SystemEnvironment"]
