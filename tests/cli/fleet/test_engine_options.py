"""Which engine the options mean, and each mistake in one sentence that names an option."""

from __future__ import annotations

import importlib.util
import pathlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cometconn.cli.fleet.engine_options import EngineOptions
from cometconn.errors import SettingsError
from cometconn.fleet import KeyRing
from tests.fleet import redis_server as servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import FleetCommand

NEEDS_REDIS = pytest.mark.skipif(
    servers.PROGRAM is None or importlib.util.find_spec("coredis") is None, reason="redis-server or coredis is missing"
)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """A state folder of its own, and no engine in the environment."""
    for name in ("COMETCONN_ENGINE", "COMETCONN_ENGINE_PASSWORD", "COMETCONN_FLEET_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def options(engine: str | None = None, **given: object) -> EngineOptions:
    """The options of the app APP."""
    return EngineOptions(app_id="APP", engine=engine, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("engine", "path", "label"),
    [
        ("sqlite:/var/f", "/var/f", "sqlite:/var/f"),
        ("/var/f", "/var/f", "sqlite:/var/f"),
        ("f.sqlite", "f.sqlite", "sqlite:f.sqlite"),
        ("sqlite:///var/f", "/var/f", "sqlite:/var/f"),
        ("redis://127.0.0.1/2", None, "redis://127.0.0.1/2, namespace cometconn"),
        ("REDISS://redis.example:7000", None, "rediss://redis.example:7000, namespace cometconn"),
        ("unix:///run/redis.sock?db=1", None, "unix:///run/redis.sock?db=1, namespace cometconn"),
    ],
)
def test_the_engine(engine: str, path: str | None, label: str) -> None:
    """A path, with or without sqlite: in front, or a URL of Redis."""
    found = options(engine)
    assert (None if found.path is None else str(found.path), found.label) == (path, label)


def test_without_an_option(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """The environment decides; else it is a file in the state folder, which is made for the owner alone."""
    monkeypatch.setenv("COMETCONN_ENGINE", "/var/f")
    assert options().path == pathlib.Path("/var/f")
    assert options("/var/g").path == pathlib.Path("/var/g")
    monkeypatch.setenv("COMETCONN_ENGINE", "")
    path = tmp_path / "state" / "cometconn" / "fleet-APP.sqlite"
    assert options().path == path
    with pytest.raises(SettingsError, match="There is no fleet in .*fleet accounts add"):
        options().make()
    assert not path.parent.exists()
    options().make(new=True)
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("url", "password", "shown"),
    [
        ("redis://:s%2Fcret@127.0.0.1:7000/1", None, "redis://127.0.0.1:7000/1"),
        ("redis://bob@127.0.0.1", "s/cret", "redis://127.0.0.1"),
        ("redis://127.0.0.1", "s/cret", "redis://127.0.0.1"),
        ("unix:///run/x@y.sock", "s/cret", "unix:///run/x@y.sock"),
        ("redis://:s%2Fcret@127.0.0.1", "0ther-pw", "redis://127.0.0.1"),
    ],
)
def test_a_password_comes_from_the_environment(
    url: str, password: str | None, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the URL or on its own; it is not shown. On the command line it is refused."""
    monkeypatch.setenv("COMETCONN_ENGINE", url)
    if password is not None:
        monkeypatch.setenv("COMETCONN_ENGINE_PASSWORD", password)
    assert options().label == f"{shown}, namespace cometconn"
    engine = options().make()
    assert engine._address.password == "s/cret"  # type: ignore[attr-defined]
    assert "cret" not in repr(engine)


def test_a_password_on_the_command_line_is_refused() -> None:
    """Other users of the machine could read it."""
    for url in ("redis://:secret@127.0.0.1", "rediss://bob:secret@redis.example/1", "unix://:secret@/run/redis.sock"):
        with pytest.raises(SettingsError, match=r"--engine must not hold .* COMETCONN_ENGINE_PASSWORD") as caught:
            options(url).make()
        assert "secret" not in str(caught.value)


KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def test_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """From a file, else from the environment."""
    file = tmp_path / "keys"
    file.write_text(f"new:{KEY}\n")
    monkeypatch.setenv("COMETCONN_FLEET_KEYS", f"old:{KEY}")
    for given, names in (({"keys": file}, "new"), ({}, "old")):
        ring = options("redis://127.0.0.1", **given).make()._keys  # type: ignore[attr-defined]
        assert isinstance(ring, KeyRing)
        assert repr(ring) == f"KeyRing({names})"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"engine": "http://127.0.0.1"},
            "--engine must be sqlite:PATH, a path, redis://, rediss:// or unix://, not http",
        ),
        ({"engine": "redis://127.0.0.1/x"}, "--engine must be redis://host:port/database"),
        ({"engine": "redis://redis.example"}, "must be reached by rediss://, or with --allow-insecure, because"),
        ({"engine": "redis://127.0.0.1", "namespace": "a b"}, "--namespace must have 1 to 64 characters"),
        ({"engine": "/"}, "--engine must be a file, but / is a folder"),
        ({"engine": "/none/such/f"}, "There is no fleet in /none/such/f"),
        ({"engine": "unix:///" + 120 * "x"}, "The path of Redis' socket has 121 bytes"),
        ({"engine": "redis://127.0.0.1", "encrypt_messages": True}, "--encrypt-messages needs --keys"),
        ({"engine": "redis://127.0.0.1", "keys": pathlib.Path("/none")}, "--keys: '/none' cannot be read"),
        ({"engine": "rediss://127.0.0.1", "engine_ca_file": pathlib.Path("/none")}, "--engine-ca-file /none: No such"),
    ],
)
def test_mistakes_name_options(given: dict[str, object], words: str) -> None:
    """Not the arguments of Python's calls."""
    with pytest.raises(SettingsError) as caught:
        options(**given).make()  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_a_folder_that_does_not_exist_or_cannot_be_written(fleet: FleetCommand) -> None:
    """One sentence each."""
    assert "There is no folder /none" in fleet.fails("accounts", "add", "amy", "--engine", "/none/f")
    message = fleet.fails("accounts", "add", "amy", "--engine", "/proc/f")
    assert message == "The engine's database file failed: No such file or directory."
    fleet.path.write_text(100 * "no database")
    assert "file is not a database" in fleet.fails("status")


def test_a_fleet_of_another_app(fleet: FleetCommand) -> None:
    """It is not shown, and not written to."""
    fleet("accounts", "add", "amy")
    for words in (("status",), ("accounts", "add", "zed"), ("events",), ("drain", "w1")):
        message = fleet.fails(*words, "--app-id", "OTHER")
        assert message == (
            "The engine has the fleet of another app, 'APP': give another --namespace, or another --engine, for 'OTHER'."
        )
    assert '"accounts": 1' in fleet("status", "--json").out


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.RedisServer]:
    """A Redis server with a password."""
    with servers.RedisServer(tmp_path_factory.mktemp("redis"), "--requirepass", "s/cret").running() as server:
        yield server


@NEEDS_REDIS
def test_redis(fleet: FleetCommand, redis: servers.RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its password it is an engine like others; a wrong one, none and no server are one sentence each."""
    monkeypatch.setenv("COMETCONN_ENGINE_PASSWORD", "s/cret")
    at = ("--engine", redis.url)
    assert "1 account added" in fleet("accounts", "add", "amy", *at).out
    assert "amy" in fleet("accounts", "list", *at).out
    assert "fleet of another app, 'APP': give another --namespace" in fleet.fails("status", *at, "--app-id", "OTHER")
    assert "0 accounts" in fleet("status", *at, "--app-id", "OTHER", "--namespace", "other").out
    monkeypatch.setenv("COMETCONN_ENGINE_PASSWORD", "wr0ng")
    assert "refuses the user name or the password" in fleet.fails("status", *at)
    monkeypatch.delenv("COMETCONN_ENGINE_PASSWORD")
    assert "refuses the user name or the password" in fleet.fails("status", *at)
    nowhere = fleet.fails("status", "--engine", "unix:///tmp/none.sock")
    assert nowhere == "Redis at /tmp/none.sock is unreachable: No such file or directory."


@NEEDS_REDIS
def test_a_redis_that_evicts(tmp_path: pathlib.Path, fleet: FleetCommand) -> None:
    """It would lose owners and positions."""
    with servers.RedisServer(tmp_path, "--maxmemory-policy", "allkeys-lru").running() as server:
        message = fleet.fails("status", "--engine", server.url)
    assert message.endswith("evicts keys (allkeys-lru): set `maxmemory-policy noeviction`.")


def test_other_commands_import_neither_the_fleet_nor_the_emulator() -> None:
    """So they start as fast as without them."""
    program = "import sys; from cometconn.cli.app import app; app('--help'.split(), result_action='return_value'); "
    program += (
        "print([name for name in sys.modules if name in {'cometconn.fleet', 'cometconn.emulator'}], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert "fleet" in done.stdout
    assert done.stderr == "[]\n"
