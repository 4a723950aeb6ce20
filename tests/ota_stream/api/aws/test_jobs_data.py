"""What a device asks of its jobs over HTTP: the same jobs, the same records, other words (JH-1..JH-5)."""

import json

import pytest

from aws_calls import Caller
from http_cloud import World
from ota_stream.records import JobEvent, JobRequestRecord

pytestmark = pytest.mark.usefixtures("job")


def _requests(world: World) -> list[JobRequestRecord]:
    return [record for record in world.records if isinstance(record, JobRequestRecord)]


def test_pending_executions_are_listed(device: Caller) -> None:  # JH-1
    pending = device("GetPendingJobExecutions", thingName="t1")
    assert [each["jobId"] for each in pending["queuedJobs"]] == ["j1"]
    assert pending["inProgressJobs"] == []


def test_the_next_execution_starts_with_its_document_as_text(world: World, device: Caller) -> None:  # JH-2, JS-5
    execution = device("StartNextPendingJobExecution", thingName="t1", statusDetails={"step": "one"})["execution"]
    assert json.loads(execution["jobDocument"]) == {"do": "it"}
    assert (execution["thingName"], execution["status"]) == ("t1", "IN_PROGRESS")
    assert execution["statusDetails"] == {"step": "one"}
    (record,) = _requests(world)
    assert (record.event, record.failure, record.topic) == (JobEvent.START_NEXT, None, None)


def test_an_execution_is_described_by_its_job_or_as_the_next_one(device: Caller) -> None:  # JH-3
    by_job = device("DescribeJobExecution", thingName="t1", jobId="j1", executionNumber=1)
    assert by_job == device("DescribeJobExecution", thingName="t1", jobId="$next")
    bare = device("DescribeJobExecution", thingName="t1", jobId="j1", includeJobDocument=False)["execution"]
    assert "jobDocument" not in bare
    assert device("DescribeJobExecution", thingName="nobody", jobId="$next") == {}


def test_an_update_shows_the_state_and_the_document_when_asked(device: Caller) -> None:  # JH-4
    told = device(
        "UpdateJobExecution", thingName="t1", jobId="j1", status="IN_PROGRESS", expectedVersion=1,
        includeJobExecutionState=True, includeJobDocument=True,
    )  # fmt: skip
    assert told["executionState"] == {"status": "IN_PROGRESS", "versionNumber": 2}
    assert json.loads(told["jobDocument"]) == {"do": "it"}
    assert device("UpdateJobExecution", thingName="t1", jobId="j1", status="SUCCEEDED") == {}


def test_subscribers_are_notified_and_nobody_is_answered_by_mqtt(world: World, device: Caller) -> None:  # JH-5
    world.replies.clear()
    device("UpdateJobExecution", thingName="t1", jobId="j1", status="SUCCEEDED")
    topics = {reply.topic for reply in world.replies}
    assert "$aws/things/t1/jobs/notify-next" in topics
    assert not any(topic.endswith(("/accepted", "/rejected")) for topic in topics)


@pytest.mark.parametrize(
    ("more", "name", "status"),
    [
        ({"jobId": "gone", "status": "FAILED"}, "ResourceNotFoundException", 404),
        ({"status": "QUEUED"}, "InvalidStateTransitionException", 409),
        ({"status": "CANCELED"}, "InvalidRequestException", 400),
        ({"status": "FAILED", "stepTimeoutInMinutes": 10_081}, "InvalidRequestException", 400),
        ({"status": "FAILED", "expectedVersion": 9}, "InvalidStateTransitionException", 409),
    ],
)
def test_a_refused_update_has_its_error_and_its_record(
    world: World, device: Caller, more: dict[str, str], name: str, status: int
) -> None:
    refused = device.refused("UpdateJobExecution", **{"thingName": "t1", "jobId": "j1", **more})
    assert refused[:2] == (name, status)
    (record,) = _requests(world)
    assert (record.event, record.failure) == (JobEvent.UPDATE, refused[2])


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("GetPendingJobExecutions", {"thingName": "t1/jobs/get"}),
        ("GetPendingJobExecutions", {"thingName": "t1\nt2"}),
        ("StartNextPendingJobExecution", {"thingName": "+"}),
        ("DescribeJobExecution", {"thingName": "t1", "jobId": "a/../b"}),
        ("UpdateJobExecution", {"thingName": "t1", "jobId": "$next", "status": "FAILED"}),
    ],
)
def test_a_name_that_no_thing_or_job_has_is_refused_before_anything_is_written(
    world: World, device: Caller, operation: str, given: dict[str, str]
) -> None:
    assert device.refused(operation, **given)[:2] == ("InvalidRequestException", 400)
    assert _requests(world) == []
