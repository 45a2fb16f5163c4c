"""Metrics of real workers and consumers, read by the real `prometheus_client`."""

from __future__ import annotations

import collections
import math
import sys

import pytest
import trio
from trio.testing import MockClock

from cometconn.errors import SettingsError
from cometconn.fleet import open_consumer
from cometconn.fleet.counters import ConsumerStatistics, WorkerStatistics
from cometconn.fleet.distribution import BOUNDS

from .harness import QUICK, Fleet, open_fleet

client = pytest.importorskip("prometheus_client")
parser = pytest.importorskip("prometheus_client.parser")

from cometconn.fleet.prometheus import FleetCollector, serve_metrics  # noqa: E402 - after the extra

PREFIX = "cometconn_fleet_"
Samples = dict[str, dict[frozenset[tuple[str, str]], float]]


def parsed(text: str) -> Samples:
    """The samples of an exposition: name to labels to value. Fails if the text is not the format's."""
    samples: Samples = collections.defaultdict(dict)
    for family in parser.text_string_to_metric_families(text):
        assert family.type in {"gauge", "counter", "histogram"}, family
        for sample in family.samples:
            samples[sample.name.removeprefix(PREFIX)][frozenset(sample.labels.items())] = sample.value
    return samples


def read(registry: client.CollectorRegistry) -> Samples:
    return parsed(client.generate_latest(registry).decode())


def of(samples: Samples, name: str, **labels: str) -> float:
    return samples[name][frozenset(labels.items())]


async def takeover(fleet: Fleet) -> client.CollectorRegistry:
    """Two workers share six accounts; one is killed."""
    for name in ("w1", "w2"):
        await fleet.start(name)
    await fleet.wait_all_connected()
    registry = client.CollectorRegistry()
    registry.register(FleetCollector(*fleet.workers.values()))
    assert fleet.workers["w1"].accounts
    await fleet.kill("w1")
    return registry


async def test_a_takeover_is_counted_and_timed(autojump_clock: MockClock) -> None:
    """Types, names and values: the reason, the time since the dead worker's lease was over, and what is not served."""
    async with open_fleet(6) as fleet:
        registry = await takeover(fleet)
        lost = 6 - len(fleet.workers["w2"].accounts)
        before = read(registry)
        assert before["takeovers_total"] == {
            frozenset({("worker", worker), ("reason", reason)}): count
            for worker, own in (("w1", lost), ("w2", 6 - lost))
            for reason, count in (("first", own), ("released", 0), ("expired", 0))
        }
        assert of(before, "owned", worker="w2") == of(before, "connected", worker="w2") == 6 - lost
        fleet.lines["w2"].broken.add("claim")
        await fleet.wait_for(lambda: fleet.workers["w2"].statistics().orphans == lost)
        assert of(read(registry), "orphans", worker="w2") == lost
        fleet.lines["w2"].broken.clear()
        await fleet.wait_all_connected()
        await trio.sleep(1.0)
        fleet.say("user-0", "hello")
        await trio.sleep(1.0)
        after = read(registry)
        assert of(after, "takeovers_total", worker="w2", reason="expired") == lost
        assert of(after, "orphans", worker="w2") == 0
        assert of(after, "owned", worker="w2") == of(after, "takeover_seconds_count", worker="w2") == 6
        assert of(after, "takeover_seconds_bucket", worker="w2", le="+Inf") == 6
        in_time = of(after, "takeover_seconds_bucket", worker="w2", le="1.0")
        assert in_time == 6, "two ticks and a connect after the lease of the dead worker was over"
        assert 0 < of(after, "lease_remaining_seconds", worker="w2") <= 4.0
        assert of(after, "appended_total", worker="w2") > of(before, "appended_total", worker="w2")
        assert of(after, "renewal_seconds_count", worker="w2") > of(before, "renewal_seconds_count", worker="w2")
        assert of(after, "admission_wait_seconds_count", worker="w2") >= 6
        assert of(after, "fenced_total", worker="w2") == of(after, "rewound_total", worker="w2") == 0


async def test_a_drain_is_a_release(autojump_clock: MockClock) -> None:
    """What a worker gives back is taken over for the reason `released`."""
    async with open_fleet(6) as fleet:
        first = await fleet.start("w1")
        await fleet.wait_all_connected()
        second = await fleet.start("w2")
        first.drain()
        await first.drained()
        await fleet.wait_all_connected()
        assert second.statistics().takeovers == {"first": 0, "released": 6, "expired": 0}
        assert (first.statistics().releases, first.statistics().orphans) == (6, 0)


async def test_a_blocked_loop_is_seen(autojump_clock: MockClock) -> None:
    """The time that passes before the renewing task gets its turn is the loop's lag."""
    async with open_fleet(1) as fleet:
        worker = await fleet.start("w1")
        await trio.sleep(2.0)
        assert worker.statistics().loop_lag.longest == 0.0
        assert worker.statistics().loop_lag.count > 0
        autojump_clock.jump(2.0)  # as if a task had computed for so long
        await trio.sleep(1.0)
        lag = worker.statistics().loop_lag
        assert 0.7 < lag.longest <= 2.0
        assert lag.total == pytest.approx(lag.longest)


