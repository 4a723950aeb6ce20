"""What the simulator has answered, for Prometheus. No label names a thing, a client, a topic or a token."""

from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ota_broker.front.metering.meter import Meter
from ota_stream.records import BrokerRecord, JobRequestRecord, Record, RequestRecord

PATH: Final = "/metrics"
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_RESULT: Final = {True: "success", False: "failure"}


class Log(Protocol):
    """Where records go."""

    def keep(self, record: Record) -> None:
        """Take one record."""
        ...


class Door(Protocol):
    """The front door: connections that are open, connections since the start, and what they have used."""

    @property
    def connected(self) -> int:
        """How many connections are open."""
        ...

    accepted: int
    meter: Meter


class Blocks(Protocol):
    """Who answers requests for blocks: how many blocks the answers had."""

    blocks: int


class Journals(Protocol):
    """Where records are written: how many there was no room for."""

    @property
    def lost(self) -> int:
        """Records that nobody will ever read."""
        ...


class CountedLog:
    """Counts the records of devices' requests, and of refusals, on their way."""

    __slots__ = ("_log", "refusals", "requests")

    def __init__(self, log: Log) -> None:
        self._log = log
        self.requests: Counter[tuple[str, bool]] = Counter()
        """By operation, and whether it succeeded."""
        self.refusals: Counter[str] = Counter()
        """By event."""

    def keep(self, record: Record) -> None:
        """Take one record."""
        if isinstance(record, RequestRecord):
            self.requests[record.action, record.failure is None] += 1
        elif isinstance(record, JobRequestRecord):
            self.requests[record.event, record.failure is None] += 1
        elif isinstance(record, BrokerRecord):
            self.refusals[record.event] += 1
        self._log.keep(record)


class SimulatorCollector(Collector):
    """Reads the counts when it is asked."""

    def __init__(self, log: CountedLog, door: Door, answering: Blocks, journals: Journals) -> None:
        self._log = log
        self._door = door
        self._answering = answering
        self._journals = journals

    def collect(self) -> Iterable[Metric]:
        """Give every metric."""
        door, meter = self._door, self._door.meter
        requests = (((name, _RESULT[good]), many) for (name, good), many in self._log.requests.items())
        told = "Requests of devices that were answered"
        yield _counter("ota_stream_requests", told, ["operation", "result"], requests)
        yield _counter("ota_stream_blocks", "Blocks that answers brought", [], [((), self._answering.blocks)])
        lost = "Records that could not be written, for want of room"
        yield _counter("ota_stream_lost_records", lost, [], [((), self._journals.lost)])
        refusals = (((event,), many) for event, many in self._log.refusals.items())
        yield _counter("ota_stream_refusals", "What the broker refused to clients, as recorded", ["event"], refusals)
        yield GaugeMetricFamily("ota_stream_connected_clients", "Clients that are connected", value=door.connected)
        yield _counter("ota_stream_connections", "Connections that were taken", [], [((), door.accepted)])
        if not meter.is_off:
            messages = [(("in",), meter.came), (("out",), meter.went)]
            yield _counter("ota_stream_messages", "Messages from and to clients", ["direction"], messages)
            yield _counter("ota_stream_transferred_bytes", "Bytes of MQTT, both ways", [], [((), meter.transferred)])
            excess = (((each["name"],), each["excess"]) for each in meter.shown())
            yield _counter("ota_stream_quota_excess", "What was beyond a quota of AWS", ["quota"], excess)
        yield InfoMetricFamily("ota_stream_build", "What this is", value={"version": version("ota-stream")})


def _counter(
    name: str, told: str, labels: Sequence[str], counts: Iterable[tuple[tuple[str, ...], int]]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, told, labels=labels)
    for values, many in counts:
        family.add_metric(values, many)
    return family


class MetricsPage:
    """Answers `GET /metrics`, and leaves everything else to `otherwise`: a bucket of that name is asked for signed."""

    def __init__(self, otherwise: ASGIApp, collector: SimulatorCollector) -> None:
        self._otherwise = otherwise
        self._registry = CollectorRegistry()
        self._registry.register(collector)
        ProcessCollector(registry=self._registry)  # memory, processor time, open files, under their usual names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "GET" or _is_signed(scope):
            await self._otherwise(scope, receive, send)
            return
        await Response(generate_latest(self._registry), media_type=CONTENT_TYPE)(scope, receive, send)


def _is_signed(scope: Scope) -> bool:
    return b"X-Amz-" in scope["query_string"] or any(name == b"authorization" for name, _ in scope["headers"])
