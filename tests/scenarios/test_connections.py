"""The scenarios that are about connections, on real sockets: lost ones, taken over ones, and those of HTTP."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from device_world import firmware
from live import RawClient
from ota_device.flavours import FREERTOS, MODULAR_CBOR, RUSTOT
from ota_stream.jobs.executions import Status
from scenario_world import (
    BLOCKS,
    DESCRIBE,
    ENDED,
    NEW,
    OLD,
    UPDATE,
    failures,
    names,
    why,
)
from scenarios.live_cloud import Board, LiveCloud, live

BIG = firmware(size=50 * 4096)
ACCEPTED = "accepted v0.9.1"
BOTH = replace(FREERTOS, speaks=("MQTT", "HTTP"))


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LiveCloud]:
    with live(tmp_path) as cloud:
        yield cloud


def test_a_download_goes_on_after_the_connection_was_taken_over(cloud):
    """DisconnectResume."""
    board = Board(cloud)
    job_id = cloud.update(BIG)
    board.at, board.act = 10 * 4096, board.take_over
    board.run()
    execution = cloud.of(job_id)
    assert (execution.status, why(execution)) == (Status.SUCCEEDED, ACCEPTED)
    assert board.runs == BIG
    assert "the connection was lost and is back" in board.lines
    assert board.received == sorted(board.received), "it went on where it was"
    assert len(board.received) == 50, "no block was written twice"
    assert names(cloud.records).count(DESCRIBE) == 3, "it asked which job is on: at its start, then, and after the boot"
    assert failures(cloud.records) == []


def test_a_device_that_was_away_when_its_job_was_cancelled_completes_the_next(cloud):
    """DisconnectCancelUpdate."""
    board = Board(cloud)
    first = cloud.update(BIG)

    def meanwhile() -> None:
        board.take_over()
        cloud.cancel(first)
        cloud.update(NEW, "u2")

    board.at, board.act = 10 * 4096, meanwhile
    board.run()
    execution = cloud.of("AFR_OTA-u2")
    assert (execution.status, why(execution)) == (Status.SUCCEEDED, ACCEPTED)
    assert cloud.of(first).status is Status.CANCELED
    assert board.runs == NEW
    assert names(cloud.records).count(ENDED) == 1


def test_after_its_url_has_expired_a_device_gets_another_and_goes_on(cloud):
    """PresignedUrlExpired."""
    board = Board(cloud, flavour=BOTH)
    job_id = cloud.update(BIG, protocols=("HTTP",), url_seconds=60)
    board.at, board.act = 20 * 4096, lambda: cloud.clock.move(61)
    board.run()
    execution = cloud.of(job_id)
    assert (execution.status, why(execution)) == (Status.SUCCEEDED, ACCEPTED)
    assert execution.number == 1, "it is the same job"
    assert board.runs == BIG
    assert board.lines.count("the URL gives 403, asking for the job again") == 1
    assert board.received == [min(number * 4096, len(BIG)) for number in range(1, 51)], "it went on where it was"
    assert [name for name in names(cloud.records) if name in {BLOCKS, DESCRIBE}] == [DESCRIBE] * 3
    assert "CreateStream" not in names(cloud.records), "no stream is made for HTTP alone"
    assert failures(cloud.records) == []


@pytest.mark.parametrize("protocols", [("MQTT", "HTTP"), ("HTTP", "MQTT")], ids=" then ".join)
def test_after_a_bad_image_by_one_protocol_a_good_one_comes_by_the_other(cloud, protocols):
    """BackToBackSwitchProtocol."""
    board = Board(cloud, flavour=BOTH)
    bad, good = protocols
    first = cloud.update(NEW, "bad", protocols=(bad,), damage="corrupted")
    board.run()
    execution = cloud.of(first)
    assert (execution.status, why(execution)) == (Status.FAILED, "signature check failed")
    assert board.runs == OLD
    second = cloud.update(NEW, "good", protocols=(good,))
    board.run()
    execution = cloud.of(second)
    assert (execution.status, why(execution)) == (Status.SUCCEEDED, ACCEPTED)
    assert board.runs == NEW
    assert names(cloud.records).count(ENDED) == 2
    assert failures(cloud.records) == []


def test_an_agent_that_speaks_mqtt_alone_refuses_an_update_by_http(cloud):
    """BackToBackSwitchProtocol: a device without the other protocol."""
    board = Board(cloud)
    job_id = cloud.update(protocols=("HTTP",))
    board.run()
    execution = cloud.of(job_id)
    assert (execution.status, why(execution)) == (Status.FAILED, "aborted: no data protocol the device speaks")
    assert board.runs == OLD


def test_two_things_get_the_same_job_each_for_itself(cloud):
    """Two things with one job."""
    boards = [Board(cloud, "left"), Board(cloud, "right", MODULAR_CBOR)]
    job_id = cloud.update(targets=("thing/left", "thing/right"))
    threads = [threading.Thread(target=board.run) for board in boards]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert [cloud.of(job_id, thing).status for thing in ("left", "right")] == [Status.SUCCEEDED] * 2
    assert [board.runs for board in boards] == [NEW, NEW]
    assert names(cloud.records).count(ENDED) == 1, "the job ends with the last of them"
    counted = next(record for record in cloud.records if names([record]) == [ENDED])
    assert counted.counts["SUCCEEDED"] == 2
    reported = {record.topic.split("/")[2] for record in cloud.records if names([record]) == [UPDATE]}
    assert reported == {"left", "right"}
    assert failures(cloud.records) == []


@pytest.mark.parametrize(
    ("thing", "flavour"),
    [("x" * 63, FREERTOS), ("z" * 128, FREERTOS), ("a:b_c-D9" * 16, MODULAR_CBOR), ("y" * 128, RUSTOT)],
)
def test_a_thing_with_a_long_name_is_updated(cloud, thing, flavour):
    """Long thing name."""
    board = Board(cloud, thing, flavour)
    job_id = cloud.update(targets=(f"thing/{thing}",))
    board.run()
    assert cloud.of(job_id, thing).status is Status.SUCCEEDED
    assert board.runs == NEW
    assert {record.topic.split("/")[2] for record in cloud.records if hasattr(record, "topic")} == {thing}
    assert failures(cloud.records) == []


def test_a_name_that_makes_an_agents_token_too_long_is_refused_and_the_log_says_why(cloud):
    """Long thing name: a client token that is a colon and the name, and a token has 64 bytes at most (JR-1)."""
    thing = "x" * 64
    job_id = cloud.update(targets=(f"thing/{thing}",))
    with RawClient(cloud.mqtt) as client:
        client.connect(thing)
        client.publish(f"$aws/things/{thing}/jobs/$next/get", json.dumps({"clientToken": f":{thing}"}).encode(), qos=1)
        ((topic, payload),) = client.messages()
    assert topic == f"$aws/things/{thing}/jobs/$next/get/rejected"
    assert json.loads(payload)["code"] == "InvalidRequest"
    assert cloud.of(job_id, thing).status is Status.QUEUED
    assert failures(cloud.records) == [(DESCRIBE, "The client token is longer than 64 bytes")]
