"""What the simulator has answered, for Prometheus. No label names a thing, a client, a topic or a token."""

from collections import Counter
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ota_stream.records import JobRequestRecord, Record, RequestRecord

PATH: Final = "/metrics"
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Log(Protocol):
    """Where records go."""

    def keep(self, record: Record) -> None:
        """Take one record."""
        ...


class CountedLog:
    """Counts the records of devices' requests on their way."""

    __slots__ = ("_log", "requests")

    def __init__(self, log: Log) -> None:
        self._log = log
        self.requests: Counter[tuple[str, bool]] = Counter()
        """By operation, and whether it succeeded."""

    def keep(self, record: Record) -> None:
        """Take one record."""
        if isinstance(record, RequestRecord):
            self.requests[record.action, record.failure is None] += 1
        elif isinstance(record, JobRequestRecord):
            self.requests[record.event, record.failure is None] += 1
        self._log.keep(record)


class SimulatorCollector(Collector):
    """Reads the counts when it is asked. `clients` tells how many are connected."""

    def __init__(self, log: CountedLog, clients: Callable[[], int]) -> None:
        self._log = log
        self._clients = clients

    def collect(self) -> Iterable[Metric]:
        """Give every metric."""
        labels = ["operation", "result"]
        requests = CounterMetricFamily("ota_stream_requests", "Requests of devices that were answered", labels=labels)
        for (operation, succeeded), many in self._log.requests.items():
            requests.add_metric([operation, "success" if succeeded else "failure"], many)
        yield requests
        yield GaugeMetricFamily("ota_stream_connected_clients", "Clients that are connected", value=self._clients())
        yield InfoMetricFamily("ota_stream_build", "What this is", value={"version": version("ota-stream")})


class MetricsPage:
    """Answers `GET /metrics`, and leaves everything else to `otherwise`: a bucket of that name is asked for signed."""

    def __init__(self, otherwise: ASGIApp, log: CountedLog, clients: Callable[[], int]) -> None:
        self._otherwise = otherwise
        self._registry = CollectorRegistry()
        self._registry.register(SimulatorCollector(log, clients))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "GET" or _is_signed(scope):
            await self._otherwise(scope, receive, send)
            return
        await Response(generate_latest(self._registry), media_type=CONTENT_TYPE)(scope, receive, send)


def _is_signed(scope: Scope) -> bool:
    return b"X-Amz-" in scope["query_string"] or any(name == b"authorization" for name, _ in scope["headers"])
