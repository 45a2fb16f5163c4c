"""`cometconn fleet doctor`: whether a Redis can be trusted with a fleet, by what it reports of itself and what it lets us do."""

from __future__ import annotations

import itertools
import re
import time
from typing import TYPE_CHECKING, Any

import attrs
import trio

from cometconn._groups import open_nursery
from cometconn._network.urls import is_loopback
from cometconn.fleet.errors import EngineError
from cometconn.fleet.redis_lanes import Lane

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cometconn.fleet.redis_address import RedisAddress

    from .doctor_checks import Checks

__all__ = ["COMMANDS", "READS", "check_redis", "clock_jump", "judge"]

_OLDEST = (6, 2)
_ROUND_TRIPS = 50
_PAUSE = 0.02  # seconds between two of them: a second in all, in which a clock that is being set shows itself
_SLOW = 0.25  # seconds: of a renewal, which has 1 s
_JUMP = 0.1  # seconds by which the server's clock may differ from the time that passed here, beside the round trip
_DRIFT = 5.0  # seconds between the clocks
_FULL = 0.8  # of maxmemory
_REPLICA_LAG = 10  # seconds: as `min-replicas-max-lag` has it by default

# Each command that the scripts of a fleet make, with arguments for a key of the doctor's own. The order makes sense of them.
COMMANDS: dict[str, tuple[str, ...]] = {
    "TIME": (),
    "EXISTS": ("{hash}",),
    "SET": ("{text}", "1"),
    "GET": ("{text}",),
    "HSET": ("{hash}", "field", "1"),
    "HGET": ("{hash}", "field"),
    "HMGET": ("{hash}", "field"),
    "HGETALL": ("{hash}",),
    "HEXISTS": ("{hash}", "field"),
    "HINCRBY": ("{hash}", "field", "1"),
    "HDEL": ("{hash}", "other"),
    "SADD": ("{set}", "member"),
    "SMEMBERS": ("{set}",),
    "SREM": ("{set}", "other"),
    "ZADD": ("{sorted}", "1", "member"),
    "ZSCORE": ("{sorted}", "member"),
    "ZRANGEBYSCORE": ("{sorted}", "-inf", "+inf"),
    "ZREM": ("{sorted}", "other"),
    "RPUSH": ("{list}", "item"),
    "LPOS": ("{list}", "item"),
    "LTRIM": ("{list}", "-1", "-1"),
    "XADD": ("{stream}", "*", "field", "1"),
    "XLEN": ("{stream}",),
    "XRANGE": ("{stream}", "-", "+", "COUNT", "1"),
    "XINFO": ("STREAM", "{stream}"),
    "XTRIM": ("{stream}", "MAXLEN", "1"),
    "DEL": ("{hash}", "{text}", "{set}", "{sorted}", "{list}", "{stream}"),
}
READS: dict[str, tuple[str, ...]] = {
    "HGETALL": ("{hash}",),
    "HMGET": ("{hash}", "field"),
    "SMEMBERS": ("{set}",),
    "XRANGE": ("{stream}", "-", "+"),
    "XREAD": ("COUNT", "1", "STREAMS", "{stream}", "0"),
}
_PROBE = "return redis.call(unpack(ARGV))"


async def check_redis(
    checks: Checks, address: RedisAddress, namespace: str, app_id: str, patience: float
) -> tuple[bool, bool]:
    """Make all checks. Return whether Redis can be reached, and whether it has a fleet of this app.

    Args:
        checks: get the results.
        address: where Redis is.
        namespace: of the fleet.
        app_id: of the fleet.
        patience: seconds that one call may take.
    """
    async with open_nursery() as nursery:
        lane = Lane(address, patience, nursery)
        try:
            info = _info(await lane.command(b"INFO"))
        except EngineError as error:
            checks.fail("reachable", error.message, "Without its engine a fleet connects no account.", _reach(error))
            return False, False
        else:
            checks.ok("reachable", f"{address}, up for {info.get('uptime_in_seconds', '?')} s")
            judge(checks, address, info, await _config(lane))
            calls = _Calls(checks, lane, f"{{{namespace}}}:")
            await calls.measure()
            await calls.check_permissions()
            return True, await calls.find_fleet(app_id)
        finally:
            lane.close()


