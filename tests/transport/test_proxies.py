"""Which proxy a URL is dialled through."""

from __future__ import annotations

from typing import Any

import pytest

from cometconn import Endpoints
from cometconn._transport.proxies import Proxies, choose_proxies
from cometconn._transport.proxy import read_proxy
from cometconn.errors import SettingsError

LOCAL = Endpoints.at("http://127.0.0.1:9")
FAR = Endpoints.at("https://chat.example")
CLOUD = "https://app.apiclient-us.cometchat.io/v3.0/me"
SOCKET = "wss://app.websocket-us.cometchat.io:443"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine that runs the tests may need a proxy itself."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def led(url: str, endpoints: Endpoints | None = None, **variables: str) -> str | None:
    """The proxy that leads there, if only these variables are set."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        proxies = choose_proxies(None, endpoints)
    proxy = proxies.leading_to(url)
    return None if proxy is None else f"{proxy} {proxy.origin}"


@pytest.mark.parametrize("url", [CLOUD, SOCKET])
def test_rest_and_socket_read_the_same_variables(url: str) -> None:
    """`https` and `wss` have one variable; lower case outranks upper case; `ALL_PROXY` is for a scheme without its own."""
    assert led(url) is None
    assert led(url, HTTPS_PROXY="http://a:1") == "http://a:1 HTTPS_PROXY"
    assert led(url, HTTPS_PROXY="http://a:1", https_proxy="http://b:2") == "http://b:2 HTTPS_PROXY"
    assert led(url, HTTP_PROXY="http://a:1") is None
    assert led(url, ALL_PROXY="socks5h://a") == "socks5h://a:1080 ALL_PROXY"
    assert led(url, ALL_PROXY="http://a:1", HTTPS_PROXY="http://b:2") == "http://b:2 HTTPS_PROXY"
    assert led(url, HTTPS_PROXY="") is None
    assert led(url, HTTPS_PROXY="a:3128") == "http://a:3128 HTTPS_PROXY"


def test_plain_text_has_a_variable_of_its_own() -> None:
    """HTTP_PROXY is ignored in a CGI program, where a request of a stranger may have set it."""
    plain = Endpoints.at("http://chat.example", allow_insecure=True)
    for url in ("http://chat.example/me", "ws://chat.example"):
        assert led(url, plain, HTTP_PROXY="http://a:1") == "http://a:1 HTTP_PROXY"
        assert led(url, plain, HTTPS_PROXY="http://a:1") is None
        assert led(url, plain, HTTP_PROXY="http://a:1", REQUEST_METHOD="GET") is None


@pytest.mark.parametrize(
    "excepted", ["*", "cometchat.io", ".cometchat.io", "x, cometchat.io ", "COMETCHAT.IO", "cometchat.io:443"]
)
def test_no_proxy_excepts(excepted: str) -> None:
    """NO_PROXY excepts names, names below them, and all; an entry with a port excepts that port."""
    for url in (CLOUD, SOCKET):
        assert led(url, HTTPS_PROXY="http://a:1", NO_PROXY=excepted) is None


def test_no_proxy_excepts_no_more() -> None:
    """NO_PROXY excepts no other port and no name that only ends alike; an IPv6 address may have brackets or not."""
    assert led(CLOUD, HTTPS_PROXY="http://a:1", NO_PROXY="cometchat.io:8443")
    assert led(CLOUD, HTTPS_PROXY="http://a:1", NO_PROXY="chat.io")
    for excepted in ("2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443"):
        assert led("wss://[2001:db8::1]", FAR, HTTPS_PROXY="http://a:1", NO_PROXY=excepted) is None
    assert led("wss://[2001:db8::1]", FAR, HTTPS_PROXY="http://a:1", NO_PROXY="2001:db8::2")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/me", "ws://localhost", "https://[::1]", "wss://127.3.2.1:9"])
def test_loopback_has_no_proxy_from_the_environment(url: str) -> None:
    """No variable applies to a loopback address, whose plain text would be read elsewhere."""
    everything = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://proxy.example:3128")
    assert led(url, LOCAL, **everything) is None
    assert str(choose_proxies("http://127.0.0.1:3128", LOCAL).leading_to(url)) == "http://127.0.0.1:3128"


def test_a_proxy_that_is_given_leads_everywhere() -> None:
    """A proxy argument applies to every URL, whatever the variables are; an empty one means no proxy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTPS_PROXY", "http://a:1")
        patch.setenv("NO_PROXY", "*")
        given, none = choose_proxies("http://b:2", None), choose_proxies("", None)
    assert str(given.leading_to(CLOUD)) == "http://b:2"
    assert none.leading_to(CLOUD) is None


@pytest.mark.parametrize(
    "proxy", [3, "proxy:1", "ftp://p:1", "http://me:s3cret@p:99999", "http://p/x", "http://p\r\nX:1"]
)
def test_no_proxy_at_all(proxy: Any) -> None:
    """An invalid proxy is reported when the client is opened, not at the first attempt, and without the password."""
    with pytest.raises(SettingsError, match="The proxy must look like") as caught:
        choose_proxies(proxy, None)
    assert "s3cret" not in str(caught.value)
    with pytest.raises(SettingsError, match="HTTPS_PROXY must look like") as caught:
        led(CLOUD, HTTPS_PROXY="ftp://me:s3cret@p:1")
    assert "s3cret" not in str(caught.value)


def test_a_bad_variable_does_no_harm_where_it_is_not_needed() -> None:
    """An invalid variable matters only for the URLs that would use it."""
    assert led("http://127.0.0.1:9", LOCAL, HTTP_PROXY="nonsense://") is None
    assert led(CLOUD, HTTP_PROXY="nonsense://") is None


def test_a_proxy_does_not_read_what_is_meant_for_this_machine() -> None:
    """Endpoints in plain text are allowed for loopback only, and not through a proxy elsewhere."""
    with pytest.raises(SettingsError, match="not encrypted"):
        choose_proxies("http://user:pw@proxy.example:3128", LOCAL)
    for proxy, endpoints in [
        ("http://127.0.0.1:3128", LOCAL),
        ("http://proxy.example:3128", None),
        ("https://user:pw@proxy.example:3128/", FAR),
        ("http://proxy.example:3128", Endpoints.at("http://127.0.0.1:9", allow_insecure=True)),
    ]:
        assert choose_proxies(proxy, endpoints).given == read_proxy(proxy)


def test_an_extra_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the client is opened, the error names the extra to install, for a proxy argument and a variable."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r'The proxy names.*pip install "cometconn\[socks\]"'):
        choose_proxies("socks5h://a", None)
    with pytest.raises(SettingsError, match=r'ALL_PROXY.*pip install "cometconn\[socks\]"'):
        led(CLOUD, ALL_PROXY="socks5://a")
    assert led(CLOUD, HTTPS_PROXY="http://a") == "http://a:80 HTTPS_PROXY"


def test_no_password_is_shown() -> None:
    """The repr of the proxies contains no password, from an argument or from the environment."""
    assert "s3cret" not in repr(Proxies(read_proxy("http://me:s3cret@a:1"), {"all": "http://me:s3cret@b:2"}))
