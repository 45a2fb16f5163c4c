"""For backends: create users, and hand out and revoke their auth tokens, with the app's REST API key.

A program of a user must not have a key of the app: with the auth key it could log in as every user, and with the REST API
key it could do everything. So the app's own backend, which has checked which user it serves, creates a token with
`open_admin()`, and the user's program logs in with `chat.login(auth_token=...)`.

`cometconn.aio.admin` has the same for asyncio programs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cometconn._modules import public_names

from .admin import Admin as Admin
from .open_admin import open_admin as open_admin

__all__ = ["Admin", "open_admin"]

if not TYPE_CHECKING:  # otherwise a type checker would accept every name
    __getattr__, __dir__ = public_names(__name__, __all__)
