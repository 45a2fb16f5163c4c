"""Responses that have an outcome for each of several users."""

from __future__ import annotations

from cometconn.errors import ApiError

__all__ = ["check_outcomes"]


def check_outcomes(call: str, outcomes: object) -> None:
    """Raise `ApiError` if *outcomes*, an object with an outcome for each id, has one without success."""
    failed = {
        name: outcome
        for name, outcome in (outcomes.items() if isinstance(outcomes, dict) else ())
        if isinstance(outcome, dict) and not outcome.get("success", True)
    }
    if failed:
        names = ", ".join(map(repr, failed))
        message = f"{call}: the server refused {names} and carried out the rest."
        raise ApiError(message, code="ERR_PARTLY_REFUSED", details=failed, status=200)
