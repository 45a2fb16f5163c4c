"""`cometconn fleet doctor` and real Redis servers with bad settings."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
import trio

from cometconn.cli.fleet import doctor_redis
from cometconn.cli.fleet.doctor_redis import COMMANDS, READS, check_redis, clock_jump, judge
from cometconn.fleet import redis_connection, redis_scripts
from cometconn.fleet.redis_address import RedisAddress
from tests.fleet import redis_server as servers

from .doctor_findings import found, make_checks, of

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from cometconn.cli.fleet.doctor_checks import Checks

if servers.PROGRAM is None:
    pytest.skip("redis-server is not installed", allow_module_level=True)

HEALTHY = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "maxmemory": "0"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.RedisServer]:
    options = [text for name, value in HEALTHY.items() for text in (f"--{name}", value)]
    with servers.RedisServer(tmp_path_factory.mktemp("redis"), *options).running() as running:
        yield running


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_redis, "_PAUSE", 0.0)


async def diagnosed(server: servers.RedisServer, user: str = "", **options: Any) -> Checks:
    """Run all checks."""
    checks = make_checks()
    url = server.url.replace("://", f"://{user}@" if user else "://")
    address = RedisAddress.from_url(url, allow_insecure=False, ssl_context=None)
    given: dict[str, Any] = {"namespace": "doctored", "app_id": "APP", "patience": 5.0} | options
    await check_redis(checks, address, **given)
    return checks


async def test_a_healthy_server(server: servers.RedisServer) -> None:
    """Every check passes, and nothing of the doctor's stays in the database."""
    checks = await diagnosed(server)
    assert found(checks) == {}
    assert of(checks, "persistence").text == "append-only file, appendfsync everysec"
    assert of(checks, "namespace").text == "doctored: no fleet yet"
    assert servers.call(server.socket, "KEYS", "*") == []


@pytest.mark.parametrize(
    ("settings", "verdicts", "words"),
    [
        ({"appendonly": "no"}, {"persistence": "failed"}, "no append-only file"),
        ({"appendfsync": "no"}, {"persistence": "warning"}, "appendfsync no"),
        ({"maxmemory-policy": "allkeys-lru"}, {"eviction": "failed"}, "allkeys-lru"),
        ({"maxmemory-policy": "volatile-ttl"}, {"eviction": "warning"}, "volatile-ttl"),
        ({"maxmemory": "64mb"}, {"memory": "ok"}, "of 64.0 MiB"),
        ({"maxmemory": "1200kb"}, {"memory": "warning"}, "of 1.2 MiB"),
    ],
)
async def test_bad_settings(
    server: servers.RedisServer, settings: dict[str, str], verdicts: dict[str, str], words: str
) -> None:
    """Each is found, and nothing else."""
    for name, value in settings.items():
        servers.call(server.socket, "CONFIG", "SET", name, value)
    try:
        checks = await diagnosed(server)
    finally:
        for name in settings:
            servers.call(server.socket, "CONFIG", "SET", name, HEALTHY[name])
    ((title, verdict),) = verdicts.items()
    assert found(checks) == {key: value for key, value in verdicts.items() if value != "ok"}
    assert (of(checks, title).verdict.value, words in of(checks, title).text) == (verdict, True)


async def test_an_acl(server: servers.RedisServer) -> None:
    """The commands that the user may not make are listed; with the rights of the advice all is well."""
    servers.call(
        server.socket, "ACL", "SETUSER", "bot", "on", ">pw", "~{doctored}:*", "+@all", "-xadd", "-lpos", "-config"
    )
    checks = await diagnosed(server, "bot:pw")
    assert found(checks) == {"permissions": "failed"}
    assert of(checks, "permissions").text == "refused: LPOS, XADD"
    assert "CONFIG GET is not allowed" in of(checks, "persistence").text
    advice = of(checks, "permissions").advice.removeprefix("ACL SETUSER name ").split()
    servers.call(server.socket, "ACL", "SETUSER", "bot2", "on", ">pw", *advice)
    assert found(await diagnosed(server, "bot2:pw")) == {}
    assert of(await diagnosed(server, "bot:wrong"), "reachable").text.endswith("refuses the user name or the password.")
    other = await diagnosed(server, "bot2:pw", namespace="other")
    assert of(other, "permissions").text.startswith("refused: TIME, EXISTS, SET")
    assert found(other)["namespace"] == "skipped"


async def test_another_apps_namespace(server: servers.RedisServer) -> None:
    """It is named; the own one shows its partitions."""
    key = "{doctored}:meta"
    servers.call(server.socket, "HSET", key, "app_id", "OTHER", "partitions", "7")
    try:
        assert found(await diagnosed(server)) == {"namespace": "failed"}
        checks = await diagnosed(server, app_id="OTHER")
        assert of(checks, "namespace").text == "doctored: the fleet of OTHER, 7 partitions"
    finally:
        servers.call(server.socket, "DEL", key)


