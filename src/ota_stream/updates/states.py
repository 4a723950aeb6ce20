"""The life of an OTA update: its statuses, the one table of what may follow what, and the steps of a creation."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from ota_stream.records import Action
from ota_stream.updates.errors import ErrorInfo
from ota_stream.updates.messages import CreateOtaUpdate


class UpdateStatus(StrEnum):
    """Where an update is (OL-1). There is no DELETE_COMPLETE: a deleted update is not found."""

    CREATE_PENDING = "CREATE_PENDING"
    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    CREATE_COMPLETE = "CREATE_COMPLETE"
    CREATE_FAILED = "CREATE_FAILED"
    DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"
    DELETE_FAILED = "DELETE_FAILED"


NEXT: Final = {
    UpdateStatus.CREATE_PENDING: (UpdateStatus.CREATE_IN_PROGRESS, UpdateStatus.CREATE_FAILED),
    UpdateStatus.CREATE_IN_PROGRESS: (UpdateStatus.CREATE_COMPLETE, UpdateStatus.CREATE_FAILED),
    UpdateStatus.CREATE_COMPLETE: (UpdateStatus.DELETE_IN_PROGRESS,),  # OL-12: whatever the devices do
    UpdateStatus.CREATE_FAILED: (UpdateStatus.DELETE_IN_PROGRESS,),
    UpdateStatus.DELETE_IN_PROGRESS: (UpdateStatus.DELETE_FAILED,),
    UpdateStatus.DELETE_FAILED: (UpdateStatus.DELETE_IN_PROGRESS,),
}


class Step(StrEnum):
    """A step of a creation, in this order (OL-3)."""

    START_SIGNING = "START_SIGNING"
    FINISH_SIGNING = "FINISH_SIGNING"
    STREAM = "STREAM"
    JOB = "JOB"
    COMPLETE = "COMPLETE"


ACTIONS: Final = {
    Step.START_SIGNING: Action.START_CODE_SIGNING,
    Step.FINISH_SIGNING: Action.START_CODE_SIGNING,
    Step.STREAM: Action.CREATE_STREAM,
    Step.JOB: Action.CREATE_AWS_JOB,
    Step.COMPLETE: Action.CREATE_OTA_UPDATE,
}
"""Whose record tells of a step, done or failed (LR-1..LR-4, LR-19)."""


class OtaUpdate(Struct, frozen=True):
    """An OTA update, all that a restart needs. Times are epoch seconds.

    `stream_id` is the stream made for it, `job_id` its job, each once it exists. `step` is the one to take next, at
    `due`; None when there is none. `as_role`: all is done in the role of the request, which has to be
    allowed it.
    """

    request: CreateOtaUpdate
    created_at: float
    modified_at: float
    status: UpdateStatus = UpdateStatus.CREATE_PENDING
    step: Step | None = None
    due: float | None = None
    stream_id: str | None = None
    job_id: str | None = None
    error: ErrorInfo | None = None
    as_role: bool = False

    @property
    def ota_update_id(self) -> str:
        """Its id."""
        return self.request.ota_update_id


def steps(request: CreateOtaUpdate) -> tuple[Step, ...]:
    """Return the steps that a creation takes."""
    found: tuple[Step, ...] = ()
    if any(file.code_signing.start is not None for file in request.files):
        found += (Step.START_SIGNING, Step.FINISH_SIGNING)
    if "MQTT" in request.protocols and all(file.stream is None for file in request.files):
        found += (Step.STREAM,)  # OD-2: a caller's stream is used as it is
    return (*found, Step.JOB, Step.COMPLETE)


def following(request: CreateOtaUpdate, step: Step) -> Step | None:
    """Return the step after this one; None after the last. Each file that is to be signed has its own two steps."""
    if step is Step.FINISH_SIGNING and any(file.to_sign is not None for file in request.files):
        return Step.START_SIGNING
    plan = steps(request)
    rest = plan[plan.index(step) + 1 :]
    return rest[0] if rest else None
