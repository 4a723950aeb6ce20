"""The pace of a roll-out (JTM-6, JTM-8) and the criteria that stop it (JTM-7)."""

import pytest

from job_desk import Desk, names
from ota_stream.jobs import aborts, rollout
from ota_stream.jobs.configs import (
    AbortConfig,
    AbortCriterion,
    ExponentialRate,
    RateIncreaseCriteria,
    RolloutConfig,
)
from ota_stream.jobs.executions import Status
from ota_stream.jobs.jobs import JobUpdate
from ota_stream.jobs.options import JobOptions

NOTIFIED = RateIncreaseCriteria(number_of_notified_things=1000)
SUCCEEDED = RateIncreaseCriteria(number_of_succeeded_things=1000)


@pytest.mark.parametrize(
    ("things", "rate"),
    [(0, 50), (999, 50), (1000, 100), (2000, 200), (2999, 200), (3000, 400), (4000, 800), (10**9, 1000)],
)
def test_the_vector_of_the_guide(things, rate):
    """JTM-6: base 50, factor 2, criterion 1000."""
    assert rollout.rate(RolloutConfig(None, ExponentialRate(50, 2.0, NOTIFIED)), None, things, 0) == rate
    assert rollout.rate(RolloutConfig(None, ExponentialRate(50, 2.0, SUCCEEDED)), None, 0, things) == rate
    capped = RolloutConfig(75, ExponentialRate(50, 2.0, NOTIFIED))
    assert rollout.rate(capped, None, things, 0) == min(75, rate)


def test_a_constant_rate_and_the_rate_of_a_job_without_a_config():
    """JTM-6, JTM-8."""
    assert rollout.rate(RolloutConfig(7), 1000, 0, 0) == 7
    assert rollout.rate(RolloutConfig(), 10, 0, 0) == 1000
    assert rollout.rate(None, 1000, 0, 0) == 1000
    assert rollout.rate(None, None, 0, 0) is None


def things(count: int) -> tuple[str, ...]:
    return tuple(f"thing/t{number:05}" for number in range(count))


def test_a_constant_rollout_makes_so_many_executions_a_minute():
    """JTM-6."""
    desk = Desk()
    effect = desk.create("j", *things(5), job_executions_rollout_config=RolloutConfig(2))
    assert names(effect.replies)[::2] == ["t00000/jobs/notify", "t00001/jobs/notify"]
    assert desk.control.deadline() == 60.0
    assert desk.at(59.0).replies == ()
    assert names(desk.at(60.0).replies)[::2] == ["t00002/jobs/notify", "t00003/jobs/notify"]
    assert desk.control.deadline() == 120.0
    desk = desk.restarted()
    assert names(desk.at(121.0).replies)[::2] == ["t00004/jobs/notify"]
    assert desk.control.deadline() is None


def test_a_job_with_things_still_waiting_is_not_complete():
    desk = Desk()
    desk.create("j", *things(2), job_executions_rollout_config=RolloutConfig(1))
    assert desk.report("t00000", "j", "SUCCEEDED").also == ()
    desk.at(60.0)
    assert desk.report("t00001", "j", "SUCCEEDED").also[0].counts["SUCCEEDED"] == 2


def test_ten_thousand_things_are_reached_a_thousand_a_minute():
    """JTM-8."""
    desk = Desk()
    desk.create("j", *things(2500))
    reached = []
    while desk.control.deadline() is not None:
        reached.append(sum(desk.control.counts("j").values()))
        desk.at(desk.control.deadline())
    assert [*reached, sum(desk.control.counts("j").values())] == [1000, 2000, 2500]
    at_once = Desk(options=JobOptions(default_rate=None))
    at_once.create("j", *things(2500))
    assert at_once.control.counts("j") == {Status.QUEUED: 2500}


def test_a_faster_rollout_begins_at_once():
    """JC-5."""
    desk = Desk()
    desk.create("j", *things(5), job_executions_rollout_config=RolloutConfig(1))
    desk.control.update_job("j", JobUpdate(job_executions_rollout_config=RolloutConfig(3)), 10.0)
    assert desk.control.counts("j") == {Status.QUEUED: 3}


def test_cancelling_stops_the_rollout():
    desk = Desk()
    desk.create("j", *things(5), job_executions_rollout_config=RolloutConfig(1))
    desk.control.cancel_job("j", 1.0)
    assert desk.control.deadline() is None
    assert desk.control.counts("j")[Status.CANCELED] == 1
    assert desk.book.waiting == {}


@pytest.mark.parametrize(
    ("criterion", "counts", "met"),
    [
        (AbortCriterion("FAILED", 20.0, 10), {Status.FAILED: 2, Status.QUEUED: 8}, True),
        (AbortCriterion("FAILED", 20.0, 10), {Status.FAILED: 1, Status.QUEUED: 9}, False),
        (AbortCriterion("FAILED", 20.0, 11), {Status.FAILED: 2, Status.QUEUED: 8}, False),
        (AbortCriterion("REJECTED", 20.0, 1), {Status.FAILED: 9}, False),
        (AbortCriterion("TIMED_OUT", 50.0, 1), {Status.TIMED_OUT: 1, Status.SUCCEEDED: 1}, True),
        (AbortCriterion("ALL", 100.0, 3), {Status.TIMED_OUT: 1, Status.FAILED: 1, Status.REJECTED: 1}, True),
        (AbortCriterion("ALL", 0.0, 1), {Status.SUCCEEDED: 1}, False),
    ],
)
def test_abort_criteria(criterion, counts, met):
    """JTM-7."""
    assert aborts.met(AbortConfig((criterion,)), counts) is met
    assert aborts.met(None, counts) is False


def test_a_job_that_meets_a_criterion_is_cancelled():
    """JTM-7: what is IN_PROGRESS goes on."""
    desk = Desk()
    desk.create("j", *things(4), abort_config=AbortConfig((AbortCriterion("FAILED", 25.0, 2),)))
    desk.start("t00001")
    answer = desk.report("t00000", "j", "FAILED")
    assert answer.also == ()
    assert names(answer.replies)[1:] == [
        *("t00000/jobs/notify", "t00000/jobs/notify-next"),
        *("t00002/jobs/notify", "t00002/jobs/notify-next"),
        *("t00003/jobs/notify", "t00003/jobs/notify-next"),
    ]
    job = desk.queries.describe_job("j")["job"]
    assert (job["status"], job["reasonCode"], job["forceCanceled"]) == ("CANCELED", "ABORT_CRITERIA_MET", False)
    assert desk.control.counts("j") == {
        Status.FAILED: 1,
        Status.IN_PROGRESS: 1,
        Status.CANCELED: 2,
    }
