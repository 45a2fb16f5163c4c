"""URLs of Redis, and what is refused."""

from __future__ import annotations

import pytest

from cometconn.errors import SettingsError
from cometconn.fleet import RedisEngine
from cometconn.fleet.redis_address import RedisAddress

GOOD = {
    "redis://localhost": RedisAddress("localhost"),
    "redis://127.0.0.1:7000/3": RedisAddress("127.0.0.1", 7000, database=3),
    "redis://[::1]:7000": RedisAddress("::1", 7000),
    "redis://:p%40ss@localhost": RedisAddress("localhost", password="p@ss"),
    "rediss://me:p%2Fss@redis.example.com/1": RedisAddress(
        "redis.example.com", is_encrypted=True, username="me", password="p/ss", database=1
    ),
    "unix:///run/redis.sock": RedisAddress(path="/run/redis.sock"),
    "unix://me:pass@/run/my%20redis.sock?db=2": RedisAddress(
        path="/run/my redis.sock", username="me", password="pass", database=2
    ),
}


@pytest.mark.parametrize("url", GOOD)
def test_urls(url: str) -> None:
    """Are read whole, and the password is in no repr."""
    address = RedisAddress.from_url(url, allow_insecure=False, ssl_context=None)
    assert address == GOOD[url]
    assert not address.password or address.password not in repr(address) + repr(RedisEngine(url))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://localhost",
        "redis://",
        "redis://:secret@",
        "redis://localhost:secret",
        "redis://localhost/secret",
        "redis://localhost?db=1",
        "redis://localhost#secret",
        "unix://host/secret",
        "unix://",
        "unix:///run/redis.sock?db=secret",
        "unix:///run/redis.sock?secret=1",
        "rediss://[secret",
    ],
)
def test_what_is_no_url(url: str) -> None:
    """Is refused with one sentence that shows nothing of it."""
    with pytest.raises(SettingsError, match="must be redis://") as caught:
        RedisEngine(url)
    assert "secret" not in str(caught.value)


def test_a_path_that_no_socket_can_have() -> None:
    """Is refused at once: the system would say at each attempt that it is too long."""
    RedisEngine("unix:///" + "x" * 90)
    with pytest.raises(SettingsError, match="socket has 201 bytes"):
        RedisEngine("unix:///" + "x" * 200)


def test_unencrypted_only_on_this_machine() -> None:
    """Unless it is allowed."""
    with pytest.raises(SettingsError, match="'10.0.0.1' must be reached by rediss://") as caught:
        RedisEngine("redis://:secret@10.0.0.1")
    assert "secret" not in str(caught.value)
    assert repr(RedisEngine("redis://:secret@10.0.0.1", allow_insecure=True)) == (
        "RedisEngine('10.0.0.1:6379', namespace='cometconn')"
    )


@pytest.mark.parametrize("namespace", ["", "a:b", "{a}", "x" * 65])
def test_namespaces(namespace: str) -> None:
    """Are part of keys."""
    with pytest.raises(SettingsError, match="namespace"):
        RedisEngine("redis://localhost", namespace=namespace)


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_call_timeouts(seconds: float) -> None:
    """Are positive and finite."""
    with pytest.raises(SettingsError, match="call_timeout"):
        RedisEngine("redis://localhost", call_timeout=seconds)
