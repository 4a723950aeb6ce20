"""Creations that fail, and requests that are refused: the reason, the record, and nothing else."""

import pytest
from msgspec.structs import replace

from ota_stream.errors import ControlError
from ota_stream.records import Action, UpdateRecord
from ota_stream.signing.jobs import SigningStatus
from ota_stream.updates import messages as m
from ota_stream.updates.errors import ErrorInfo
from ota_stream.updates.states import UpdateStatus

SIGN = Action.START_CODE_SIGNING
STREAM = Action.CREATE_STREAM
JOB = Action.CREATE_AWS_JOB


def gone(w):
    return w.file(m.FileLocation(s3_location=m.S3Location("fw", "demo.bin")), w.START_NEW)


def forbidden(w):
    w.objects.forbidden.add("firmware.bin")
    return w.file(w.an_object(), w.START_NEW)


FAILURES = [  # OL-7: what is asked, whose record, code, message
    (gone, SIGN, "AccessDeniedException", "S3 object demo.bin not accessible. Please check your permissions "),
    (forbidden, SIGN, "AccessDeniedException", "S3 object firmware.bin not accessible."),
    (lambda w: w.file(w.an_object(), w.START_EXISTING), SIGN, "ResourceNotFoundException", "signing profile"),
    (
        lambda w: w.file(w.an_object(content=bytes(16 * 1024 * 1024 + 1)), w.START_NEW),
        SIGN,
        "InvalidRequestException",
        "16777217 bytes",
    ),
    (
        lambda w: w.file(m.FileLocation(s3_location=m.S3Location("b", "k"))),
        STREAM,
        "InvalidRequestException",
        "k is not",
    ),
    (lambda w: w.file(None, m.CodeSigning("ghost")), STREAM, "ResourceNotFoundException", "signing job 'ghost'"),
    (lambda w: w.file(w.an_object(content=b"")), JOB, "InvalidRequestException", "is empty"),  # OD-4
    (lambda w: w.file(m.FileLocation(m.StreamLocation("ghost"))), JOB, "ResourceNotFoundException", "stream 'ghost'"),
    (
        lambda w: w.file(replace(w.a_stream(), stream=m.StreamLocation("callers", 4))),
        JOB,
        "ResourceNotFoundException",
        "file 4 in a stream 'callers'",
    ),
    (lambda w: w.file(w.an_object(), name="x" * 33_000), JOB, "InvalidRequestException", "limit of 32768"),  # OD-15
]


@pytest.mark.parametrize(("build", "action", "code", "message"), FAILURES)
def test_a_failure_ends_in_create_failed_with_its_reason_and_its_record(world, build, action, code, message):
    """OL-7, LR-19."""
    update, records = world.create(world.asked("u", build(world)))
    assert update.status is UpdateStatus.CREATE_FAILED
    assert update.error.code == code
    assert message in update.error.message
    assert records[-1] == UpdateRecord(update.modified_at, action, "u", failure=update.error.message)
    assert [record.failure for record in records[:-1]] == [None] * (len(records) - 1)
    assert world.service.deadline() is None
    with pytest.raises(ControlError):
        world.jobs.job("AFR_OTA-u")


def test_the_text_of_an_object_that_cannot_be_read_is_the_signer_s(world):
    """OL-7."""
    update, _ = world.create(world.asked("u", gone(world)))
    assert update.error == ErrorInfo(
        "AccessDeniedException",
        "S3 object demo.bin not accessible. Please check your permissions (Service: AWSSigner; Status Code: 403; "
        "Error Code: AccessDeniedException; Request ID: 00000000-0000-4000-8000-000000000001)",
    )


def test_an_id_too_long_for_the_job_fails_the_creation(world):
    """OU-10: 56 fit with the prefix."""
    world.create(world.asked("x" * 56, world.file(world.an_object())))
    assert world.service.get("x" * 56).status is UpdateStatus.CREATE_COMPLETE
    update, records = world.create(world.asked("x" * 57, world.file(world.an_object())))
    assert update.status is UpdateStatus.CREATE_FAILED
    assert (update.error.code, records[-1].action) == ("InvalidRequestException", JOB)


def test_an_image_that_vanishes_between_two_steps_fails_the_creation(world):
    world.service.create(world.asked("u", world.file(world.an_object(), world.START_NEW)), world.NOW)
    world.step()
    world.objects.forbidden.add("firmware.bin")
    assert [record.action for record in world.run()] == [SIGN]
    update = world.service.get("u")
    job = world.signing.describe_job(update.request.files[0].code_signing.aws_signer_job_id)
    assert update.error.code == "AccessDeniedException"
    assert (job.status, job.reason) == (SigningStatus.FAILED, update.error.message)


def test_a_signing_job_that_is_not_done_cannot_be_used(world):
    world.service.create(world.asked("first", world.file(world.an_object(), world.START_NEW)), world.NOW)
    world.step()
    job_id = world.service.get("first").request.files[0].code_signing.aws_signer_job_id
    request = world.asked("u", world.file(world.an_object(), m.CodeSigning(job_id)))
    world.service.create(request, world.NOW)
    world.service.on_time(world.NOW + 0.25)
    assert world.service.get("u").error.message == f"signing job {job_id} is InProgress: try later"


def test_a_failed_creation_does_not_hold_up_the_others(world):
    world.service.create(world.asked("bad", gone(world)), world.NOW)
    world.service.create(world.asked("good", world.file(world.an_object())), world.NOW)
    world.run()
    statuses = {name: world.service.get(name).status.value for name in ("bad", "good")}
    assert statuses == {"bad": "CREATE_FAILED", "good": "CREATE_COMPLETE"}


def test_a_refused_request_leaves_nothing(world):
    with pytest.raises(ControlError, match="roleArn"):
        world.service.create(replace(world.asked("u", world.file(world.an_object())), role_arn=""), world.NOW)
    assert (len(world.book.updates), world.service.deadline()) == (0, None)


def test_an_id_is_taken_until_its_update_is_deleted(world):
    """OU-1."""
    request = world.asked("u", world.file(world.an_object(), world.START_NEW))
    first, _ = world.create(request)
    with pytest.raises(ControlError, match="exists already") as refused:
        world.service.create(request, world.NOW)
    assert (refused.value.name, refused.value.status) == ("ResourceAlreadyExistsException", 409)
    world.service.delete("u", delete_stream=True, force_delete_job=True, now=world.NOW + 5)
    world.jobs.on_time(world.NOW + 10)
    second, _ = world.create(request, world.NOW + 20)
    assert second.status is UpdateStatus.CREATE_COMPLETE
    jobs = [each.request.files[0].code_signing.aws_signer_job_id for each in (first, second)]
    assert jobs[0] != jobs[1]
