"""For backends on asyncio: create users, and hand out and revoke their auth tokens, as `cometconn.admin` does."""

from __future__ import annotations

from ._admin import Admin as Admin
from ._admin import open_admin as open_admin

__all__ = ["Admin", "open_admin"]
