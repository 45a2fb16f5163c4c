"""The options that the commands share."""

from __future__ import annotations

import pathlib

import pytest
import trio

from cometconn import AppSettings, SubscriptionType
from cometconn.cli.options import ListenOptions, Options, parse_presence, read_secret
from cometconn.emulator import open_emulator
from cometconn.errors import SettingsError
from tests.conformance.authority import Authority
from tests.transport.proxies import http_proxy, tls_front


def test_presence_words() -> None:
    """The values of --presence are `all`, `friends`, `none`, or roles with their names."""
    assert parse_presence("all") == (SubscriptionType.ALL_USERS, ())
    assert parse_presence("friends") == (SubscriptionType.FRIENDS, ())
    assert parse_presence("none") == (SubscriptionType.NONE, ())
    assert parse_presence("roles=a,b") == (SubscriptionType.ROLES, ("a", "b"))
    for bad in ("roles=", "roles", "ALL", ""):
        with pytest.raises(SettingsError, match="presence"):
            parse_presence(bad)


def test_where_secrets_come_from(tmp_path: pathlib.Path) -> None:
    """A file takes precedence over the environment; an empty variable counts as missing; an error names a file without text."""
    path = tmp_path / "key"
    path.write_text("  abc\n")
    assert read_secret("X", path, {"X": "y"}) == "abc"
    assert read_secret("X", None, {"X": "y"}) == "y"
    assert read_secret("X", None, {"X": ""}) is None
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="key"):
        read_secret("X", path, {})


def test_a_command_without_a_server() -> None:
    """The error names the options that choose a server, not the arguments of a Python call."""
    with pytest.raises(SettingsError, match=r"--region .* or --endpoint"):
        Options(app_id="APP", uid="amy-2").settings()


def test_the_options_of_a_connection() -> None:
    """Presence, mode and catching up are options of `listen`; `send` and `doctor` do not have them."""
    options = ListenOptions(app_id="APP", region="us", presence="roles=a,b", manual=True, catch_up=True)
    assert options.settings() == AppSettings(
        region="us",
        subscription_type=SubscriptionType.ROLES,
        roles=("a", "b"),
        auto_establish_socket_connection=False,
        catch_up=True,
    )
    assert not hasattr(Options(app_id="APP"), "presence")


async def test_the_network_options_reach_the_client(tmp_path: pathlib.Path) -> None:
    """The client uses that proxy, trusts that CA and presents that certificate."""
    authority = Authority()
    ca, certificate, key = map(pathlib.Path, authority.files(tmp_path))
    with trio.fail_after(20):
        async with (
            open_emulator() as server,
            tls_front(authority.server(None, wants_certificate=True), server.port) as front,
            http_proxy() as real,
        ):
            options = Options(
                app_id="APP",
                endpoint=f"https://chat.test:{front}/v3.0",
                session=tmp_path / "session.json",
                proxy=real.url("http"),
                ca_file=ca,
                client_cert=certificate,
                client_key=key,
            )
            async with options.open_client(AppSettings()) as chat:
                await chat.login(uid="zed-1", auth_key="KEY")
                await chat.connect()
    assert set(real.asked) == {"chat.test"}
