"""Job events on `$aws/events/...` (JE-1..JE-4): published only when their type is enabled."""

from typing import Any, Final, Literal
from uuid import NAMESPACE_URL, uuid5

import msgspec

from ota_stream.answers import Audience, Reply
from ota_stream.jobs.executions import JobExecution, Status
from ota_stream.jobs.jobs import Job
from ota_stream.jobs.names import arn
from ota_stream.jobs.options import JobOptions

JOB: Final = "JOB"
JOB_EXECUTION: Final = "JOB_EXECUTION"
TYPES: Final = (JOB, JOB_EXECUTION)

JobOperation = Literal["completed", "canceled", "deleted", "cancellation_in_progress", "deletion_in_progress"]

_COUNTED: Final = {
    Status.CANCELED: "numberOfCanceledThings",
    Status.REJECTED: "numberOfRejectedThings",
    Status.FAILED: "numberOfFailedThings",
    Status.REMOVED: "numberOfRemovedThings",
    Status.SUCCEEDED: "numberOfSucceededThings",
}


def of_job(job: Job, operation: JobOperation, counts: dict[Status, int], now: float) -> Reply:
    """Return the event of a job (JE-2). `counts` are its things by status; only `completed` tells them."""
    optional: dict[str, Any] = {}
    if job.spec.description is not None:
        optional["description"] = job.spec.description
    if operation == "completed":
        optional["completedAt"] = _milliseconds(job.completed_at or now)
    members = {
        **_head(JOB, operation, f"{job.job_id}/{job.created_at}", now),
        "jobId": job.job_id,
        "status": operation.upper(),
        "targetSelection": job.spec.target_selection,
        "targets": job.spec.targets,
        **optional,
        "createdAt": _milliseconds(job.created_at),
        "lastUpdatedAt": _milliseconds(job.updated_at),
    }
    if operation == "completed":
        members["jobProcessDetails"] = {name: counts.get(status, 0) for status, name in _COUNTED.items()}
    elif job.comment is not None and operation != "canceled":
        members["comment"] = job.comment
    return _event(f"$aws/events/job/{job.job_id}/{operation}", members)


def of_execution(options: JobOptions, execution: JobExecution, operation: str, now: float) -> Reply:
    """Return the event of an execution: its end, or that it was deleted (JE-3)."""
    members = {
        **_head(JOB_EXECUTION, operation, f"{execution.key}/{execution.version}/{execution.order}", now),
        "jobId": execution.job_id,
        "thingArn": arn(options, f"thing/{execution.thing}"),
        "status": operation.upper(),
        **({"statusDetails": execution.details} if execution.details else {}),
    }
    return _event(f"$aws/events/jobExecution/{execution.job_id}/{operation}", members)


def _head(kind: str, operation: str, of: str, now: float) -> dict[str, Any]:
    # A name-based id: one for each event, and no dice in the services
    event_id = uuid5(NAMESPACE_URL, f"{kind}/{operation}/{of}/{now}")
    return {"eventType": kind, "eventId": str(event_id), "timestamp": int(now), "operation": operation}


def _milliseconds(at: float) -> int:
    return int(at * 1000)


def _event(topic: str, members: dict[str, Any]) -> Reply:
    return Reply(topic, msgspec.json.encode(members), 1, Audience.SUBSCRIBERS)
