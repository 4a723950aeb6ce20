"""Jobs and executions as the AWS API shows them to an operator (spec section 3.8); times are epoch seconds."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ota_stream.jobs import timers
from ota_stream.jobs.executions import JobExecution, Status
from ota_stream.jobs.jobs import Job
from ota_stream.jobs.names import arn
from ota_stream.jobs.options import JobOptions

_COUNTED: Final = {  # JC-2
    Status.CANCELED: "numberOfCanceledThings",
    Status.SUCCEEDED: "numberOfSucceededThings",
    Status.FAILED: "numberOfFailedThings",
    Status.REJECTED: "numberOfRejectedThings",
    Status.QUEUED: "numberOfQueuedThings",
    Status.IN_PROGRESS: "numberOfInProgressThings",
    Status.REMOVED: "numberOfRemovedThings",
    Status.TIMED_OUT: "numberOfTimedOutThings",
}
_NOT_SHOWN: Final = ("jobId", "document", "documentSource", "targets")


def job(options: JobOptions, known: Job, counts: Mapping[Status, int]) -> dict[str, Any]:
    """Return what DescribeJob shows (JC-2); `counts` are its things by status."""
    configs = msgspec.to_builtins(known.spec)
    details = {name: counts.get(status, 0) for status, name in _COUNTED.items()}
    shown = {
        "jobArn": arn(options, f"job/{known.job_id}"),
        "jobId": known.job_id,
        "targetSelection": known.spec.target_selection,
        "status": known.status.value,
        "forceCanceled": known.force_canceled,
        "reasonCode": known.reason_code,
        "comment": known.comment,
        "targets": list(known.spec.targets),
        **{name: value for name, value in configs.items() if name not in _NOT_SHOWN},
        **_times(known),
        "jobProcessDetails": details,
    }
    source = known.spec.document_source
    return {**({} if source is None else {"documentSource": source}), "job": _given(shown)}


def job_summary(options: JobOptions, known: Job) -> dict[str, Any]:
    """Return what ListJobs shows of a job (JC-3)."""
    return _given(
        {
            "jobArn": arn(options, f"job/{known.job_id}"),
            "jobId": known.job_id,
            "targetSelection": known.spec.target_selection,
            "status": known.status.value,
            **_times(known),
            "isConcurrent": False,
        }
    )


def execution(options: JobOptions, known: JobExecution, now: float) -> dict[str, Any]:
    """Return what the operator's DescribeJobExecution shows (JC-11)."""
    shown = {
        "jobId": known.job_id,
        "status": known.status.value,
        "forceCanceled": known.force_canceled,
        "statusDetails": {"detailsMap": known.details},
        "thingArn": arn(options, f"thing/{known.thing}"),
        "queuedAt": known.queued_at,
        "startedAt": known.started_at,
        "lastUpdatedAt": known.updated_at,
        "executionNumber": known.number,
        "versionNumber": known.version,
        "approximateSecondsBeforeTimedOut": timers.seconds_left(known, now),
    }
    return {"execution": _given(shown)}


def execution_of_job(options: JobOptions, known: JobExecution) -> dict[str, Any]:
    """Return an entry of ListJobExecutionsForJob (JC-12)."""
    return {"thingArn": arn(options, f"thing/{known.thing}"), "jobExecutionSummary": _summary(known)}


def execution_of_thing(known: JobExecution) -> dict[str, Any]:
    """Return an entry of ListJobExecutionsForThing (JC-13)."""
    return {"jobId": known.job_id, "jobExecutionSummary": _summary(known)}


def _summary(known: JobExecution) -> dict[str, Any]:
    return _given(
        {
            "status": known.status.value,
            "queuedAt": known.queued_at,
            "startedAt": known.started_at,
            "lastUpdatedAt": known.updated_at,
            "executionNumber": known.number,
            "retryAttempt": known.attempt,
        }
    )


def _times(known: Job) -> dict[str, Any]:
    return {"createdAt": known.created_at, "lastUpdatedAt": known.updated_at, "completedAt": known.completed_at}


def _given(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
