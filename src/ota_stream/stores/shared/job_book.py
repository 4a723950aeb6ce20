"""A part of the book of jobs: what one request needs of the shared rows, and what it has changed of them."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from ota_stream.jobs.book import JobBook, JobTables
from ota_stream.jobs.executions import JobExecution, Status
from ota_stream.jobs.jobs import Job, WaitingThing
from ota_stream.stores.sqlite import Table

Counts = Mapping[Status, int]

UNKNOWN: Final[Counts] = {Status.QUEUED: 1}
"""The counts of a job nobody has counted: another thing is not done, so nothing can be concluded."""


class Rows(Struct, frozen=True):
    """What was read of the shared rows."""

    jobs: tuple[Job, ...] = ()
    executions: tuple[JobExecution, ...] = ()
    waiting: tuple[WaitingThing, ...] = ()


class SharedBook(JobBook):
    """A book over some of the rows.

    `totals` are the counts of jobs over all things, None when nobody counted; `waited_for` the jobs whose roll-out is
    not at its end; `order` the place in the queue for what is made.
    """

    def __init__(
        self,
        rows: Rows,
        totals: Mapping[str, Counts] | None = None,
        waited_for: frozenset[str] = frozenset(),
        order: int = 0,
    ) -> None:
        self._totals, self._waited_for, self._place = totals, waited_for, order
        self.changed_jobs = Table("jobs", {job.job_id: job for job in rows.jobs})
        self.changed_executions = Table("executions", {one.key: one for one in rows.executions})
        self.changed_waiting = Table("waiting", {f"{one.job_id}/{one.thing}": one for one in rows.waiting})
        self.read = {one.key: one for one in rows.executions}
        super().__init__(
            JobTables(jobs=self.changed_jobs, executions=self.changed_executions, waiting=self.changed_waiting)
        )
        self._before = {job_id: dict(counts) for job_id, counts in self._counts.items()}

    def next_order(self) -> int:
        """Return a number larger than every one before, those of other workers too."""
        self._place += 1
        return self._place

    def counts(self, job_id: str) -> dict[Status, int]:
        """Return how many things of a job, all of them, have their latest execution in which status."""
        totals = UNKNOWN if self._totals is None else self._totals.get(job_id, {})
        found = defaultdict(int, totals)
        for status, step in self.steps(job_id).items():
            found[status] += step
        return {status: count for status, count in found.items() if count > 0}

    def steps(self, job_id: str) -> dict[Status, int]:
        """Return by how much the counts of a job are others than when the rows were read."""
        before, now = self._before.get(job_id, {}), self._counts.get(job_id, {})
        steps = {status: now.get(status, 0) - before.get(status, 0) for status in {*before, *now}}
        return {status: step for status, step in steps.items() if step}

    def is_waited_for(self, job_id: str) -> bool:
        """Tell whether things still wait for an execution of a job, those not read too."""
        return job_id in self._waited_for or super().is_waited_for(job_id)

    def forget(self) -> None:
        """Let nothing be written."""
        for table in (self.changed_jobs, self.changed_executions, self.changed_waiting):
            table.changed.clear()

    @property
    def changed(self) -> bool:
        """Whether anything is to be written."""
        tables = (self.changed_jobs, self.changed_executions, self.changed_waiting)
        return any(table.changed for table in tables)

    @property
    def concludes(self) -> bool:
        """Whether a change is about more than one thing: a job may end, be aborted or give more executions by it."""
        return bool(self.changed_jobs.changed) or any(self.steps(job_id) for job_id in self._counts)
