"""`cometconn.emulator.faults`."""

from __future__ import annotations

from typing import Any

import pytest

from cometconn.emulator import Faults
from cometconn.emulator.faults import check_close_code
from cometconn.errors import SettingsError


def test_the_defaults_are_those_of_a_good_server() -> None:
    """Everything is answered and accepted, and there is no Retry-After."""
    assert Faults() == Faults(pong=True, auth="accept", auth_close=4401, upgrade="accept", rest="accept")
    assert Faults().headers() == {}
    assert Faults(retry_after=7).headers() == {"retry-after": "7"}


def test_retry_after_may_be_a_date() -> None:
    """It is `retry_after` seconds after the server's time."""
    faults = Faults(retry_after=7, retry_after_as="date")
    assert faults.headers(784_111_777) == {"retry-after": "Sun, 06 Nov 1994 08:49:44 GMT"}
    assert Faults(retry_after_as="date").headers(784_111_777) == {}


@pytest.mark.parametrize(
    "fault",
    [
        {"pong": 1},
        {"auth": "maybe"},
        {"auth": 503},
        {"auth_close": 1006},
        {"upgrade": 200},
        {"upgrade": "refuse"},
        {"rest": 600},
        {"rest_times": -1},
        {"rest_times": True},
        {"rest_limit": 1.5},
        {"rest_window": -1},
        {"presigned": 1},
        {"upload": "hang"},
        {"upload": 200},
        {"download": "hang"},
        {"secured_media": None},
        {"rest_delay": -1},
        {"rest_delay": True},
        {"rest_delay": "soon"},
        {"rest_delay": float("inf")},
        {"rest_delay": float("nan")},
        {"retry_after": -1},
        {"retry_after": "soon"},
        {"retry_after_as": "minutes"},
        {"date": "never"},
        {"mode": "LOUD"},
        {"mode": None},
        {"mode": 200},
    ],
)
def test_a_bad_value_names_the_fault(fault: dict[str, Any]) -> None:
    """A value that is not allowed is refused, naming the fault."""
    with pytest.raises(SettingsError, match=next(iter(fault))):
        Faults(**fault)


@pytest.mark.parametrize(
    "fault",
    [
        {"rest_delay": 0.5},
        {"auth_close": 0},
        {"auth_close": 1008},
        {"upgrade": 503},
        {"rest": 404},
        {"rest": "hang"},
        {"rest": "cut"},
        {"rest_times": 0},
        {"rest_limit": 3},
        {"rest_window": 0.5},
        {"presigned": False},
        {"upload": "cut"},
        {"upload": 413},
        {"download": "redirect"},
        {"download": 500},
        {"secured_media": True},
        {"date": False},
        {"mode": "NO_TRANSIENT"},
    ],
)
def test_allowed_values_are_kept(fault: dict[str, Any]) -> None:
    """Allowed values are kept."""
    name, value = next(iter(fault.items()))

    assert getattr(Faults(**fault), name) == value


@pytest.mark.parametrize("code", [999, 1004, 1005, 1006, 1015, 2000, 5000, True, "1000"])
def test_reserved_close_codes_are_refused(code: object) -> None:
    """Codes that RFC 6455 does not allow in close frames are refused."""
    with pytest.raises(SettingsError, match="the code must be a close code"):
        check_close_code(code, "the code")
