"""The errors of `cometconn.fleet`. None of their messages contains a token, a key or a password."""

from __future__ import annotations

from cometconn.errors import CometConnError

__all__ = ["EngineError", "FencedError", "FleetError", "LeaseLostError", "NameInUseError", "RewoundError"]


class FleetError(CometConnError):
    """The base class of all errors that `cometconn.fleet` raises on purpose."""

    default_code = "FLEET_ERROR"


class LeaseLostError(FleetError):
    """The lease of this worker or consumer is over: other workers may own its accounts now.

    A retry does not help, because a lease is never revived. Join again as a new `Incarnation`.
    """

    default_code = "LEASE_LOST"


class NameInUseError(FleetError):
    """A worker or consumer of the same name has a lease.

    Retry after *remaining* seconds if that one was killed. Otherwise choose another name.

    Attributes:
        remaining: the seconds until the lease of the other one is over, unless it is renewed.
    """

    default_code = "NAME_IN_USE"

    def __init__(self, message: str, *, remaining: float) -> None:
        super().__init__(message)
        self.remaining: float = remaining


class FencedError(FleetError):
    """The account belongs to another owner, so the write was refused and nothing was changed. A retry does not help."""

    default_code = "FENCED"


class RewoundError(FleetError):
    """The engine has forgotten events that it had acknowledged.

    Open the client again at the engine's position, with `catch_up`: CometChat returns what is missing.
    """

    default_code = "REWOUND"


class EngineError(FleetError):
    """The engine did not make the call, or it is unknown whether it made it.

    Attributes:
        worth_retrying: whether the same call may succeed later. If so, repeat it with the same arguments: every call of
            an `EngineConnection` may be repeated. `False` if the configuration has to be corrected first.
    """

    default_code = "ENGINE_FAILED"

    def __init__(self, message: str, *, code: str | None = None, worth_retrying: bool = True) -> None:
        super().__init__(message, code=code)
        self.worth_retrying: bool = worth_retrying
