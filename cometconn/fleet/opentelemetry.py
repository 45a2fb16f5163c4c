"""Metrics of workers and consumers for OpenTelemetry, through its API alone. Needs `pip install cometconn[otel]`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from cometconn._arguments import checked
from cometconn._client.version import __version__
from cometconn.errors import SettingsError

from .consumer import Consumer
from .distribution import Distribution
from .metric_table import Kind, Metric, Sources
from .worker import Worker

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter, Observation

__all__ = ["observe"]

_PREFIX = "cometconn.fleet."


@checked
def observe(*sources: Worker | Consumer, meter: Meter | None = None) -> None:
    """Let OpenTelemetry observe the statistics of workers and consumers, whenever it exports metrics.

    The names are those of `cometconn.fleet.prometheus`, with `cometconn.fleet.` in front, and so are the attributes. An
    observable histogram does not exist in OpenTelemetry: of durations there are two counters, `.count` and `.sum`.
    Without an SDK in the process nothing is computed. Instruments cannot be removed: once the Trio run has ended they have
    no observations.

    Args:
        sources: the workers and consumers. Pass all of a process in one call.
        meter: which makes the instruments; `None`: that of the global provider.

    Raises:
        SettingsError: there is no source, or opentelemetry-api is not installed.
        RuntimeError: it is not called in a Trio task.
    """
    try:
        from opentelemetry import metrics  # noqa: PLC0415 - an extra
    except ImportError as error:
        message = "Metrics for OpenTelemetry need opentelemetry-api: run `pip install cometconn[otel]`."
        raise SettingsError(message) from error
    read = Sources(sources)
    chosen: Any = meter or metrics.get_meter("cometconn.fleet", __version__)
    for table, _ in read.labels:
        for metric in table:
            for suffix, part in _PARTS.items() if metric.kind is Kind.HISTOGRAM else (("", None),):
                is_gauge = metric.kind is Kind.GAUGE
                make = chosen.create_observable_gauge if is_gauge else chosen.create_observable_counter
                observed = _observer(read, metric, part, metrics.Observation)
                make(_PREFIX + metric.name + suffix, [observed], description=metric.help)


_PARTS: dict[str, Callable[[Distribution], float]] = {".count": lambda d: d.count, ".sum": lambda d: d.total}


def _observer(
    sources: Sources,
    metric: Metric,
    part: Callable[[Distribution], float] | None,
    observation: Callable[[float, Mapping[str, str]], Observation],
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe_now(_options: CallbackOptions) -> Iterable[Observation]:
        found = []
        for reading in sources.read():
            if metric not in reading.metrics:
                continue
            value = metric.read(reading.statistics)
            if part is not None:
                found.append(observation(part(value), reading.labels))
            elif metric.by is not None:
                found += [observation(each, {**reading.labels, metric.by: label}) for label, each in value.items()]
            else:
                found.append(observation(value, reading.labels))
        return found

    return observe_now