def _reach(error: EngineError) -> str:
    if not error.worth_retrying:
        return "Correct the user and the password (COMETCONN_ENGINE_PASSWORD), or let the user run INFO."
    return "Is it running, and is --engine right? With TLS, is its certificate trusted (--engine-ca-file)?"


def _info(reply: bytes) -> dict[str, str]:
    lines = reply.decode(errors="replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


async def _config(lane: Lane) -> dict[str, str] | None:
    """Return settings that `INFO` does not have; `None` if they may not be read, as with most managed services."""
    found: dict[str, str] = {}
    for name in ("appendfsync", "min-replicas-to-write"):
        try:
            reply: Any = await lane.command(b"CONFIG GET", name)
        except EngineError:
            return None
        pairs = reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))
        found |= {_text(key): _text(value) for key, value in pairs.items()}
    return found


def judge(checks: Checks, address: RedisAddress, info: Mapping[str, str], config: Mapping[str, str] | None) -> None:
    """Make the checks of what Redis reports of itself.

    Args:
        checks: get the results.
        address: where Redis is.
        info: the fields of `INFO`.
        config: the settings `appendfsync` and `min-replicas-to-write`; `None` if they may not be read.
    """
    _Report(checks, address, info, config).check_all()


@attrs.frozen(eq=False)
class _Report:
    """What Redis reports of itself: see `judge()`."""

    checks: Checks
    address: RedisAddress
    info: Mapping[str, str]
    config: Mapping[str, str] | None

    def check_all(self) -> None:
        self._version()
        self._role()
        self._transport()
        self._persistence()
        self._eviction()
        self._memory()
        self._replicas()
        self._cluster()

    def _number(self, name: str) -> int:
        text = self.info.get(name, "0")
        return int(text) if text.isdigit() else 0

    def _version(self) -> None:
        version, valkey = self.info.get("redis_version", "0"), self.info.get("valkey_version")
        name = f"Valkey {valkey}" if valkey else f"Redis {version}"
        if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < _OLDEST:
            self.checks.fail(
                "version",
                name,
                "A fleet uses commands of Redis 6.2 (LPOS, and XTRIM with MINID).",
                "Install Redis 6.2 or newer, or Valkey.",
            )
        else:
            self.checks.ok("version", name)

    def _role(self) -> None:
        if self.info.get("role") == "slave":
            primary = f"{self.info.get('master_host', '?')}:{self.info.get('master_port', '?')}"
            self.checks.fail(
                "role", f"a replica of {primary}", "A replica takes no writes.", "Name the primary with --engine."
            )
        else:
            self.checks.ok("role", "primary")

    def _transport(self) -> None:
        address = self.address
        if address.path:
            self.checks.ok("transport", "unix socket")
        elif address.is_encrypted:
            self.checks.ok("transport", "TLS")
        elif is_loopback(address.host):
            self.checks.ok("transport", "not encrypted, on this machine only")
        else:
            self.checks.warn(
                "transport",
                "not encrypted",
                "The password, messages, and sessions without --keys can be read on the network.",
                "Use rediss:// in --engine.",
            )

    def _persistence(self) -> None:
        if self.info.get("aof_enabled") != "1":
            self.checks.fail(
                "persistence",
                "no append-only file",
                "After a restart everything since the last snapshot is gone: sessions, so that every account logs in "
                "again, and the log, which CometChat can fill only as far back as it keeps messages.",
                "Set `appendonly yes` (CONFIG SET appendonly yes, and CONFIG REWRITE).",
            )
            return
        if self.info.get("aof_last_write_status", "ok") != "ok":
            self.checks.fail(
                "persistence",
                f"the last write of the append-only file: {self.info['aof_last_write_status']}",
                "Redis refuses all writes until it can write the file again.",
                "Look into the log of Redis: is its disk full?",
            )
            return
        policy = None if self.config is None else self.config.get("appendfsync")
        if policy == "no":
            self.checks.warn(
                "persistence",
                "append-only file, appendfsync no",
                "A power cut loses what the system has not written yet, about 30 s. The workers fetch it from CometChat, "
                "and consumers get messages again.",
                "Set `appendfsync everysec`.",
            )
        else:
            self.checks.ok(
                "persistence", f"append-only file, appendfsync {policy or 'unknown (CONFIG GET is not allowed)'}"
            )

    def _eviction(self) -> None:
        policy = self.info.get("maxmemory_policy", "?")
        if policy.startswith("allkeys-"):
            self.checks.fail(
                "eviction",
                f"maxmemory-policy {policy}",
                "When its memory is full, Redis would remove sessions, owners and the log. Workers refuse to join.",
                "Set `maxmemory-policy noeviction`, and give other applications a Redis of their own.",
            )
        elif policy != "noeviction":
            self.checks.warn(
                "eviction",
                f"maxmemory-policy {policy}",
                "It removes only keys that expire, which a fleet has none of; but such an application shares the memory.",
                "Set `maxmemory-policy noeviction`.",
            )
        else:
            self.checks.ok("eviction", "maxmemory-policy noeviction")

    def _memory(self) -> None:
        used, limit = self._number("used_memory"), self._number("maxmemory")
        text = f"{_size(used)} used" + (f" of {_size(limit)}" if limit else ", no maxmemory")
        if limit and used > _FULL * limit:
            self.checks.warn(
                "memory",
                text,
                "When it is full, Redis refuses writes: nothing is recorded, and leases are lost.",
                "Raise maxmemory, or shorten the log (FleetSettings.retention, --retention).",
            )
        else:
            self.checks.ok("memory", text)

    def _replicas(self) -> None:
        count = self._number("connected_slaves")
        if not count:
            self.checks.ok("replicas", "none: if this machine is lost, so is the fleet's state")
            return
        fields = [dict(part.split("=", 1) for part in self.info.get(f"slave{n}", "").split(",") if "=" in part)
                  for n in range(count)]  # fmt: skip
        lags = [int(each["lag"]) for each in fields if each.get("lag", "").isdigit()]
        text = f"{count}, up to {max(lags, default=0)} s behind"
        needed = None if self.config is None else self.config.get("min-replicas-to-write")
        if max(lags, default=0) >= _REPLICA_LAG:
            self.checks.warn(
                "replicas",
                text,
                "A failover forgets what the replica does not have. The workers fetch it again from CometChat.",
                "Look at the network and the disk of the replica.",
            )
        elif needed == "0":
            self.checks.warn(
                "replicas",
                f"{text}, min-replicas-to-write 0",
                "If the network splits, the old primary goes on taking writes: accounts have two owners, replies go out "
                "twice, and what the old primary took is forgotten.",
                "Set `min-replicas-to-write 1`.",
            )
        else:
            known = "min-replicas-to-write is unknown: CONFIG GET is not allowed"
            self.checks.ok("replicas", f"{text}, {known if needed is None else f'min-replicas-to-write {needed}'}")

    def _cluster(self) -> None:
        if self.info.get("redis_mode") == "cluster" or self.info.get("cluster_enabled") == "1":
            self.checks.warn(
                "cluster",
                "cluster mode; all keys of a fleet are in one hash slot",
                "A worker connects to one node and does not follow redirections: it has to be the one of this hash slot.",
                "Use a Redis without cluster mode, or name the node of the slot with --engine.",
            )
        else:
            self.checks.ok("cluster", "no cluster mode")


