"""What an operator may look at: jobs, their documents and executions, in the shapes of the AWS API."""

from typing import Any

from ota_stream.jobs import names, shapes
from ota_stream.jobs.book import JobBook
from ota_stream.jobs.errors import not_found
from ota_stream.jobs.executions import JobExecution, Status
from ota_stream.jobs.jobs import Job, JobStatus, TargetSelection
from ota_stream.jobs.options import JobOptions
from ota_stream.jobs.pages import page


class JobQueries:
    """The reading calls. All raise ControlError (ResourceNotFoundException, InvalidRequestException)."""

    def __init__(self, book: JobBook, options: JobOptions | None = None) -> None:
        self._book = book
        self._options = options or JobOptions()

    def describe_job(self, job_id: str) -> dict[str, Any]:
        """Return `{"job": {...}}` (JC-2)."""
        return shapes.job(self._options, self._job(job_id), self._book.counts(job_id))

    def get_job_document(self, job_id: str) -> dict[str, Any]:
        """Return `{"document": text}`, placeholders as they were given (JC-4)."""
        return {"document": self._job(job_id).spec.document}

    def list_jobs(
        self,
        *,
        status: JobStatus | None = None,
        target_selection: TargetSelection | None = None,
        thing_group: str | None = None,
        max_results: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        """Return `{"jobs": [...], "nextToken"?}`, the newest first (JC-3)."""
        group = None if thing_group is None else names.arn(self._options, f"thinggroup/{thing_group}")
        chosen = [
            job
            for job in self._book.jobs.values()
            if status in {None, job.status}
            and target_selection in {None, job.spec.target_selection}
            and (group is None or group in job.spec.targets)
        ]
        chosen.sort(key=lambda job: (-job.created_at, job.job_id))
        jobs, more = page(chosen, max_results, next_token)
        return {"jobs": [shapes.job_summary(self._options, job) for job in jobs], **more}

    def describe_job_execution(self, thing: str, job_id: str, now: float, number: int | None = None) -> dict[str, Any]:
        """Return `{"execution": {...}}`, the latest by default (JC-11)."""
        execution = self._book.find(thing, job_id, number)
        if execution is None:
            raise not_found("Job execution", f"{job_id} of thing {thing}")
        return shapes.execution(self._options, execution, now)

    def list_executions_for_job(
        self,
        job_id: str,
        *,
        status: Status | None = None,
        max_results: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        """Return `{"executionSummaries": [...], "nextToken"?}` (JC-12)."""
        self._job(job_id)
        chosen = [one for one in self._book.of_job(job_id) if status in {None, one.status}]
        executions, more = page(chosen, max_results, next_token)
        return {"executionSummaries": [shapes.execution_of_job(self._options, one) for one in executions], **more}

    def list_executions_for_thing(
        self,
        thing: str,
        *,
        status: Status | None = None,
        job_id: str | None = None,
        max_results: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        """Return `{"executionSummaries": [...], "nextToken"?}` (JC-13)."""
        if thing not in self._book.things:
            raise not_found("Thing", thing)
        chosen = [
            one for one in self._book.of_thing(thing) if status in {None, one.status} and job_id in {None, one.job_id}
        ]
        executions, more = page(chosen, max_results, next_token)
        return {"executionSummaries": [shapes.execution_of_thing(one) for one in executions], **more}

    def latest_of_job(self, job_id: str, most: int, now: float) -> list[dict[str, Any]]:
        """Return the executions of a job that have changed last, the last one first, each with its `thingName`."""
        self._job(job_id)
        return [self._shown(one, now) for one in self._book.latest_of_job(job_id, most)]

    def latest_of_thing(self, thing: str, most: int, now: float) -> list[dict[str, Any]]:
        """Return the executions of a thing that have changed last, the last one first, each with its `thingName`."""
        return [self._shown(one, now) for one in self._book.latest_of_thing(thing, most)]

    def _shown(self, one: JobExecution, now: float) -> dict[str, Any]:
        return {"thingName": one.thing, **shapes.execution(self._options, one, now)["execution"]}

    def _job(self, job_id: str) -> Job:
        job = self._book.jobs.get(job_id)
        if job is None:
            raise not_found("Job", job_id)
        return job
