"""The scenarios of AWS's own end-to-end tests in which nothing is wrong with the image: who gets which, and how."""

import json

import pytest
from msgspec.structs import replace

from device_world import firmware
from ota_device.flavours import FREERTOS
from ota_stream.jobs.executions import Status
from scenario_world import (
    BLOCKS,
    CREATION,
    DESCRIBE,
    ENDED,
    NEW,
    OLD,
    THING,
    UPDATE,
    Stage,
    failures,
    names,
    story,
    why,
)

LONG = firmware(size=50 * 4096)  # in the middle of it, the end is not under way yet
NEWER = firmware("0.9.2", 40_000)
NEWEST = firmware("0.9.3", 50_000)
DOWNLOAD = [BLOCKS, UPDATE, BLOCKS, UPDATE]  # the first block is reported, then nothing up to "ready"
SELF_TEST = [DESCRIBE, UPDATE, ENDED]


def test_a_greater_version_succeeds_after_its_self_test():
    """GreaterVersion."""
    stage = Stage()
    job_id = stage.update()
    execution = stage.ended(job_id)
    assert (execution.status, why(execution)) == (Status.SUCCEEDED, "accepted v0.9.1")
    assert execution.details == {"reason": "accepted  v0.9.1", "updatedBy": "  v0.9.0"}
    assert stage.images == [OLD, NEW]
    assert story(stage.records) == [*CREATION, DESCRIBE, *DOWNLOAD, *SELF_TEST]
    assert failures(stage.records) == []


@pytest.mark.parametrize(
    ("asked", "size", "requests"),
    [
        pytest.param(128, 1024 * 1024, 8, id="128 blocks per request"),  # 32 of 4096 bytes are 128 KiB (SB-6)
        pytest.param(1, len(NEW), 15, id="1 block per request"),
    ],
)
def test_a_greater_version_succeeds_however_many_blocks_a_request_asks_for(asked, size, requests):
    """GreaterVersion, 128 blocks per request; GreaterVersion, 1 block per request."""
    image = firmware(size=size)
    stage = Stage(replace(FREERTOS, block_count=asked))
    stage.update(image)
    execution = stage.ended()
    assert (execution.status, why(execution)) == (Status.SUCCEEDED, "accepted v0.9.1")
    assert stage.runs == image
    assert stage.requests == requests
    assert len(stage.bars) == -(-size // 4096), "no block came twice"
    assert failures(stage.records) == []


def test_updates_back_to_back_succeed_one_after_the_other():
    """BackToBackDownloads."""
    stage = Stage()
    images = {"u1": NEW, "u2": NEWER, "u3": NEWEST}
    for ota_update_id, image in images.items():
        stage.update(image, ota_update_id)
    for ota_update_id, version in {"u1": "0.9.1", "u2": "0.9.2", "u3": "0.9.3"}.items():
        execution = stage.ended(f"AFR_OTA-{ota_update_id}")
        assert (execution.status, why(execution)) == (Status.SUCCEEDED, f"accepted v{version}")
        assert stage.runs == images[ota_update_id]
    assert [image for image, before in zip(stage.images, [b"", *stage.images], strict=False) if image != before] == [
        OLD, NEW, NEWER, NEWEST
    ]  # fmt: skip
    assert names(stage.records).count(ENDED) == 3
    assert failures(stage.records) == []


def test_of_two_updates_the_first_is_cancelled_and_the_second_arrives():
    """2UpdatesCancel1st."""
    stage = Stage()
    first, second = stage.update(LONG, "u1"), stage.update(NEWER, "u2")
    stage.receive_some()
    assert stage.of(first).status is Status.IN_PROGRESS
    stage.cancel(first)
    told = [json.loads(payload) for topic, payload in stage.inbox if topic.endswith("/notify-next")]
    assert [message["execution"]["jobId"] for message in told] == [second]
    execution = stage.ended(second)
    assert (execution.status, why(execution)) == (Status.SUCCEEDED, "accepted v0.9.2")
    assert stage.of(first).status is Status.CANCELED
    assert stage.images == [OLD, NEWER], "the first image was never tried"
    assert names(stage.records).count(ENDED) == 1, "a cancelled job does not complete"
    assert failures(stage.records) == []


def test_an_update_is_cancelled_and_the_next_one_arrives():
    """CancelThenUpdate."""
    stage = Stage()
    first = stage.update(LONG)
    stage.receive_some()
    stage.cancel(first)
    told = [json.loads(payload) for topic, payload in stage.inbox if topic.endswith("/notify-next")]
    assert [message.keys() for message in told] == [{"timestamp"}], "nothing to do"
    stage.run()
    assert stage.of(first).status is Status.CANCELED
    assert stage.machine is not None
    assert not stage.machine.over, "it waits"
    execution = stage.ended(stage.update(NEWER, "u2"))
    assert (execution.status, why(execution)) == (Status.SUCCEEDED, "accepted v0.9.2")
    assert stage.images == [OLD, NEWER]
    assert failures(stage.records) == []


@pytest.mark.parametrize("protocols", [("MQTT", "HTTP"), ("HTTP", "MQTT")])
def test_of_both_protocols_the_device_takes_its_own(protocols):
    """DefaultDataProtocol."""
    stage = Stage()
    job_id = stage.update(protocols=protocols)
    offered = json.loads(stage.control.job(job_id).spec.document)["afr_ota"]
    assert offered["protocols"] == list(protocols)
    assert offered["streamname"] == stage.updates.get("u1").stream_id
    assert offered["files"][0]["update_data_url"].startswith("${aws:iot:s3-presigned-url:https://s3.")
    execution = stage.ended(job_id)
    assert (execution.status, why(execution)) == (Status.SUCCEEDED, "accepted v0.9.1")
    assert stage.runs == NEW
    assert stage.requests == 2
    assert failures(stage.records) == []


def test_an_update_made_while_the_device_is_off_waits_for_it():
    """Job created while the device is offline."""
    stage = Stage()
    job_id = stage.update()
    stage.wire.now += 86_400
    stage.turn()
    assert (stage.of(job_id).status, len(stage.inbox)) == (Status.QUEUED, 0)
    assert story(stage.records) == CREATION
    execution = stage.ended(job_id)
    assert (execution.status, execution.number, execution.thing) == (Status.SUCCEEDED, 1, THING)
    assert stage.runs == NEW
    assert failures(stage.records) == []
