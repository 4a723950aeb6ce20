"""What goes wrong beside the image: the cloud's objects change under a download, requests are refused, power goes."""

import json

import pytest
from msgspec.structs import replace

from device_world import firmware
from images import MemoryImage
from ota_device.flavours import FREERTOS, MODULAR_JSON
from ota_stream.jobs.executions import Status
from ota_stream.streams import topics
from ota_stream.streams.codec import CODECS
from ota_stream.streams.messages import GetStream
from ota_stream.streams.topics import Format, Operation
from scenario_world import BLOCKS, DESCRIBE, ENDED, NEW, OLD, THING, UPDATE, Stage, failures, names, why

BAD_BLOCK = "a block that does not fit the file"
NO_ANSWER = "aborted: no answer to the block requests"
LONG = firmware(size=50 * 4096)  # in the middle of it, the end is not under way yet
TRANSITION = "A job execution cannot go from {} to {}"


def stream_of(stage: Stage) -> str:
    stream_id = stage.updates.get("u1").stream_id
    assert stream_id is not None
    return stream_id


def failed(stage: Stage, reason: str) -> None:
    execution = stage.ended()
    assert (execution.status, why(execution)) == (Status.FAILED, reason)
    assert stage.images == [OLD]
    assert names(stage.records)[-1] == ENDED


# Streams


def test_a_stream_that_is_deleted_in_mid_download_ends_it():
    """Stream deleted in mid-download."""
    stage = Stage()
    stage.update()
    stage.receive_some(8)
    stage.catalog.delete(stream_of(stage))
    failed(stage, BAD_BLOCK)  # the reference agent takes the refusal for a block (device-agents 6.1)
    assert failures(stage.records) == [(BLOCKS, "The requested stream was not found")]


def test_a_stream_that_gets_another_version_in_mid_download_gives_no_more_blocks():
    """Wrong stream version."""
    stage = Stage(MODULAR_JSON)  # it asks for version 1
    stage.update()
    stage.receive_some(8)
    asked = stage.requests
    stage.catalog.update(stream_of(stage), {0: MemoryImage(firmware("0.9.7"))})
    failed(stage, NO_ANSWER)
    refusals = stage.requests - asked
    assert failures(stage.records) == [(BLOCKS, "The stream version does not match")] * refusals
    assert refusals == 32, "as often as the agent asks"
    assert len(stage.bars) == 8, "no block of the other image"


@pytest.mark.parametrize("size", [255, 131_073])
def test_a_block_size_out_of_bounds_is_refused(size):
    """Unsupported block size."""
    stage = Stage(replace(FREERTOS, block_size=size))
    stage.update()
    failed(stage, BAD_BLOCK)
    assert failures(stage.records) == [(BLOCKS, "The block size is out of bounds")]
    assert stage.bars == []


@pytest.mark.parametrize(("block_size", "count", "sent"), [(4096, 64, 32), (131_072, 3, 1), (50_000, 8, 2)])
def test_more_than_128_kib_in_one_request_is_cut_and_not_refused(block_size, count, sent):
    """More than 128 KiB asked for."""
    stage, image = Stage(), firmware(size=512 * 1024)
    stage.update(image)
    topic = topics.build(THING, stream_of(stage), Operation.GET, Format.CBOR)
    cbor = CODECS[Format.CBOR]
    asked = GetStream(file_id=0, block_size=block_size, block_offset=0, block_count=count)
    answer = stage._streams.answer(topic, cbor.encode_get(asked), THING, stage.wire.now)
    blocks = [cbor.decode_block(reply.payload) for reply in answer.replies]
    assert b"".join(block.payload for block in blocks) == image[: sent * block_size]
    assert [block.block_id for block in blocks] == list(range(sent))
    assert (names(stage.records)[-1], failures(stage.records)) == (BLOCKS, [])
    assert stage.ended().status is Status.SUCCEEDED
    assert stage.runs == image


# Jobs


def test_an_update_with_an_old_version_is_refused_and_changes_nothing():
    """Update rejected by version mismatch."""
    stage = Stage()
    stage.update()
    stage.receive_some()
    before = stage.of()
    kind, answer = stage.ask("AFR_OTA-u1/update", {"status": "FAILED", "expectedVersion": "1", "clientToken": "late"})
    assert (kind, answer["code"], answer["clientToken"]) == ("rejected", "VersionMismatch", "late")
    assert answer["executionState"]["versionNumber"] == before.version
    assert stage.of() == before
    assert stage.ended().status is Status.SUCCEEDED
    assert stage.runs == NEW
    assert failures(stage.records) == [(UPDATE, f"Expected version 1 but found version {before.version}")]


