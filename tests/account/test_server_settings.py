"""The settings that come with a login are judged once: what cannot be used is left out, and nothing in it raises later."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from cometconn import Endpoints
from cometconn._account.server_settings import usable_settings
from cometconn._account.session import Hosts, Session
from cometconn._text.foreign_text import KnownSecrets
from cometconn.status import Features

GOOD: Mapping[str, Any] = {
    "CHAT_HOST_OVERRIDE": "a.example",
    "CHAT_HOST_APP_SPECIFIC": "b.example",
    "CHAT_HOST": "c.example",
    "CHAT_WSS_PORT": "8443",
    "CLIENT_API_HOST": "rest.example:444",
    "CHAT_API_VERSION": "v3",
    "MODE": "NO_TRANSIENT",
}
NO_KIND: tuple[Any, ...] = (True, False, 0, -1, 1.5, float("nan"), 10**400, [], ["a.example"], {}, {"a": 1})
NO_HOST: tuple[Any, ...] = (
    *NO_KIND,
    *(
        "evil.example/path",
        "user@evil.example",
        "a.example?q",
        "a.example#f",
        "a b",
        "a..b",
        ".a",
        "a-.example",
        "-a.example",
    ),
    *(
        "c" * 64,
        ".".join(["c" * 60] * 5),
        "c" * 1_000_000,
        "\u00e4.example",
        "a.example\n",
        "\ud800",
        "[::1",
        "[::1%1]",
        "[x]",
    ),
    *("127.0.0.1:0", "127.0.0.1:99999", "a.example:", "a.example:4 3", "a.example:\u0664", ":443", "a:1:2"),
)
WRONG: Mapping[str, tuple[Any, ...]] = {
    "CHAT_HOST_OVERRIDE": (*NO_HOST, "a.example:443"),
    "CHAT_HOST_APP_SPECIFIC": (*NO_HOST, "a.example:443"),
    "CHAT_HOST": (*NO_HOST, "a.example:443"),
    "CHAT_WSS_PORT": (*NO_KIND, "0", "99999", 65536, "4 3", "443\n", "\u0664", "+443", "9" * 5000),
    "CLIENT_API_HOST": NO_HOST,
    "CHAT_API_VERSION": (*NO_KIND, "../v3", "v", "3.0", "v3/x", "v3\n", "v" + "3" * 1_000_000),
    "MODE": NO_KIND,
}


def session(settings: Mapping[str, Any]) -> Session:
    """A session with these settings."""
    return Session("APP", "zed-1", "TOKEN", "JWT", {"uid": "zed-1"}, settings)


def read(settings: Mapping[str, Any]) -> tuple[str, str, Features]:
    """Read everything that is read of *settings*."""
    made = session(settings)
    return made.socket_url(), Hosts("APP", "eu", None).client(settings), made.features


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_used_is_as_if_it_were_not_there(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """A value of any wrong kind is left out with one WARNING that names the setting; read unjudged it does not count either."""
    without = {key: value for key, value in GOOD.items() if key != name}
    for wrong in WRONG[name]:
        caplog.clear()
        settings = {**GOOD, name: wrong, "OTHER": wrong}
        usable = usable_settings(settings, KnownSecrets(), hosts=True)
        assert usable == {**without, "OTHER": wrong} or wrong != wrong  # noqa: PLR0124 - NaN
        assert name not in usable
        [record] = caplog.records
        assert record.levelno == logging.WARNING
        assert f"no usable {name} (" in record.getMessage()
        assert len(record.getMessage()) < 200
        assert read(settings) == read(usable) == read(without)


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_setting_that_is_not_given_is_no_fault(nothing: object, caplog: pytest.LogCaptureFixture) -> None:
    """Null and an empty text count as a setting that is missing, without a WARNING."""
    settings = {**dict.fromkeys(GOOD, nothing), "CHAT_HOST": "c.example"}
    assert usable_settings(settings, KnownSecrets(), hosts=True) == settings
    assert caplog.records == []
    assert read(settings) == ("wss://c.example:443", "https://APP.apiclient-eu.cometchat.io/v3.0", Features())


def test_good_settings_are_unchanged(caplog: pytest.LogCaptureFixture) -> None:
    """Names, addresses of both kinds, and ports as numbers or texts can be used."""
    for more in ({}, {"CHAT_HOST_OVERRIDE": "[::1]"}, {"CLIENT_API_HOST": "[::1]:8080"}, {"CHAT_WSS_PORT": 443}):
        for settings in (
            {**GOOD, **more},
            {**GOOD, "CLIENT_API_HOST": "127.0.0.1", "CHAT_HOST_OVERRIDE": "c" * 63, **more},
        ):
            assert usable_settings(settings, KnownSecrets(), hosts=True) == settings
    assert caplog.records == []
    assert read(GOOD) == (
        "wss://a.example:8443",
        "https://rest.example:444/v3",
        session({"MODE": "NO_TRANSIENT"}).features,
    )
    assert not session(GOOD).features.transient
    assert session({"CHAT_HOST": "[::1]", "CHAT_WSS_PORT": "0443"}).socket_url() == "wss://[::1]:443"


def test_hosts_that_do_not_matter_are_not_named(caplog: pytest.LogCaptureFixture) -> None:
    """With endpoints no host of the settings is used, so it is left out without a WARNING; the mode is judged as ever."""
    settings = {name: wrong[-1] for name, wrong in WRONG.items()}
    assert usable_settings(settings, KnownSecrets(), hosts=False) == {}
    [record] = caplog.records
    assert "MODE" in record.getMessage()
    hosts = Hosts("APP", None, Endpoints(admin_url="https://a", client_url="https://c", socket_url="wss://s"))
    assert hosts.client(settings) == "https://c"


def test_a_warning_contains_no_secret_and_no_control_character(caplog: pytest.LogCaptureFixture) -> None:
    """The value of a setting is masked and escaped."""
    usable_settings({"CHAT_HOST": "TOKEN-1\x1b[2J"}, KnownSecrets("TOKEN-1"), hosts=True)
    assert "TOKEN-1" not in caplog.text
    assert "\x1b" not in caplog.text
