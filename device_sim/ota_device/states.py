"""What an agent can be doing, what can happen to it, and what it does then: the table."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from ota_device.document import Job
from ota_device.reasons import Reason


class State(StrEnum):
    """What the agent is doing."""

    WAITING = "waiting for a job"
    RECEIVING = "receiving an image"
    CHECKING = "checking the image"
    TESTING = "testing itself"
    OVER = "over: the device reboots, or the agent has stopped"


class Event(StrEnum):
    """What can happen to it."""

    JOB = "a job to do"
    SAME_JOB = "the job it is doing, once more"
    NO_JOB = "nothing to do"
    UNFIT = "a job it has to fail"
    SILENT = "a job it says nothing about"
    HAS_PASSED = "a job whose image has passed, which the cloud may not know"
    HAS_FAILED = "a job whose image has failed, which the cloud may not know"
    NOTHING_TO_TEST = "a job in self test, and nothing here to test"
    NOTICE = "word of another job in the middle of this one"
    BAD_BLOCK = "a block that is none"
    WHOLE = "the last block"
    UNANSWERED = "too many block requests without an answer"
    DESPAIR = "the same, to an agent that stops then"
    GOOD = "the image is good"
    GOOD_FILE = "the file is good, and no firmware"
    BAD = "the image is bad"
    NEWER = "the job in self test, and this image is newer than the one before"
    NOT_NEWER = "the job in self test, and this image is not newer"
    TIME_UP = "nobody confirmed the self test in time"


class Act(StrEnum):
    """What it does about it."""

    RECEIVE = "open the slot, ask for blocks"
    RESUME = "ask for what is missing"
    SWITCH = "drop what is here, receive the other"
    LEAVE = "drop what is here, wait"
    LEAVE_AND_ASK = "drop what is here, ask for a job"
    LEAVE_AND_REFUSE = "drop what is here, report why the new job fails"
    REFUSE = "report why the job fails"
    KEEP_SILENT = "wait"
    REST = "wait; a verdict that was to be reported is settled"
    CHECK = "verify the image"
    READY = "report ready, reboot into the new image"
    ACCEPT_FILE = "report the file accepted"
    FAIL = "drop what is here, report why"
    STOP = "drop what is here, report why, stop"
    ACCEPT = "report active, accept the image, report accepted"
    REPORT_ACCEPTED = "report accepted"
    REJECT = "reject the image, report why, reboot into the old one"
    REPORT_REJECTED = "report rejected"
    RESET = "reboot: the image stays unconfirmed"


TABLE: Final[Mapping[tuple[State, Event], tuple[State, Act]]] = MappingProxyType(
    {
        (State.WAITING, Event.JOB): (State.RECEIVING, Act.RECEIVE),
        (State.WAITING, Event.NO_JOB): (State.WAITING, Act.REST),
        (State.WAITING, Event.UNFIT): (State.WAITING, Act.REFUSE),
        (State.WAITING, Event.SILENT): (State.WAITING, Act.KEEP_SILENT),
        (State.WAITING, Event.HAS_PASSED): (State.WAITING, Act.REPORT_ACCEPTED),
        (State.WAITING, Event.HAS_FAILED): (State.WAITING, Act.REPORT_REJECTED),
        (State.WAITING, Event.NOTHING_TO_TEST): (State.WAITING, Act.REPORT_REJECTED),
        (State.RECEIVING, Event.SAME_JOB): (State.RECEIVING, Act.RESUME),
        (State.RECEIVING, Event.JOB): (State.RECEIVING, Act.SWITCH),
        (State.RECEIVING, Event.NO_JOB): (State.WAITING, Act.LEAVE),
        (State.RECEIVING, Event.SILENT): (State.WAITING, Act.LEAVE),
        (State.RECEIVING, Event.UNFIT): (State.WAITING, Act.LEAVE_AND_REFUSE),
        (State.RECEIVING, Event.NOTICE): (State.WAITING, Act.LEAVE_AND_ASK),
        (State.RECEIVING, Event.BAD_BLOCK): (State.WAITING, Act.FAIL),
        (State.RECEIVING, Event.UNANSWERED): (State.WAITING, Act.FAIL),
        (State.RECEIVING, Event.DESPAIR): (State.OVER, Act.STOP),
        (State.RECEIVING, Event.WHOLE): (State.CHECKING, Act.CHECK),
        (State.CHECKING, Event.GOOD): (State.OVER, Act.READY),
        (State.CHECKING, Event.GOOD_FILE): (State.WAITING, Act.ACCEPT_FILE),
        (State.CHECKING, Event.BAD): (State.WAITING, Act.FAIL),
        (State.TESTING, Event.NEWER): (State.WAITING, Act.ACCEPT),
        (State.TESTING, Event.NOT_NEWER): (State.OVER, Act.REJECT),
        (State.TESTING, Event.JOB): (State.OVER, Act.RESET),
        (State.TESTING, Event.UNFIT): (State.OVER, Act.RESET),
        (State.TESTING, Event.TIME_UP): (State.OVER, Act.RESET),
    }
)
"""Every step there is. Without a row, an event means nothing in that state."""


class Happened(Struct, frozen=True):
    """An event and what it is about. `now` in monotonic seconds."""

    event: Event
    now: float
    job: Job | None = None
    job_id: str = ""
    reason: Reason | None = None
    why: str = ""

    @property
    def about(self) -> Job:
        """The job of an event that has one."""
        if self.job is None:
            raise AssertionError(f"{self.event}: without a job")
        return self.job