@pytest.mark.parametrize("last", ["SUCCEEDED", "FAILED", "REJECTED"])
def test_an_execution_that_has_ended_takes_no_more_updates(last):
    """Update rejected by a terminal state."""
    stage = Stage()
    stage.update()
    before = stage.ended()
    kind, answer = stage.ask("AFR_OTA-u1/update", {"status": last})
    assert (kind, answer["code"]) == ("rejected", "InvalidStateTransition")
    assert answer["executionState"]["status"] == "SUCCEEDED"
    assert stage.of() == before
    assert len(stage.inbox) == 0, "a refused update tells nobody anything"
    assert stage.runs == NEW
    assert failures(stage.records) == [(UPDATE, TRANSITION.format("SUCCEEDED", last))]


def test_a_device_that_does_not_hear_of_the_cancellation_returns_to_its_old_image():
    """Update rejected by a terminal state: an agent that listens to no notification."""
    stage = Stage(MODULAR_JSON)
    job_id = stage.update()
    stage.receive_some()
    stage.cancel(job_id)
    stage.run(lambda: len(stage.images) == 3)
    assert stage.images == [OLD, NEW, OLD], "the new image found no job to confirm it"
    assert stage.of(job_id).status is Status.CANCELED
    assert failures(stage.records) == [(UPDATE, TRANSITION.format("CANCELED", "IN_PROGRESS"))]


def test_a_job_that_takes_too_long_times_out_and_the_device_gives_up():
    """Job timed out in progress."""
    stage = Stage()
    stage.tamper = lambda _topic, payload: payload if len(stage.bars) < 8 else None
    stage.update(timeout_minutes=1)
    stage.run(lambda: stage.of().status is Status.TIMED_OUT)
    started = stage.of().started_at
    assert started is not None
    assert stage.of().updated_at >= started + 60
    stage.run()
    assert any(line.startswith("job AFR_OTA-u1: given up after ") for line in stage.said)
    assert stage.images == [OLD]
    assert names(stage.records).count(ENDED) == 1
    assert failures(stage.records) == []
    stage.tamper = lambda _topic, payload: payload
    assert stage.ended(stage.update(NEW, "u2")).status is Status.SUCCEEDED


def test_a_thing_that_leaves_its_group_in_mid_download_loses_the_job():
    """Job removed in progress."""
    stage = Stage()
    stage.registry.create_thing_group("boards")
    stage.hand_over(stage.registry.add_thing_to_group(THING, "boards", stage.wire.now))
    job_id = stage.update(LONG, targets=("thinggroup/boards",), continuous=True)
    stage.receive_some()
    stage.hand_over(stage.registry.remove_thing_from_group(THING, "boards", stage.wire.now))
    told = [json.loads(payload) for topic, payload in stage.inbox if topic.endswith("/notify-next")]
    assert [message.keys() for message in told] == [{"timestamp"}]
    stage.run()
    assert (stage.of(job_id).status, why(stage.of(job_id))) == (Status.REMOVED, "")
    assert stage.images == [OLD]
    assert failures(stage.records) == []
    stage.hand_over(stage.registry.add_thing_to_group(THING, "boards", stage.wire.now))
    execution = stage.ended(job_id)  # it is back, and so is the job: as a second execution
    assert (execution.status, execution.number) == (Status.SUCCEEDED, 2)
    assert stage.runs == LONG


def test_an_image_beyond_the_bitmap_is_not_even_reported():
    """Large image beyond the agent's bitmap."""
    stage, large = Stage(), firmware(size=1024 * 4096 + 1)
    job_id = stage.update(large)
    stage.run()
    assert (stage.of(job_id).status, stage.of(job_id).version) == (Status.QUEUED, 1)
    assert names(stage.records)[-1] == DESCRIBE
    assert (
        stage.said[-1] == f"job: IGNORED, job {job_id}: 4194305 bytes; this agent takes 1 to 4194304, and says nothing"
    )
    assert stage.images == [OLD]
    stage.flavour = MODULAR_JSON  # an agent that has room for it takes the same job
    stage.boot()
    assert stage.ended(job_id).status is Status.SUCCEEDED
    assert stage.runs == large
    assert failures(stage.records) == []


# Power


def test_a_power_cut_between_accepting_the_image_and_its_report_is_no_harm():
    """Reboot between "accepted" and its report."""
    stage = Stage()
    stage.update()
    stage.cut_before = lambda topic, payload: topic.endswith("/update") and b"SUCCEEDED" in payload
    stage.run(lambda: len(stage.records_at_cuts) == 1)
    assert stage.of().details["self_test"] == "active", "the cloud has not heard"
    assert b'"state":"accepted"' in stage.records_at_cuts[0]
    execution = stage.ended()
    assert (execution.status, why(execution)) == (Status.SUCCEEDED, "accepted v0.9.1")
    assert stage.images == [OLD, NEW, NEW]
    assert names(stage.records).count(ENDED) == 1
    assert failures(stage.records) == []
