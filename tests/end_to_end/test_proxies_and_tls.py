"""The whole client behind real proxies and before a server that speaks TLS: REST and socket take the same way."""

from __future__ import annotations

import ssl
import traceback
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import trio

import cometconn
from cometconn import AppSettings, CometChat, Endpoints, MemoryStore, Timing
from cometconn.emulator import open_emulator
from cometconn.errors import ApiError, CometConnError, ConnectError
from tests.conformance.authority import Authority
from tests.transport.proxies import RealProxy, http_proxy, socks_proxy, tls_front

ME = ("me", "s3cret")
SETTINGS = AppSettings(auto_establish_socket_connection=False, timing=Timing(connect_timeout=5.0))


@pytest.fixture(autouse=True)
def _no_proxy_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@asynccontextmanager
async def served(
    authority: Authority, *, host: str = "chat.test", wants: bool = False
) -> AsyncGenerator[Endpoints, None]:
    """The emulator behind TLS, at a name that only the proxies can look up."""
    with trio.fail_after(30):
        async with open_emulator() as server:
            async with tls_front(authority.server(None, wants_certificate=wants), server.port) as port:
                yield Endpoints.at(f"https://{host}:{port}/v3.0")


def client(
    endpoints: Endpoints, context: ssl.SSLContext, proxy: str | None = None
) -> AbstractAsyncContextManager[CometChat]:
    """A client in manual mode."""
    return cometconn.open_client(
        "APP", SETTINGS, store=MemoryStore(), endpoints=endpoints, ssl_context=context, proxy=proxy
    )


def told(error: BaseException) -> str:
    """The text that a log would have of an error, its causes included."""
    return "".join(traceback.format_exception(error))


KINDS = ["http", "https", "socks5h"]


def proxy_of_kind(kind: str, authority: Authority) -> AbstractAsyncContextManager[RealProxy]:
    """A proxy with a password."""
    if kind == "socks5h":
        return socks_proxy(ME)
    return http_proxy(ME, context=authority.server(None) if kind == "https" else None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("by", ["argument", "environment"])
async def test_rest_and_socket_go_through_the_proxy(kind: str, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Login, connection, ping and message go through a proxy with a password, which is in no log and no repr."""
    authority = Authority()
    async with served(authority) as endpoints, proxy_of_kind(kind, authority) as real:
        url = real.url(kind, user=":".join(ME))
        if by == "environment":
            monkeypatch.setenv("HTTPS_PROXY", url)
        async with client(endpoints, authority.client(), url if by == "argument" else None) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            await chat.connect()
            assert await chat.ping() > 0
            assert (await chat.send_text("amy-2", "hello")).id == 1
            shown = f"{chat!r} {chat.status!r} {chat.statistics()!r} {chat._core!r}"
    assert set(real.asked) == {"chat.test"}
    assert len(real.asked) == 3  # the two requests of the login on one connection, the socket, the message
    assert real.wrong == 0
    assert "s3cret" not in shown


@pytest.mark.parametrize("kind", KINDS)
async def test_a_proxy_with_another_password(kind: str) -> None:
    """A wrong password for the proxy raises an error that names the proxy and the fault; no error or cause contains it."""
    authority = Authority()
    async with served(authority) as endpoints, proxy_of_kind(kind, authority) as real:
        async with client(endpoints, authority.client(), real.url(kind, user="me:wr0ng")) as chat:
            with pytest.raises(ApiError, match="the proxy .* does not accept this user and password") as caught:
                await chat.login(uid="zed-1", auth_key="KEY")
    assert caught.value.status is None
    assert "wr0ng" not in told(caught.value)
    assert "me:" not in told(caught.value)


async def test_a_proxy_that_no_longer_leads_there() -> None:
    """If the proxy refuses to connect to the server, the error of `connect()` and the status contain its refusal."""
    authority = Authority()
    async with served(authority) as endpoints, http_proxy() as real:
        async with client(endpoints, authority.client(), real.url("http")) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            real.answer = b"HTTP/1.1 403 Forbidden\r\n\r\n"
            with pytest.raises(ConnectError, match=r"the proxy .* refuses to lead to chat.test:\d+ \(HTTP/1.1 403"):
                await chat.connect()


async def test_a_proxy_that_is_not_there() -> None:
    """The error distinguishes a proxy that does not run from a server that does not run."""
    async with http_proxy() as gone:
        pass
    authority = Authority()
    async with served(authority) as endpoints, http_proxy() as real:
        async with client(endpoints, authority.client(), gone.url("http")) as chat:
            with pytest.raises(ApiError, match="the proxy .* cannot be reached: Connection refused"):
                await chat.login(uid="zed-1", auth_key="KEY")
        nowhere = Endpoints.at("https://chat.test:1")
        async with client(nowhere, authority.client(), real.url("http")) as chat:
            with pytest.raises(ApiError, match="the proxy .* cannot reach chat.test:1"):
                await chat.login(uid="zed-1", auth_key="KEY")


async def test_the_environment_does_not_lead_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain server on loopback is dialled directly whatever the variables are; a proxy that is an argument is used."""
    async with http_proxy() as real, open_emulator() as server:
        for name in ("HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, real.url("http"))
        for proxy, asked in ((None, 0), ("", 0), (real.url("http"), 2)):
            with trio.fail_after(20):
                async with client(server.endpoints, ssl.create_default_context(), proxy) as chat:
                    await chat.login(uid="zed-1", auth_key="KEY")
                    await chat.connect()
            assert len(real.asked) == asked


async def outcome(endpoints: Endpoints, context: ssl.SSLContext) -> CometConnError | None:
    """What a login and a connection come to."""
    async with client(endpoints, context) as chat:
        try:
            await chat.login(uid="zed-1", auth_key="KEY")
            await chat.connect()
        except CometConnError as error:
            return error
    return None


async def test_a_ca_and_a_client_certificate() -> None:
    """With the CA and the client certificate, REST and the socket work; without one of them, the error names the missing one."""
    authority = Authority()
    async with served(authority, host="127.0.0.1", wants=True) as endpoints:
        assert await outcome(endpoints, authority.client(certificate=True)) is None
        error = await outcome(endpoints, authority.client())
        assert "the server wants a client certificate" in str(error)
        error = await outcome(endpoints, Authority().client(certificate=True))
        assert "certificate verify failed: " in str(error)


async def test_a_client_certificate_for_the_socket_alone() -> None:
    """TLS 1.3 requests the certificate after the handshake; the error of the attempt still names what is missing."""
    authority = Authority()
    async with served(authority, host="127.0.0.1", wants=True) as secure, open_emulator() as server:
        endpoints = Endpoints(
            admin_url=server.endpoints.admin_url, client_url=server.endpoints.client_url, socket_url=secure.socket_url
        )
        error = await outcome(endpoints, authority.client())
    assert isinstance(error, ConnectError)
    assert "the server wants a client certificate" in str(error)
