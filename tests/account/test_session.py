"""A session, and the hosts of its servers."""

from __future__ import annotations

import re
from typing import Any

import attrs
import pytest

from cometconn import Endpoints
from cometconn._account.session import Hosts, Session, new_device_id, new_session_id
from cometconn.errors import ProtocolError, SettingsError


def session(**settings: Any) -> Session:
    """A session with these settings."""
    user = {"uid": "zed-1", "name": "Zed", "authToken": "SECRET", "jwt": "SECRET", "fat": "SECRET", "settings": {}}
    return Session("APP", "zed-1", "SECRET", "SECRET", user, settings)


def test_nothing_secret_is_shown() -> None:
    """No token is in the repr or in the user's mapping."""
    made = session(CHAT_HOST="ws.example", CHAT_WSS_PORT=443)
    assert "SECRET" not in repr(made)
    assert made.user == {"uid": "zed-1", "name": "Zed"}


def test_the_first_host_that_is_set_wins() -> None:
    """The override outranks the app's own host, and that the general one; the port may be a text."""
    names = {"CHAT_HOST": "c.example", "CHAT_HOST_APP_SPECIFIC": "b.example", "CHAT_HOST_OVERRIDE": "a.example"}
    assert session(**names, CHAT_WSS_PORT="443").socket_url() == "wss://a.example:443"
    names["CHAT_HOST_OVERRIDE"] = ""
    assert session(**names, CHAT_WSS_PORT=8443).socket_url() == "wss://b.example:8443"


@pytest.mark.parametrize("settings", [{}, {"CHAT_HOST": ""}, {"CHAT_HOST": "evil.example/path"}, {"CHAT_HOST": 3}])
def test_without_a_host_there_is_no_socket(settings: dict[str, Any]) -> None:
    """Without a usable host a ProtocolError names the setting."""
    with pytest.raises(ProtocolError, match=r"^.{0,150}CHAT_HOST.{0,50}$"):
        session(**settings, CHAT_WSS_PORT=443).socket_url()


def test_hosts_before_and_after_login() -> None:
    """Before the login the hosts follow from app id and region, and afterwards from the server's settings."""
    hosts = Hosts("APP", "eu", None)
    assert hosts.admin() == "https://APP.api-eu.cometchat.io/v3.0"
    assert hosts.client({}) == "https://APP.apiclient-eu.cometchat.io/v3.0"
    settings = {"CLIENT_API_HOST": "c.example:8443", "CHAT_API_VERSION": "v3"}
    assert hosts.client(settings) == "https://c.example:8443/v3"


def test_endpoints_outrank_everything() -> None:
    """Endpoints are used as they are."""
    hosts = Hosts("APP", None, Endpoints(admin_url="https://a/x/", client_url="https://c", socket_url="wss://s"))
    assert hosts.admin() == "https://a/x"
    assert hosts.client({"CLIENT_API_HOST": "other.example"}) == "https://c"


def test_the_origin_names_what_gets_tokens() -> None:
    """In the cloud it is the region's host; of endpoints it is both servers that get a token of a session, however they are spelled."""
    assert Hosts("APP", "eu", None).origin == "https://APP.apiclient-eu.cometchat.io/v3.0"
    one = Endpoints(admin_url="https://a", client_url="https://C:443/v3/", socket_url="wss://s")
    assert Hosts("APP", "eu", one).origin == "https://c/v3 and wss://s"
    assert Hosts("APP", None, attrs.evolve(one, admin_url="https://b")).origin == "https://c/v3 and wss://s"
    assert Hosts("APP", None, attrs.evolve(one, socket_url="wss://t")).origin != "https://c/v3 and wss://s"


@pytest.mark.parametrize("app_id", ["", "a.b", "a/b", "a b", "a\n", 3])
def test_an_app_id_cannot_change_the_host(app_id: Any) -> None:
    """An app id becomes part of a host name, so it must consist of letters, digits, - and _."""
    with pytest.raises(SettingsError, match="app id"):
        Hosts(app_id, "eu", None)


def test_ids_have_cometchats_format() -> None:
    """Session and device ids have the format of the official SDKs."""
    assert re.fullmatch(r"PYTHON-0_1_0-[0-9a-f-]{36}-\d{13}", new_session_id("PYTHON", "0.1.0"))
    assert re.fullmatch(r"APP_[0-9a-f-]{36}_\d{13}", new_device_id("APP"))
