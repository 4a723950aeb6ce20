"""What an operator does with jobs and executions (JC-1, JC-5..JC-10), and what is refused."""

import copy

import pytest

from job_desk import Desk, names
from ota_stream.errors import ControlError
from ota_stream.jobs.executions import Status
from ota_stream.jobs.jobs import JobStatus, JobUpdate
from ota_stream.jobs.options import JobOptions


def refusal(desk: Desk, call) -> tuple[str, int, str]:
    """Return the refusal of a call, having checked that it changed nothing."""
    before = copy.deepcopy(
        [desk.book.jobs, desk.book.executions, desk.book.waiting, desk.book.things, desk.book.groups]
    )
    with pytest.raises(ControlError) as refused:
        call()
    after = [desk.book.jobs, desk.book.executions, desk.book.waiting, desk.book.things, desk.book.groups]
    assert before == after
    assert "\n" not in str(refused.value)
    return refused.value.name, refused.value.status, refused.value.message


def job_status(desk: Desk, job_id: str = "j") -> JobStatus:
    return desk.control.job(job_id).status


# Creating


def test_targets_are_kept_as_arns_each_thing_once():
    """JC-1, JC-23."""
    desk = Desk(options=JobOptions(partition="aws-cn", region="cn-north-1", account_id="1"))
    desk.registry.create_thing_group("g")
    desk.registry.add_thing_to_group("a:b", "g", 0.0)
    desk.create("j", "arn:aws:iot:us-east-1:5:thing/a:b", "thinggroup/g", "thing/c")
    arns = [f"arn:aws-cn:iot:cn-north-1:1:{end}" for end in ("thing/a:b", "thinggroup/g", "thing/c")]
    assert desk.queries.describe_job("j")["job"]["targets"] == arns
    assert [one.thing for one in desk.book.of_job("j")] == ["a:b", "c"]


def test_a_thing_exists_when_it_is_a_target():
    desk = Desk()
    desk.create("j", "thing/new")
    assert "new" in desk.book.things


def test_a_job_id_is_taken_once():
    desk = Desk()
    desk.create("j")
    refused = refusal(desk, lambda: desk.create("j", "thing/other"))
    assert refused == ("ResourceAlreadyExistsException", 409, "Job j already exists.")


def test_a_thing_group_that_is_not_there_is_no_target():
    desk = Desk()
    refused = refusal(desk, lambda: desk.create("j", "thing/a", "thinggroup/none"))
    assert refused == ("ResourceNotFoundException", 404, "Thing group none cannot be found.")


def test_active_jobs_have_a_limit_for_each_target_selection():
    """JC-22."""
    desk = Desk(options=JobOptions(active_max=2))
    desk.create("j1")
    desk.create("j2")
    assert refusal(desk, lambda: desk.create("j3"))[:2] == ("LimitExceededException", 410)
    desk.create("c1", target_selection="CONTINUOUS")
    desk.report("t", "j1", "SUCCEEDED")
    desk.create("j3")


def test_a_snapshot_of_an_empty_group_is_complete_at_once():
    """JC-14."""
    desk = Desk()
    desk.registry.create_thing_group("g")
    assert desk.create("j", "thinggroup/g").records[0].job_id == "j"
    assert job_status(desk) is JobStatus.COMPLETED


def test_a_continuous_job_never_completes():
    """JC-14."""
    desk = Desk()
    desk.create("j", target_selection="CONTINUOUS")
    assert desk.report("t", "j", "SUCCEEDED").also == ()
    assert job_status(desk) is JobStatus.IN_PROGRESS


def test_a_completed_job_tells_what_became_of_its_things():
    """LR-13, JC-2."""
    desk = Desk()
    desk.create("j", *(f"thing/{name}" for name in "abcd"))
    desk.report("a", "j", "SUCCEEDED")
    desk.report("b", "j", "FAILED")
    desk.control.cancel_job_execution("c", "j", 1.0)
    (count,) = desk.report("d", "j", "REJECTED").also
    expected = {"SUCCEEDED": 1, "FAILED": 1, "CANCELED": 1, "REJECTED": 1}
    assert count.counts == {status.value: expected.get(status, 0) for status in Status}
    assert job_status(desk) is JobStatus.COMPLETED
    assert desk.control.job("j").completed_at == desk.now


# Changing


def test_a_running_job_can_be_changed():
    """JC-5."""
    desk = Desk()
    desk.create("j", description="old")
    desk.control.update_job("j", JobUpdate(description="new"), 5.0)
    job = desk.queries.describe_job("j")["job"]
    assert (job["description"], job["lastUpdatedAt"], job["createdAt"]) == ("new", 5.0, 0.0)
    assert refusal(desk, lambda: desk.control.update_job("j", JobUpdate(description="d" * 2029), 6.0))[1] == 400
    desk.control.cancel_job("j", 7.0)
    assert refusal(desk, lambda: desk.control.update_job("j", JobUpdate(), 8.0))[0] == "InvalidRequestException"


