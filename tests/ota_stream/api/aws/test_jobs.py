"""The operator's operations on jobs (spec 3.8), every request and answer held against the service's model."""

from typing import Any

import pytest

from aws_calls import Caller
from http_cloud import World
from ota_stream.api.aws.handlers import job_documents, things
from ota_stream.errors import ControlError

THING = "arn:aws:iot:us-east-1:123456789012:thing/t1"
GROUP = "arn:aws:iot:us-east-1:123456789012:thinggroup/g1"
ARN = "arn:aws:iot:us-east-1:123456789012:job/j1"
DOCUMENT = '{"from": "a bucket"}'

pytestmark = pytest.mark.usefixtures("world")


def test_a_job_is_created_described_and_listed(iot: Caller, job: dict[str, Any]) -> None:  # JC-1..JC-4
    assert job == {"jobArn": ARN, "jobId": "j1", "description": "one"}
    shown = iot("DescribeJob", jobId="j1")["job"]
    assert (shown["status"], shown["targets"], shown["description"]) == ("IN_PROGRESS", [THING], "one")
    assert shown["jobProcessDetails"]["numberOfQueuedThings"] == 1
    assert iot("GetJobDocument", jobId="j1") == {"document": '{"do": "it"}'}
    assert [each["jobId"] for each in iot("ListJobs")["jobs"]] == ["j1"]
    assert iot("ListJobs", status="COMPLETED") == {"jobs": []}
    assert iot("ListJobs", status="SCHEDULED") == {"jobs": []}  # the model has it, the simulator never does


def test_every_config_of_a_job_is_shown_as_it_was_given(iot: Caller) -> None:  # JC-2
    configs = {
        "presignedUrlConfig": {"roleArn": "arn:aws:iam::123456789012:role/r", "expiresInSec": 100},
        "jobExecutionsRolloutConfig": {
            "exponentialRate": {
                "baseRatePerMinute": 5,
                "incrementFactor": 1.5,
                "rateIncreaseCriteria": {"numberOfNotifiedThings": 3},
            },
        },
        "abortConfig": {
            "criteriaList": [
                {"failureType": "ALL", "action": "CANCEL", "thresholdPercentage": 20.0, "minNumberOfExecutedThings": 2}
            ]
        },
        "timeoutConfig": {"inProgressTimeoutInMinutes": 7},
        "jobExecutionsRetryConfig": {"criteriaList": [{"failureType": "FAILED", "numberOfRetries": 2}]},
        "namespaceId": "n1",
    }
    iot("CreateJob", jobId="j1", targets=[THING], document="{}", **configs)
    shown = iot("DescribeJob", jobId="j1")["job"]
    assert {name: shown[name] for name in configs} == configs


def test_a_job_takes_its_document_from_a_bucket(world: World, iot: Caller) -> None:  # JC-1
    world.operated.objects.put("documents", "a b.json", DOCUMENT.encode())
    source = "https://documents.s3.us-east-1.amazonaws.com/a%20b.json"
    iot("CreateJob", jobId="j1", targets=[THING], documentSource=source)
    assert iot("GetJobDocument", jobId="j1") == {"document": DOCUMENT}
    assert iot("DescribeJob", jobId="j1")["documentSource"] == source


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.us-east-1.amazonaws.com/bucket/k/1?versionId=v",
        "https://bucket.s3.amazonaws.com/k/1?versionId=v",
        "https://bucket.s3-eu-west-1.amazonaws.com/k/1?versionId=v",
        "s3://bucket/k/1?versionId=v",
        "http://127.0.0.1:4566/bucket/k/1?versionId=v",
    ],
)
def test_an_s3_url_names_a_bucket_a_key_and_a_version(url: str) -> None:
    place = job_documents.location(url)
    assert (place.bucket, place.key, place.version) == ("bucket", "k/1", "v")


@pytest.mark.parametrize(
    "url", ["", "ftp://bucket/k", "https://s3.amazonaws.com/", "https://host/only", "http://[", "file:///etc/passwd"]
)
def test_what_is_no_s3_url_is_refused(url: str) -> None:
    with pytest.raises(ControlError, match="documentSource"):
        job_documents.location(url)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "one of document and documentSource"),
        ({"document": "{}", "documentSource": "s3://a/b"}, "one of document and documentSource"),
        ({"documentSource": "s3://bucket/gone"}, "cannot be read"),
        ({"documentSource": "s3://bucket/binary"}, "cannot be read"),
        ({"documentSource": "s3://bucket/long"}, "longer than"),
        ({"document": "[]"}, "not a JSON object"),
        ({"document": "{}", "jobTemplateArn": "arn:aws:iot:us-east-1:1:jobtemplate/t"}, "jobTemplateArn"),
        ({"document": "{}", "schedulingConfig": {"startTime": "2030-01-01 10:00"}}, "schedulingConfig"),
        ({"document": "{}", "targetSelection": "SOME"}, "targetSelection"),
    ],
)
def test_a_job_that_makes_no_sense_is_refused_and_not_made(
    world: World, iot: Caller, given: dict[str, Any], words: str
) -> None:
    world.operated.objects.put("bucket", "binary", b"\xff\xfe")
    world.operated.objects.put("bucket", "long", b" " * 200_000)
    name, status, message = iot.refused("CreateJob", jobId="j1", targets=[THING], **given)
    assert (name, status) == ("InvalidRequestException", 400)
    assert words in message
    assert iot("ListJobs") == {"jobs": []}


