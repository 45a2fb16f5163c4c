"""Metrics of workers and consumers for Prometheus. Needs `pip install cometconn[prometheus]`."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, final

import attrs
import trio

from cometconn._arguments import checked
from cometconn.errors import SettingsError

from .consumer import Consumer
from .distribution import BOUNDS, Distribution
from .worker import Worker

if TYPE_CHECKING:
    import types

    import h11
    from prometheus_client import CollectorRegistry, Metric

__all__ = ["FleetCollector", "serve_metrics"]

_PREFIX = "cometconn_fleet_"
_REQUEST_TIMEOUT = 10.0  # seconds
_MOST_CONNECTIONS = 16
_LARGEST_READ = 4096
_NOT_FOUND, _WRONG_METHOD = 404, 405


def _prometheus() -> types.ModuleType:
    try:
        import prometheus_client.core  # noqa: PLC0415 - an extra
    except ImportError as error:
        message = "Metrics for Prometheus need prometheus-client: run `pip install cometconn[prometheus]`."
        raise SettingsError(message) from error
    return prometheus_client


class _Kind(enum.Enum):
    """What a metric is. The value begins the name of its class in `prometheus_client`."""

    GAUGE = "Gauge"
    COUNTER = "Counter"  # its name in the exposition ends with `_total`
    HISTOGRAM = "Histogram"


@attrs.frozen
class _Row:
    """One metric.

    Attributes:
        kind: what it is.
        name: without the prefix.
        help: one sentence.
        read: returns its value from statistics: a number, a `Distribution`, or a number for each value of the label *by*.
        by: a further label.
    """

    kind: _Kind
    name: str
    help: str
    read: Callable[[Any], Any]
    by: str | None = None

    def family(self, labels: Sequence[str]) -> Any:
        """Return the metric without samples."""
        made = getattr(_prometheus().core, f"{self.kind.value}MetricFamily")
        return made(_PREFIX + self.name, self.help, labels=[*labels, *([] if self.by is None else [self.by])])

    def add(self, family: Any, labels: Sequence[str], statistics: Any) -> None:
        """Add the samples of one worker or consumer."""
        value = self.read(statistics)
        if isinstance(value, Distribution):
            bounds = (*map(str, BOUNDS), "+Inf")
            family.add_metric(labels, list(zip(bounds, itertools.accumulate(value.counts), strict=True)), value.total)
        elif self.by is not None:
            for label, number in value.items():
                family.add_metric([*labels, label], number)
        else:
            family.add_metric(labels, value)


_GAUGE, _COUNTER, _HISTOGRAM = _Kind

_WORKER: tuple[_Row, ...] = (
    _Row(_GAUGE, "owned", "Accounts that the worker owns.", lambda s: s.owned),
    _Row(_GAUGE, "connected", "Accounts that the worker owns and that are connected.", lambda s: s.connected),
    _Row(_GAUGE, "starting", "Accounts that have not made their first attempt to connect.", lambda s: s.starting),
    _Row(_GAUGE, "orphans", "Accounts of the worker's share that it does not own.", lambda s: s.orphans),
    _Row(
        _GAUGE, "lease_remaining_seconds", "Seconds until the lease ends, if not renewed.", lambda s: s.lease_remaining
    ),
    _Row(
        _GAUGE,
        "append_lag_seconds",
        "Seconds for which the oldest append waits for the engine.",
        lambda s: s.append_lag,
    ),
    _Row(_HISTOGRAM, "renewal_seconds", "Duration of successful renewals of the lease.", lambda s: s.renewal_seconds),
    _Row(_HISTOGRAM, "loop_lag_seconds", "How late the event loop woke the renewing task.", lambda s: s.loop_lag),
    _Row(_HISTOGRAM, "takeover_seconds", "Time until a claimed account was connected.", lambda s: s.takeover_seconds),
    _Row(
        _HISTOGRAM,
        "admission_wait_seconds",
        "Wait for the rate limit of connects and logins.",
        lambda s: s.admission_seconds,
    ),
    _Row(_COUNTER, "takeovers", "Accounts that the worker claimed, by reason.", lambda s: s.takeovers, "reason"),
    _Row(_COUNTER, "releases", "Accounts that the worker gave up.", lambda s: s.releases),
    _Row(_COUNTER, "parked", "Accounts that the worker parked.", lambda s: s.parked),
    _Row(_COUNTER, "leases_lost", "Leases that ended against the worker's will.", lambda s: s.leases_lost),
    _Row(_COUNTER, "renewals_failed", "Renewals of the lease that failed.", lambda s: s.renewals_failed),
    _Row(_COUNTER, "appended", "Ids, signals and holes that the engine took.", lambda s: s.appended),
    _Row(_COUNTER, "append_skipped", "Ids that were in the log already.", lambda s: s.skipped),
    _Row(_COUNTER, "append_late", "Ids that were appended behind greater ones.", lambda s: s.late),
    _Row(_COUNTER, "append_failures", "Append calls that failed and were repeated.", lambda s: s.append_failures),
    _Row(_COUNTER, "fenced", "Writes that were refused because the account has another owner.", lambda s: s.fenced),
    _Row(_COUNTER, "rewound", "Accounts that noticed that the engine had forgotten something.", lambda s: s.rewound),
    _Row(_COUNTER, "throttled", "Responses with 429 or 503 that slowed the rate limit.", lambda s: s.throttled),
    _Row(_COUNTER, "handler_failures", "Handlers that raised or returned.", lambda s: s.handler_failures),
    _Row(_COUNTER, "trimmed", "Old entries that the worker removed from the log.", lambda s: s.trimmed),
)

_CONSUMER: tuple[_Row, ...] = (
    _Row(_GAUGE, "consumer_partitions", "Partitions that the consumer owns.", lambda s: s.partitions),
    _Row(_GAUGE, "consumer_waiting", "Entries that were read and not handed out.", lambda s: s.waiting),
    _Row(
        _GAUGE,
        "consumer_unacknowledged",
        "Entries that were handed out and not acknowledged.",
        lambda s: s.unacknowledged,
    ),
    _Row(
        _GAUGE,
        "consumer_lease_remaining_seconds",
        "Seconds until the lease ends, if not renewed.",
        lambda s: s.lease_remaining,
    ),
    _Row(
        _HISTOGRAM,
        "consumer_renewal_seconds",
        "Duration of successful renewals of the lease.",
        lambda s: s.renewal_seconds,
    ),
    _Row(
        _HISTOGRAM, "consumer_loop_lag_seconds", "How late the event loop woke the renewing task.", lambda s: s.loop_lag
    ),
    _Row(_COUNTER, "consumer_delivered", "Entries that the consumer handed out.", lambda s: s.delivered),
    _Row(_COUNTER, "consumer_acknowledgements", "Acknowledgements that the engine took.", lambda s: s.acknowledgements),
    _Row(
        _COUNTER,
        "consumer_rewound",
        "Partitions that noticed that the engine had forgotten entries.",
        lambda s: s.rewound,
    ),
    _Row(_COUNTER, "consumer_leases_lost", "Leases that ended against the consumer's will.", lambda s: s.leases_lost),
    _Row(_COUNTER, "consumer_renewals_failed", "Renewals of the lease that failed.", lambda s: s.renewals_failed),
)


@final
@checked
class FleetCollector:
    """The statistics of workers and consumers as metrics, for `prometheus_client`: `registry.register(FleetCollector(worker))`.

    All names begin with `cometconn_fleet_`. The label `worker` is the worker's name; metrics of consumers have the labels
    `group` and `consumer`. A uid is never a label. Nothing is computed until the metrics are read, in any thread: another
    one than Trio's waits until the event loop has read the statistics, so that they agree with each other.

    Make it in a Trio task. Once the Trio run has ended, there are no samples any more.

    Args:
        sources: the workers and consumers. Several in one registry belong into one collector.

    Raises:
        SettingsError: there is no source, or prometheus-client is not installed.
        RuntimeError: it is not made in a Trio task.
    """

    def __init__(self, *sources: Worker | Consumer) -> None:
        _prometheus()
        if not sources:
            message = "FleetCollector(...) needs a worker or a consumer."
            raise SettingsError(message)
        self._workers = [each for each in sources if isinstance(each, Worker)]
        self._consumers = [each for each in sources if isinstance(each, Consumer)]
        self._token = trio.lowlevel.current_trio_token()

    def __repr__(self) -> str:
        return f"FleetCollector({', '.join(map(repr, (*self._workers, *self._consumers)))})"

    @contextmanager
    def registered(self, registry: CollectorRegistry | None = None) -> Generator[None, None, None]:
        """Be registered for as long as the block runs.

        Args:
            registry: where; `None`: in the default registry of `prometheus_client`.

        Raises:
            ValueError: the registry has metrics of these names already.
        """
        chosen: Any = _prometheus().REGISTRY if registry is None else registry
        chosen.register(self)
        try:
            yield
        finally:
            chosen.unregister(self)

    def describe(self) -> Iterable[Metric]:
        """Return the metrics without samples, with which a registry recognises names that are taken."""
        return self._families([], [])

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now. Called by the registry."""
        try:
            if _is_running(self._token):
                found = self._statistics()
            else:
                found = trio.from_thread.run_sync(self._statistics, trio_token=self._token)
        except trio.RunFinishedError:
            return []
        return self._families(*found)

    def _statistics(self) -> tuple[list[Any], list[Any]]:
        return (
            [([each.name], each.statistics()) for each in self._workers],
            [([each.group, each.name], each.statistics()) for each in self._consumers],
        )

    def _families(self, workers: Iterable[Any], consumers: Iterable[Any]) -> list[Metric]:
        tables = (
            (_WORKER, ("worker",), self._workers, workers),
            (_CONSUMER, ("group", "consumer"), self._consumers, consumers),
        )
        families = []
        for rows, labels, sources, found in tables:
            for row in rows if sources else ():
                family = row.family(labels)
                for values, statistics in found:
                    row.add(family, values, statistics)
                families.append(family)
        return families