def test_a_continuous_job_takes_more_targets():
    """JC-6."""
    desk = Desk()
    desk.create("j", target_selection="CONTINUOUS")
    effect = desk.control.associate_targets("j", ("thing/u", "thing/t"), 1.0, "more")
    assert names(effect.replies) == ["u/jobs/notify", "u/jobs/notify-next"]
    job = desk.queries.describe_job("j")["job"]
    assert [target.rpartition(":")[2] for target in job["targets"]] == ["thing/t", "thing/u"]
    assert job["comment"] == "more"
    desk.control.associate_targets("j", ("thing/v",), 2.0)
    assert desk.queries.describe_job("j")["job"]["comment"] == "more"
    for targets, comment in ((("nothing",), None), (("thing/v",), "c" * 2029)):
        refused = refusal(desk, lambda t=targets, c=comment: desk.control.associate_targets("j", t, 3.0, c))
        assert refused[0] == "InvalidRequestException"


def test_a_snapshot_takes_no_more_targets():
    desk = Desk()
    desk.create("j")
    assert refusal(desk, lambda: desk.control.associate_targets("j", ("thing/u",), 1.0))[1] == 400


# Cancelling


def test_cancelling_leaves_what_is_in_progress():
    """JC-7."""
    desk = Desk()
    desk.create("j", "thing/a", "thing/b")
    desk.start("a")
    effect = desk.control.cancel_job("j", 5.0, reason_code="BAD_IMAGE", comment="why")
    assert names(effect.replies) == ["b/jobs/notify", "b/jobs/notify-next"]
    assert (desk.status("a", "j"), desk.status("b", "j")) == (Status.IN_PROGRESS, Status.CANCELED)
    job = desk.queries.describe_job("j")["job"]
    assert (job["status"], job["reasonCode"], job["comment"]) == ("CANCELED", "BAD_IMAGE", "why")
    assert desk.report("a", "j", "SUCCEEDED").also == ()
    assert job_status(desk) is JobStatus.CANCELED


def test_cancelling_with_force_ends_everything():
    """JC-7."""
    desk = Desk()
    desk.create("j", "thing/a", "thing/b", "thing/c")
    desk.start("a")
    desk.report("c", "j", "SUCCEEDED")
    desk.control.cancel_job("j", 5.0, force=True)
    assert [desk.status(thing, "j") for thing in "abc"] == [Status.CANCELED, Status.CANCELED, Status.SUCCEEDED]
    assert [desk.control.execution(thing, "j").force_canceled for thing in "abc"] == [True, False, False]
    assert desk.ask("a", "j/update", {"status": "SUCCEEDED"}).record.failure is not None


def test_a_cancelled_job_can_still_be_cancelled_with_force():
    desk = Desk()
    desk.create("j")
    desk.start()
    desk.control.cancel_job("j", 1.0, reason_code="WHY")
    assert refusal(desk, lambda: desk.control.cancel_job("j", 2.0))[0] == "InvalidRequestException"
    desk.control.cancel_job("j", 2.0, force=True)
    assert desk.control.job("j").reason_code == "WHY"
    assert desk.status("t", "j") is Status.CANCELED


@pytest.mark.parametrize(
    "more", [{"reason_code": "small"}, {"reason_code": "R" * 129}, {"comment": "c" * 2029}], ids=str
)
def test_a_cancellation_that_cannot_be_kept_is_refused(more):
    desk = Desk()
    desk.create("j")
    assert refusal(desk, lambda: desk.control.cancel_job("j", 1.0, **more))[:2] == ("InvalidRequestException", 400)


def test_a_completed_job_cannot_be_cancelled():
    desk = Desk()
    desk.create("j")
    desk.report("t", "j", "SUCCEEDED")
    for force in (False, True):
        refused = refusal(desk, lambda force=force: desk.control.cancel_job("j", 1.0, force=force))
        assert refused == ("InvalidRequestException", 400, "Job j is COMPLETED: it cannot be cancelled")


def test_cancelling_one_execution():
    """JC-8."""
    desk = Desk()
    desk.create("j", "thing/a", "thing/b")
    effect = desk.control.cancel_job_execution("a", "j", 5.0, expected_version=1, status_details={"by": "me"})
    assert names(effect.replies) == ["a/jobs/notify", "a/jobs/notify-next"]
    execution = desk.control.execution("a", "j")
    assert (execution.status, execution.version, execution.details) == (Status.CANCELED, 2, {"by": "me"})
    assert desk.control.cancel_job_execution("b", "j", 6.0).records[0].counts["CANCELED"] == 2


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({}, ("InvalidStateTransitionException", 409)),
        ({"force": True, "expected_version": 9}, ("VersionConflictException", 409)),
        ({"force": True, "status_details": {"a b": "c"}}, ("InvalidRequestException", 400)),
    ],
    ids=str,
)
def test_an_execution_in_progress_needs_force_and_the_right_version(more, error):
    """JC-8."""
    desk = Desk()
    desk.create("j")
    desk.start()
    assert refusal(desk, lambda: desk.control.cancel_job_execution("t", "j", 5.0, **more))[:2] == error
    desk.control.cancel_job_execution("t", "j", 5.0, force=True)
    refused = refusal(desk, lambda: desk.control.cancel_job_execution("t", "j", 6.0, force=True))
    assert refused[:2] == ("InvalidStateTransitionException", 409)


