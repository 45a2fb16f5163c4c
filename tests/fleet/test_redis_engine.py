"""Servers that cannot be used, each refused with one sentence and no secret."""

from __future__ import annotations

import socket
import ssl
import sys
from typing import TYPE_CHECKING

import pytest
import trio
import trustme

from cometconn.fleet import Account, EngineError, Incarnation, RedisEngine
from cometconn.fleet.values import Claim, Claimed, Release

from .redis_server import RedisServer, call

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

PASSWORD = "correct-horse"


async def refusal(engine: RedisEngine, app_id: str = "app") -> EngineError:
    """Return the error with which it is refused."""
    with trio.fail_after(30), pytest.raises(EngineError) as caught:
        async with engine.connect(app_id):
            pass
    assert PASSWORD not in repr(caught.value)
    assert "battery-staple" not in repr(caught.value)
    return caught.value


def clients(server: RedisServer) -> set[bytes]:
    """Return the ids of the connections."""
    return {line.split()[0] for line in call(server.socket, "CLIENT", "LIST").splitlines() if b"name=cometconn" in line}


@pytest.fixture
def own_server(redis_server: RedisServer, tmp_path: pathlib.Path) -> Iterator[RedisServer]:
    """A server that a test may configure. It is not started if tests of Redis are skipped."""
    with RedisServer(tmp_path).running() as server:
        yield server


async def test_nothing_there(redis_server: RedisServer) -> None:
    """Is worth a retry."""
    for url in (f"unix://{redis_server.socket.with_name('none.sock')}", "redis://127.0.0.1:1"):
        error = await refusal(RedisEngine(url))
        assert error.worth_retrying
        assert "is unreachable" in error.message


async def test_passwords(own_server: RedisServer) -> None:
    """None where one is needed, a wrong one, and a user that may not do enough."""
    call(own_server.socket, "CONFIG", "SET", "requirepass", PASSWORD)
    url = own_server.url.replace("unix://", "unix://:{}@")
    for wrong in (own_server.url, url.format("battery-staple")):
        error = await refusal(RedisEngine(wrong))
        assert "refuses the user name or the password" in error.message
        assert not error.worth_retrying
    async with RedisEngine(url.format(PASSWORD)).connect("app") as connection:
        await connection.lease(Incarnation("w1"), 5, joining=True)


async def test_a_weak_user(own_server: RedisServer) -> None:
    """A user without the needed commands gets a sentence, too."""
    call(own_server.socket, "ACL", "SETUSER", "weak", "on", f">{PASSWORD}", "~*", "-@all", "+hello", "+info")
    error = await refusal(RedisEngine(own_server.url.replace("unix://", f"unix://weak:{PASSWORD}@")))
    assert "may not do what a fleet needs" in error.message
    assert not error.worth_retrying


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
async def test_a_server_that_evicts(own_server: RedisServer, policy: str) -> None:
    """It would forget leases and sessions when its memory is full."""
    call(own_server.socket, "CONFIG", "SET", "maxmemory-policy", policy)
    error = await refusal(RedisEngine(own_server.url))
    assert f"evicts keys ({policy}): set `maxmemory-policy noeviction`" in error.message
    assert not error.worth_retrying


async def test_a_replica(own_server: RedisServer) -> None:
    """It cannot be written to."""
    call(own_server.socket, "REPLICAOF", "127.0.0.1", "1")
    assert "is a replica" in (await refusal(RedisEngine(own_server.url))).message


async def test_a_failover(own_server: RedisServer) -> None:
    """A primary that becomes a replica is left, so that the address may lead to the new primary."""
    async with RedisEngine(own_server.url).connect("app") as connection:
        worker = Incarnation("w1")
        await connection.lease(worker, 5, joining=True)
        before = clients(own_server)
        call(own_server.socket, "REPLICAOF", "127.0.0.1", "1")
        with pytest.raises(EngineError, match="is a replica") as caught:
            await connection.lease(worker, 5)
        assert caught.value.worth_retrying
        call(own_server.socket, "REPLICAOF", "NO", "ONE")
        await connection.lease(worker, 5)
        assert len(before - clients(own_server)) == 1


async def test_a_foreign_namespace(own_server: RedisServer) -> None:
    """Another app's data is refused, also when it replaced ours under an open connection. Another namespace is free."""
    async with RedisEngine(own_server.url).connect("app") as connection:
        assert "'app'" in (await refusal(RedisEngine(own_server.url), "other")).message
        async with RedisEngine(own_server.url, namespace="other").connect("other"):
            pass
        call(own_server.socket, "HSET", "{cometconn}:meta", "app_id", "other")
        with pytest.raises(EngineError, match="'other'") as caught:
            await connection.lease(Incarnation("w1"), 5, joining=True)
        assert not caught.value.worth_retrying


async def test_a_server_that_lost_everything(own_server: RedisServer) -> None:
    """A join makes the fleet again, with another epoch."""
    async with RedisEngine(own_server.url).connect("app") as connection:
        first = await connection.lease(Incarnation("w1"), 5, joining=True)
        call(own_server.socket, "FLUSHALL")
        second = await connection.lease(Incarnation("w1"), 5, joining=True)
        assert first.epoch != second.epoch != ""
        assert "'app'" in (await refusal(RedisEngine(own_server.url), "other")).message


async def test_tls(redis_server: RedisServer, tmp_path: pathlib.Path) -> None:
    """`rediss://` checks the certificate."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    pem = str(tmp_path / "server.pem")
    options = ("--tls-port", str(port), "--tls-cert-file", pem, "--tls-key-file", pem, "--tls-auth-clients", "no")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with RedisServer(tmp_path, *options, "--tls-ca-cert-file", str(tmp_path / "ca.pem")).running():
        async with RedisEngine(f"rediss://localhost:{port}", ssl_context=context).connect("app") as connection:
            assert connection.partitions == 16
        assert "is unreachable" in (await refusal(RedisEngine(f"rediss://localhost:{port}"))).message


async def test_a_release_while_everything_else_is_cancelled(redis_server: RedisServer) -> None:
    """A worker gives its accounts back in a shielded scope, although the scope around the connection is cancelled."""
    with trio.CancelScope() as scope:
        async with RedisEngine(redis_server.url, namespace="shielded").connect("app") as connection:
            worker = Incarnation("w1")
            await connection.administration.add([Account("amy")])
            await connection.lease(worker, 5, joining=True)
            (claimed,) = await connection.claim(worker, [Claim("amy")])
            assert isinstance(claimed, Claimed)
            scope.cancel()
            try:
                await trio.sleep_forever()
            finally:
                with trio.move_on_after(20, shield=True):
                    assert await connection.release([Release("amy", claimed.word)]) == (None,)
                    assert await connection.administration.owners() == {}
    assert scope.cancelled_caught


async def test_without_coredis(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named."""
    for name in [
        name for name in sys.modules if name.startswith(("cometconn.fleet.redis_lanes", "cometconn.fleet.redis_conn"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("coredis", "coredis.connection", "coredis.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)
    error = await refusal(RedisEngine("redis://localhost"))
    assert "pip install cometconn[fleet]" in error.message
    assert not error.worth_retrying
