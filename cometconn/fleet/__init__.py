"""Many accounts in many processes: each account is connected in exactly one of them.

This package has the engines, in which a fleet keeps who owns which account, and what was received.
"""

from __future__ import annotations

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
from .memory_engine import MemoryEngine as MemoryEngine
from .values import Account as Account
from .values import Incarnation as Incarnation
from .values import OwnerWord as OwnerWord

__all__ = [
    "Account",
    "Engine",
    "EngineAdministration",
    "EngineConnection",
    "EngineError",
    "FencedError",
    "FleetError",
    "Incarnation",
    "LeaseLostError",
    "MemoryEngine",
    "NameInUseError",
    "OwnerWord",
    "Rate",
    "RewoundError",
]
