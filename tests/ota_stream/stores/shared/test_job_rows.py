"""Jobs that workers share: one of two wins, a job ends once, and everything else is as in one process."""

import asyncio
import json
import random
from collections.abc import Mapping
from itertools import count
from typing import Any

import pytest

from job_desk import DOCUMENT, Desk
from ota_stream.answers import Answer, Effect
from ota_stream.errors import ControlError
from ota_stream.jobs import topics
from ota_stream.jobs.configs import (
    AbortConfig,
    AbortCriterion,
    RetryConfig,
    RetryCriterion,
    RolloutConfig,
    TimeoutConfig,
)
from ota_stream.jobs.control import JobControl
from ota_stream.jobs.executions import Status
from ota_stream.jobs.jobs import JobSpec, JobStatus
from ota_stream.jobs.options import JobOptions
from ota_stream.jobs.service import JobService
from ota_stream.records import JobCountRecord, JobRequestRecord
from ota_stream.stores.shared.job_rows import JobRows
from ota_stream.stores.shared.postgres import Postgres

OPTIONS = JobOptions()
ABORT = AbortConfig(criteria_list=(AbortCriterion("FAILED", 30, 1),))
RETRY = RetryConfig(criteria_list=(RetryCriterion("ALL", 1),))
NUMBERS = count()


def failure_of(answer: Answer) -> str | None:
    assert isinstance(answer.record, JobRequestRecord)
    return answer.record.failure


class SharedDesk:
    """The calls of `Desk` over shared rows."""

    def __init__(self, rows: JobRows) -> None:
        self.rows = rows
        self.now = 0.0

    async def create(self, job_id: str, *things: str, **more: Any) -> Effect:
        spec = JobSpec(job_id, tuple(f"thing/{thing}" for thing in things), DOCUMENT, **more)
        return await self.rows.change(lambda book: JobControl(book, OPTIONS).create_job(spec, self.now))

    async def ask(self, thing: str, tail: str, body: Mapping[str, Any], number: int | None = None) -> Answer:
        topic = topics.parse(f"$aws/things/{thing}/jobs/{tail}")
        assert topic is not None
        payload = json.dumps(body).encode()
        return await self.rows.answer(
            thing,
            "test",
            next(NUMBERS) if number is None else number,
            lambda book: JobService(book, OPTIONS).answer(topic, payload, "c", self.now),
        )

    async def report(self, thing: str, job_id: str, status: str, **more: Any) -> Answer:
        return await self.ask(thing, f"{job_id}/update", {"status": status, **more})

    async def cancel(self, job_id: str, *, force: bool = False) -> Effect:
        return await self.rows.change(lambda book: JobControl(book, OPTIONS).cancel_job(job_id, self.now, force=force))

    async def delete(self, job_id: str, *, force: bool = False) -> Effect:
        return await self.rows.change(lambda book: JobControl(book, OPTIONS).delete_job(job_id, self.now, force=force))

    async def on_time(self) -> Effect:
        return await self.rows.change(lambda book: JobControl(book, OPTIONS).on_time(self.now))


@pytest.fixture
def desk(database: Postgres) -> SharedDesk:
    return SharedDesk(database.jobs)


async def test_of_many_workers_that_end_an_execution_one_wins(desk: SharedDesk):
    await desk.create("j", "t")
    answers = await asyncio.gather(*(desk.report("t", "j", status) for status in ("SUCCEEDED", "FAILED") * 5))
    assert sum(failure_of(answer) is None for answer in answers) == 1
    assert sum(len(answer.also) for answer in answers) == 1  # the job is complete: said once (LR-13)


async def test_of_the_last_two_executions_exactly_one_sees_that_the_job_is_complete(desk: SharedDesk):  # JC-14
    things = [f"t{number}" for number in range(20)]
    await desk.create("j", *things)
    answers = await asyncio.gather(*(desk.report(thing, "j", "SUCCEEDED") for thing in things))
    assert [failure_of(answer) for answer in answers] == [None] * 20
    (counted,) = [record for answer in answers for record in answer.also]
    assert isinstance(counted, JobCountRecord)
    assert counted.counts["SUCCEEDED"] == 20
    assert counted.counts["QUEUED"] == 0


async def test_a_request_that_comes_again_gets_the_same_answer_and_changes_nothing(desk: SharedDesk):
    await desk.create("j", "t")
    first = await desk.ask("t", "j/update", {"status": "SUCCEEDED"}, number=10**9)
    assert failure_of(first) is None
    assert await desk.ask("t", "j/update", {"status": "SUCCEEDED"}, number=10**9) == first
    assert failure_of(await desk.ask("t", "j/update", {"status": "SUCCEEDED"})) is not None


async def test_two_workers_start_the_same_execution_once(desk: SharedDesk):
    await desk.create("j", "t")
    answers = await asyncio.gather(*(desk.ask("t", "start-next", {}) for _ in range(4)))
    versions = {json.loads(answer.replies[0].payload)["execution"]["versionNumber"] for answer in answers}
    assert versions == {2}  # JX-2, JX-3: whoever comes second gets what runs


async def test_abort_criteria_end_the_executions_of_other_things(desk: SharedDesk):  # JTM-7
    await desk.create("j", "a", "b", "c", abort_config=ABORT)
    answer = await desk.report("a", "j", "FAILED")
    told = {reply.topic for reply in answer.replies}
    assert {f"$aws/things/{thing}/jobs/notify" for thing in "abc"} <= told
    assert "execution" not in json.loads((await desk.ask("b", "start-next", {})).replies[0].payload)


