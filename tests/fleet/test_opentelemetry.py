"""Metrics of a real worker and consumer, read by OpenTelemetry's own SDK."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cometconn.errors import SettingsError
from cometconn.fleet import open_consumer
from cometconn.fleet.opentelemetry import observe

from .harness import QUICK, open_fleet

sdk = pytest.importorskip("opentelemetry.sdk.metrics")
export = pytest.importorskip("opentelemetry.sdk.metrics.export")


def read(reader: Any) -> dict[str, dict[tuple[str, ...], float]]:
    """Each metric with its values, by the values of its attributes; and whether it may fall."""
    data = reader.get_metrics_data()
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for metric in () if data is None else data.resource_metrics[0].scope_metrics[0].metrics:
        points = {tuple(point.attributes.values()): point.value for point in metric.data.data_points}
        found[metric.name.removeprefix("cometconn.fleet.")] = points
        assert getattr(metric.data, "is_monotonic", None) in {None, True}
    return found


async def test_a_worker_and_a_consumer(autojump_clock: MockClock) -> None:
    """Gauges, counters, the reason of a takeover, and two counters for durations; also in the exporter's thread."""
    reader = export.InMemoryMetricReader()
    provider = sdk.MeterProvider([reader])
    async with open_fleet(3) as fleet, fleet.open("w1") as worker:
        options = {"engine": fleet.engine, "fleet_settings": QUICK, "environment": fleet.server}
        async with open_consumer("APP", group="bots", name="c1", **options) as consumer:
            observe(worker, consumer, meter=provider.get_meter("test"))
            await fleet.wait_all_connected()
            fleet.say("user-0", "hello")
            await anext(consumer)
            found = await trio.to_thread.run_sync(read, reader)
            assert found["connected"] == found["takeover_seconds.count"] == {("w1",): 3}
            assert found["takeovers"] == {("w1", "first"): 3, ("w1", "released"): 0, ("w1", "expired"): 0}
            assert 0 < found["lease_remaining_seconds"]["w1",] <= 4.0
            worker._counters.takeover_seconds.add(7.0)
            assert read(reader)["takeover_seconds.sum"]["w1",] == worker.statistics().takeover_seconds.total >= 7.0
            assert found["consumer_delivered"] == {("bots", "c1"): 1}
            assert "user-0" not in str(found)
            assert read(reader).keys() == found.keys()
    provider.shutdown()


async def test_without_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, or without a source, the error is one sentence; without an SDK nothing happens."""
    with pytest.raises(SettingsError, match="need a worker or a consumer"):
        observe()
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(SettingsError, match=r"pip install cometconn\[otel\]"):
        observe()
