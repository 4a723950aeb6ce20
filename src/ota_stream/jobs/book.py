"""The book of jobs: what is kept, and the indexes in memory that find it without reading all of it."""

from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import islice

from ota_stream.jobs import timers
from ota_stream.jobs.executions import JobExecution, Status, key
from ota_stream.jobs.jobs import EventType, Job, JobStatus, Thing, ThingGroup, WaitingThing
from ota_stream.jobs.queue import Queue, ordered

_Names = dict[str, None]  # a set that remembers the order


@dataclass(frozen=True)
class JobTables:
    """What is kept, by name: dicts, or tables of a store. Only items are read, set and deleted, and values listed."""

    jobs: MutableMapping[str, Job] = field(default_factory=dict[str, Job])
    executions: MutableMapping[str, JobExecution] = field(default_factory=dict[str, JobExecution])
    waiting: MutableMapping[str, WaitingThing] = field(default_factory=dict[str, WaitingThing])
    things: MutableMapping[str, Thing] = field(default_factory=dict[str, Thing])
    groups: MutableMapping[str, ThingGroup] = field(default_factory=dict[str, ThingGroup])
    event_types: MutableMapping[str, EventType] = field(default_factory=dict[str, EventType])


class JobBook:
    """All state of the jobs service. The tables are the truth; the indexes are built from them.

    Write through the methods, or the indexes will not know. `on_membership` is called when a thing is in other groups
    than before, or a group is new.
    """

    def __init__(self, tables: JobTables | None = None) -> None:
        tables = tables or JobTables()
        self.on_membership: Callable[[], None] = lambda: None
        self.jobs = tables.jobs
        self.executions = tables.executions
        self.waiting = tables.waiting
        self.things = tables.things
        self.groups = tables.groups
        self.event_types = tables.event_types
        self._numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._pending: dict[str, _Names] = defaultdict(dict)
        self._of_thing: dict[str, _Names] = defaultdict(dict)
        self._of_job: dict[str, _Names] = defaultdict(dict)
        self._counts: dict[str, dict[Status, int]] = defaultdict(dict)
        self._waiting: dict[str, _Names] = defaultdict(dict)
        self._members: dict[str, _Names] = defaultdict(dict)
        self._children: dict[str, _Names] = defaultdict(dict)
        self._live: dict[JobStatus, _Names] = defaultdict(dict)
        self._alarms: list[tuple[float, str]] = []
        self._order = 0
        self._rebuild()

    def _rebuild(self) -> None:
        for job in self.jobs.values():
            self._live[job.status][job.job_id] = None
        for execution in sorted(self.executions.values(), key=lambda one: one.order):
            self._enter(execution)
            self._alarm(execution)
            self._order = max(self._order, execution.order)
        for waiting in sorted(self.waiting.values(), key=lambda one: one.order):
            self._waiting[waiting.job_id][waiting.thing] = None
            self._order = max(self._order, waiting.order)
        for thing in self.things.values():
            for name in thing.groups:
                self._members[name][thing.name] = None
        for group in self.groups.values():
            if group.parent is not None:
                self._children[group.parent][group.name] = None

    def next_order(self) -> int:
        """Return a number larger than every one before: what is queued at the same time has an order too."""
        self._order += 1
        return self._order

    # Jobs

    def put_job(self, job: Job) -> None:
        """Keep a job."""
        old = self.jobs.get(job.job_id)
        if old is not None:
            self._live[old.status].pop(job.job_id, None)
        self._live[job.status][job.job_id] = None
        self.jobs[job.job_id] = job

    def drop_job(self, job_id: str) -> None:
        """Forget a job."""
        self._live[self.jobs[job_id].status].pop(job_id, None)
        del self.jobs[job_id]
        self._counts.pop(job_id, None)

    def in_status(self, status: JobStatus) -> list[Job]:
        """Return the jobs in a status, the oldest first."""
        found = [self.jobs[job_id] for job_id in self._live[status]]
        return sorted(found, key=lambda job: (job.created_at, job.job_id))

    # Executions

    def put(self, execution: JobExecution) -> None:
        """Keep an execution."""
        old = self.executions.get(execution.key)
        if old is not None:
            self._leave(old)
        self.executions[execution.key] = execution
        self._enter(execution)
        if old is None or timers.times_out_at(old) != timers.times_out_at(execution):
            self._alarm(execution)

    def drop(self, execution: JobExecution) -> None:
        """Forget an execution."""
        self._leave(execution)
        del self.executions[execution.key]

    def find(self, thing: str, job_id: str, number: int | None = None) -> JobExecution | None:
        """Return an execution, by default the latest of a job on a thing."""
        if number is None:
            numbers = self._numbers.get((thing, job_id))
            if not numbers:
                return None
            number = numbers[-1]
        return self.executions.get(key(thing, job_id, number))

    def queue(self, thing: str) -> Queue:
        """Return a thing's pending executions, the front first (JX-8)."""
        names = self._pending.get(thing)
        return ordered(self.executions[name] for name in names) if names else ()

    def of_thing(self, thing: str) -> list[JobExecution]:
        """Return all executions of a thing, the oldest first."""
        return self._by_order(self._of_thing.get(thing, {}))

    def of_job(self, job_id: str) -> list[JobExecution]:
        """Return all executions of a job, the oldest first."""
        return self._by_order(self._of_job.get(job_id, {}))

    def latest_of_thing(self, thing: str, most: int) -> list[JobExecution]:
        """Return the executions of a thing that have changed last, the last one first, without reading all."""
        return [self.executions[name] for name in islice(reversed(self._of_thing.get(thing, {})), most)]

    def latest_of_job(self, job_id: str, most: int) -> list[JobExecution]:
        """Return the executions of a job that have changed last, the last one first, without reading all."""
        return [self.executions[name] for name in islice(reversed(self._of_job.get(job_id, {})), most)]

    def counts(self, job_id: str) -> dict[Status, int]:
        """Return how many things of a job have their latest execution in which status."""
        return {status: count for status, count in self._counts.get(job_id, {}).items() if count}

    def alarm(self) -> tuple[float, JobExecution] | None:
        """Return the execution that times out first, and when."""
        while self._alarms:
            at, name = self._alarms[0]
            execution = self.executions.get(name)
            if execution is not None and timers.times_out_at(execution) == at:
                return at, execution
            heappop(self._alarms)
        return None

    def _by_order(self, names: _Names) -> list[JobExecution]:
        return sorted((self.executions[name] for name in names), key=lambda one: one.order)

    def _alarm(self, execution: JobExecution) -> None:
        at = timers.times_out_at(execution)
        if at is not None:
            heappush(self._alarms, (at, execution.key))

    def _enter(self, execution: JobExecution) -> None:
        thing, job_id, name = execution.thing, execution.job_id, execution.key
        self._count(thing, job_id, -1)
        insort(self._numbers[thing, job_id], execution.number)
        self._count(thing, job_id, +1)
        self._of_thing[thing][name] = self._of_job[job_id][name] = None
        if execution.pending:
            self._pending[thing][name] = None

    def _leave(self, execution: JobExecution) -> None:
        thing, job_id, name = execution.thing, execution.job_id, execution.key
        self._count(thing, job_id, -1)
        self._numbers[thing, job_id].remove(execution.number)
        self._count(thing, job_id, +1)
        self._pending[thing].pop(name, None)
        del self._of_thing[thing][name], self._of_job[job_id][name]

    def _count(self, thing: str, job_id: str, step: int) -> None:
        latest = self.find(thing, job_id)
        if latest is not None:
            counts = self._counts[job_id]
            counts[latest.status] = counts.get(latest.status, 0) + step

    # Things that wait for the roll-out

    def wait(self, job_id: str, thing: str) -> None:
        """Let a thing wait for its execution."""
        if thing not in self._waiting[job_id]:
            self._waiting[job_id][thing] = None
            self.waiting[f"{job_id}/{thing}"] = WaitingThing(job_id, thing, self.next_order())

    def unwait(self, job_id: str, thing: str) -> None:
        """Let a thing wait no longer; quiet when it did not."""
        if self._waiting[job_id].pop(thing, "") is None:
            del self.waiting[f"{job_id}/{thing}"]

    def waits(self, job_id: str) -> list[str]:
        """Return the things that wait for an execution of a job, the first first."""
        return list(self._waiting.get(job_id, {}))

    def is_waited_for(self, job_id: str) -> bool:
        """Tell whether things still wait for an execution of a job."""
        return bool(self._waiting.get(job_id))

    # Things and groups

    def put_thing(self, thing: Thing) -> None:
        """Keep a thing."""
        old = self.things.get(thing.name)
        self._forget_groups(thing.name)
        for group in thing.groups:
            self._members[group][thing.name] = None
        self.things[thing.name] = thing
        if thing.groups != (() if old is None else old.groups):
            self.on_membership()

    def drop_thing(self, name: str) -> None:
        """Forget a thing; its executions stay."""
        self._forget_groups(name)
        del self.things[name]
        self.on_membership()

    def put_group(self, group: ThingGroup) -> None:
        """Keep a thing group; its parent does not change."""
        self.groups[group.name] = group
        if group.parent is not None:
            self._children[group.parent][group.name] = None
        self.on_membership()

    def drop_group(self, name: str) -> None:
        """Forget a thing group that has no things and no groups under it."""
        parent = self.groups.pop(name).parent
        if parent is not None:
            self._children[parent].pop(name, None)

    def has_children(self, group: str) -> bool:
        """Tell whether there are groups under a group."""
        return bool(self._children.get(group))

    def members(self, group: str) -> Iterator[str]:
        """Name the things of a group and of the groups under it; one in two groups comes twice."""
        yield from self._members.get(group, {})
        for child in self._children.get(group, {}):
            yield from self.members(child)

    def groups_over(self, thing: str) -> set[str]:
        """Return the groups a thing is in, with all those above."""
        over: set[str] = set()
        known = self.things.get(thing)
        todo = list(known.groups) if known else []
        while todo:
            name = todo.pop()
            over.add(name)
            parent = self.groups[name].parent
            todo.extend([parent] if parent is not None else [])
        return over

    def _forget_groups(self, name: str) -> None:
        old = self.things.get(name)
        for group in old.groups if old else ():
            self._members[group].pop(name, None)
