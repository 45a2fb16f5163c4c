"""What a client needs from outside, behind one protocol.

The default, `SystemEnvironment`, uses the network. A test passes another one as `open_client(environment=...)`, and the
whole client then runs in memory and in virtual time: see `cometconn.testing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._account.streaming import BodyStream, StreamedResponse, StreamingEnvironment, UploadFile, WritableFile
from ._client.system_environment import SystemEnvironment
from ._environment import Environment, Request, Response
from ._modules import public_names

__all__ = [
    "BodyStream",
    "Environment",
    "Request",
    "Response",
    "StreamedResponse",
    "StreamingEnvironment",
    "SystemEnvironment",
    "UploadFile",
    "WritableFile",
]

if not TYPE_CHECKING:  # otherwise a type checker would accept every name
    __getattr__, __dir__ = public_names(__name__, __all__)
