"""What an operator does with jobs, and what passed time does (spec sections 3.7, 3.8)."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec.structs import asdict, replace

from ota_stream.answers import Audience, Effect, Reply
from ota_stream.jobs import checks, codec, names, quotas, registry, rollout, topics
from ota_stream.jobs.book import JobBook
from ota_stream.jobs.changes import Change
from ota_stream.jobs.documents import Presign
from ota_stream.jobs.errors import (
    Rejection,
    already_exists,
    invalid_request,
    invalid_transition,
    limit_exceeded,
    not_found,
    version_conflict,
)
from ota_stream.jobs.events import TYPES
from ota_stream.jobs.executions import Event, JobExecution, Status, outcome
from ota_stream.jobs.jobs import EventType, Job, JobSpec, JobStatus, JobUpdate
from ota_stream.jobs.options import JobOptions
from ota_stream.jobs.queue import front

_REASON: Final = re.compile(r"[A-Z0-9_]{0,128}")  # JC-7


class JobControl:
    """The operator's calls that change something, and the clock's. All raise ControlError and then change nothing."""

    def __init__(self, book: JobBook, options: JobOptions | None = None, presign: Presign | None = None) -> None:
        self._book = book
        self._options = options or JobOptions()
        self._presign = presign

    # Jobs

    def create_job(self, spec: JobSpec, now: float) -> Effect:
        """Make a job and the executions its rate allows at once (JC-1)."""
        checks.spec(spec)
        if spec.job_id in self._book.jobs:
            raise already_exists("Job", spec.job_id)
        running = self._book.in_status(JobStatus.IN_PROGRESS)
        if sum(job.spec.target_selection == spec.target_selection for job in running) >= self._options.active_max:
            raise limit_exceeded(f"There are {self._options.active_max} active {spec.target_selection} jobs")  # JC-22
        targets = checks.targets(spec.targets)
        things = registry.things_of(self._book, targets)
        self._book.put_job(Job(replace(spec, targets=self._arns(targets)), now, now))
        return self._give(spec.job_id, things, now)

    def update_job(self, job_id: str, update: JobUpdate, now: float) -> Effect:
        """Change the description and the configs of a running job (JC-5)."""
        job = self._running(job_id)
        checks.update(update)
        given = {name: value for name, value in asdict(update).items() if value is not None}
        self._book.put_job(replace(job, spec=replace(job.spec, **given), updated_at=now))
        change = self._change(now)
        change.roll_out(job_id)
        return change.effect()

    def associate_targets(
        self, job_id: str, targets: tuple[str, ...], now: float, comment: str | None = None
    ) -> Effect:
        """Give a running continuous job more targets (JC-6)."""
        job = self._running(job_id)
        if not job.continuous:
            raise invalid_request(f"Job {job_id} is not CONTINUOUS: it takes no more targets")
        checks.comment(comment)
        read = checks.targets(targets)
        things = registry.things_of(self._book, read)
        both = tuple(dict.fromkeys((*job.spec.targets, *self._arns(read))))
        spec = replace(job.spec, targets=both)
        self._book.put_job(replace(job, spec=spec, updated_at=now, comment=comment or job.comment))
        return self._give(job_id, things, now)

    def cancel_job(
        self,
        job_id: str,
        now: float,
        *,
        force: bool = False,
        reason_code: str | None = None,
        comment: str | None = None,
    ) -> Effect:
        """Cancel a job: what is QUEUED ends, what is IN_PROGRESS only with force (JC-7)."""
        job = self.job(job_id)
        if not job.running and not (force and job.status is JobStatus.CANCELED):
            raise invalid_request(f"Job {job_id} is {job.status}: it cannot be cancelled")
        if reason_code is not None and not _REASON.fullmatch(reason_code):
            raise invalid_request("reasonCode is at most 128 of A-Z 0-9 _")
        checks.comment(comment)
        change = self._change(now)
        change.cancel(job_id, force=force, reason_code=reason_code, comment=comment)
        return change.effect()

    def delete_job(self, job_id: str, now: float, *, force: bool = False) -> Effect:
        """Delete a job and its executions; one that still runs only with force (JC-9).

        It stays in DELETION_IN_PROGRESS for a while; `on_time` forgets it.
        """
        job = self.job(job_id)
        if job.status is JobStatus.DELETION_IN_PROGRESS or (job.running and not force):
            raise invalid_transition(f"Job {job_id} is {job.status}: it cannot be deleted")
        if len(self._book.in_status(JobStatus.DELETION_IN_PROGRESS)) >= quotas.DELETING_MAX:
            raise limit_exceeded(f"{quotas.DELETING_MAX} jobs are being deleted already")
        deletes_at = now + self._options.deletion_seconds
        job = replace(job, status=JobStatus.DELETION_IN_PROGRESS, updated_at=now, deletes_at=deletes_at)
        self._book.put_job(job)
        change = self._change(now)
        change.tell_job(job, "deletion_in_progress")  # JE-4
        for thing in self._book.waits(job_id):
            self._book.unwait(job_id, thing)
        for execution in self._book.of_job(job_id):
            change.drop(execution)
        return change.effect()

    # Executions

    def cancel_job_execution(  # noqa: PLR0913 - what the API's call takes
        self,
        thing: str,
        job_id: str,
        now: float,
        *,
        force: bool = False,
        expected_version: int | None = None,
        status_details: Mapping[str, str] | None = None,
    ) -> Effect:
        """Cancel the latest execution of a job on a thing; one IN_PROGRESS only with force (JC-8)."""
        execution = self.execution(thing, job_id)
        event = Event.FORCE_CANCEL if force else Event.CANCEL
        if outcome(execution, event) is None:
            raise invalid_transition(f"The job execution is {execution.status}: it cannot be cancelled")
        if expected_version is not None and expected_version != execution.version:
            raise version_conflict(expected_version, execution.version)
        try:
            details = codec.details(status_details)  # JR-11
        except Rejection as rejection:
            raise invalid_request(rejection.message) from None
        change = self._change(now)
        change.move(execution, event, details)
        return change.effect()

    def time_out_job_execution(self, thing: str, job_id: str, now: float) -> Effect:
        """Let the latest execution of a job on a thing time out now, as if its timer had run out (JTM-1)."""
        execution = self.execution(thing, job_id)
        if outcome(execution, Event.TIME_OUT) is None:
            raise invalid_transition(f"The job execution is {execution.status}: it cannot time out")
        change = self._change(now)
        change.move(execution, Event.TIME_OUT)
        return change.effect()

    def delete_job_execution(self, thing: str, job_id: str, number: int, now: float, *, force: bool = False) -> Effect:
        """Delete an execution; one that has not ended only with force (JC-10)."""
        execution = self.execution(thing, job_id, number)
        if execution.pending and not force:
            raise invalid_transition(f"The job execution is {execution.status}: only force deletes it")
        change = self._change(now)
        change.drop(execution)
        return change.effect()

    # Events

    def enable_events(self, kind: str, *, enabled: bool = True) -> None:
        """Publish events of a type, JOB or JOB_EXECUTION, from now on, or no longer (JE-1)."""
        if kind not in TYPES:
            raise invalid_request(f"Event type {kind!r}: use one of {', '.join(TYPES)}")
        self._book.event_types[kind] = EventType(enabled)

    # Time

    def on_time(self, now: float) -> Effect:
        """Do what was due by now: time-outs with their retries, the next minute of roll-outs, the end of deletions."""
        change = self._change(now)
        while (alarm := self._book.alarm()) is not None and alarm[0] <= now:
            change.move(alarm[1], Event.TIME_OUT)
        for job in self._book.in_status(JobStatus.IN_PROGRESS):
            if self._book.is_waited_for(job.job_id):
                change.roll_out(job.job_id)
        for job in self._book.in_status(JobStatus.DELETION_IN_PROGRESS):
            if job.deletes_at is not None and job.deletes_at <= now:
                self._book.drop_job(job.job_id)
                change.tell_job(job, "deleted")
        return change.effect()

    def deadline(self) -> float | None:
        """Return when `on_time` has work next, epoch seconds; None when nothing waits for time."""
        alarm = self._book.alarm()
        times = [] if alarm is None else [alarm[0]]
        times += [
            job.minute_from + rollout.MINUTE
            for job in self._book.in_status(JobStatus.IN_PROGRESS)
            if job.minute_from is not None and self._book.is_waited_for(job.job_id)
        ]
        times += [job.deletes_at or 0.0 for job in self._book.in_status(JobStatus.DELETION_IN_PROGRESS)]
        return min(times, default=None)

    # Finding things

    def job(self, job_id: str) -> Job:
        """Return a job. Raises ControlError (ResourceNotFoundException)."""
        job = self._book.jobs.get(job_id)
        if job is None:
            raise not_found("Job", job_id)
        return job

    def execution(self, thing: str, job_id: str, number: int | None = None) -> JobExecution:
        """Return an execution, the latest by default. Raises ControlError (ResourceNotFoundException)."""
        execution = self._book.find(thing, job_id, number)
        if execution is None:
            raise not_found("Job execution", f"{job_id} of thing {thing}")
        return execution

    def next_execution(self, thing: str) -> JobExecution | None:
        """Return the execution that `$next` stands for, which a thing is at or will be at; None when it has none."""
        return front(self._book.queue(thing))

    def tell_next(self, thing: str, now: float) -> Effect:
        """Return `notify-next` for a thing, though nothing has changed."""
        first, change = self.next_execution(thing), self._change(now)
        payload = codec.notify_next(first, None if first is None else change.document(first), now)
        return Effect((Reply(topics.notify_next(thing), payload, 1, Audience.SUBSCRIBERS),))

    def counts(self, job_id: str) -> dict[Status, int]:
        """Return how many things of a job have their latest execution in which status."""
        return self._book.counts(self.job(job_id).job_id)

    def _running(self, job_id: str) -> Job:
        job = self.job(job_id)
        if not job.running:
            raise invalid_request(f"Job {job_id} is {job.status}: it cannot be changed")
        return job

    def _give(self, job_id: str, things: list[str], now: float) -> Effect:
        registry.name_things(self._book, things)
        job = self._book.jobs[job_id]
        for thing in things:
            if registry.lacks(self._book, job, thing):
                self._book.wait(job_id, thing)
        change = self._change(now)
        change.roll_out(job_id)
        return change.effect()

    def _arns(self, targets: list[names.Target]) -> tuple[str, ...]:
        return tuple(names.arn(self._options, f"{target.kind}/{target.name}") for target in targets)

    def _change(self, now: float) -> Change:
        return Change(self._book, self._options, self._presign, now)
