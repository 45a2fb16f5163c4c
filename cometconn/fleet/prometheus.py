"""Metrics of workers and consumers for Prometheus. Needs `pip install cometconn[prometheus]`."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, final

import trio

from cometconn._arguments import checked
from cometconn.errors import SettingsError

from .consumer import Consumer
from .distribution import BOUNDS, Distribution
from .metric_table import Kind, Reading, Sources
from .metric_table import Metric as Row
from .worker import Worker

if TYPE_CHECKING:
    import types

    import h11
    from prometheus_client import CollectorRegistry, Metric

__all__ = ["FleetCollector", "serve_metrics"]

_PREFIX = "cometconn_fleet_"
_FAMILIES = {
    Kind.GAUGE: "GaugeMetricFamily",
    Kind.COUNTER: "CounterMetricFamily",  # its name in the exposition ends with `_total`
    Kind.HISTOGRAM: "HistogramMetricFamily",
}
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
        self._sources = Sources(sources)

    def __repr__(self) -> str:
        return f"FleetCollector({self._sources!r})"

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
        return [_family(row, labels) for table, labels in self._sources.labels for row in table]

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now. Called by the registry."""
        families = {}
        for reading in self._sources.read():
            for row in reading.metrics:
                if row.name not in families:
                    families[row.name] = _family(row, tuple(reading.labels))
                _add(families[row.name], row, reading)
        return families.values()


def _family(row: Row, labels: tuple[str, ...]) -> Any:
    """Return a metric without samples."""
    made = getattr(_prometheus().core, _FAMILIES[row.kind])
    return made(_PREFIX + row.name, row.help, labels=[*labels, *([] if row.by is None else [row.by])])


def _add(family: Any, row: Row, reading: Reading) -> None:
    """Add the samples of one worker or consumer."""
    value, labels = row.read(reading.statistics), list(reading.labels.values())
    if isinstance(value, Distribution):
        bounds = (*map(str, BOUNDS), "+Inf")
        family.add_metric(labels, list(zip(bounds, itertools.accumulate(value.counts), strict=True)), value.total)
    elif row.by is not None:
        for label, number in value.items():
            family.add_metric([*labels, label], number)
    else:
        family.add_metric(labels, value)


async def serve_metrics(
    port: int,
    *,
    registry: CollectorRegistry | None = None,
    host: str = "127.0.0.1",
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the metrics of a registry at `http://host:port/metrics`, until cancelled: `await nursery.start(serve_metrics, 9464)`.

    Nothing is encrypted and whatever reaches the port can read it, so it listens on loopback by default. At most 16
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
        """Serve one connection."""
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
