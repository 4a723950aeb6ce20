"""The counts of a running fleet for Prometheus. No label names a thing: that would be ten thousand series."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ota_device.errors import DeviceError
from ota_device.fleet.histogram import PER_DOUBLING, Histogram, edge
from ota_device.fleet.tally import Tally

HOST: Final = "127.0.0.1"


class FleetCollector(Collector):
    """Reads a tally when it is asked: the fleet pays nothing for it."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def collect(self) -> Iterable[Metric]:
        """Give every metric."""
        tally = self._tally
        stages = GaugeMetricFamily("ota_fleet_things", "Things by how far they are", labels=["stage"])
        for stage, many in tally.stages.items():
            stages.add_metric([stage.value], many)
        failures = CounterMetricFamily("ota_fleet_failures", "Things that have failed, by reason", labels=["reason"])
        for reason, many in dict(tally.reasons).items():
            failures.add_metric([reason], many)
        yield stages
        yield failures
        yield GaugeMetricFamily("ota_fleet_connected_things", "Things that are connected", value=tally.connected)
        for name, text, value in (
            ("ota_fleet_blocks", "New blocks that came", tally.blocks),
            ("ota_fleet_received_bytes", "Bytes of firmware that came", tally.bytes),
            ("ota_fleet_requests", "Requests about streams that were made", tally.requests),
            ("ota_fleet_verified_images", "Images with the right hash and signature", tally.verified),
            ("ota_fleet_reboots", "Reboots into a new image", tally.rebooted),
            ("ota_fleet_connections", "Connections that were made", tally.connections),
            ("ota_fleet_lost_connections", "Connections that were lost", tally.lost_connections),
            ("ota_fleet_lost_messages", "Requests and blocks lost on purpose", tally.lost_messages),
            ("ota_fleet_power_cuts", "Power cuts", tally.power_cuts),
        ):
            yield CounterMetricFamily(name, text, value=value)
        yield _histogram("ota_fleet_block_delay_seconds", "From a request to each of its blocks", tally.block_delay)
        yield _histogram("ota_fleet_image_seconds", "From the first request to a verified image", tally.image_time)


@contextmanager
def serving(tally: Tally, port: int | None) -> Generator[int | None]:
    """Serve `/metrics` on this machine; give the port. Without one nothing is served.

    Raises:
        DeviceError: the port cannot be had.
    """
    if port is None:
        yield None
        return
    registry = CollectorRegistry()
    registry.register(FleetCollector(tally))
    try:
        server, thread = start_http_server(port, HOST, registry)
    except OSError as error:
        raise DeviceError(f"metrics cannot be served on {HOST}:{port}: {error.strerror}") from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    """Give a bucket for every doubling."""
    buckets: list[tuple[str, float]] = []
    seen = 0
    for number, many in enumerate(list(histogram.counts), start=1):
        seen += many
        if number % PER_DOUBLING == 0:
            buckets.append((f"{edge(number):.6g}", seen))
    buckets[-1] = ("+Inf", seen)  # what is longer than the last bucket is in it
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=histogram.total)