def test_a_job_is_updated_and_gets_more_targets(world: World, iot: Caller) -> None:  # JC-5, JC-6
    world.operated.registry.create_thing_group("g1")
    iot("CreateJob", jobId="j1", targets=[GROUP], document="{}", targetSelection="CONTINUOUS")
    iot("UpdateJob", jobId="j1", description="two", timeoutConfig={"inProgressTimeoutInMinutes": 9})
    named = iot("AssociateTargetsWithJob", jobId="j1", targets=[THING], comment="more")
    assert named == {"jobArn": ARN, "jobId": "j1", "description": "two"}
    shown = iot("DescribeJob", jobId="j1")["job"]
    assert (shown["targets"], shown["comment"]) == ([GROUP, THING], "more")
    assert [each["jobId"] for each in iot("ListJobs", thingGroupName="g1", targetSelection="CONTINUOUS")["jobs"]]
    assert iot.refused("ListJobs", thingGroupId="a")[0] == "InvalidRequestException"


@pytest.mark.usefixtures("job")
def test_a_job_is_cancelled_and_deleted(iot: Caller) -> None:  # JC-7, JC-9
    assert iot.refused("DeleteJob", jobId="j1")[:2] == ("InvalidStateTransitionException", 409)
    assert iot("CancelJob", jobId="j1", reasonCode="WHY", comment="so")["jobId"] == "j1"
    shown = iot("DescribeJob", jobId="j1")["job"]
    assert (shown["status"], shown["reasonCode"], shown["comment"]) == ("CANCELED", "WHY", "so")
    iot("DeleteJob", jobId="j1")
    iot.world.clock.move(1_000)
    iot.world.turn()
    assert iot.refused("DescribeJob", jobId="j1")[:2] == ("ResourceNotFoundException", 404)


@pytest.mark.usefixtures("job")
def test_executions_are_listed_described_cancelled_and_deleted(iot: Caller) -> None:  # JC-8, JC-10..JC-13
    of_job = iot("ListJobExecutionsForJob", jobId="j1", status="QUEUED")["executionSummaries"]
    assert [each["thingArn"] for each in of_job] == [THING]
    of_thing = iot("ListJobExecutionsForThing", thingName="t1", jobId="j1")["executionSummaries"]
    assert [(each["jobId"], each["jobExecutionSummary"]["executionNumber"]) for each in of_thing] == [("j1", 1)]
    refused = iot.refused("CancelJobExecution", thingName="t1", jobId="j1", expectedVersion=9)
    assert refused[:2] == ("VersionConflictException", 409)
    iot("CancelJobExecution", thingName="t1", jobId="j1", expectedVersion=1, statusDetails={"by": "me"})
    shown = iot("DescribeJobExecution", thingName="t1", jobId="j1", executionNumber=1)["execution"]
    assert (shown["status"], shown["statusDetails"]) == ("CANCELED", {"detailsMap": {"by": "me"}})
    iot("DeleteJobExecution", thingName="t1", jobId="j1", executionNumber=1)
    assert iot("ListJobExecutionsForJob", jobId="j1") == {"executionSummaries": []}


def test_lists_come_in_pages(iot: Caller) -> None:  # JC-3
    for number in range(3):
        iot("CreateJob", jobId=f"j{number}", targets=[THING], document="{}")
    first = iot("ListJobs", maxResults=2)
    second = iot("ListJobs", maxResults=2, nextToken=first["nextToken"])
    assert {each["jobId"] for each in first["jobs"] + second["jobs"]} == {"j0", "j1", "j2"}
    assert "nextToken" not in second
    assert iot.refused("ListJobs", nextToken="x")[0] == "InvalidRequestException"


def test_a_status_that_is_none_is_refused(iot: Caller) -> None:
    assert iot.refused("ListJobExecutionsForThing", thingName="t1", status="DONE")[0] == "InvalidRequestException"


def _after(world: World, name: str, **given: Any) -> None:
    world.operated.hand_over(things.AFTER[name](world.operated, given))


def test_things_and_groups_made_elsewhere_are_known_to_jobs(world: World, iot: Caller) -> None:  # JC-15..JC-19
    _after(world, "CreateThingGroup", thingGroupName="g1", parentGroupName="g0")
    iot("CreateJob", jobId="j1", targets=[GROUP], document="{}", targetSelection="CONTINUOUS")
    _after(world, "CreateThing", thingName="t1")
    assert iot("ListJobExecutionsForThing", thingName="t1") == {"executionSummaries": []}
    _after(world, "AddThingToThingGroup", thingArn=THING, thingGroupArn=GROUP)
    assert _status(iot) == "QUEUED"
    _after(world, "RemoveThingFromThingGroup", thingName="t1", thingGroupName="g1")
    assert _status(iot) == "REMOVED"
    _after(world, "UpdateThingGroupsForThing", thingName="t1", thingGroupsToAdd=["g1"], thingGroupsToRemove=["g9"])
    assert _status(iot) == "QUEUED"
    _after(world, "DeleteThing", thingName="t1")
    assert iot.refused("ListJobExecutionsForThing", thingName="t1")[0] == "ResourceNotFoundException"


def _status(iot: Caller) -> str:
    return iot("DescribeJobExecution", thingName="t1", jobId="j1")["execution"]["status"]
