"""Many accounts in many processes: each account is connected in exactly one of them.

`open_worker()` keeps its share of the accounts connected, and `open_consumer()` reads what was received. An engine has what
they have in common: who owns which account, the sessions, the positions and the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cometconn._modules import public_names

from .consumer import Consumer as Consumer
from .consumer import Delivery as Delivery
from .consumer import open_consumer as open_consumer
from .engine import Engine as Engine
from .engine import EngineAdministration as EngineAdministration
from .engine import EngineConnection as EngineConnection
from .errors import EngineError as EngineError
from .errors import FencedError as FencedError
from .errors import FleetError as FleetError
from .errors import LeaseLostError as LeaseLostError
from .errors import NameInUseError as NameInUseError
from .errors import RewoundError as RewoundError
from .gcra import Rate as Rate
from .key_ring import KeyRing as KeyRing
from .memory_engine import MemoryEngine as MemoryEngine
from .owned import Owned as Owned
from .owned import recorder as recorder
from .redis_engine import RedisEngine as RedisEngine
from .settings import Credentials as Credentials
from .settings import FleetSettings as FleetSettings
from .sqlite_engine import SQLiteEngine as SQLiteEngine
from .values import Account as Account
from .values import Incarnation as Incarnation
from .values import OwnerWord as OwnerWord
from .worker import Worker as Worker
from .worker import open_worker as open_worker

__all__ = [
    "Account",
    "Consumer",
    "Credentials",
    "Delivery",
    "Engine",
    "EngineAdministration",
    "EngineConnection",
    "EngineError",
    "FencedError",
    "FleetError",
    "FleetSettings",
    "Incarnation",
    "KeyRing",
    "LeaseLostError",
    "MemoryEngine",
    "NameInUseError",
    "Owned",
    "OwnerWord",
    "Rate",
    "RedisEngine",
    "RewoundError",
    "SQLiteEngine",
    "Worker",
    "open_consumer",
    "open_worker",
    "recorder",
]

if not TYPE_CHECKING:  # otherwise a type checker would accept every name
    __getattr__, __dir__ = public_names(__name__, __all__)