async def test_a_consumer(autojump_clock: MockClock) -> None:
    """Its deliveries and acknowledgements, under its group and name; a uid is nowhere."""
    async with open_fleet(1) as fleet, fleet.open("w1") as worker:
        await fleet.wait_all_connected()
        options = {"engine": fleet.engine, "fleet_settings": QUICK, "environment": fleet.server}
        async with open_consumer("APP", group="bots", name="c1", **options) as consumer:
            registry = client.CollectorRegistry()
            registry.register(FleetCollector(worker, consumer))
            for text in ("one", "two", "three"):
                fleet.say("user-0", text)
            first = await anext(consumer)
            await anext(consumer)
            await first.ack()
            samples = read(registry)
            labels = {"group": "bots", "consumer": "c1"}
            assert of(samples, "consumer_delivered_total", **labels) == 2
            assert of(samples, "consumer_acknowledgements_total", **labels) == 1
            assert of(samples, "consumer_unacknowledged", **labels) == 1
            assert of(samples, "consumer_waiting", **labels) == 1
            assert of(samples, "consumer_partitions", **labels) == QUICK.partitions
            assert "user-0" not in client.generate_latest(registry).decode()


async def test_every_counter_is_a_metric(autojump_clock: MockClock) -> None:
    """No statistic is forgotten: each changes a sample when it changes."""
    async with open_fleet(1) as fleet, fleet.open("w1") as worker:
        options = {"engine": fleet.engine, "fleet_settings": QUICK, "environment": fleet.server}
        async with open_consumer("APP", group="bots", name="c1", **options) as consumer:
            registry = client.CollectorRegistry()
            registry.register(FleetCollector(worker, consumer))
            names = set(read(registry))
    renamed = {"skipped": "append_skipped", "late": "append_late", "admission_seconds": "admission_wait_seconds"}
    renamed |= {"loop_lag": "loop_lag_seconds", "append_lag": "append_lag_seconds"}
    renamed |= {"lease_remaining": "lease_remaining_seconds"}
    contained = {"claims", "append_calls", "renewals", "admissions"}  # in the count of a histogram, or in takeovers
    for kind, prefix in ((WorkerStatistics, ""), (ConsumerStatistics, "consumer_")):
        for name in kind.__annotations__.keys() - contained:
            found = prefix + renamed.get(name, name)
            assert names & {found, f"{found}_total", f"{found}_count"}, found


async def test_another_thread_reads(autojump_clock: MockClock) -> None:
    """A scraper's thread gets the same; after the Trio run there are no samples, and no error."""
    collector = registry = None
    async with open_fleet(3) as fleet, fleet.open("w1") as worker:
        await fleet.wait_all_connected()
        collector = FleetCollector(worker)
        registry = client.CollectorRegistry()
        registry.register(collector)
        samples = parsed((await trio.to_thread.run_sync(client.generate_latest, registry)).decode())
        assert of(samples, "connected", worker="w1") == 3
    left = read(registry)
    assert of(left, "connected", worker="w1") == 0
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        registry.register(FleetCollector(worker))


def test_after_the_run() -> None:
    """A registry outlives the Trio run: there are no samples then, and no error."""

    async def run() -> FleetCollector:
        async with open_fleet() as fleet, fleet.open("w1") as worker:
            return FleetCollector(worker)

    registry = client.CollectorRegistry()
    registry.register(trio.run(run, clock=MockClock(autojump_threshold=0)))
    assert client.generate_latest(registry) == b""


async def test_nothing_to_collect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a source, or without the library, the error is one sentence."""
    with pytest.raises(SettingsError, match="need a worker or a consumer"):
        FleetCollector()
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(SettingsError, match=r"pip install cometconn\[prometheus\]"):
        FleetCollector()
    with pytest.raises(SettingsError, match=r"pip install cometconn\[prometheus\]"):
        await serve_metrics(0)


REQUESTS = {
    b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n": (b"200", b"answer 42.0"),
    b"GET /metrics?name=answer HTTP/1.0\r\n\r\n": (b"200", b"answer 42.0"),
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text; version=1.0.0\r\n\r\n": (
        b"200",
        b"# EOF",
    ),
    b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n": (b"404", b"at /metrics"),
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n": (b"405", b"Use GET"),
    b"\x16\x03\x01 garbage\r\n\r\n": (b"400", b"not HTTP"),
}


async def test_the_metrics_are_served() -> None:
    """On loopback, over real sockets: what a scraper sends, and what else may come; none of it ends the server."""
    registry = client.CollectorRegistry()
    client.Gauge("answer", "Of a test.", registry=registry).set(42)
    serve = {"registry": registry}
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            port = await nursery.start(lambda task_status: serve_metrics(0, task_status=task_status, **serve))
            for request, (status, part) in REQUESTS.items():
                async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                    await stream.send_all(request)
                    reply = b"".join([chunk async for chunk in stream])
                head, _, body = reply.partition(b"\r\n\r\n")
                assert head.split()[1] == status, reply
                assert part in body
                assert b"content-length: %d\r\n" % len(body) in head.lower()
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                await stream.send_all(b"GET /met")  # and leaves
            streams = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(17)]
            for stream in streams[:16]:
                assert not stream.socket.getsockopt(1, 4)
            assert await streams[16].receive_some() == b""  # one too many
            with pytest.raises(OSError):
                await serve_metrics(port, **serve)
            for stream in streams:
                await stream.aclose()
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize("port", [-1, 65536, True, "80", None])
async def test_a_bad_port(port: object) -> None:
    """It is refused by its name."""
    with pytest.raises(SettingsError, match=r"port=\.\.\.\) must be"):
        await serve_metrics(port)  # type: ignore[arg-type]


def test_the_bounds_are_in_order() -> None:
    """They are the `le` labels of the histograms."""
    assert list(BOUNDS) == sorted(set(BOUNDS))
    assert math.inf not in BOUNDS
