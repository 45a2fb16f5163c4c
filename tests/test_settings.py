"""Settings are checked by their constructors."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cometconn import AppSettings, Endpoints, SubscriptionType, Timing
from cometconn.errors import SettingsError

GOOD = {"admin_url": "https://a.example/v3", "client_url": "https://c.example", "socket_url": "wss://s.example:443/x"}


@pytest.mark.parametrize("value", [math.nan, math.inf, -1, "3", True, 0])
def test_timing_refuses_nonsense(value: Any) -> None:
    """A value that is not a finite positive number raises SettingsError, which names the setting."""
    with pytest.raises(SettingsError, match=r"Timing\.pong_timeout"):
        Timing(pong_timeout=value)


@pytest.mark.parametrize("name", ["retry_base", "stable_after", "close_timeout"])
def test_three_durations_may_be_zero(name: str) -> None:
    """Zero is allowed for the backoff, for `stable_after` and for the closing handshake."""
    assert getattr(Timing(**{name: 0}), name) == 0
    with pytest.raises(SettingsError):
        Timing(**{name: -0.1})


@pytest.mark.parametrize(
    "settings",
    [
        {"region": "US east"},
        {"region": ""},
        {"region": "us/../x"},
        {"subscription_type": "ALL"},
        {"subscription_type": SubscriptionType.ROLES},
        {"roles": ("vip",)},
        {"roles": "vip", "subscription_type": SubscriptionType.ROLES},
        {"roles": ("",), "subscription_type": SubscriptionType.ROLES},
        {"auto_establish_socket_connection": 1},
        {"timing": 30},
    ],
)
def test_app_settings_refuse_nonsense(settings: dict[str, Any]) -> None:
    """An invalid value raises SettingsError, which names the setting."""
    with pytest.raises(SettingsError, match="AppSettings"):
        AppSettings(**settings)


def test_defaults() -> None:
    """P3: by default the mode is auto, no presence is reported, and no missed messages are fetched."""
    settings = AppSettings(region="eu")
    assert settings.auto_establish_socket_connection
    assert settings.subscription_type is SubscriptionType.NONE
    assert not settings.catch_up
    assert settings.timing.background_grace == 30
    roles = AppSettings(roles=["vip"], subscription_type=SubscriptionType.ROLES)  # type: ignore[arg-type]
    assert roles.roles == ("vip",)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("admin_url", "ftp://a.example"),
        ("client_url", "https://"),
        ("client_url", 3),
        ("socket_url", "https://s.example"),
        ("socket_url", "wss://user@s.example"),
        ("admin_url", "https://a.example/?q=1"),
        ("admin_url", "https://a.example:port"),
        ("admin_url", "http://a.example"),
        ("socket_url", "ws://10.0.0.1"),
    ],
)
def test_endpoints_refuse_nonsense_and_plain_text(name: str, url: Any) -> None:
    """An invalid URL, and an unencrypted one that is not loopback, are refused; the error names the attribute."""
    with pytest.raises(SettingsError, match=name):
        Endpoints(**{**GOOD, name: url})


def test_plain_text_to_loopback_or_on_request() -> None:
    """Http and ws are accepted for loopback, and for other hosts only with `allow_insecure`."""
    local = Endpoints(admin_url="http://localhost", client_url="http://127.0.0.1:9", socket_url="ws://[::1]:9/")
    assert local.socket_url == "ws://[::1]:9/"
    assert Endpoints(**{**GOOD, "admin_url": "http://a.example"}, allow_insecure=True).allow_insecure


def test_one_address_for_all() -> None:
    """`Endpoints.at()` derives all three URLs from one, with the same checks."""
    local = Endpoints.at("http://127.0.0.1:9000")
    assert (local.admin_url, local.client_url) == ("http://127.0.0.1:9000", "http://127.0.0.1:9000")
    assert local.socket_url == "ws://127.0.0.1:9000"
    assert Endpoints.at("https://a.example/x").socket_url == "wss://a.example/x"
    assert Endpoints.at("http://a.example", allow_insecure=True).socket_url == "ws://a.example"
    for bad in ("http://a.example", "127.0.0.1:9000", "ftp://a.example", "", 3):
        with pytest.raises(SettingsError, match=r"admin_url|Endpoints\.at\(url="):
            Endpoints.at(bad)  # type: ignore[arg-type]
