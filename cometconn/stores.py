"""Stores, which save a client's session and position, and what a program needs for a store of its own.

A store is any object with the async methods of `Store`. What it saves has a text form: `SavedSession.to_text()` and
`SavedSession.from_text()`, and the same methods of `SavedPosition`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._account.file_store import FileStore
from ._account.saved_position import SavedPosition
from ._account.saved_session import SavedSession
from ._account.store import MemoryStore, Store
from ._modules import public_names

__all__ = ["FileStore", "MemoryStore", "SavedPosition", "SavedSession", "Store"]

if not TYPE_CHECKING:  # otherwise a type checker would accept every name
    __getattr__, __dir__ = public_names(__name__, __all__)
