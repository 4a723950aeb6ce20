"""Golden records: the seed's five cloud-side examples, and the jobs family of the AWS IoT guide."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_stream.logs.entries import EntryWriter
from ota_stream.logs.filters import thing_of
from ota_stream.logs.levels import Level
from ota_stream.records import UNKNOWN_CLIENT, Action, JobCountRecord, JobEvent, JobRequestRecord, Record, UpdateRecord


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


FIRST = "08957b03-eea3-448a-87fe-743e6891ca3a"

SEED = {
    "E-1": (
        "875157236366",
        UpdateRecord(at("2018-07-23 22:59:44.955"), Action.START_CODE_SIGNING, FIRST),
        {
            "timestamp": "2018-07-23 22:59:44.955", "logLevel": "DEBUG", "accountId": "875157236366",
            "status": "Success", "actionType": "StartCodeSigning", "otaUpdateId": FIRST,
            "details": "Start code signing job. The request status is SUCCESS.",
        },
    ),
    "E-2": (
        "123456789012",
        UpdateRecord(at("2018-07-23 22:59:45.363"), Action.CREATE_AWS_JOB, FIRST, job_id=FIRST),
        {
            "timestamp": "2018-07-23 22:59:45.363", "logLevel": "DEBUG", "accountId": "123456789012",
            "status": "Success", "actionType": "CreateAWSJob", "otaUpdateId": FIRST, "awsJobId": FIRST,
            "details": "Create AWS Job The request status is SUCCESS.",
        },
    ),
    "E-3": (
        "123456789012",
        UpdateRecord(at("2018-07-23 22:59:45.413"), Action.CREATE_OTA_UPDATE, FIRST),
        {
            "timestamp": "2018-07-23 22:59:45.413", "logLevel": "DEBUG", "accountId": "123456789012",
            "status": "Success", "actionType": "CreateOTAUpdate", "otaUpdateId": FIRST,
            "details": "OTAUpdate creation complete. The request status is SUCCESS.",
        },
    ),
    "E-4": (
        "123456789012",
        UpdateRecord(
            at("2018-07-23 23:00:26.391"), Action.CREATE_STREAM, "3d3dc5f7-3d6d-47ac-9252-45821ac7cfb0",
            stream_id="6be2303d-3637-48f0-ace9-0b87b1b9a824",
        ),
        {
            "timestamp": "2018-07-23 23:00:26.391", "logLevel": "DEBUG", "accountId": "123456789012",
            "status": "Success", "actionType": "CreateStream", "otaUpdateId": "3d3dc5f7-3d6d-47ac-9252-45821ac7cfb0",
            "streamId": "6be2303d-3637-48f0-ace9-0b87b1b9a824",
            "details": "Create stream. The request status is SUCCESS.",
        },
    ),
    "E-5": (
        "123456789012",
        UpdateRecord(at("2018-07-23 23:03:09.505"), Action.DELETE_OTA_UPDATE, "9bdd78fb-f113-4001-9675-1b595982292f"),
        {
            "timestamp": "2018-07-23 23:03:09.505", "logLevel": "DEBUG", "accountId": "123456789012",
            "status": "Success", "actionType": "DeleteOTAUpdate",
            "otaUpdateId": "9bdd78fb-f113-4001-9675-1b595982292f",
            "details": "Delete OTA Update. The request status is SUCCESS.",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(("account", "record", "entry"), SEED.values(), ids=SEED)
def test_the_seeds_cloud_side_examples_are_reproduced_key_for_key(account: str, record: Record, entry: dict[str, str]):
    assert list(json.loads(EntryWriter(account).entry(record)).items()) == list(entry.items())
    assert EntryWriter(account).level(record) is Level.DEBUG


UPDATE = "$aws/things/d/jobs/j/update"


def written(record: Record) -> dict[str, str]:
    return json.loads(EntryWriter().entry(record))


def test_an_update_of_an_execution_names_destination_and_version():  # LR-11
    record = JobRequestRecord(0.0, JobEvent.UPDATE, "d", UPDATE, "j", "t", 2, "IN_PROGRESS")
    assert list(written(record).items()) == [
        ("timestamp", "1970-01-01 00:00:00.000"),
        ("logLevel", "DEBUG"),
        ("accountId", "123456789012"),
        ("status", "Success"),
        ("eventType", "UpdateJobExecution"),
        ("protocol", "MQTT"),
        ("clientId", "d"),
        ("jobId", "j"),
        ("topicName", UPDATE),
        ("clientToken", "t"),
        ("versionNumber", "2"),
        ("details", "The destination status is IN_PROGRESS. The request status is SUCCESS."),
    ]


def test_a_request_over_http_has_no_topic():
    entry = written(JobRequestRecord(0.0, JobEvent.GET_PENDING, "d", None))
    assert (entry["protocol"], entry["clientId"]) == ("HTTP", "d")
    assert "topicName" not in entry
    assert thing_of(entry) == "d"


def test_an_update_to_failed_is_an_error_although_it_succeeded():  # LR-12
    record = JobRequestRecord(0.0, JobEvent.UPDATE, "d", UPDATE, "j", None, 3, "FAILED")
    entry = written(record)
    assert (entry["logLevel"], entry["status"]) == ("ERROR", "Success")
    assert entry["details"] == "The destination status is FAILED. The request status is SUCCESS."
    assert "versionNumber" not in entry
    assert EntryWriter().level(record) is Level.ERROR


def test_requests_without_a_job_leave_it_out():  # LR-9, LR-10, LR-21
    record = JobRequestRecord(0.0, JobEvent.GET_PENDING, "d", "$aws/things/d/jobs/get")
    entry = written(record)
    assert entry["eventType"] == "GetPendingJobExecution"
    assert not {"jobId", "clientToken", "versionNumber"} & entry.keys()
    assert entry["details"] == "The request status is SUCCESS."


def test_a_refused_request_says_why():  # LR-18, LR-19
    for record in (
        JobRequestRecord(0.0, JobEvent.UPDATE, "d", UPDATE, "j", destination="FAILED", failure="No."),
        UpdateRecord(0.0, Action.CREATE_STREAM, "u", failure="No."),
    ):
        entry = written(record)
        assert (entry["logLevel"], entry["status"]) == ("DEBUG", "Failure")
        assert entry["details"] == "No. The request status is FAILURE."


def test_a_complete_job_counts_its_executions():  # LR-13
    record = JobCountRecord(0.0, "j", {"SUCCEEDED": 1, "TIMED_OUT": 3})
    entry = written(record)
    assert list(entry) == ["timestamp", "logLevel", "accountId", "status", "eventType", "jobId", "details"]
    assert (entry["logLevel"], entry["eventType"]) == ("INFO", "ReportFinalJobExecutionCount")
    assert entry["details"] == "Job j completed. " + " ".join(
        f"{status} job execution count: {int(status == 'SUCCEEDED')}"
        for status in ("QUEUED", "IN_PROGRESS", "FAILED", "SUCCEEDED", "CANCELED", "REJECTED", "REMOVED")
    )


@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_is_one_printable_line(client_id: str, token: str):  # A14
    line = EntryWriter().entry(JobRequestRecord(0.0, JobEvent.UPDATE, client_id, UPDATE, "j", token))
    assert b"\n" not in line
    assert b"\x1b" not in line
    assert "\u2028" not in line.decode()
    assert json.loads(line)["eventType"] == "UpdateJobExecution"


def test_a_job_request_of_a_client_nobody_told_has_null_and_the_thing():
    topic = "$aws/things/T/jobs/get"
    entry = json.loads(EntryWriter().entry(JobRequestRecord(0, JobEvent.GET_PENDING, UNKNOWN_CLIENT, topic)))
    assert (entry["clientId"], entry["thingName"]) == (None, "T")
    known = json.loads(EntryWriter().entry(JobRequestRecord(0, JobEvent.GET_PENDING, "client", topic)))
    assert known["clientId"] == "client"
    assert "thingName" not in known
