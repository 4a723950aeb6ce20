"""The operator's calls, as the command line makes them: each parses, asks one service and shapes the answer.

A private interface under `/_ota/`: JSON in the shapes of the AWS API where that has one. What a call has changed is on
the disk before it is answered.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ota_stream.answers import Effect
from ota_stream.api import rulings, shapes
from ota_stream.api.calls import IMAGE_MAX, JSON_MAX, Call, read
from ota_stream.api.operated import Operated
from ota_stream.errors import ControlError
from ota_stream.jobs.jobs import JobStatus
from ota_stream.signing.platforms import Algorithm
from ota_stream.signing.profiles import SigningProfile
from ota_stream.updates import messages
from ota_stream.updates.service import PAGE_MAX
from ota_stream.updates.states import UpdateStatus

KEY_MAX: Final = 1024  # bytes of an object's key, as in S3
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")  # as in S3

Json = dict[str, Any]
"""The members of a JSON object."""

Read = Callable[[Operated, Call], Json | Response]
"""A call that changes nothing, and its answer."""

Change = Callable[[Operated, Call], tuple[Json, Effect]]
"""A call that changes something: the answer, and what comes of it for others."""


class Row(NamedTuple):
    """A call that changes something: where it is, what answers, and how large its body may be."""

    method: str
    path: str
    change: Change
    body_max: int = JSON_MAX


Usage = Callable[[], list[Json]]
"""Shows every quota, and how often it was exceeded."""


def routes(cloud: Operated, usage: Usage) -> list[Route]:
    """Return the routes under `/_ota`."""
    reads = [Route(path, _reading(cloud, answer), methods=["GET"]) for path, answer in READS]
    reads.append(Route("/quotas", _reading(cloud, lambda _cloud, _call: {"quotas": usage()}), methods=["GET"]))
    return reads + [Route(row.path, _changing(cloud, row), methods=[row.method]) for row in CHANGES]


Endpoint = Callable[[Request], Awaitable[Response]]


def _reading(cloud: Operated, answer: Read) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return _response(answer(cloud, await read(request, JSON_MAX)))

    return endpoint


def _changing(cloud: Operated, row: Row) -> Endpoint:
    """Let nothing happen between a change and its way to the disk: no await from the first to the last."""

    async def endpoint(request: Request) -> Response:
        call = await read(request, row.body_max)
        content, effect = row.change(cloud, call)
        cloud.hand_over(effect)
        cloud.commit()
        return _response(content)

    return endpoint


def _response(content: Json | Response) -> Response:
    if isinstance(content, Response):
        return content
    return Response(msgspec.json.encode(content), media_type="application/json")


# Objects and streams


def put_object(cloud: Operated, call: Call) -> tuple[Json, Effect]:
    """Keep an image. Hash and write stay on the loop: 0.1 s for the largest image, and seldom."""
    call.must_be("application/octet-stream")
    bucket, key = call.path["bucket"], call.path["key"]
    if _BUCKET.fullmatch(bucket) is None:
        raise ControlError("InvalidRequestException", 400, f"bucket {bucket[:80]!r}: use 3 to 63 of a-z 0-9 . -")
    if not 1 <= len(key.encode()) <= KEY_MAX:
        raise ControlError("InvalidRequestException", 400, f"a key has 1 to {KEY_MAX} bytes")
    return {"bucket": bucket, "key": key, "version": cloud.objects.put(bucket, key, call.body)}, Effect()


def list_streams(cloud: Operated, _: Call) -> Json:
    """Show the streams, those of updates and those of served files."""
    return {"streams": [shapes.stream(cloud.arn, stream) for stream in cloud.catalog]}


# OTA updates


def create_update(cloud: Operated, call: Call) -> tuple[Json, Effect]:
    """CreateOTAUpdate (OU-1)."""
    call.must_be("application/json")
    request = messages.decode(call.path["id"], call.body)
    update, effect = cloud.updates.create(request, cloud.clock.wall())
    return shapes.created(cloud.arn, update), effect


def list_updates(cloud: Operated, call: Call) -> Json:
    """ListOTAUpdates (OU-3)."""
    status = call.choice("otaUpdateStatus", UpdateStatus)
    size = call.number("maxResults")
    page = cloud.updates.list(status, PAGE_MAX if size is None else size, call.query.get("nextToken"))
    found = {"otaUpdates": [shapes.summary(cloud.arn, update) for update in page.updates]}
    return found if page.next_token is None else {**found, "nextToken": page.next_token}


def get_update(cloud: Operated, call: Call) -> Json:
    """GetOTAUpdate (OU-2); beside it, which the API does not show, the stream that was made for it."""
    update = cloud.updates.get(call.path["id"])
    return {"otaUpdateInfo": shapes.info(cloud.arn, update), "streamId": update.stream_id}


def delete_update(cloud: Operated, call: Call) -> tuple[Json, Effect]:
    """DeleteOTAUpdate (OU-4); one that could not be deleted is shown with its error."""
    ota_update_id = call.path["id"]
    effect = cloud.updates.delete(
        ota_update_id,
        delete_stream=call.flag("deleteStream"),
        force_delete_job=call.flag("forceDeleteAWSJob"),
        now=cloud.clock.wall(),
    )
    failed = any(getattr(record, "failure", None) for record in effect.records)
    return (get_update(cloud, call) if failed else {}), effect


# Jobs


def list_jobs(cloud: Operated, call: Call) -> Json:
    """ListJobs (JC-3)."""
    return cloud.queries.list_jobs(
        status=call.choice("status", JobStatus),
        max_results=call.number("maxResults"),
        next_token=call.query.get("nextToken"),
    )


def get_job(cloud: Operated, call: Call) -> Json:
    """DescribeJob, the document, and one page of its executions, each with its thing."""
    job_id, now = call.path["id"], cloud.clock.wall()
    page = cloud.queries.list_executions_for_job(
        job_id, max_results=call.number("maxResults"), next_token=call.query.get("nextToken")
    )
    executions: list[Json] = []
    for found in page.pop("executionSummaries"):
        thing = found["thingArn"].rpartition("/")[2]
        number = found["jobExecutionSummary"]["executionNumber"]
        shown = cloud.queries.describe_job_execution(thing, job_id, now, number)["execution"]
        executions.append({"thingName": thing, **shown})
    job, document = cloud.queries.describe_job(job_id), cloud.queries.get_job_document(job_id)
    return {**job, **document, "executions": executions, **page}


class CancelBody(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Why a job is cancelled."""

    reason_code: str | None = None
    comment: str | None = None