async def test_replicas(tmp_path: pathlib.Path) -> None:
    """A replica is not taken for a primary; a primary with one is to need it for its writes."""
    port = str(_free_port())
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    options = ["--appendonly", "yes", "--repl-diskless-sync-delay", "0"]
    primary = servers.RedisServer(tmp_path / "a", *options, "--port", port)
    with (
        primary.running(),
        servers.RedisServer(tmp_path / "b", "--replicaof", "127.0.0.1", port, *options).running() as second,
    ):
        deadline = time.monotonic() + 20
        while b"state=online" not in servers.call(primary.socket, "INFO", "replication"):
            assert time.monotonic() < deadline
            await trio.sleep(0.05)
        assert found(await diagnosed(primary)) == {"replicas": "warning"}
        servers.call(primary.socket, "CONFIG", "SET", "min-replicas-to-write", "1")
        checks = await diagnosed(primary)
        assert found(checks) == {}
        assert of(checks, "replicas").text.endswith("min-replicas-to-write 1")
        replica = await diagnosed(second)
        assert found(replica)["role"] == "failed"
        assert port in of(replica, "role").text


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_nothing_listens(tmp_path: pathlib.Path) -> None:
    """It is the only result."""
    checks = make_checks()
    address = RedisAddress(path=str(tmp_path / "none.sock"))
    assert await check_redis(checks, address, "n", "APP", 5.0) == (False, False)
    assert found(checks) == {"reachable": "failed"}


GOOD = {"redis_version": "7.2.1", "role": "master", "aof_enabled": "1", "maxmemory_policy": "noeviction"}
REPLICA = {"connected_slaves": "1", "slave0": "ip=1.1.1.1,port=6379,state=online,offset=1,lag=12"}


@pytest.mark.parametrize(
    ("info", "host", "verdicts"),
    [
        ({}, "127.0.0.1", {}),
        ({"redis_version": "6.2.0"}, "127.0.0.1", {}),
        ({"redis_version": "6.0.20"}, "127.0.0.1", {"version": "failed"}),
        ({}, "10.0.0.9", {"transport": "warning"}),
        ({"aof_last_write_status": "err"}, "127.0.0.1", {"persistence": "failed"}),
        (REPLICA, "127.0.0.1", {"replicas": "warning"}),
        ({"redis_mode": "cluster"}, "127.0.0.1", {"cluster": "warning"}),
        ({"used_memory": "odd", "connected_slaves": "1"}, "127.0.0.1", {}),
    ],
)
def test_what_cannot_be_made_here(info: dict[str, str], host: str, verdicts: dict[str, str]) -> None:
    """What other servers report: old ones, those of a cluster, those with slow replicas or a full disk."""
    checks = make_checks()
    judge(checks, RedisAddress(host), GOOD | info, {"appendfsync": "always", "min-replicas-to-write": "1"})
    assert found(checks) == verdicts


def test_a_valkey() -> None:
    """It is called by its own name, and has TLS here."""
    checks = make_checks()
    judge(checks, RedisAddress("far.example", is_encrypted=True), GOOD | {"valkey_version": "8.0.1"}, None)
    assert (of(checks, "version").text, of(checks, "transport").text) == ("Valkey 8.0.1", "TLS")


@pytest.mark.parametrize(
    ("clocks", "jump"),
    [
        ([100.0, 101.0, 102.0], 0.0),
        ([100.0, 101.0, 107.0], 4.8),
        ([100.0, 101.0, 97.0], 4.8),
        ([100.0, 101.1, 102.2], 0.0),
    ],
)
def test_a_clock_that_jumps(clocks: list[float], jump: float) -> None:
    """The time that passes here between two readings is between 0.8 and 1.2 s: only what is beyond that is a jump."""
    samples = [(number, number + 0.2, clock) for number, clock in enumerate(clocks)]
    assert clock_jump(samples) == pytest.approx(jump)


async def test_a_jump_is_reported(server: servers.RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a failure of the clock."""
    monkeypatch.setattr(doctor_redis, "clock_jump", lambda _samples: 3.0)
    checks = await diagnosed(server)
    assert found(checks) == {"clock": "failed"}
    assert of(checks, "clock").text == "jumped by 3.0 s"


def test_all_commands_of_a_fleet_are_tried() -> None:
    """Those of the scripts, and those that are made directly."""
    scripts = "".join(getattr(redis_scripts, name) for name in redis_scripts.__all__)
    assert set(re.findall(r"redis\.call\('(\w+)'", scripts)) <= COMMANDS.keys()
    with open(redis_connection.__file__, encoding="utf-8") as source:
        direct = set(re.findall(r'(?:command\(|remaining, )b"([A-Z]+)"', source.read()))
    assert direct == READS.keys()
