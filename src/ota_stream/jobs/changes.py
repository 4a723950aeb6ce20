"""One change of the book and all that follows: retries, abort, completion, then who is told what."""

from collections.abc import Mapping

from msgspec.structs import replace

from ota_stream.answers import Effect, Reply
from ota_stream.jobs import aborts, documents, events, notifications, rollout, timers
from ota_stream.jobs.book import JobBook
from ota_stream.jobs.executions import Event, JobExecution, Status, moved, outcome
from ota_stream.jobs.jobs import Job, JobStatus
from ota_stream.jobs.options import JobOptions
from ota_stream.records import JobCountRecord, Record

ABORTED = "ABORT_CRITERIA_MET"  # reasonCode of a job that its abort criteria cancelled


class Change:
    """Everything that is done at one moment; `effect()` ends it.

    However many executions of a thing change, the thing is told once, of the queue as it is at the end (JNF-4, JNF-6).
    """

    def __init__(self, book: JobBook, options: JobOptions, presign: documents.Presign | None, now: float) -> None:
        self._book = book
        self._options = options
        self._presign = presign
        self._now = now
        self._before: dict[str, tuple[JobExecution, ...]] = {}
        self._jobs: dict[str, None] = {}
        self._events: list[Reply] = []
        self._records: list[Record] = []

    # Executions

    def make(self, job: Job, thing: str) -> JobExecution:
        """Queue a job for a thing; a thing that had it before gets the next execution number (JX-7)."""
        latest = self._book.find(thing, job.job_id)
        number = 1 if latest is None else latest.number + 1
        execution = JobExecution(job.job_id, thing, number, self._book.next_order(), self._now, self._now)
        self._put(execution)
        return execution

    def move(
        self,
        execution: JobExecution,
        event: Event,
        details: Mapping[str, str] | None = None,
        step_minutes: int | None = None,
    ) -> JobExecution:
        """Let an event happen that the table knows; an execution that failed may be tried again (JTM-5)."""
        job = self._book.jobs[execution.job_id]
        after = moved(execution, event, self._now, details)
        if execution.status is Status.QUEUED:
            after = timers.started(after, job.spec.timeout_minutes, self._now)  # JTM-1
        after = timers.stepped(after, step_minutes, self._now)  # JTM-2
        self._put(after)
        if not after.pending:
            self._tell_execution(after, after.status.lower())  # JE-3
            if job.running and after.attempt < job.spec.retries(after.status):
                self.make(job, after.thing)
        return after

    def drop(self, execution: JobExecution) -> None:
        """Delete an execution (JC-10)."""
        self._touch(execution)
        self._book.drop(execution)
        self._tell_execution(execution, "deleted")

    def document(self, execution: JobExecution) -> bytes:
        """Return the job document as its device gets it now (JC-24, JNF-10)."""
        spec = self._book.jobs[execution.job_id].spec
        return documents.resolved(spec.document, self._presign, spec.presigned_seconds, execution.thing)

    def _put(self, execution: JobExecution) -> None:
        self._touch(execution)
        self._book.put(execution)

    def _touch(self, execution: JobExecution) -> None:
        self._jobs[execution.job_id] = None
        if execution.thing not in self._before:
            self._before[execution.thing] = self._book.queue(execution.thing)

    # Jobs

    def roll_out(self, job_id: str) -> None:
        """Make as many executions as the rate allows in this minute (JTM-6, JTM-8)."""
        self._jobs[job_id] = None
        job, waiting = self._book.jobs[job_id], self._book.waits(job_id)
        counts = self._book.counts(job_id)
        notified, succeeded = sum(counts.values()), counts.get(Status.SUCCEEDED, 0)
        rate = rollout.rate(job.spec.job_executions_rollout_config, self._options.default_rate, notified, succeeded)
        opens = job.minute_from is None or rollout.opened(job.minute_from, self._now)
        given = 0 if opens else job.minute_given
        batch = waiting if rate is None else waiting[: max(0, rate - given)]
        if not batch:
            return
        for thing in batch:
            self._book.unwait(job_id, thing)
            self.make(job, thing)
        since = self._now if opens else job.minute_from
        self._book.put_job(replace(job, minute_from=since, minute_given=given + len(batch)))

    def unwait(self, job_id: str, thing: str) -> None:
        """Take a thing out of the roll-out of a job; it may have been the last the job waited for."""
        self._jobs[job_id] = None
        self._book.unwait(job_id, thing)

    def cancel(self, job_id: str, *, force: bool, reason_code: str | None, comment: str | None) -> None:
        """Cancel a job: what is QUEUED ends, what is IN_PROGRESS only with force (JC-7)."""
        job = self._book.jobs[job_id]
        job = replace(
            job,
            status=JobStatus.CANCELED,
            updated_at=self._now,
            force_canceled=force,
            reason_code=reason_code or job.reason_code,
            comment=comment or job.comment,
        )
        self._book.put_job(job)
        self.tell_job(job, "cancellation_in_progress")  # JE-4
        for thing in self._book.waits(job_id):
            self._book.unwait(job_id, thing)
        event = Event.FORCE_CANCEL if force else Event.CANCEL
        for execution in self._book.of_job(job_id):
            if outcome(execution, event) is not None:
                self.move(execution, event)
        self.tell_job(job, "canceled")

    def tell_job(self, job: Job, operation: events.JobOperation) -> None:
        """Publish a job event, if they are enabled (JE-1, JE-2)."""
        if self._enabled(events.JOB):
            counts = self._book.counts(job.job_id)
            self._events.append(events.of_job(job, operation, counts, self._now))

    def _tell_execution(self, execution: JobExecution, operation: str) -> None:
        if self._enabled(events.JOB_EXECUTION):
            self._events.append(events.of_execution(self._options, execution, operation, self._now))

    def _enabled(self, kind: str) -> bool:
        return kind in self._book.event_types and self._book.event_types[kind].enabled

    def _settle(self, job_id: str) -> None:
        job = self._book.jobs[job_id]
        if not job.running:
            return
        counts = self._book.counts(job_id)
        if aborts.met(job.spec.abort_config, counts):  # JTM-7
            self.cancel(job_id, force=False, reason_code=ABORTED, comment=None)
            return
        pending = counts.get(Status.QUEUED, 0) + counts.get(Status.IN_PROGRESS, 0)
        if pending or job.continuous or self._book.is_waited_for(job_id):
            return  # JC-14: a continuous job never completes
        job = replace(job, status=JobStatus.COMPLETED, updated_at=self._now, completed_at=self._now)
        self._book.put_job(job)
        self._records.append(  # LR-13
            JobCountRecord(self._now, job_id, {status.value: counts.get(status, 0) for status in Status})
        )
        self.tell_job(job, "completed")

    # The end

    def effect(self) -> Effect:
        """Settle the jobs touched and return what goes out: notifications by thing, then events (JNF-7)."""
        for job_id in list(self._jobs):
            self._settle(job_id)
        told: list[Reply] = []
        for thing, before in self._before.items():
            after = self._book.queue(thing)
            told += notifications.replies(thing, before, after, self._now, self.document)
        return Effect((*told, *self._events), tuple(self._records))