def cancel_job(cloud: Operated, call: Call) -> tuple[Json, Effect]:
    """CancelJob (JC-7); the body may be left out."""
    job_id = call.path["id"]
    why = call.json(CancelBody) if call.body else CancelBody()
    effect = cloud.jobs.cancel_job(
        job_id, cloud.clock.wall(), force=call.flag("force"), reason_code=why.reason_code, comment=why.comment
    )
    return {"jobArn": cloud.arn(f"job/{job_id}"), "jobId": job_id}, effect


def delete_job(cloud: Operated, call: Call) -> tuple[Json, Effect]:
    """DeleteJob (JC-9)."""
    return {}, cloud.jobs.delete_job(call.path["id"], cloud.clock.wall(), force=call.flag("force"))


class EventConfiguration(Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    """Whether events of a type are published."""

    enabled: bool


class EventConfigurations(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """UpdateEventConfigurations, as far as there are events (JE-1)."""

    event_configurations: dict[Literal["JOB", "JOB_EXECUTION"], EventConfiguration]


def configure_events(cloud: Operated, call: Call) -> tuple[Json, Effect]:
    """UpdateEventConfigurations (JE-1)."""
    for kind, wanted in call.json(EventConfigurations).event_configurations.items():
        cloud.jobs.enable_events(kind, enabled=wanted.enabled)
    return {}, Effect()


# Things and thing groups


def create_thing(cloud: Operated, call: Call) -> tuple[Json, Effect]:
    """CreateThing (JC-15)."""
    thing = call.path["thing"]
    cloud.registry.create_thing(thing)
    return {"thingName": thing, "thingArn": cloud.arn(f"thing/{thing}")}, Effect()


class GroupBody(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Where a thing group stands."""

    parent_group_name: str | None = None


def create_group(cloud: Operated, call: Call) -> tuple[Json, Effect]:
    """CreateThingGroup (JC-17); the body may be left out."""
    group = call.path["group"]
    wanted = call.json(GroupBody) if call.body else GroupBody()
    cloud.registry.create_thing_group(group, wanted.parent_group_name)
    return _group(cloud, group), Effect()


def get_group(cloud: Operated, call: Call) -> Json:
    """Tell that there is a thing group of this name."""
    group = call.path["group"]
    if group not in cloud.groups:
        raise ControlError("ResourceNotFoundException", 404, f"Thing group {group[:128]} was not found")
    return _group(cloud, group)


def join_group(cloud: Operated, call: Call) -> tuple[Json, Effect]:
    """AddThingToThingGroup (JC-18)."""
    return {}, cloud.registry.add_thing_to_group(call.path["thing"], call.path["group"], cloud.clock.wall())


def leave_group(cloud: Operated, call: Call) -> tuple[Json, Effect]:
    """RemoveThingFromThingGroup (JC-19)."""
    return {}, cloud.registry.remove_thing_from_group(call.path["thing"], call.path["group"], cloud.clock.wall())


def _group(cloud: Operated, group: str) -> Json:
    return {"thingGroupName": group, "thingGroupArn": cloud.arn(f"thinggroup/{group}")}


# Code signing


class ProfileBody(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A signing profile without its name (`signing.profiles.SigningProfile`)."""

    platform: str
    certificate: str
    certificate_path: str
    algorithm: Algorithm | None = None


def put_profile(cloud: Operated, call: Call) -> tuple[Json, Effect]:
    """Make a signing profile, and its key pair when there is none; `certificateFile` is what a device needs."""
    body = call.json(ProfileBody)
    profile = cloud.signing.put_profile(
        SigningProfile(call.path["name"], body.platform, body.certificate, body.certificate_path, body.algorithm)
    )
    cloud.signing.certificate(profile.name)
    file = cloud.keys.certificate_file(profile.certificate).absolute()
    return {"profileName": profile.name, "certificateFile": str(file)}, Effect()


def get_certificate(cloud: Operated, call: Call) -> Response:
    """Return the certificate (PEM) that a device checks signatures of a profile with."""
    return Response(cloud.signing.certificate(call.path["name"]), media_type="application/x-pem-file")


READS: Final[tuple[tuple[str, Read], ...]] = (
    ("/streams", list_streams),
    ("/updates", list_updates),
    ("/updates/{id}", get_update),
    ("/jobs", list_jobs),
    ("/jobs/{id}", get_job),
    ("/things/{thing}/rulings", rulings.check),
    ("/things/{thing}/least-policy", rulings.suggest),
    ("/thing-groups/{group}", get_group),
    ("/signing-profiles/{name}/certificate", get_certificate),
)
CHANGES: Final = (
    Row("PUT", "/objects/{bucket}/{key:path}", put_object, IMAGE_MAX),
    Row("POST", "/updates/{id}", create_update),
    Row("DELETE", "/updates/{id}", delete_update),
    Row("PUT", "/jobs/{id}/cancel", cancel_job),
    Row("DELETE", "/jobs/{id}", delete_job),
    Row("PUT", "/event-configurations", configure_events),
    Row("PUT", "/things/{thing}", create_thing),
    Row("PUT", "/thing-groups/{group}", create_group),
    Row("PUT", "/thing-groups/{group}/things/{thing}", join_group),
    Row("DELETE", "/thing-groups/{group}/things/{thing}", leave_group),
    Row("PUT", "/signing-profiles/{name}", put_profile),
)
