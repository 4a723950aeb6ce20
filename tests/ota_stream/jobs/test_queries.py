"""What an operator sees (JC-2..JC-4, JC-11..JC-13)."""

import json

import msgspec
import pytest

from job_desk import DOCUMENT, Desk
from ota_stream.errors import ControlError
from ota_stream.jobs.configs import RolloutConfig, TimeoutConfig
from ota_stream.jobs.executions import Status
from ota_stream.jobs.jobs import JobSpec, JobStatus

ARN = "arn:aws:iot:us-east-1:123456789012:"


def test_a_job_is_shown_as_the_api_does():
    """JC-2."""
    desk = Desk()
    desk.now = 7.25
    desk.create(
        "j",
        document_source="https://there/doc",
        description="words",
        timeout_config=TimeoutConfig(5),
        job_executions_rollout_config=RolloutConfig(9),
    )
    shown = desk.queries.describe_job("j")
    assert shown == {
        "documentSource": "https://there/doc",
        "job": {
            "jobArn": f"{ARN}job/j",
            "jobId": "j",
            "targetSelection": "SNAPSHOT",
            "status": "IN_PROGRESS",
            "forceCanceled": False,
            "targets": [f"{ARN}thing/t"],
            "description": "words",
            "jobExecutionsRolloutConfig": {"maximumPerMinute": 9},
            "timeoutConfig": {"inProgressTimeoutInMinutes": 5},
            "createdAt": 7.25,
            "lastUpdatedAt": 7.25,
            "jobProcessDetails": {
                "numberOfCanceledThings": 0,
                "numberOfSucceededThings": 0,
                "numberOfFailedThings": 0,
                "numberOfRejectedThings": 0,
                "numberOfQueuedThings": 1,
                "numberOfInProgressThings": 0,
                "numberOfRemovedThings": 0,
                "numberOfTimedOutThings": 0,
            },
        },
    }
    json.dumps(shown)
    assert desk.queries.get_job_document("j") == {"document": DOCUMENT}


def test_the_body_of_the_api_is_a_spec():
    """JC-1."""
    body = {
        "jobId": "j",
        "targets": ["thing/t"],
        "document": "{}",
        "targetSelection": "CONTINUOUS",
        "presignedUrlConfig": {"roleArn": "r", "expiresInSec": 60},
        "abortConfig": {
            "criteriaList": [
                {
                    "failureType": "ALL",
                    "action": "CANCEL",
                    "thresholdPercentage": 5,
                    "minNumberOfExecutedThings": 1,
                }
            ]
        },
        "jobExecutionsRetryConfig": {"criteriaList": [{"failureType": "ALL", "numberOfRetries": 1}]},
        "jobExecutionsRolloutConfig": {
            "exponentialRate": {
                "baseRatePerMinute": 5,
                "incrementFactor": 1.5,
                "rateIncreaseCriteria": {"numberOfSucceededThings": 10},
            }
        },
    }
    desk = Desk()
    desk.control.create_job(msgspec.convert(body, JobSpec), 1.0)
    shown = desk.queries.describe_job("j")["job"]
    for name in ("presignedUrlConfig", "abortConfig", "jobExecutionsRetryConfig", "jobExecutionsRolloutConfig"):
        assert json.loads(json.dumps(shown[name])) == body[name]


def test_an_execution_is_shown_as_the_api_does():
    """JC-11."""
    desk = Desk()
    desk.create("j", timeout_config=TimeoutConfig(1))
    desk.now = 2.5
    desk.start(statusDetails={"a": "b"})
    assert desk.queries.describe_job_execution("t", "j", 12.5, 1) == {
        "execution": {
            "jobId": "j",
            "status": "IN_PROGRESS",
            "forceCanceled": False,
            "statusDetails": {"detailsMap": {"a": "b"}},
            "thingArn": f"{ARN}thing/t",
            "queuedAt": 0.0,
            "startedAt": 2.5,
            "lastUpdatedAt": 2.5,
            "executionNumber": 1,
            "versionNumber": 2,
            "approximateSecondsBeforeTimedOut": 50,
        }
    }


def test_executions_are_listed_by_job_and_by_thing():
    """JC-12, JC-13."""
    desk = Desk()
    desk.create("j", "thing/a", "thing/b")
    desk.create("k", "thing/a")
    desk.start("a")
    started = {
        "status": "IN_PROGRESS",
        "queuedAt": 0.0,
        "startedAt": 0.0,
        "lastUpdatedAt": 0.0,
        "executionNumber": 1,
        "retryAttempt": 0,
    }
    of_job = desk.queries.list_executions_for_job("j")["executionSummaries"]
    assert of_job[0] == {"thingArn": f"{ARN}thing/a", "jobExecutionSummary": started}
    assert [one["thingArn"][-1] for one in of_job] == ["a", "b"]
    queued = desk.queries.list_executions_for_job("j", status=Status.QUEUED)["executionSummaries"]
    assert [one["thingArn"][-1] for one in queued] == ["b"]
    of_thing = desk.queries.list_executions_for_thing("a")["executionSummaries"]
    assert of_thing[0] == {"jobId": "j", "jobExecutionSummary": started}
    assert [one["jobId"] for one in of_thing] == ["j", "k"]
    for filters in ({"job_id": "k"}, {"status": Status.QUEUED}):
        one = desk.queries.list_executions_for_thing("a", **filters)["executionSummaries"]
        assert [entry["jobId"] for entry in one] == ["k"]


def test_jobs_are_listed_the_newest_first_and_filtered():
    """JC-3."""
    desk = Desk()
    desk.registry.create_thing_group("g")
    desk.create("j1")
    desk.now = 1.0
    desk.create("j2", "thinggroup/g", target_selection="CONTINUOUS")
    desk.report("t", "j1", "SUCCEEDED")

    def listed(**filters):
        return [job["jobId"] for job in desk.queries.list_jobs(**filters)["jobs"]]

    assert listed() == ["j2", "j1"]
    assert listed(status=JobStatus.COMPLETED) == ["j1"]
    assert listed(target_selection="CONTINUOUS") == ["j2"]
    assert listed(thing_group="g") == ["j2"]
    assert desk.queries.list_jobs()["jobs"][1] == {
        "jobArn": f"{ARN}job/j1",
        "jobId": "j1",
        "targetSelection": "SNAPSHOT",
        "status": "COMPLETED",
        "createdAt": 0.0,
        "lastUpdatedAt": 1.0,
        "completedAt": 1.0,
        "isConcurrent": False,
    }


def test_lists_come_in_pages():
    desk = Desk()
    for number in range(7):
        desk.create(f"j{number}")
    pages, token = [], None
    while True:
        answer = desk.queries.list_jobs(max_results=3, next_token=token)
        pages.append([job["jobId"] for job in answer["jobs"]])
        token = answer.get("nextToken")
        if token is None:
            break
    assert pages == [["j0", "j1", "j2"], ["j3", "j4", "j5"], ["j6"]]


@pytest.mark.parametrize(
    "more",
    [{"max_results": 0}, {"max_results": 251}, {"next_token": "x"}, {"next_token": "٣"}, {"next_token": "9" * 50}],
)
def test_a_page_that_does_not_exist_is_refused(more):
    with pytest.raises(ControlError, match="InvalidRequestException"):
        Desk().queries.list_jobs(**more)
