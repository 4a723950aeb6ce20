"""Jobs: what an operator asks for, and what has become of it."""

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from ota_stream.jobs.configs import (
    AbortConfig,
    Config,
    PresignedUrlConfig,
    RetryConfig,
    RolloutConfig,
    TimeoutConfig,
)
from ota_stream.jobs.executions import Status


class JobStatus(StrEnum):
    """Where a job is (JC-14). Scheduling is off, so SCHEDULED does not come about."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"
    DELETION_IN_PROGRESS = "DELETION_IN_PROGRESS"


TargetSelection = Literal["SNAPSHOT", "CONTINUOUS"]


class JobSpec(Config, frozen=True):
    """What CreateJob takes (JC-1); `msgspec.convert(body, JobSpec)` reads the API's JSON.

    `targets` are ARNs of things and thing groups, or their ends: `thing/T`, `thinggroup/G`. `document` is the text
    of a JSON object; `document_source` only says where it came from.
    """

    job_id: str
    targets: tuple[str, ...]
    document: str
    document_source: str | None = None
    description: str | None = None
    target_selection: TargetSelection = "SNAPSHOT"
    presigned_url_config: PresignedUrlConfig | None = None
    job_executions_rollout_config: RolloutConfig | None = None
    abort_config: AbortConfig | None = None
    timeout_config: TimeoutConfig | None = None
    job_executions_retry_config: RetryConfig | None = None
    namespace_id: str | None = None

    @property
    def timeout_minutes(self) -> int | None:
        """The in-progress timer of its executions (JTM-1)."""
        return None if self.timeout_config is None else self.timeout_config.in_progress_timeout_in_minutes

    @property
    def presigned_seconds(self) -> int:
        """How long a presigned URL lives."""
        return (self.presigned_url_config or PresignedUrlConfig()).expires_in_sec

    def retries(self, status: Status) -> int:
        """Return how often an execution that ended in `status` may be tried again (JTM-5)."""
        config = self.job_executions_retry_config
        if config is None or status not in {Status.FAILED, Status.TIMED_OUT}:  # JX-1
            return 0
        fitting = (one for one in config.criteria_list if one.failure_type in {status, "ALL"})
        return max((one.number_of_retries for one in fitting), default=0)


class JobUpdate(Config, frozen=True):
    """What UpdateJob takes (JC-5); what is None stays as it is."""

    description: str | None = None
    presigned_url_config: PresignedUrlConfig | None = None
    job_executions_rollout_config: RolloutConfig | None = None
    abort_config: AbortConfig | None = None
    timeout_config: TimeoutConfig | None = None
    job_executions_retry_config: RetryConfig | None = None


class Job(Struct, frozen=True):
    """A job as the book keeps it. Times are epoch seconds.

    `minute_from` and `minute_given` count the executions made in the running minute of the roll-out.
    """

    spec: JobSpec
    created_at: float
    updated_at: float
    status: JobStatus = JobStatus.IN_PROGRESS
    completed_at: float | None = None
    force_canceled: bool = False
    reason_code: str | None = None
    comment: str | None = None
    minute_from: float | None = None
    minute_given: int = 0
    deletes_at: float | None = None

    @property
    def job_id(self) -> str:
        """Its name."""
        return self.spec.job_id

    @property
    def running(self) -> bool:
        """Whether it may still make executions."""
        return self.status is JobStatus.IN_PROGRESS

    @property
    def continuous(self) -> bool:
        """Whether things that join its groups later are its targets too."""
        return self.spec.target_selection == "CONTINUOUS"


class WaitingThing(Struct, frozen=True):
    """A target whose execution the roll-out has not made yet; `order` is its place."""

    job_id: str
    thing: str
    order: int


class Thing(Struct, frozen=True):
    """A thing as far as jobs are concerned: its name and the groups it is in."""

    name: str
    groups: tuple[str, ...] = ()


class ThingGroup(Struct, frozen=True):
    """A thing group; what is for a group is for the groups under it too."""

    name: str
    parent: str | None = None


class EventType(Struct, frozen=True):
    """Whether events of this type are published (JE-1)."""

    enabled: bool = False
