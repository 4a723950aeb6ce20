"""Time-outs and retries (JTM-1..JTM-5)."""

import json

import pytest

from job_desk import Desk
from ota_stream.jobs import timers
from ota_stream.jobs.configs import RetryConfig, RetryCriterion, TimeoutConfig
from ota_stream.jobs.executions import JobExecution, Status
from ota_stream.jobs.jobs import JobUpdate

MINUTE = 60.0
NOON = 12 * 60 * MINUTE


def test_the_vector_of_the_guide():
    """JTM-3: start 12:00 with 20 min; step 7 at :05, 5 at :10, 9 at :13."""
    execution = JobExecution("j", "t", 1, 1, NOON, NOON, Status.IN_PROGRESS)
    execution = timers.started(execution, 20, NOON)
    assert timers.times_out_at(execution) == NOON + 20 * MINUTE
    for at, step, ends in ((5, 7, 12), (10, 5, 15), (13, 9, 20)):
        execution = timers.stepped(execution, step, NOON + at * MINUTE)
        assert timers.times_out_at(execution) == NOON + ends * MINUTE


def test_the_vector_of_the_guide_with_real_requests():
    """JTM-1, JTM-2, JTM-3, JTM-4."""
    desk = Desk()
    desk.create("j", timeout_config=TimeoutConfig(20))
    assert desk.control.deadline() is None  # nothing runs while it is QUEUED
    desk.now = NOON
    desk.start()
    assert desk.control.deadline() == NOON + 20 * MINUTE
    for at, step, ends in ((5, 7, 12), (10, 5, 15), (13, 9, 20)):
        desk.now = NOON + at * MINUTE
        desk.report("t", "j", "IN_PROGRESS", stepTimeoutInMinutes=step)
        assert desk.control.deadline() == NOON + ends * MINUTE
        left = json.loads(desk.ask("t", "j/get").replies[0].payload)["execution"]["approximateSecondsBeforeTimedOut"]
        assert left == (ends - at) * MINUTE
    desk.at(NOON + 20 * MINUTE - 0.1)
    assert desk.status("t", "j") is Status.IN_PROGRESS
    effect = desk.at(NOON + 20 * MINUTE)
    assert desk.status("t", "j") is Status.TIMED_OUT
    assert desk.control.deadline() is None
    assert effect.records[0].counts["TIMED_OUT"] == 1


def test_a_progress_report_without_a_step_leaves_the_step_timer_alone():
    desk = Desk()
    desk.create("j")
    desk.start(stepTimeoutInMinutes=5)
    desk.now = 100.0
    desk.report("t", "j", "IN_PROGRESS")
    assert desk.control.deadline() == 300.0
    desk.report("t", "j", "IN_PROGRESS", stepTimeoutInMinutes=-1)  # JR-3
    assert desk.control.deadline() is None


def test_a_running_timer_does_not_change_with_the_job():
    """JTM-1."""
    desk = Desk()
    desk.create("j", "thing/a", "thing/b", timeout_config=TimeoutConfig(1))
    desk.start("a")
    desk.control.update_job("j", JobUpdate(timeout_config=TimeoutConfig(5)), 0.0)
    desk.start("b")
    desk.at(60.0)
    assert (desk.status("a", "j"), desk.status("b", "j")) == (Status.TIMED_OUT, Status.IN_PROGRESS)
    desk.at(300.0)
    assert desk.status("b", "j") is Status.TIMED_OUT


def test_everything_that_is_due_times_out_at_once():
    desk = Desk()
    desk.create("j", "thing/a", "thing/b", "thing/c", timeout_config=TimeoutConfig(1))
    for thing in "abc":
        desk.start(thing)
        desk.now += 20.0
    desk.at(85.0)
    assert [desk.status(thing, "j") for thing in "abc"] == [Status.TIMED_OUT, Status.TIMED_OUT, Status.IN_PROGRESS]
    assert desk.control.deadline() == 100.0


def test_a_finished_execution_does_not_time_out():
    desk = Desk()
    desk.create("j", timeout_config=TimeoutConfig(1))
    desk.start()
    desk.report("t", "j", "SUCCEEDED", stepTimeoutInMinutes=1)
    assert desk.control.deadline() is None
    desk.at(1000.0)
    assert desk.status("t", "j") is Status.SUCCEEDED


@pytest.mark.parametrize(
    ("criteria", "failed", "timed_out"),
    [
        ((RetryCriterion("FAILED", 2),), 3, 1),
        ((RetryCriterion("TIMED_OUT", 1),), 1, 2),
        ((RetryCriterion("ALL", 1),), 2, 2),
        ((RetryCriterion("FAILED", 1), RetryCriterion("TIMED_OUT", 2)), 2, 3),
        ((RetryCriterion("FAILED", 0),), 1, 1),
    ],
)
def test_a_failed_execution_is_tried_again_as_often_as_the_config_says(criteria, failed, timed_out):
    """JTM-5, JX-7. `failed` and `timed_out` are how many executions there are in the end."""
    desk = Desk()
    retry = RetryConfig(criteria)
    desk.create("f", "thing/a", job_executions_retry_config=retry)
    desk.create("o", "thing/b", job_executions_retry_config=retry, timeout_config=TimeoutConfig(1))
    for _ in range(5):
        if desk.book.queue("a"):
            desk.report("a", "f", "FAILED")
        desk.start("b")
        desk.at(desk.now + 60.0)
    assert [one.number for one in desk.book.of_thing("a")] == list(range(1, failed + 1))
    assert [one.number for one in desk.book.of_thing("b")] == list(range(1, timed_out + 1))
    assert {one.status for one in desk.book.of_thing("a")} == {Status.FAILED}
    assert desk.queries.describe_job("f")["job"]["jobProcessDetails"]["numberOfFailedThings"] == 1
    assert desk.queries.describe_job("o")["job"]["status"] == "COMPLETED"


def test_a_rejected_execution_is_never_tried_again():
    """JX-1: retry is possible only from FAILED and TIMED_OUT."""
    desk = Desk()
    desk.create("j", job_executions_retry_config=RetryConfig((RetryCriterion("ALL", 3),)))
    desk.report("t", "j", "REJECTED")
    assert len(desk.book.of_thing("t")) == 1


def test_a_retry_is_a_new_execution_that_the_device_can_ask_for():
    """JX-7, JR-4, JR-9."""
    desk = Desk()
    desk.create("j", job_executions_retry_config=RetryConfig((RetryCriterion("FAILED", 1),)))
    desk.start()
    desk.report("t", "j", "FAILED")
    shown = json.loads(desk.ask("t", "j/get").replies[0].payload)["execution"]
    assert (shown["executionNumber"], shown["versionNumber"], shown["status"]) == (2, 1, "QUEUED")
    old = desk.ask("t", "j/update", {"status": "SUCCEEDED", "executionNumber": 1})
    assert old.record.failure == "A job execution cannot go from FAILED to SUCCEEDED"
    assert desk.report("t", "j", "SUCCEEDED", executionNumber=2).also[0].counts["SUCCEEDED"] == 1


def test_a_job_that_was_cancelled_tries_nothing_again():
    desk = Desk()
    desk.create("j", job_executions_retry_config=RetryConfig((RetryCriterion("ALL", 3),)))
    desk.start()
    desk.control.cancel_job("j", 1.0)
    desk.report("t", "j", "FAILED")
    assert len(desk.book.of_thing("t")) == 1
