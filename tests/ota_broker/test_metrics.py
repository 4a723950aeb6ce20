"""`/metrics` of the simulator: what Prometheus reads, how it is named, and what else is at that path."""

import http.client
import json
import re
import sys
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from docs.pages import ROOT, code, section, table
from images import image_bytes
from live import PATIENCE, RawClient
from ota_broker.front.metering import quotas
from ota_broker.front.metering.meter import Meter
from ota_broker.front.metering.quotas import Quotas
from ota_broker.front.notices import Notices
from ota_broker.metrics import CountedLog, SimulatorCollector
from ota_stream.records import (
    Action,
    BrokerEvent,
    BrokerRecord,
    JobCountRecord,
    JobEvent,
    JobRequestRecord,
    Record,
    RequestRecord,
)
from processes import Process, cli, serve

PAGE = section((ROOT / "docs" / "fleets.md").read_text(encoding="utf-8"), "Metrics")


class Kept:
    def __init__(self) -> None:
        self.made: list[Record] = []

    def keep(self, record: Record) -> None:
        self.made.append(record)


class Door:
    def __init__(self, kept: Quotas = quotas.PRESETS["count"]) -> None:
        self.connected = 3
        self.accepted = 5
        self.meter = Meter(kept, Notices(lambda: 0.0))


class Busy:
    who = "d at 127.0.0.1:1"

    def begin_second(self, _octets_max: int) -> tuple[int, int, int]:
        return 4, 9, 2_000_000


class Answering:
    blocks = 7


class Journals:
    lost = 2


def page(log: CountedLog, door: Door | None = None) -> str:
    registry = CollectorRegistry()
    registry.register(SimulatorCollector(log, door or Door(), Answering(), Journals()))
    return generate_latest(registry).decode()


REFUSED = BrokerRecord(1.0, BrokerEvent.PUBLISH_IN, "x", "c", "t", None, "127.0.0.1", 1, "AUTHORIZATION_FAILURE", "no")


@pytest.fixture
def server(tmp_path: Path):
    (tmp_path / "fw.bin").write_bytes(image_bytes(20_000))
    with serve(tmp_path / "fw.bin", tmp_path / "data") as process:
        yield process


def get(server: Process, target: str, **headers: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", server.ready["http"]["port"], timeout=PATIENCE)) as connection:
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_requests_are_counted_on_their_way_to_the_log():
    kept = Kept()
    log = CountedLog(kept)
    get_stream = RequestRecord(1.0, Action.GET_STREAM, "c", "t", "s")
    records: list[Record] = [
        get_stream,
        get_stream,
        RequestRecord(1.0, Action.GET_STREAM, "c", "t", "s", failure="no"),
        JobRequestRecord(1.0, JobEvent.UPDATE, "c", "t"),
        JobCountRecord(1.0, "job", {}),
        REFUSED,
    ]
    for record in records:
        log.keep(record)
    assert kept.made == records
    shown = page(log).splitlines()
    assert 'ota_stream_requests_total{operation="GetStream",result="success"} 2.0' in shown
    assert 'ota_stream_requests_total{operation="GetStream",result="failure"} 1.0' in shown
    assert 'ota_stream_requests_total{operation="UpdateJobExecution",result="success"} 1.0' in shown
    assert 'ota_stream_refusals_total{event="Publish-In"} 1.0' in shown
    assert "ota_stream_blocks_total 7.0" in shown
    assert "ota_stream_lost_records_total 2.0" in shown


def test_the_front_door_tells_connections_messages_bytes_and_what_aws_would_have_refused():
    door = Door()
    door.meter.turn(1000.0)
    door.meter.touched[Busy()] = None
    door.meter.turn(1001.0)
    text = page(CountedLog(Kept()), door)
    shown = text.splitlines()
    assert "ota_stream_connected_clients 3.0" in shown
    assert "ota_stream_connections_total 5.0" in shown
    assert 'ota_stream_messages_total{direction="in"} 4.0' in shown
    assert 'ota_stream_messages_total{direction="out"} 9.0' in shown
    assert "ota_stream_transferred_bytes_total 2e+06" in shown
    found = {each.name: each for each in text_string_to_metric_families(text)}["ota_stream_quota_excess"].samples
    beyond = {sample.labels["quota"]: sample.value for sample in found if sample.value}
    assert beyond == {quotas.OCTETS.name: 2_000_000 - quotas.OCTETS.limit}


def test_without_metering_there_are_no_messages_to_tell():
    assert "ota_stream_messages" not in page(CountedLog(Kept()), Door(quotas.PRESETS["off"]))


def test_the_page_is_served_and_a_signed_request_is_s3s(server: Process, tmp_path: Path):
    fetched = cli("fetch", "fw", "--port", server.port, cwd=tmp_path)
    assert fetched.returncode == 0, fetched.stderr
    with RawClient(server.address) as client:
        client.connect("dev1")
        status, text = get(server, "/metrics")
    assert status == 200
    families = {family.name: family for family in text_string_to_metric_families(text)}
    counts = {sample.labels["operation"]: sample.value for sample in families["ota_stream_requests"].samples}
    assert counts == {"DescribeStream": 1, "GetStream": 1}
    assert families["ota_stream_blocks"].samples[0].value == 5, "20,000 bytes"
    assert families["ota_stream_lost_records"].samples[0].value == 0
    assert families["ota_stream_connected_clients"].samples[0].value == 1
    assert families["ota_stream_connections"].samples[0].value >= 2
    assert {"process_cpu_seconds", "process_open_fds"} <= families.keys() or sys.platform != "linux"
    credential = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
    assert "ota_stream_requests" not in get(server, "/metrics", Authorization=credential)[1]
    assert json.loads(get(server, "/metrics/x")[1])["message"]


def test_metrics_are_named_as_prometheus_wants_and_are_on_the_page():
    log = CountedLog(Kept())
    log.keep(RequestRecord(1.0, Action.GET_STREAM, "c", "t", "s"))
    log.keep(REFUSED)
    found = list(text_string_to_metric_families(page(log)))
    written = {f"{family.name}_total" if family.type == "counter" else family.name for family in found}
    assert all(re.fullmatch(r"ota_stream_[a-z]+(_[a-z]+)*", name) for name in written)
    for family in found:  # what `promtool check metrics` looks at
        assert family.documentation
        assert not family.name.endswith(("_count", "_sum", "_bucket", "_total"))
        assert family.type not in family.name.split("_")
        assert not {"ms", "milliseconds", "minutes", "kb", "kilobytes", "percent"} & set(family.name.split("_"))
    labels = {label for family in found for sample in family.samples for label in sample.labels}
    assert labels == {"operation", "result", "version", "event", "direction", "quota"}
    listed = {name for row in table(PAGE, "metric") for name in code(row["metric"]) if name.startswith("ota_stream_")}
    assert listed == written
