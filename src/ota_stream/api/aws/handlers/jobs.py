"""The operator's operations on jobs and job executions, as the AWS API has them (JC-1..JC-13)."""

from typing import Final

from ota_stream.answers import Effect
from ota_stream.api.aws.given import Change, Given, Read, Shown, invalid, pages, refuse_members, shaped
from ota_stream.api.aws.handlers import job_documents
from ota_stream.api.operated import Operated
from ota_stream.jobs.executions import Status
from ota_stream.jobs.jobs import JobSpec, JobStatus, JobUpdate

_LEFT_OUT: Final = ("jobTemplateArn", "documentParameters", "schedulingConfig", "destinationPackageVersions")

# Jobs


def create_job(cloud: Operated, given: Given) -> tuple[Shown, Effect]:
    """CreateJob (JC-1); a document may lie in a bucket."""
    refuse_members(given, *_LEFT_OUT)
    document = job_documents.document(cloud.objects, given.get("document"), given.get("documentSource"))
    spec = shaped(given, JobSpec, document=document)
    effect = cloud.jobs.create_job(spec, cloud.clock.wall())
    return _named(cloud, spec.job_id), effect


def describe_job(cloud: Operated, given: Given) -> Shown:
    """DescribeJob (JC-2)."""
    return cloud.queries.describe_job(given["jobId"])


def get_job_document(cloud: Operated, given: Given) -> Shown:
    """GetJobDocument (JC-4)."""
    return cloud.queries.get_job_document(given["jobId"])


def list_jobs(cloud: Operated, given: Given) -> Shown:
    """ListJobs (JC-3). Nothing is ever SCHEDULED: such a list is empty."""
    refuse_members(given, "thingGroupId")
    status = given.get("status")
    if status is not None and status not in JobStatus.__members__:
        return {"jobs": []}
    return cloud.queries.list_jobs(
        status=None if status is None else JobStatus(status),
        target_selection=given.get("targetSelection"),
        thing_group=given.get("thingGroupName"),
        **pages(given),
    )


def update_job(cloud: Operated, given: Given) -> tuple[Shown, Effect]:
    """UpdateJob (JC-5)."""
    return {}, cloud.jobs.update_job(given["jobId"], shaped(given, JobUpdate), cloud.clock.wall())


def associate_targets(cloud: Operated, given: Given) -> tuple[Shown, Effect]:
    """AssociateTargetsWithJob (JC-6)."""
    job_id, targets = given["jobId"], tuple(given["targets"])
    effect = cloud.jobs.associate_targets(job_id, targets, cloud.clock.wall(), given.get("comment"))
    return _named(cloud, job_id), effect


def cancel_job(cloud: Operated, given: Given) -> tuple[Shown, Effect]:
    """CancelJob (JC-7)."""
    job_id = given["jobId"]
    effect = cloud.jobs.cancel_job(
        job_id,
        cloud.clock.wall(),
        force=bool(given.get("force")),
        reason_code=given.get("reasonCode"),
        comment=given.get("comment"),
    )
    return _named(cloud, job_id), effect


def delete_job(cloud: Operated, given: Given) -> tuple[Shown, Effect]:
    """DeleteJob (JC-9)."""
    return {}, cloud.jobs.delete_job(given["jobId"], cloud.clock.wall(), force=bool(given.get("force")))


# Executions


def describe_job_execution(cloud: Operated, given: Given) -> Shown:
    """DescribeJobExecution (JC-11)."""
    number = given.get("executionNumber")
    return cloud.queries.describe_job_execution(given["thingName"], given["jobId"], cloud.clock.wall(), number)


def cancel_job_execution(cloud: Operated, given: Given) -> tuple[Shown, Effect]:
    """CancelJobExecution (JC-8)."""
    return {}, cloud.jobs.cancel_job_execution(
        given["thingName"],
        given["jobId"],
        cloud.clock.wall(),
        force=bool(given.get("force")),
        expected_version=given.get("expectedVersion"),
        status_details=given.get("statusDetails"),
    )


def delete_job_execution(cloud: Operated, given: Given) -> tuple[Shown, Effect]:
    """DeleteJobExecution (JC-10)."""
    number, force = given["executionNumber"], bool(given.get("force"))
    effect = cloud.jobs.delete_job_execution(
        given["thingName"], given["jobId"], number, cloud.clock.wall(), force=force
    )
    return {}, effect


def list_executions_for_job(cloud: Operated, given: Given) -> Shown:
    """ListJobExecutionsForJob (JC-12)."""
    return cloud.queries.list_executions_for_job(given["jobId"], status=_status(given), **pages(given))


def list_executions_for_thing(cloud: Operated, given: Given) -> Shown:
    """ListJobExecutionsForThing (JC-13)."""
    return cloud.queries.list_executions_for_thing(
        given["thingName"], status=_status(given), job_id=given.get("jobId"), **pages(given)
    )


def _status(given: Given) -> Status | None:
    status = given.get("status")
    if status is not None and status not in Status.__members__:
        raise invalid(f"status: use one of {', '.join(Status)}")
    return None if status is None else Status(status)


def _named(cloud: Operated, job_id: str) -> Shown:
    """Return how the calls that make and change a job name it."""
    description = cloud.jobs.job(job_id).spec.description
    named = {"jobArn": cloud.arn(f"job/{job_id}"), "jobId": job_id}
    return named if description is None else {**named, "description": description}


READS: Final[dict[str, Read]] = {
    "DescribeJob": describe_job,
    "GetJobDocument": get_job_document,
    "ListJobs": list_jobs,
    "DescribeJobExecution": describe_job_execution,
    "ListJobExecutionsForJob": list_executions_for_job,
    "ListJobExecutionsForThing": list_executions_for_thing,
}
CHANGES: Final[dict[str, Change]] = {
    "CreateJob": create_job,
    "UpdateJob": update_job,
    "AssociateTargetsWithJob": associate_targets,
    "CancelJob": cancel_job,
    "DeleteJob": delete_job,
    "CancelJobExecution": cancel_job_execution,
    "DeleteJobExecution": delete_job_execution,
}