@attrs.frozen(eq=False)
class _Calls:
    """The checks that make calls.

    Attributes:
        prefix: of the fleet's keys.
    """

    checks: Checks
    lane: Lane
    prefix: str

    async def measure(self) -> None:
        """Measure round trips, and the server's clock, with the same calls."""
        samples: list[tuple[float, float, float]] = []  # sent, received, the server's clock
        for _ in range(_ROUND_TRIPS):
            sent = time.monotonic()
            seconds, microseconds = await self.lane.command(b"TIME")
            samples.append((sent, time.monotonic(), int(seconds) + int(microseconds) / 1e6))
            await trio.sleep(_PAUSE)
        self._latency(sorted(received - sent for sent, received, _ in samples))
        self._clock(samples)

    def _latency(self, took: Sequence[float]) -> None:
        median, worst = took[len(took) // 2], took[-1]
        text = f"{len(took)} round trips: half within {median * 1000:.1f} ms, the longest {worst * 1000:.1f} ms"
        if worst > _SLOW:
            self.checks.warn(
                "latency",
                text,
                "A renewal of a lease has 1 s. Leases that are renewed too late are lost, and their accounts reconnect.",
                "Is Redis or this machine overloaded, or far away? Look for slow commands (SLOWLOG GET) and swapping.",
            )
        else:
            self.checks.ok("latency", text)

    def _clock(self, samples: Sequence[tuple[float, float, float]]) -> None:
        jump = clock_jump(samples)
        sent, received, clock = samples[-1]
        here = time.time() - (time.monotonic() - (sent + received) / 2)
        drift = clock - here
        text = f"{abs(drift):.1f} s {'ahead of' if drift > 0 else 'behind'} this machine's"
        if jump > _JUMP:
            self.checks.fail(
                "clock",
                f"jumped by {jump:.1f} s",
                "Leases are judged by it: a jump forward ends all of them at once, a jump back makes them longer.",
                "Let NTP slew the clock of the machine with Redis instead of stepping it (chronyd, ntpd -x).",
            )
        elif abs(drift) > _DRIFT:
            self.checks.warn(
                "clock",
                text,
                "Leases do not depend on it, but the times of the log's entries do, and a correction would be a jump.",
                "Synchronise both machines with NTP.",
            )
        else:
            self.checks.ok("clock", text)

    async def check_permissions(self) -> None:
        """Make each command that a fleet needs, on keys of the doctor's own."""
        keys = {name: f"{self.prefix}doctor:{name}" for name in ("text", "hash", "set", "sorted", "list", "stream")}
        refused: list[str] = []
        for name, arguments in COMMANDS.items():
            given = [each.format(**keys) if each.startswith("{") else each for each in arguments]
            if await self._is_refused(b"EVAL", _PROBE, 1, self.prefix, name, *given):
                refused.append(name)
        for name, arguments in READS.items():
            given = [each.format(**keys) if each.startswith("{") else each for each in arguments]
            if name not in refused and await self._is_refused(name.encode(), *given):
                refused.append(name)
        if refused:
            more = f", and {len(refused) - 8} more" if len(refused) > 8 else ""
            self.checks.fail(
                "permissions",
                f"refused: {', '.join(refused[:8])}{more}",
                "A fleet makes these commands, most of them in scripts.",
                f"ACL SETUSER name ~{self.prefix}* +@read +@write +@scripting +@connection +info +time",
            )
        else:
            self.checks.ok("permissions", f"all {len(COMMANDS | READS)} commands of a fleet are allowed")

    async def _is_refused(self, name: bytes, *arguments: str | int) -> bool:
        try:
            await self.lane.command(name, *arguments)
        except EngineError as error:
            return _REFUSED.search(f"{error.message} {error.__cause__}") is not None
        return False

    async def find_fleet(self, app_id: str) -> bool:
        """Return whether there is a fleet of this app."""
        try:
            found = await self.lane.command(b"HMGET", f"{self.prefix}meta", "app_id", "partitions")
        except EngineError as error:
            self.checks.skip("namespace", error.message)
            return False
        known, partitions = (None if each is None else _text(each) for each in found)
        if known is None:
            self.checks.ok("namespace", f"{self.prefix[1:-2]}: no fleet yet")
        elif known != app_id:
            self.checks.fail(
                "namespace",
                f"{self.prefix[1:-2]} has the fleet of the app {known}",
                "A fleet is for one app.",
                "Correct --app-id, or choose another --namespace.",
            )
        else:
            self.checks.ok("namespace", f"{self.prefix[1:-2]}: the fleet of {known}, {partitions} partitions")
            return True
        return False


def clock_jump(samples: Sequence[tuple[float, float, float]]) -> float:
    """Return by how many seconds a clock jumped at most between two readings, beside what the round trips explain.

    Args:
        samples: for each reading, the monotonic time here before and after it, and the clock's time.
    """
    jump = 0.0
    for (sent, received, clock), (next_sent, next_received, next_clock) in itertools.pairwise(samples):
        passed = next_clock - clock
        jump = max(jump, (next_sent - received) - passed, passed - (next_received - sent))
    return jump


_REFUSED = re.compile(r"NOPERM|permission|can't run this command|may not do", re.IGNORECASE)


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"
