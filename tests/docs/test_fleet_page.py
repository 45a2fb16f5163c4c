"""The computed sizes of fleets, and the pages about fleets beside what is there."""

from __future__ import annotations

import importlib
import pathlib
import re
from typing import Any

import attrs
import pytest

from cometconn import AppSettings
from cometconn.fleet import FleetSettings

DOCS = pathlib.Path(__file__).parents[2] / "docs"
REFERENCE = (DOCS / "reference" / "fleet.md").read_text(encoding="utf-8")


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The extension of Sphinx."""
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    return importlib.import_module("fleet_sizes")


def test_the_sizes_follow_from_the_figures(sizes: Any) -> None:
    """By hand, for 100,000 accounts: two fleets, forty workers, 2,000 messages a second."""
    figures = sizes.Figures(
        account=100_000,
        account_redis=2_000,
        event_redis=1_000,
        idle=1e-4,
        message=1e-3,
        message_redis=1e-4,
        renewal_redis=1e-3,
    )
    size = sizes.size_of(100_000, figures)
    assert (size.workers, size.fleets) == (40, 2)
    assert size.worker_memory == 2_500 * 100_000
    assert size.worker_cpu == pytest.approx(2_500 * (1e-4 + 0.02 * 1e-3))
    assert size.redis_cpu == pytest.approx(2_000 * 1e-4 + 40 * 2 * 1e-3)
    assert size.log_memory == pytest.approx(1_000 * 86_400 * 1_000)
    assert size.redis_memory == pytest.approx(50_000 * 2_000 + size.log_memory)
    assert (size.restart, size.takeover) == (1_000.0, 5.0 + 0.5 + 2_500 / 50)


def test_a_busy_redis_makes_more_fleets(sizes: Any) -> None:
    """Half of a core is the most that one may use."""
    busy = attrs.evolve(sizes.MEASURED, message_redis=1e-2)
    assert sizes.size_of(10_000, busy).fleets == 5


def test_the_table_has_a_column_for_each_size(sizes: Any) -> None:
    """And no cell is empty."""
    lines = list(sizes.table())
    assert {line.count("|") for line in lines} == {len(sizes.ACCOUNTS) + 2}
    assert "1,000,000" in lines[0]
    assert not any(re.search(r"\|\s*\|", line) for line in lines)


def test_the_page_has_every_rule_and_setting_in_order() -> None:
    """F1 to F24, and each field of FleetSettings with its default."""
    assert re.findall(r"^- \*\*(F\d+)\.\*\*", REFERENCE, re.MULTILINE) == [f"F{number}" for number in range(1, 25)]
    settings = FleetSettings()
    table = REFERENCE.partition("## Settings")[2].partition("## Metrics")[0]
    for field in attrs.fields(FleetSettings):
        (row,) = (
            line for line in table.splitlines() if line.startswith("|") and f"`{field.name}`" in line.split("|")[1]
        )
        value = getattr(settings, field.name)
        words = "7 days" if field.name == "retention" else f"{value:g}"
        assert words in row.split("|")[2], row


def test_the_page_has_the_numbers_that_follow_from_the_settings() -> None:
    """F3's 2.75 s, and what is promised of a takeover."""
    settings = FleetSettings()
    assert settings.usable_ttl - settings.renew_every == 2.75
    assert "2.75 s by default" in REFERENCE
    assert settings.lease_ttl + 5 == 10


async def test_the_page_has_every_metric_with_its_kind() -> None:
    """As the collector describes them to Prometheus, and the operations page names no other."""
    pytest.importorskip("prometheus_client")
    from cometconn.fleet import MemoryEngine, open_consumer, open_worker
    from cometconn.fleet.prometheus import FleetCollector

    engine = MemoryEngine()
    async with (
        open_worker("APP", AppSettings(region="us"), engine=engine, name="w1") as worker,
        open_consumer("APP", engine=engine, group="bots", name="c1") as consumer,
    ):
        families = list(FleetCollector(worker, consumer).describe())
    prefix = "cometconn_fleet_"
    there = {
        (each.name.removeprefix(prefix) + ("_total" if each.type == "counter" else ""), each.type) for each in families
    }
    table = REFERENCE.partition("## Metrics")[2].partition("## What it costs")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    assert {(name, row[2].strip()) for row in rows for name in re.findall(r"`(\w+)`", row[1])} == there
    operations = (DOCS / "how-to" / "operate-a-fleet.md").read_text(encoding="utf-8")
    named = set(re.findall(prefix + r"(\w+)", operations))
    assert named
    assert named <= {name for name, _ in there}
