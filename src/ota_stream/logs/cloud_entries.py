"""The log entries of OTA updates (the seed's five cloud-side examples) and of jobs (`eventType` family).

They are rare beside those of streams, so they are plain mappings: the order of the keys is the order of the line.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ota_stream.logs.levels import Level
from ota_stream.records import Action, JobCountRecord, JobRequestRecord, UpdateRecord

CloudRecord = JobRequestRecord | JobCountRecord | UpdateRecord

_FAILED_EXECUTION: Final = "FAILED"
_CLIENT_ID: Final = "clientId"

# LR-1..LR-5. "Create AWS Job" has no period: so it stands in the seed.
_SAID: Final = MappingProxyType({
    Action.START_CODE_SIGNING: "Start code signing job.",
    Action.CREATE_AWS_JOB: "Create AWS Job",
    Action.CREATE_OTA_UPDATE: "OTAUpdate creation complete.",
    Action.CREATE_STREAM: "Create stream.",
    Action.DELETE_OTA_UPDATE: "Delete OTA Update.",
})  # fmt: skip

_SIGNING_ENDED: Final = "Code signing job complete."  # no action type exists for it; off by default

# LR-13, in this order; a status with no execution is a zero
_COUNTED: Final = ("QUEUED", "IN_PROGRESS", "FAILED", "SUCCEEDED", "CANCELED", "REJECTED", "REMOVED")


def level(record: CloudRecord, of_failures: Level) -> Level:
    """Return the level of a record's entry; a failed request has that of failures (G-11, LR-18, LR-19)."""
    if isinstance(record, JobCountRecord):
        return Level.INFO  # LR-13
    if record.failure is not None:
        return of_failures
    if isinstance(record, JobRequestRecord) and record.destination == _FAILED_EXECUTION:
        return Level.ERROR  # LR-12: seen live, although the request succeeded
    return Level.DEBUG  # LC-2


def failure_of(record: CloudRecord) -> str | None:
    """Return why the request failed, or None."""
    return None if isinstance(record, JobCountRecord) else record.failure


def members(record: CloudRecord) -> Mapping[str, str | None]:
    """Return what follows the status in the entry, without the members that have no value; clientId may be null."""
    if isinstance(record, JobRequestRecord):
        everything = _job_request(record)
    elif isinstance(record, JobCountRecord):
        everything = {"eventType": "ReportFinalJobExecutionCount", "jobId": record.job_id, "details": _count(record)}
    else:
        everything = _update(record)
    return {key: value for key, value in everything.items() if value is not None or key == _CLIENT_ID}


def _job_request(record: JobRequestRecord) -> dict[str, str | None]:
    failed = record.destination == _FAILED_EXECUTION  # LR-12: such an entry has no version
    version = None if record.version_number is None or failed else str(record.version_number)  # LR-11: a string
    return {
        "eventType": record.event,
        "protocol": "HTTP" if record.topic is None else "MQTT",
        _CLIENT_ID: record.client_id or None,
        "thingName": None if record.client_id or record.topic is None else record.topic.split("/", 3)[2],
        "jobId": record.job_id,
        "topicName": record.topic,
        "clientToken": record.client_token,
        "versionNumber": version,
        "details": _details(
            f"The destination status is {record.destination}." if record.destination is not None else "", record.failure
        ),
    }


def _update(record: UpdateRecord) -> dict[str, str | None]:
    return {
        "actionType": record.action,
        "otaUpdateId": record.ota_update_id,
        "awsJobId": record.job_id,
        "streamId": record.stream_id,
        "details": _details(_SIGNING_ENDED if record.ended else _SAID.get(record.action, ""), record.failure),
    }


def _details(said: str, failure: str | None) -> str:
    if failure is not None:
        return f"{failure} The request status is FAILURE."  # LR-18, LR-19
    return f"{said} The request status is SUCCESS.".lstrip()


def _count(record: JobCountRecord) -> str:
    counts = " ".join(f"{status} job execution count: {record.counts.get(status, 0)}" for status in _COUNTED)
    return f"Job {record.job_id} completed. {counts}"
