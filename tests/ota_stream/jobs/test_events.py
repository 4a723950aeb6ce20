"""Job events (JE-1..JE-4)."""

import json
from uuid import UUID

import pytest

from job_desk import Desk
from ota_stream.answers import Audience
from ota_stream.errors import ControlError
from ota_stream.jobs.configs import TimeoutConfig


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.control.enable_events("JOB")
    desk.control.enable_events("JOB_EXECUTION")
    desk.now = 10.5
    return desk


def events(replies) -> list[tuple[str, dict]]:
    found = []
    for reply in replies:
        if not reply.topic.startswith("$aws/events/"):
            assert not found, "notifications come first"
            continue
        assert (reply.qos, reply.to) == (1, Audience.SUBSCRIBERS)
        body = json.loads(reply.payload)
        UUID(body.pop("eventId"))
        found.append((reply.topic.removeprefix("$aws/events/"), body))
    return found


ARN = "arn:aws:iot:us-east-1:123456789012:thing/t"


def test_an_execution_ends_and_its_job_completes(desk):
    """JE-2, JE-3."""
    desk.create("j", description="words")
    desk.now = 20.5
    told = events(desk.report("t", "j", "SUCCEEDED", statusDetails={"a": "b"}).replies)
    assert told == [
        (
            "jobExecution/j/succeeded",
            {
                "eventType": "JOB_EXECUTION",
                "timestamp": 20,
                "operation": "succeeded",
                "jobId": "j",
                "thingArn": ARN,
                "status": "SUCCEEDED",
                "statusDetails": {"a": "b"},
            },
        ),
        (
            "job/j/completed",
            {
                "eventType": "JOB",
                "timestamp": 20,
                "operation": "completed",
                "jobId": "j",
                "status": "COMPLETED",
                "targetSelection": "SNAPSHOT",
                "targets": [ARN],
                "description": "words",
                "completedAt": 20500,
                "createdAt": 10500,
                "lastUpdatedAt": 20500,
                "jobProcessDetails": {
                    "numberOfCanceledThings": 0,
                    "numberOfRejectedThings": 0,
                    "numberOfFailedThings": 0,
                    "numberOfRemovedThings": 0,
                    "numberOfSucceededThings": 1,
                },
            },
        ),
    ]


def kinds(replies) -> list[str]:
    return [topic for topic, _ in events(replies)]


def test_cancelling_and_deleting_send_two_messages_each(desk):
    """JE-4."""
    desk.create("j")
    told = events(desk.control.cancel_job("j", 11.0, comment="no").replies)
    assert [topic for topic, _ in told] == [
        "job/j/cancellation_in_progress",
        "jobExecution/j/canceled",
        "job/j/canceled",
    ]
    assert [body.get("comment") for _, body in told] == ["no", None, None]
    told = events(desk.control.delete_job("j", 12.0).replies)
    assert [topic for topic, _ in told] == ["job/j/deletion_in_progress", "jobExecution/j/deleted"]
    assert told[0][1]["status"] == "DELETION_IN_PROGRESS"
    told = events(desk.at(13.0).replies)
    assert [(topic, body["status"], body["comment"]) for topic, body in told] == [("job/j/deleted", "DELETED", "no")]


def test_every_end_of_an_execution_has_its_event(desk):
    """JE-3."""
    for status in ("FAILED", "REJECTED"):
        desk.create(status)
        assert kinds(desk.report("t", status, status).replies)[0] == f"jobExecution/{status}/{status.lower()}"
    desk.create("time", timeout_config=TimeoutConfig(1))
    desk.start()
    assert kinds(desk.at(100.0).replies)[0] == "jobExecution/time/timed_out"
    desk.create("gone")
    assert kinds(desk.registry.delete_thing("t", 101.0).replies)[0] == "jobExecution/gone/removed"


def test_what_is_not_an_end_has_no_event(desk):
    assert kinds(desk.create("j").replies) == []
    assert kinds(desk.start().replies) == []
    assert kinds(desk.report("t", "j", "IN_PROGRESS").replies) == []


def test_events_are_off_until_enabled_and_after_that_too():
    """JE-1."""
    desk = Desk()
    desk.create("j1")
    assert kinds(desk.report("t", "j1", "FAILED").replies) == []
    desk.control.enable_events("JOB")
    desk = desk.restarted()
    desk.create("j2")
    assert kinds(desk.report("t", "j2", "FAILED").replies) == ["job/j2/completed"]
    desk.control.enable_events("JOB", enabled=False)
    desk.create("j3")
    assert kinds(desk.report("t", "j3", "FAILED").replies) == []
    with pytest.raises(ControlError, match="use one of JOB, JOB_EXECUTION"):
        desk.control.enable_events("THING")


def test_no_two_events_have_one_id(desk):
    ids = set()
    for job_id in ("a", "b", "c"):
        desk.create(job_id)
        replies = (*desk.report("t", job_id, "FAILED").replies, *desk.control.delete_job(job_id, 99.0).replies)
        ids |= {json.loads(reply.payload)["eventId"] for reply in replies if reply.topic.startswith("$aws/events/")}
    assert len(ids) == 3 * 4
