"""The seven moments the OTA service logs in the life of an update, read from what is kept: they outlive a restart."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from ota_stream.jobs.jobs import Job
from ota_stream.records import Action
from ota_stream.signing.jobs import SigningJob
from ota_stream.updates.creation import MadeStream
from ota_stream.updates.states import OtaUpdate, Step, UpdateStatus, steps


class Moment(Struct, frozen=True):
    """A moment. `at` is epoch seconds, None while it has not come; `needed`: whether it is to come at all.

    `action` is the actionType of its record; None where AWS names none.
    """

    what: str
    action: Action | None
    at: float | None
    needed: bool = True


SIGNING_CREATED: Final = "code-signing job created"
SIGNING_COMPLETED: Final = "code-signing job completed"
STREAM_CREATED: Final = "stream created"
JOB_CREATED: Final = "AWS IoT job created"
UPDATE_CREATED: Final = "OTA update created"
JOB_COMPLETED: Final = "AWS IoT job completed"
UPDATE_COMPLETED: Final = "OTA update completed"


def moments(
    update: OtaUpdate, signing: SigningJob | None, made: MadeStream | None, job: Job | None
) -> tuple[Moment, ...]:
    """Return the seven (LR-1..LR-4, LR-19), in the order in which they come about.

    An update is created when all of it is there, and completed when its job is: every device has ended.
    """
    return tuple(_moments(update, signing, made, job))


def _moments(
    update: OtaUpdate, signing: SigningJob | None, made: MadeStream | None, job: Job | None
) -> Iterator[Moment]:
    plan = steps(update.request)
    signs, streams = Step.START_SIGNING in plan, Step.STREAM in plan
    signed = None if signing is None else signing.created_at
    yield Moment(SIGNING_CREATED, Action.START_CODE_SIGNING, signed, signs)
    yield Moment(SIGNING_COMPLETED, None, None if signing is None else signing.completed_at, signs)
    yield Moment(STREAM_CREATED, Action.CREATE_STREAM, None if made is None else made.created_at, streams)
    yield Moment(JOB_CREATED, Action.CREATE_AWS_JOB, None if job is None else job.created_at)
    created = update.modified_at if update.status is UpdateStatus.CREATE_COMPLETE else None
    yield Moment(UPDATE_CREATED, Action.CREATE_OTA_UPDATE, created)
    completed = None if job is None else job.completed_at
    yield Moment(JOB_COMPLETED, None, completed)
    yield Moment(UPDATE_COMPLETED, None, None if created is None else completed)
