"""Job executions: their states, the one table of what may follow what, and the value that changes (spec 3.5)."""

from collections.abc import Mapping
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace


class Status(StrEnum):
    """Where an execution is (JX-1)."""

    QUEUED = "QUEUED"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    REJECTED = "REJECTED"
    REMOVED = "REMOVED"
    CANCELED = "CANCELED"


class Event(Enum):
    """What can happen to an execution, and who does it."""

    START = "the device starts the next one"
    PROGRESS = "the device reports IN_PROGRESS"
    SUCCESS = "the device reports SUCCEEDED"
    FAILURE = "the device reports FAILED"
    REJECTION = "the device reports REJECTED"
    TIME_OUT = "the service: a timer has run out"
    CANCEL = "the operator cancels"
    FORCE_CANCEL = "the operator cancels with force"
    REMOVE = "the service: the thing is no target any more"


_Table = Mapping[tuple[Status, Event], Status]

TRANSITIONS: Final[_Table] = MappingProxyType(
    {
        (Status.QUEUED, Event.START): Status.IN_PROGRESS,
        (Status.QUEUED, Event.PROGRESS): Status.IN_PROGRESS,
        (Status.QUEUED, Event.SUCCESS): Status.SUCCEEDED,  # JX-5: nobody checks that it was started
        (Status.QUEUED, Event.FAILURE): Status.FAILED,  # JX-5
        (Status.QUEUED, Event.REJECTION): Status.REJECTED,
        (Status.QUEUED, Event.CANCEL): Status.CANCELED,  # JC-7
        (Status.QUEUED, Event.FORCE_CANCEL): Status.CANCELED,
        (Status.QUEUED, Event.REMOVE): Status.REMOVED,  # JX-10
        (Status.IN_PROGRESS, Event.PROGRESS): Status.IN_PROGRESS,
        (Status.IN_PROGRESS, Event.SUCCESS): Status.SUCCEEDED,
        (Status.IN_PROGRESS, Event.FAILURE): Status.FAILED,
        (Status.IN_PROGRESS, Event.REJECTION): Status.REJECTED,  # JX-5a: not in STRICT_TRANSITIONS
        (Status.IN_PROGRESS, Event.TIME_OUT): Status.TIMED_OUT,  # JTM-1, JTM-2
        (Status.IN_PROGRESS, Event.FORCE_CANCEL): Status.CANCELED,  # JC-7
        (Status.IN_PROGRESS, Event.REMOVE): Status.REMOVED,  # JX-10
    }
)
"""What an event makes of a status. A pair that is not here is refused; a terminal status has no row."""

STRICT_TRANSITIONS: Final[_Table] = MappingProxyType(
    {key: after for key, after in TRANSITIONS.items() if key != (Status.IN_PROGRESS, Event.REJECTION)}  # JX-5a
)

REPORTS: Final = MappingProxyType(
    {
        Status.IN_PROGRESS: Event.PROGRESS,
        Status.SUCCEEDED: Event.SUCCESS,
        Status.FAILED: Event.FAILURE,
        Status.REJECTED: Event.REJECTION,
    }
)
"""The statuses a device may report (JR-6)."""

PENDING: Final = frozenset({Status.QUEUED, Status.IN_PROGRESS})
TERMINAL: Final = frozenset(Status) - PENDING
VERSION_FIRST: Final = 1  # JX-2
NUMBER_FIRST: Final = 1  # JX-7


class JobExecution(Struct, frozen=True):
    """One thing's run of a job. Times are epoch seconds; `order` tells apart what was queued at the same time.

    `step_deadline` and `deadline` are when the step timer and the in-progress timer run out (JTM-1, JTM-2).
    """

    job_id: str
    thing: str
    number: int
    order: int
    queued_at: float
    updated_at: float
    status: Status = Status.QUEUED
    version: int = VERSION_FIRST
    started_at: float | None = None
    details: dict[str, str] = field(default_factory=dict[str, str])
    deadline: float | None = None
    step_deadline: float | None = None
    force_canceled: bool = False

    @property
    def key(self) -> str:
        """Its name in the book. Neither thing names nor job ids have a slash."""
        return key(self.thing, self.job_id, self.number)

    @property
    def pending(self) -> bool:
        """Whether it is still in the queue of its thing."""
        return self.status in PENDING

    @property
    def attempt(self) -> int:
        """How many runs of this job on this thing came before."""
        return self.number - NUMBER_FIRST


def key(thing: str, job_id: str, number: int) -> str:
    """Return the name of an execution in the book."""
    return f"{thing}/{job_id}/{number}"


def outcome(execution: JobExecution, event: Event, *, strict: bool = False) -> Status | None:
    """Return the status an event leads to, or None when the table does not know the pair."""
    return (STRICT_TRANSITIONS if strict else TRANSITIONS).get((execution.status, event))


def moved(
    execution: JobExecution,
    event: Event,
    now: float,
    details: Mapping[str, str] | None = None,
) -> JobExecution:
    """Return the execution after an event: one version more, timers stopped at the end.

    `details` replace the stored ones, unless there are none (JR-7). Raises KeyError for a pair not in the table.
    """
    status = TRANSITIONS[execution.status, event]
    running = status is Status.IN_PROGRESS
    started_at = execution.started_at
    return replace(
        execution,
        status=status,
        version=execution.version + 1,  # JX-2
        updated_at=now,
        started_at=now if started_at is None and running else started_at,  # JX-6
        details=dict(details) if details else execution.details,
        deadline=execution.deadline if running else None,
        step_deadline=execution.step_deadline if running else None,
        force_canceled=event is Event.FORCE_CANCEL and execution.status is Status.IN_PROGRESS,
    )
