"""Whatever devices, operators and the clock do, in any order: the table, the queue, the versions, the notifications."""

import json
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from job_desk import Desk, names
from ota_stream.answers import Answer, Reply
from ota_stream.errors import ControlError
from ota_stream.jobs.configs import (
    AbortConfig,
    AbortCriterion,
    RetryConfig,
    RetryCriterion,
    RolloutConfig,
    TimeoutConfig,
)
from ota_stream.jobs.executions import TRANSITIONS, JobExecution, Status
from ota_stream.jobs.jobs import JobStatus
from ota_stream.records import JobCountRecord

THINGS = ("a", "b", "c")
things = st.sampled_from(THINGS)
job_ids = st.sampled_from(["get", "notify", "j1", "j2"])
STEPS = {(before, after) for (before, _), after in TRANSITIONS.items()}


def place(execution: JobExecution) -> tuple:
    """JX-8, said another way."""
    return (0 if execution.status is Status.IN_PROGRESS else 1, execution.queued_at, execution.order)


class Jobs(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.desk.registry.create_thing_group("g")
        self.desk.now = 1.0
        self.snapshot()

    def snapshot(self) -> None:
        self.before = dict(self.desk.book.executions)

    def queue(self, executions: dict[str, JobExecution], thing: str) -> list[JobExecution]:
        pending = [one for one in executions.values() if one.thing == thing and one.status in {"QUEUED", "IN_PROGRESS"}]
        return sorted(pending, key=place)

    # What is done

    def operator(self, call) -> None:
        self.snapshot()
        try:
            effect = call()
        except ControlError:
            assert self.desk.book.executions == self.before  # refused is unchanged
            return
        self.check(effect.replies, effect.records)

    def device(self, thing: str, tail: str, body: dict) -> Answer:
        self.snapshot()
        answer = self.desk.ask(thing, tail, body)
        assert answer.replies[0].topic.startswith(f"$aws/things/{thing}/jobs/{tail}/")
        if answer.record.failure is not None:
            assert len(answer.replies) == 1
            assert self.desk.book.executions == self.before
        self.check(answer.replies[1:], answer.also)
        return answer

    @rule(
        job_id=job_ids,
        aims=st.lists(st.sampled_from(["thing/a", "thing/b", "thing/c", "thinggroup/g"]), min_size=1, max_size=3),
        selection=st.sampled_from(["SNAPSHOT", "CONTINUOUS"]),
        minutes=st.none() | st.integers(1, 5),
        retries=st.none() | st.integers(0, 2),
        rate=st.none() | st.integers(1, 2),
        abort=st.booleans(),
    )
    def create(self, job_id, aims, selection, minutes, retries, rate, abort):
        self.operator(
            lambda: self.desk.create(
                job_id,
                *aims,
                target_selection=selection,
                timeout_config=TimeoutConfig(minutes),
                job_executions_retry_config=None if retries is None else RetryConfig((RetryCriterion("ALL", retries),)),
                job_executions_rollout_config=None if rate is None else RolloutConfig(rate),
                abort_config=AbortConfig((AbortCriterion("ALL", 60.0, 2),)) if abort else None,
            )
        )

    @rule(thing=things, step=st.none() | st.integers(1, 3))
    def start_next(self, thing, step):
        front = (self.queue(self.desk.book.executions, thing) or [None])[0]
        answer = self.device(thing, "start-next", {"stepTimeoutInMinutes": step, "statusDetails": {"s": "n"}})
        shown = json.loads(answer.replies[0].payload).get("execution")
        assert (shown is None) == (front is None)
        if front is not None:
            now = self.desk.book.executions[front.key]
            assert (shown["jobId"], shown["versionNumber"], shown["status"]) == (now.job_id, now.version, "IN_PROGRESS")
            assert now.version == front.version + (front.status is Status.QUEUED)  # JX-2, JX-3

    @rule(
        thing=things,
        job_id=job_ids,
        status=st.sampled_from(["IN_PROGRESS", "IN_PROGRESS", *Status]),
        version=st.none() | st.integers(1, 4) | st.integers(1, 4).map(str),
        step=st.none() | st.integers(-1, 3),
        number=st.none() | st.integers(1, 2),
    )
    def update(self, thing, job_id, status, version, step, number):
        body = {
            "status": status,
            "expectedVersion": version,
            "stepTimeoutInMinutes": step,
            "executionNumber": number,
            "statusDetails": {"now": str(self.desk.now)},
        }
        answer = self.device(thing, f"{job_id}/update", body)
        if answer.record.failure is None:
            assert answer.record.destination == status
            assert self.desk.control.execution(thing, job_id, number) is not None
            changed = [
                one
                for key, one in self.desk.book.executions.items()
                if key in self.before and self.before[key] != one and one.thing == thing and one.status == status
            ]
            assert answer.record.version_number in {one.version for one in changed}

    @rule(thing=things, tail=st.sampled_from(["get", "$next/get", "j1/get"]))
    def look(self, thing, tail):
        self.device(thing, tail, {})
        assert self.desk.book.executions == self.before  # JX-4

    @rule(job_id=job_ids, force=st.booleans())
    def cancel(self, job_id, force):
        self.operator(lambda: self.desk.control.cancel_job(job_id, self.desk.now, force=force))

    @rule(job_id=job_ids, force=st.booleans())
    def delete(self, job_id, force):
        self.operator(lambda: self.desk.control.delete_job(job_id, self.desk.now, force=force))

    @rule(thing=things, job_id=job_ids, force=st.booleans())
    def cancel_one(self, thing, job_id, force):
        self.operator(lambda: self.desk.control.cancel_job_execution(thing, job_id, self.desk.now, force=force))

    @rule(thing=things, job_id=job_ids, number=st.integers(1, 2), force=st.booleans())
    def delete_one(self, thing, job_id, number, force):
        self.operator(lambda: self.desk.control.delete_job_execution(thing, job_id, number, self.desk.now, force=force))

    @rule(thing=things)
    def join(self, thing):
        self.operator(lambda: self.desk.registry.add_thing_to_group(thing, "g", self.desk.now))

    @rule(thing=things)
    def leave(self, thing):
        self.operator(lambda: self.desk.registry.remove_thing_from_group(thing, "g", self.desk.now))

    @rule(thing=things)
    def forget(self, thing):
        self.operator(lambda: self.desk.registry.delete_thing(thing, self.desk.now))

    @rule(seconds=st.sampled_from([0.1, 1.0, 30.0, 60.0, 200.0]))
    def pass_time(self, seconds):
        self.operator(lambda: self.desk.at(self.desk.now + seconds))
        deadline = self.desk.control.deadline()
        assert deadline is None or deadline > self.desk.now  # everything due is done

    @precondition(lambda self: self.desk.control.deadline() is not None)
    @rule()
    def wait_for_the_deadline(self):
        """Something happens at the deadline: `on_time` is never asked in vain."""
        state = (dict(self.desk.book.executions), dict(self.desk.book.jobs))
        self.operator(lambda: self.desk.at(self.desk.control.deadline()))
        assert state != (self.desk.book.executions, self.desk.book.jobs)

    @rule()
    def restart(self):
        self.desk = self.desk.restarted()

    # What must hold

    def check(self, told: tuple[Reply, ...], records: tuple) -> None:
        after = self.desk.book.executions
        expected = []
        for thing in THINGS:
            old, new = self.queue(self.before, thing), self.queue(after, thing)
            if {one.key for one in old} != {one.key for one in new}:  # JNF-4
                expected.append(f"{thing}/jobs/notify")
            if [one.key for one in old[:1]] != [one.key for one in new[:1]]:  # JNF-6
                expected.append(f"{thing}/jobs/notify-next")
        assert sorted(names(told)) == sorted(expected)  # one for each change, never two
        for thing in THINGS:
            mine = [name for name in names(told) if name.startswith(f"{thing}/")]
            assert mine == sorted(mine)  # JNF-7: notify, then notify-next
        self.check_executions(after)
        for record in records:
            assert isinstance(record, JobCountRecord)
            job = self.desk.book.jobs[record.job_id]
            assert job.status is JobStatus.COMPLETED
            assert record.counts["QUEUED"] == record.counts["IN_PROGRESS"] == 0

    def check_executions(self, after: dict[str, JobExecution]) -> None:
        for key, now in after.items():
            was = self.before.get(key)
            if was is None:
                assert (now.status, now.version) == (Status.QUEUED, 1)  # JX-2
                earlier = [one.number for one in after.values() if (one.thing, one.job_id) == (now.thing, now.job_id)]
                assert now.number == max(earlier)  # JX-7
            elif now != was:
                assert (was.status, now.status) in STEPS  # terminal stays terminal
                assert now.version == was.version + 1  # JX-2
                assert was.started_at in {None, now.started_at}  # JX-6
                assert now.queued_at == was.queued_at

    @invariant()
    def the_indexes_say_what_the_tables_say(self):
        book = self.desk.book
        latest: dict[tuple[str, str], JobExecution] = {}
        for one in sorted(book.executions.values(), key=lambda one: one.number):
            latest[one.thing, one.job_id] = one
        for job_id, job in book.jobs.items():
            counted = Counter(one.status for (_, of), one in latest.items() if of == job_id)
            assert book.counts(job_id) == counted
            if job.status is JobStatus.IN_PROGRESS and not job.continuous:
                assert counted[Status.QUEUED] + counted[Status.IN_PROGRESS] or book.waits(job_id)  # JC-14
        for thing in THINGS:
            assert list(book.queue(thing)) == self.queue(book.executions, thing)

    @invariant()
    def a_restart_answers_the_same(self):
        again = self.desk.restarted()
        assert again.control.deadline() == self.desk.control.deadline()
        for thing in THINGS:
            for tail in ("get", "$next/get", "j1/get"):
                assert again.ask(thing, tail) == self.desk.ask(thing, tail)
            assert again.book.groups_over(thing) == self.desk.book.groups_over(thing)
        for job_id in self.desk.book.jobs:
            assert again.queries.describe_job(job_id) == self.desk.queries.describe_job(job_id)
            assert again.book.waits(job_id) == self.desk.book.waits(job_id)


Jobs.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestJobs = Jobs.TestCase
