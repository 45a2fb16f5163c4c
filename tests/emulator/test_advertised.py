"""`cometconn.emulator.advertised`."""

from __future__ import annotations

from cometconn.emulator.advertised import at_host, settings_object


def test_every_host_is_this_server() -> None:
    """REST, analytics and socket are all told to come here."""
    settings = settings_object("127.0.0.1", 8123, now=5)

    assert settings["CHAT_HOST"] == settings["CHAT_HOST_OVERRIDE"] == "127.0.0.1"
    assert settings["CHAT_WSS_PORT"] == "8123"
    assert settings["CLIENT_API_HOST"] == settings["ADMIN_API_HOST"] == settings["ANALYTICS_HOST"] == "127.0.0.1:8123"
    assert (settings["CHAT_API_VERSION"], settings["settingsHashReceivedAt"]) == ("v3.0", 5)


def test_ipv6_is_written_in_brackets() -> None:
    """An IPv6 address stands in brackets, as in URLs."""
    assert at_host("::1", 80) == "[::1]:80"
    assert settings_object("::1", 80, now=0)["CHAT_HOST"] == "[::1]"
