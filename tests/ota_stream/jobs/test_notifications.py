"""The table of 3.6, row by row."""

import json

import pytest

from job_desk import Desk, names, short
from ota_stream.answers import Audience
from ota_stream.jobs.configs import RetryConfig, RetryCriterion, TimeoutConfig
from ota_stream.jobs.jobs import JobSpec

NOTIFY, NEXT = "t/jobs/notify", "t/jobs/notify-next"


def first(desk: Desk):
    return desk.create("j1").replies


def second(desk: Desk):
    desk.create("j1")
    return desk.create("j2").replies


def front_started(desk: Desk):
    desk.create("j1")
    return desk.start().replies[1:]


def progress(desk: Desk):
    desk.create("j1")
    desk.start()
    return desk.report("t", "j1", "IN_PROGRESS", statusDetails={"p": "1"}).replies[1:]


def third_started(desk: Desk):
    for job_id in ("j1", "j2", "j3"):
        desk.create(job_id)
    return desk.report("t", "j3", "IN_PROGRESS").replies[1:]


def one_behind_rejected(desk: Desk):
    desk.create("j1")
    desk.create("j2")
    return desk.report("t", "j2", "REJECTED").replies[1:]


def front_finished(desk: Desk):
    desk.create("j1")
    desk.create("j2")
    desk.start()
    return desk.report("t", "j1", "SUCCEEDED").replies[1:]


def last_finished(desk: Desk):
    desk.create("j1")
    return desk.report("t", "j1", "FAILED").replies[1:]


def last_canceled(desk: Desk):
    desk.create("j1")
    return desk.control.cancel_job("j1", 1.0).replies


def last_execution_canceled(desk: Desk):
    desk.create("j1")
    return desk.control.cancel_job_execution("t", "j1", 1.0).replies


def last_deleted(desk: Desk):
    desk.create("j1")
    return desk.control.delete_job("j1", 1.0, force=True).replies


def last_execution_deleted(desk: Desk):
    desk.create("j1")
    return desk.control.delete_job_execution("t", "j1", 1, 1.0, force=True).replies


def ended_one_deleted(desk: Desk):
    last_finished(desk)
    return desk.control.delete_job_execution("t", "j1", 1, 1.0).replies


def front_timed_out(desk: Desk):
    desk.create("j1", timeout_config=TimeoutConfig(1))
    desk.create("j2")
    desk.start()
    return desk.at(60.0).replies


def failed_and_tried_again(desk: Desk):
    desk.create("j1", job_executions_retry_config=RetryConfig((RetryCriterion("FAILED", 1),)))
    return desk.report("t", "j1", "FAILED").replies[1:]


def thing_deleted(desk: Desk):
    desk.create("j1")
    desk.create("j2")
    return desk.registry.delete_thing("t", 1.0).replies


ROWS = [
    (first, ["QUEUED"], "j1"),
    (second, ["QUEUED", "QUEUED"], None),
    (front_started, None, None),
    (progress, None, None),
    (third_started, None, "j3"),
    (one_behind_rejected, ["QUEUED"], None),
    (front_finished, ["QUEUED"], "j2"),
    (last_finished, [], ""),
    (last_canceled, [], ""),
    (last_execution_canceled, [], ""),
    (last_deleted, [], ""),
    (last_execution_deleted, [], ""),
    (ended_one_deleted, None, None),
    (front_timed_out, ["QUEUED"], "j2"),
    (failed_and_tried_again, ["QUEUED"], "j1"),
    (thing_deleted, [], ""),
]


@pytest.mark.parametrize(("event", "pending", "front"), ROWS, ids=lambda value: getattr(value, "__name__", ""))
def test_the_table_of_3_6(event, pending, front):
    """JNF-1..JNF-7. `pending` are the statuses `notify` lists, `front` is the job of `notify-next`."""
    replies = event(Desk())
    expected = ([NOTIFY] if pending is not None else []) + ([NEXT] if front is not None else [])
    assert names(replies) == expected  # JNF-7: notify first
    assert {(reply.to, reply.qos) for reply in replies} <= {(Audience.SUBSCRIBERS, 1)}  # JT-10, JNF-8
    told = dict(short(replies))
    if pending is not None:
        jobs = told[NOTIFY]["jobs"]
        assert [status for status, listed in jobs.items() for _ in listed] == pending
    if front is not None:
        assert told[NEXT].get("execution", {}).get("jobId", "") == front


def test_a_change_of_many_executions_of_one_thing_tells_it_once():
    desk = Desk()
    for job_id in ("j1", "j2", "j3"):
        desk.create(job_id)
    assert names(desk.registry.delete_thing("t", 1.0).replies) == [NOTIFY, NEXT]


def test_a_job_for_many_things_tells_each_of_them():
    desk = Desk()
    replies = desk.create("j1", "thing/a", "thing/b").replies
    assert names(replies) == ["a/jobs/notify", "a/jobs/notify-next", "b/jobs/notify", "b/jobs/notify-next"]


def test_at_most_ten_executions_are_listed_those_in_progress_first():
    """JNF-2."""
    desk = Desk()
    for number in range(12):
        desk.now = float(number)
        desk.create(f"j{number}")
    desk.report("t", "j11", "IN_PROGRESS")
    jobs = short(desk.create("j12").replies)[0][1]["jobs"]
    assert list(jobs) == ["IN_PROGRESS", "QUEUED"]
    assert [one["jobId"] for one in jobs["IN_PROGRESS"]] == ["j11"]
    assert [one["jobId"] for one in jobs["QUEUED"]] == [f"j{number}" for number in range(9)]


def test_jobs_queued_at_the_same_time_wait_in_the_order_of_creation():
    """JX-8."""
    desk = Desk()
    for job_id in ("z", "a", "m"):
        desk.create(job_id)
    waiting = json.loads(desk.ask("t", "get").replies[0].payload)["queuedJobs"]
    assert [one["jobId"] for one in waiting] == ["z", "a", "m"]


def test_placeholders_are_resolved_each_time_a_document_is_handed_out():
    """JC-24, JNF-10."""
    asked: list[tuple[str, float, str]] = []

    def presign(url: str, expires_in: float, thing: str) -> str:
        asked.append((url, expires_in, thing))
        return f'https://here/{len(asked)}?"quoted"'

    desk = Desk(presign=presign)
    place = "https://s3.eu-west-1.amazonaws.com/bucket/key"
    document = f'{{"u": "${{aws:iot:s3-presigned-url:{place}}}", "more": "$5"}}'
    told = desk.control.create_job(JobSpec("j1", ("thing/t",), document), 0.0)
    assert short(told.replies)[1][1]["execution"]["jobDocument"] == {"u": 'https://here/1?"quoted"', "more": "$5"}
    assert short(desk.start().replies)[0][1]["execution"]["jobDocument"]["u"] == 'https://here/2?"quoted"'
    assert short(desk.ask("t", "$next/get").replies)[0][1]["execution"]["jobDocument"]["u"].startswith("https://here/3")
    assert asked == [(place, 3600, "t")] * 3
    assert desk.queries.get_job_document("j1") == {"document": document}