async def test_what_time_does(desk: SharedDesk, database: Postgres):  # JTM-1, JTM-5, JTM-6
    retry = RetryConfig(criteria_list=(RetryCriterion(failure_type="TIMED_OUT", number_of_retries=1),))
    await desk.create("j", "t", timeout_config=TimeoutConfig(1), job_executions_retry_config=retry)
    await desk.ask("t", "start-next", {})
    assert not await database.jobs.is_due(59.0)
    assert await database.jobs.is_due(60.0)
    desk.now = 60.0
    assert (await desk.on_time()).replies[0].topic == "$aws/things/t/jobs/notify"
    assert not await database.jobs.is_due(60.0)
    started = json.loads((await desk.ask("t", "start-next", {})).replies[0].payload)
    assert started["execution"]["executionNumber"] == 2


async def test_a_rollout_goes_on_minute_by_minute(desk: SharedDesk, database: Postgres):  # JTM-6
    things = ["a", "b", "c"]
    effect = await desk.create("j", *things, job_executions_rollout_config=RolloutConfig(maximum_per_minute=2))
    assert len({reply.topic for reply in effect.replies if reply.topic.endswith("/notify")}) == 2
    assert (await desk.report("a", "j", "SUCCEEDED")).also == ()
    assert (await desk.report("b", "j", "SUCCEEDED")).also == ()  # c waits: the job is not complete
    assert not await database.jobs.is_due(59.0)
    assert await database.jobs.is_due(60.0)
    desk.now = 60.0
    assert (await desk.on_time()).replies[0].topic == "$aws/things/c/jobs/notify"
    assert len((await desk.report("c", "j", "SUCCEEDED")).also) == 1


async def test_of_a_report_and_a_cancellation_one_wins(desk: SharedDesk, database: Postgres):  # JC-7
    for number in range(6):
        job_id = f"j{number}"
        await desk.create(job_id, "t")
        await desk.ask("t", "start-next", {})
        report, cancelled = await asyncio.gather(
            desk.report("t", job_id, "SUCCEEDED"), desk.cancel(job_id, force=True), return_exceptions=True
        )
        assert isinstance(report, Answer)
        ((job, counts),) = [each for each in await database.jobs.counted() if each[0].job_id == job_id]
        if failure_of(report) is None:
            assert isinstance(cancelled, ControlError)
            assert (job.status, counts) == (JobStatus.COMPLETED, {Status.SUCCEEDED: 1})
        else:
            assert isinstance(cancelled, Effect)
            assert (job.status, counts) == (JobStatus.CANCELED, {Status.CANCELED: 1})


async def test_of_two_operators_that_delete_a_job_one_wins_and_it_is_forgotten_in_time(
    desk: SharedDesk, database: Postgres
):  # JC-9
    await desk.create("j", "t", "u")
    await desk.ask("t", "start-next", {})
    outcomes = await asyncio.gather(*(desk.delete("j", force=True) for _ in range(3)), return_exceptions=True)
    (told,) = [each for each in outcomes if isinstance(each, Effect)]
    assert {reply.topic.rpartition("/")[0] for reply in told.replies} == {f"$aws/things/{thing}/jobs" for thing in "tu"}
    assert failure_of(await desk.report("t", "j", "SUCCEEDED")) == "There is no such job execution for this thing"
    assert [job.status for job, _ in await database.jobs.counted()] == [JobStatus.DELETION_IN_PROGRESS]
    assert not await database.jobs.is_due(0.9)
    assert await database.jobs.is_due(1.0)
    desk.now = 1.0
    await desk.on_time()
    assert await database.jobs.counted() == []
    assert not await database.jobs.is_due(1.0)


def seen(answer: Answer) -> object:
    """Return an answer without what names a moment or an order."""
    payloads = [(reply.topic, json.loads(reply.payload)) for reply in answer.replies]
    return payloads, answer.record, answer.also


@pytest.mark.parametrize("seed", [1, 2])
async def test_everything_is_as_in_one_process(desk: SharedDesk, seed: int):
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    alone = Desk()
    for number in range(6):
        things = chance.sample(["a", "b", "c", "d"], 3)
        more = ({}, {"job_executions_retry_config": RETRY}, {"abort_config": ABORT})[number % 3]
        told = alone.create(f"j{number}", *(f"thing/{thing}" for thing in things), **more)
        assert (await desk.create(f"j{number}", *things, **more)).replies == told.replies
    for step in range(80):
        alone.now = desk.now = float(step)
        thing = chance.choice("abcd")
        tail, body = chance.choice(
            [
                ("get", {}),
                ("start-next", {"clientToken": "x"}),
                ("$next/get", {}),
                (f"j{chance.randrange(7)}/get", {}),
                *[
                    (f"j{chance.randrange(7)}/update", {"status": status, "includeJobExecutionState": True})
                    for status in ("IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED", "QUEUED")
                ],
                (f"j{chance.randrange(6)}/update", {"status": "IN_PROGRESS", "expectedVersion": chance.randrange(4)}),
            ]
        )
        assert seen(await desk.ask(thing, tail, body)) == seen(alone.ask(thing, tail, body)), (step, thing, tail, body)