def _is_running(token: trio.lowlevel.TrioToken) -> bool:
    try:
        return trio.lowlevel.current_trio_token() is token
    except RuntimeError:
        return False


async def serve_metrics(
    port: int,
    *,
    registry: CollectorRegistry | None = None,
    host: str = "127.0.0.1",
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the metrics of a registry at `http://host:port/metrics`, until cancelled: `await nursery.start(serve_metrics, 9464)`.

    Nothing is encrypted and everyone that reaches the port can read it, so it listens on loopback by default. At most 16
    connections are served at once, each for one request, for 10 s at most.

    Args:
        port: 1 to 65,535; 0 picks a free one.
        registry: whose metrics; `None`: the default registry of `prometheus_client`.
        host: the address to listen at.
        task_status: gets the port, once it listens.

    Raises:
        SettingsError: prometheus-client is not installed, or an argument is invalid.
        OSError: the port is in use, or may not be opened.

    If cancelled, the port and all connections are closed.
    """
    client = _prometheus()
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:  # noqa: PLR2004 - TCP
        message = f"serve_metrics(port=...) must be a number from 0 to 65,535, not {port!r:.80}."
        raise SettingsError(message)
    chosen = client.REGISTRY if registry is None else registry
    free = trio.Semaphore(_MOST_CONNECTIONS)

    async def serve(stream: trio.SocketStream) -> None:
        try:
            free.acquire_nowait()
        except trio.WouldBlock:
            await trio.aclose_forcefully(stream)
            return
        try:
            with trio.move_on_after(_REQUEST_TIMEOUT):
                await _serve_request(stream, chosen)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the scraper has left
        finally:
            free.release()
            await trio.aclose_forcefully(stream)

    listeners = await trio.open_tcp_listeners(port, host=host)
    task_status.started(listeners[0].socket.getsockname()[1])
    await trio.serve_listeners(serve, listeners)


async def _serve_request(stream: trio.SocketStream, registry: CollectorRegistry) -> None:
    import h11  # noqa: PLC0415 - comes with the extra

    connection = h11.Connection(h11.SERVER)
    request = None
    try:
        while not isinstance(event := connection.next_event(), h11.EndOfMessage | h11.ConnectionClosed):
            if isinstance(event, h11.Request):
                request = event
            elif event is h11.NEED_DATA:
                connection.receive_data(await stream.receive_some(_LARGEST_READ))
    except h11.RemoteProtocolError as error:
        await _send(stream, connection, error.error_status_hint, b"This is not HTTP.\n")
        return
    if request is not None and request.method != b"HEAD":  # whose response would have no body
        await _send(stream, connection, *_response(request, registry))


def _response(request: h11.Request, registry: CollectorRegistry) -> tuple[int, bytes, str]:
    plain = "text/plain; charset=utf-8"
    if request.target.partition(b"?")[0] not in {b"/", b"/metrics"}:
        return _NOT_FOUND, b"The metrics are at /metrics.\n", plain
    if request.method != b"GET":
        return _WRONG_METHOD, b"Use GET.\n", plain
    accepted = b", ".join(value for name, value in request.headers if name == b"accept").decode("latin-1")
    encode, content_type = _prometheus().exposition.choose_encoder(accepted)
    return 200, encode(registry), content_type


async def _send(
    stream: trio.SocketStream, connection: h11.Connection, status: int, body: bytes, content_type: str = "text/plain"
) -> None:
    import h11  # noqa: PLC0415 - comes with the extra

    headers = [("content-type", content_type), ("content-length", str(len(body))), ("connection", "close")]
    response = connection.send(h11.Response(status_code=status, headers=headers)) or b""
    await stream.send_all(response + (connection.send(h11.Data(data=body)) or b""))
