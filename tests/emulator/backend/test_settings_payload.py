"""`cometconn.emulator.backend.settings_payload`."""

from __future__ import annotations

import pytest

from cometconn.emulator.backend.settings_payload import host_port, parse_host_port, settings_payload
from cometconn.errors import SettingsError


def test_every_host_is_this_server() -> None:
    """REST, analytics and WebSocket all have this server's address."""
    settings = settings_payload("127.0.0.1", 8123, now=5)

    assert settings["CHAT_HOST"] == settings["CHAT_HOST_OVERRIDE"] == "127.0.0.1"
    assert settings["CHAT_WSS_PORT"] == "8123"
    assert settings["CLIENT_API_HOST"] == settings["ADMIN_API_HOST"] == settings["ANALYTICS_HOST"] == "127.0.0.1:8123"
    assert (settings["CHAT_API_VERSION"], settings["settingsHashReceivedAt"]) == ("v3.0", 5)
    assert settings["MODE"] == "DEFAULT"
    assert settings["parameters"]["features.ux.messages.pinned.enabled"] is True
    assert {reason["id"] for reason in settings["flagReasons"]} == {"spam", "harassment", "inappropriate"}


def test_the_mode_is_in_the_settings() -> None:
    """The mode is one of the settings."""
    assert settings_payload("127.0.0.1", 8123, now=5, mode="NO_TRANSIENT")["MODE"] == "NO_TRANSIENT"


def test_ipv6_is_written_in_brackets() -> None:
    """An IPv6 address stands in brackets, as in URLs."""
    assert host_port("::1", 80) == "[::1]:80"
    assert settings_payload("::1", 80, now=0)["CHAT_HOST"] == "[::1]"


@pytest.mark.parametrize(
    ("word", "place"),
    [
        ("chat.example:443", ("chat.example", 443)),
        ("my_chat-1.x2:443", ("my_chat-1.x2", 443)),
        ("10.0.0.1:443", ("10.0.0.1", 443)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_host_and_port_are_read(word: str, place: tuple[str, int]) -> None:
    """A name or an address, and a port: what `host_port()` returns is read back."""
    assert parse_host_port(word) == place
    assert host_port(*place) == word


@pytest.mark.parametrize(
    ("word", "place"), [("chat.example", ("chat.example", 0)), ("[::1]", ("::1", 0)), ("a:80", ("a", 80))]
)
def test_a_default_port_is_used(word: str, place: tuple[str, int]) -> None:
    """Where there is none, and only there."""
    assert parse_host_port(word, 0) == place


@pytest.mark.parametrize(
    "word",
    ["", ":80", "a:", "a:0", "a:70000", "a/x", "me@a", "A", "a b", "-a", "a..b", "ä", "1.2.3", "[::1%eth0]", "a" * 64],
)
def test_with_a_default_port_anything_else_is_refused(word: str) -> None:
    """As without one."""
    with pytest.raises(SettingsError, match="public address"):
        parse_host_port(word, 9000)


@pytest.mark.parametrize(
    "word", ["", "chat.example", ":80", "a:0", "a:70000", "a:b", "a:80/x", "me@a:80", "[::1:80", "a b:80", 'a"b:80']
)
def test_anything_else_is_refused(word: str) -> None:
    """It is refused, and the error shows it."""
    with pytest.raises(SettingsError, match="public address"):
        parse_host_port(word)
