"""What the cloud or the broker does of its own accord, in the middle of something: the fault is only when."""

from enum import StrEnum
from typing import ClassVar, NamedTuple

from ota_stream.faults.fault import Fault


class Deed(StrEnum):
    """What is done."""

    DISCONNECT = "disconnect"
    TAKE_OVER = "take-over"
    HALF_OPEN = "half-open"
    CANCEL_JOB = "cancel-job"
    TIME_OUT_JOB = "time-out-job"
    DELETE_JOB = "delete-job"
    NOTIFY_NEXT = "notify-next"
    DELETE_STREAM = "delete-stream"


class Act(NamedTuple):
    """Something to be done right after an answer: to a client, a thing, or the stream it was answered about."""

    deed: Deed
    client_id: str
    thing: str
    stream: str | None


class Happening(Fault, frozen=True):
    """The answer comes as it is, and right after it `deed` is done."""

    deed: ClassVar[Deed]
