"""The metrics of workers and consumers, and reading their values in any thread."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, final

import attrs
import trio

from cometconn.errors import SettingsError

from .consumer import Consumer
from .worker import Worker

__all__ = ["CONSUMER", "WORKER", "Kind", "Metric", "Reading", "Sources"]


class Kind(enum.Enum):
    """What a metric is."""

    GAUGE = "gauge"  #: a number that rises and falls
    COUNTER = "counter"  #: a number that only rises
    HISTOGRAM = "histogram"  #: durations in classes


@attrs.frozen
class Metric:
    """One metric.

    Attributes:
        kind: what it is.
        name: without a prefix.
        help: one sentence.
        read: returns its value from statistics: a number, a `Distribution`, or a number for each value of the label *by*.
        by: a further label.
    """

    kind: Kind
    name: str
    help: str
    read: Callable[[Any], Any]
    by: str | None = None


_GAUGE, _COUNTER, _HISTOGRAM = Kind


def _of_lease(prefix: str) -> tuple[Metric, ...]:
    """Return the metrics that workers and consumers have alike."""
    remaining, renewals = (
        "Seconds until the lease ends, if not renewed.",
        "Duration of successful renewals of the lease.",
    )
    lag, lost = "How late the event loop woke the renewing task.", "Leases that ended against the member's will."
    return (
        Metric(_GAUGE, f"{prefix}lease_remaining_seconds", remaining, lambda s: s.lease_remaining),
        Metric(_HISTOGRAM, f"{prefix}renewal_seconds", renewals, lambda s: s.renewal_seconds),
        Metric(_HISTOGRAM, f"{prefix}loop_lag_seconds", lag, lambda s: s.loop_lag),
        Metric(_COUNTER, f"{prefix}leases_lost", lost, lambda s: s.leases_lost),
        Metric(_COUNTER, f"{prefix}renewals_failed", "Renewals of the lease that failed.", lambda s: s.renewals_failed),
    )


WORKER: tuple[Metric, ...] = (
    Metric(_GAUGE, "owned", "Accounts that the worker owns.", lambda s: s.owned),
    Metric(_GAUGE, "connected", "Accounts that the worker owns and that are connected.", lambda s: s.connected),
    Metric(_GAUGE, "starting", "Accounts that have not made their first attempt to connect.", lambda s: s.starting),
    Metric(_GAUGE, "orphans", "Accounts of the worker's share that it does not own.", lambda s: s.orphans),
    Metric(
        _GAUGE,
        "append_lag_seconds",
        "Seconds for which the oldest append waits for the engine.",
        lambda s: s.append_lag,
    ),
    Metric(_HISTOGRAM, "takeover_seconds", "Time until a claimed account was connected.", lambda s: s.takeover_seconds),
    Metric(
        _HISTOGRAM,
        "admission_wait_seconds",
        "Wait for the rate limit of connects and logins.",
        lambda s: s.admission_seconds,
    ),
    Metric(_COUNTER, "takeovers", "Accounts that the worker claimed, by reason.", lambda s: s.takeovers, "reason"),
    Metric(_COUNTER, "releases", "Accounts that the worker gave up.", lambda s: s.releases),
    Metric(_COUNTER, "parked", "Accounts that the worker parked.", lambda s: s.parked),
    Metric(_COUNTER, "appended", "Ids, signals and holes that the engine took.", lambda s: s.appended),
    Metric(_COUNTER, "append_skipped", "Ids that were in the log already.", lambda s: s.skipped),
    Metric(_COUNTER, "append_late", "Ids that were appended behind greater ones.", lambda s: s.late),
    Metric(_COUNTER, "append_failures", "Append calls that failed and were repeated.", lambda s: s.append_failures),
    Metric(_COUNTER, "fenced", "Writes that were refused because the account has another owner.", lambda s: s.fenced),
    Metric(_COUNTER, "rewound", "Accounts that noticed that the engine had forgotten something.", lambda s: s.rewound),
    Metric(_COUNTER, "throttled", "Responses with 429 or 503 that slowed the rate limit.", lambda s: s.throttled),
    Metric(_COUNTER, "handler_failures", "Handlers that raised or returned.", lambda s: s.handler_failures),
    Metric(_COUNTER, "trimmed", "Old entries that the worker removed from the log.", lambda s: s.trimmed),
    *_of_lease(""),
)

CONSUMER: tuple[Metric, ...] = (
    Metric(_GAUGE, "consumer_partitions", "Partitions that the consumer owns.", lambda s: s.partitions),
    Metric(_GAUGE, "consumer_waiting", "Entries that were read and not handed out.", lambda s: s.waiting),
    Metric(
        _GAUGE,
        "consumer_unacknowledged",
        "Entries that were handed out and not acknowledged.",
        lambda s: s.unacknowledged,
    ),
    Metric(_COUNTER, "consumer_delivered", "Entries that the consumer handed out.", lambda s: s.delivered),
    Metric(
        _COUNTER, "consumer_acknowledgements", "Acknowledgements that the engine took.", lambda s: s.acknowledgements
    ),
    Metric(
        _COUNTER,
        "consumer_rewound",
        "Partitions that noticed that the engine had forgotten entries.",
        lambda s: s.rewound,
    ),
    *_of_lease("consumer_"),
)


@attrs.frozen
class Reading:
    """The statistics of one worker or consumer at one moment.

    Attributes:
        metrics: what to read from them.
        labels: say which one it is. No uid is among them.
        statistics: its statistics.
    """

    metrics: tuple[Metric, ...]
    labels: Mapping[str, str]
    statistics: Any


@final
class Sources:
    """Workers and consumers, whose statistics can be read in any thread. Made in a Trio task.

    Args:
        sources: at least one.

    Raises:
        SettingsError: there is none.
        RuntimeError: it is not made in a Trio task.
    """

    def __init__(self, sources: tuple[Worker | Consumer, ...]) -> None:
        if not sources:
            message = "Metrics need a worker or a consumer to read."
            raise SettingsError(message)
        self._sources = sources
        self._token = trio.lowlevel.current_trio_token()

    def __repr__(self) -> str:
        return ", ".join(map(repr, self._sources))

    @property
    def labels(self) -> list[tuple[tuple[Metric, ...], tuple[str, ...]]]:
        """The tables of which there are sources, with the names of their labels."""
        kinds = ((Worker, WORKER, ("worker",)), (Consumer, CONSUMER, ("group", "consumer")))
        return [(table, labels) for kind, table, labels in kinds if any(isinstance(s, kind) for s in self._sources)]

    def read(self) -> list[Reading]:
        """Return the statistics of now. In another thread than Trio's, wait until its event loop has read them.

        Once the Trio run has ended there are none.
        """
        try:
            if self._is_here():
                return self._read()
            return trio.from_thread.run_sync(self._read, trio_token=self._token)
        except trio.RunFinishedError:
            return []

    def _is_here(self) -> bool:
        try:
            return trio.lowlevel.current_trio_token() is self._token
        except RuntimeError:
            return False

    def _read(self) -> list[Reading]:
        return [
            Reading(WORKER, {"worker": each.name}, each.statistics())
            if isinstance(each, Worker)
            else Reading(CONSUMER, {"group": each.group, "consumer": each.name}, each.statistics())
            for each in self._sources
        ]