# Deleting


def test_deleting_takes_a_while():
    """JC-9."""
    desk = Desk()
    desk.create("j")
    desk.report("t", "j", "SUCCEEDED")
    assert desk.control.delete_job("j", 5.0).replies == ()
    assert job_status(desk) is JobStatus.DELETION_IN_PROGRESS
    assert desk.control.deadline() == 6.0
    assert refusal(desk, lambda: desk.control.delete_job("j", 5.5, force=True))[:2] == (
        "InvalidStateTransitionException",
        409,
    )
    assert refusal(desk, lambda: desk.control.cancel_job("j", 5.5, force=True))[0] == "InvalidRequestException"
    assert refusal(desk, lambda: desk.create("j"))[0] == "ResourceAlreadyExistsException"
    desk.at(5.9)
    assert "j" in desk.book.jobs
    desk = desk.restarted()
    desk.at(6.0)
    assert refusal(desk, lambda: desk.control.job("j"))[0] == "ResourceNotFoundException"
    assert desk.control.deadline() is None
    desk.create("j")


def test_a_running_job_is_deleted_only_with_force():
    """JC-9."""
    desk = Desk()
    desk.create("j", "thing/t", *(f"thing/{number}" for number in range(1001)))
    desk.start()
    assert refusal(desk, lambda: desk.control.delete_job("j", 5.0))[:2] == ("InvalidStateTransitionException", 409)
    effect = desk.control.delete_job("j", 5.0, force=True)
    assert names(effect.replies)[:2] == ["t/jobs/notify", "t/jobs/notify-next"]
    assert effect.records == ()
    assert desk.ask("t", "j/update", {"status": "SUCCEEDED"}).record.failure is not None
    assert (desk.book.executions, desk.book.waiting) == ({}, {})


def test_ten_jobs_at_most_are_being_deleted():
    """JC-9."""
    desk = Desk()
    for number in range(11):
        desk.create(f"j{number}")
    for number in range(10):
        desk.control.delete_job(f"j{number}", 1.0, force=True)
    assert refusal(desk, lambda: desk.control.delete_job("j10", 1.0, force=True))[:2] == ("LimitExceededException", 410)
    desk.at(2.0)
    desk.control.delete_job("j10", 2.0, force=True)


def test_deleting_one_execution():
    """JC-10."""
    desk = Desk()
    desk.create("j", "thing/a", "thing/b")
    desk.start("a")
    refused = refusal(desk, lambda: desk.control.delete_job_execution("a", "j", 1, 5.0))
    assert refused[:2] == ("InvalidStateTransitionException", 409)
    assert names(desk.control.delete_job_execution("a", "j", 1, 5.0, force=True).replies) == [
        "a/jobs/notify",
        "a/jobs/notify-next",
    ]
    assert desk.report("b", "j", "SUCCEEDED").also[0].counts["SUCCEEDED"] == 1
    assert desk.control.delete_job_execution("b", "j", 1, 6.0).replies == ()
    assert desk.book.executions == {}


def test_deleting_the_last_pending_execution_completes_the_job():
    desk = Desk()
    desk.create("j", "thing/a", "thing/b")
    desk.report("a", "j", "SUCCEEDED")
    assert desk.control.delete_job_execution("b", "j", 1, 5.0, force=True).records[0].counts["SUCCEEDED"] == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda desk: desk.control.update_job("none", JobUpdate(), 1.0),
        lambda desk: desk.control.associate_targets("none", ("thing/t",), 1.0),
        lambda desk: desk.control.cancel_job("none", 1.0),
        lambda desk: desk.control.delete_job("none", 1.0),
        lambda desk: desk.control.cancel_job_execution("t", "none", 1.0),
        lambda desk: desk.control.delete_job_execution("t", "j", 2, 1.0),
        lambda desk: desk.control.counts("none"),
        lambda desk: desk.queries.describe_job("none"),
        lambda desk: desk.queries.get_job_document("none"),
        lambda desk: desk.queries.describe_job_execution("t", "none", 1.0),
        lambda desk: desk.queries.list_executions_for_job("none"),
        lambda desk: desk.queries.list_executions_for_thing("none"),
    ],
)
def test_what_is_not_there_cannot_be_found(call):
    desk = Desk()
    desk.create("j")
    assert refusal(desk, lambda: call(desk))[:2] == ("ResourceNotFoundException", 404)
