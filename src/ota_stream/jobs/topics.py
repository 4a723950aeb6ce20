"""The job topics: which request a topic is, and where its answers go (spec section 3.1)."""

from enum import Enum
from typing import Final

from msgspec import Struct

from ota_stream.errors import OtaStreamError
from ota_stream.jobs.names import NEXT, is_job_id
from ota_stream.names import is_thing_name
from ota_stream.records import JobEvent

_PREFIX: Final = "$aws/things/"
_OF_THING: Final = 5  # $aws / things / T / jobs / operation
_OF_JOB: Final = 6  # $aws / things / T / jobs / J / operation


class Operation(Enum):
    """What a device may ask, with the name its record has (LR-8..LR-11)."""

    GET_PENDING = JobEvent.GET_PENDING
    START_NEXT = JobEvent.START_NEXT
    DESCRIBE = JobEvent.DESCRIBE
    UPDATE = JobEvent.UPDATE

    @property
    def event(self) -> JobEvent:
        """The eventType of the record."""
        return self.value


class JobTopic(Struct, frozen=True, gc=False):
    """A parsed request topic with its reply topics ready.

    `job_id` is None for a request about the whole queue, and `$next` for its front (JT-5).
    """

    text: str
    thing: str
    operation: Operation
    job_id: str | None
    accepted: str
    rejected: str


class UnknownTopic(OtaStreamError):
    """The topic is under `/jobs/` but is no request (JT-14).

    `rejected` is where the device can be told, or None when it cannot. `operation` and `job_id` are set when the
    topic names them: then the request has a record.
    """

    def __init__(
        self,
        reason: str,
        *,
        rejected: str | None = None,
        operation: Operation | None = None,
        job_id: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.rejected = rejected
        self.operation = operation
        self.job_id = job_id


# JT-15: a job may be named get, start-next, notify or notify-next, so the number of levels decides first
_THING_OPERATIONS: Final = {"get": Operation.GET_PENDING, "start-next": Operation.START_NEXT}  # JT-1, JT-3
_JOB_OPERATIONS: Final = {"get": Operation.DESCRIBE, "update": Operation.UPDATE}  # JT-4, JT-6


def parse(topic: str) -> JobTopic | None:
    """Return the request a topic stands for, or None when it is not under `/jobs/`.

    Raises:
        UnknownTopic: it is under `/jobs/`, but no request (JT-14).
    """
    levels = topic.split("/")
    if not topic.startswith(_PREFIX) or levels[3:4] != ["jobs"]:
        return None
    thing = levels[2]
    if not is_thing_name(thing):
        raise UnknownTopic("the thing name in the topic is not one (1 to 128 of a-z A-Z 0-9 : _ -)")
    operation = job_id = None
    if len(levels) == _OF_THING:
        operation = _THING_OPERATIONS.get(levels[4])
    elif len(levels) == _OF_JOB:
        job_id, operation = levels[4], _JOB_OPERATIONS.get(levels[5])
    if operation is None or not (job_id is None or _may_be_asked(job_id, operation)):
        raise UnknownTopic(
            f"a device may publish to {_PREFIX}{thing}/jobs/(get|start-next|JOB/get|JOB/update|$next/get) only",
            rejected=f"{topic}/rejected",
            operation=operation,
            job_id=job_id if operation is not None and job_id != NEXT else None,
        )
    return build(thing, operation, job_id)


def _may_be_asked(job_id: str, operation: Operation) -> bool:
    return is_job_id(job_id) or (job_id == NEXT and operation is Operation.DESCRIBE)  # JT-5


def build(thing: str, operation: Operation, job_id: str | None = None) -> JobTopic:
    """Return the topics of one request. Requests about one job need its id, or `$next`."""
    jobs = f"{_PREFIX}{thing}/jobs"
    names = _THING_OPERATIONS if job_id is None else _JOB_OPERATIONS
    name = next(name for name, known in names.items() if known is operation)
    text = f"{jobs}/{name}" if job_id is None else f"{jobs}/{job_id}/{name}"
    return JobTopic(text, thing, operation, job_id, f"{text}/accepted", f"{text}/rejected")  # JT-2


def notify(thing: str) -> str:
    """Return where a thing hears that its pending executions changed (JT-7)."""
    return f"{_PREFIX}{thing}/jobs/notify"


def notify_next(thing: str) -> str:
    """Return where a thing hears that the front of its queue changed (JT-8)."""
    return f"{_PREFIX}{thing}/jobs/notify-next"
