"""What a job means to a device: that depends on what it is doing and on what is on its flash."""

from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from ota_device import flash
from ota_device.boot import Booted
from ota_device.document import Job
from ota_device.flash import Slot
from ota_device.states import Event, State
from ota_device.versions import Version

UNHEARD: Final = MappingProxyType({flash.State.ACCEPTED: Event.HAS_PASSED, flash.State.REJECTED: Event.HAS_FAILED})
"""The slots with a verdict the cloud may not have heard, and what their job means when it comes again."""


def version_before(job: Job, booted: Booted) -> Version:
    """Return the version an image under test has to exceed."""
    return job.updated_by or booted.old


def while_receiving(job: Job, doing: Job) -> Event:
    """Judge a job that comes during a download. What the cloud has heard meanwhile makes no other job of it.

    Nor does another URL: each time it is told, a job has a fresh one.
    """
    return Event.SAME_JOB if _bare(job) == _bare(doing) else Event.JOB


def while_testing(job: Job, booted: Booted) -> Event:
    """Judge a job that comes to an image under test: both sides have to know of the test (device-agents 6.1)."""
    if not (job.in_test and _is_of(booted.subject, job)):
        return Event.JOB
    return Event.NEWER if booted.version > version_before(job, booted) else Event.NOT_NEWER


def while_waiting(job: Job, subject: Slot | None) -> Event:
    """Judge a job that comes to a device at rest. `subject` is the slot under update, if one is."""
    if not job.in_test:
        return Event.JOB
    if subject is None or not _is_of(subject, job):
        return Event.NOTHING_TO_TEST
    # A slot that still receives has lost the power between its report and the reboot: it goes on from there.
    return UNHEARD.get(subject.state, Event.JOB)


def of(job: Job, state: State, doing: Job | None, booted: Booted, subject: Slot | None) -> Event:
    """Judge a job in any state."""
    if state is State.TESTING:
        return while_testing(job, booted)
    if state is State.RECEIVING and doing is not None:
        return while_receiving(job, doing)
    return while_waiting(job, subject)


def _bare(job: Job) -> Job:
    return replace(job, in_test=False, updated_by=None, url=None)


def _is_of(slot: Slot | None, job: Job) -> bool:
    return slot is not None and slot.target is not None and slot.target.job_id == job.job_id
