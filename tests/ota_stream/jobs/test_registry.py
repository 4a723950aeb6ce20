"""Things and thing groups, and what joining and leaving means for jobs (JC-15..JC-19, JX-10)."""

import pytest

from job_desk import Desk, names
from ota_stream.errors import ControlError
from ota_stream.jobs.configs import RolloutConfig
from ota_stream.jobs.executions import Status


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.registry.create_thing_group("g")
    desk.registry.create_thing_group("child", "g")
    return desk


def continuous(desk: Desk, *targets: str) -> None:
    desk.create("c", *(targets or ("thinggroup/g",)), target_selection="CONTINUOUS")


def test_joining_the_group_of_a_continuous_job_queues_it(desk):
    """JC-18."""
    continuous(desk)
    desk.create("s", "thinggroup/g")  # a snapshot is of those there now
    assert names(desk.registry.add_thing_to_group("t", "g", 5.0).replies) == ["t/jobs/notify", "t/jobs/notify-next"]
    assert [(one.job_id, one.queued_at) for one in desk.book.of_thing("t")] == [("c", 5.0)]
    assert desk.registry.add_thing_to_group("t", "g", 6.0).replies == ()


def test_joining_a_group_under_the_target_counts_too(desk):
    continuous(desk)
    assert desk.registry.add_thing_to_group("t", "child", 5.0).replies
    desk.create("s", "thinggroup/g")
    assert desk.status("t", "s") is Status.QUEUED


def test_groups_and_members_are_there_after_a_restart(desk):
    desk.registry.add_thing_to_group("t", "child", 5.0)
    desk = desk.restarted()
    continuous(desk)
    assert desk.status("t", "c") is Status.QUEUED


def test_joining_waits_its_turn_in_the_rollout(desk):
    desk.create("c", "thinggroup/g", target_selection="CONTINUOUS", job_executions_rollout_config=RolloutConfig(1))
    assert desk.registry.add_thing_to_group("a", "g", 0.0).replies
    assert desk.registry.add_thing_to_group("b", "g", 1.0).replies == ()
    assert desk.registry.add_thing_to_group("b", "g", 2.0).replies == ()  # asked twice, waits once
    assert names(desk.at(60.0).replies) == ["b/jobs/notify", "b/jobs/notify-next"]


def test_leaving_the_group_removes_what_is_pending(desk):
    """JC-19, JX-10."""
    desk.registry.add_thing_to_group("t", "g", 0.0)
    continuous(desk)
    desk.start()
    replies = desk.registry.remove_thing_from_group("t", "g", 5.0).replies
    assert names(replies) == ["t/jobs/notify", "t/jobs/notify-next"]
    assert desk.status("t", "c") is Status.REMOVED
    assert desk.registry.remove_thing_from_group("t", "g", 6.0).replies == ()


def test_leaving_and_joining_again_makes_the_next_execution(desk):
    desk.registry.add_thing_to_group("t", "g", 0.0)
    continuous(desk)
    desk.registry.remove_thing_from_group("t", "g", 5.0)
    desk.registry.add_thing_to_group("t", "g", 6.0)
    assert [(one.number, one.status) for one in desk.book.of_thing("t")] == [(1, Status.REMOVED), (2, Status.QUEUED)]


def test_what_a_thing_has_done_is_not_done_again(desk):
    desk.registry.add_thing_to_group("t", "g", 0.0)
    continuous(desk)
    desk.report("t", "c", "SUCCEEDED")
    desk.registry.remove_thing_from_group("t", "g", 5.0)
    assert desk.registry.add_thing_to_group("t", "g", 6.0).replies == ()
    assert desk.status("t", "c") is Status.SUCCEEDED


def test_who_is_a_target_in_another_way_keeps_the_job(desk):
    desk.registry.add_thing_to_group("t", "g", 0.0)
    desk.registry.add_thing_to_group("t", "child", 0.0)
    continuous(desk, "thinggroup/g")
    assert desk.registry.remove_thing_from_group("t", "g", 5.0).replies == ()
    assert desk.status("t", "c") is Status.QUEUED


def test_leaving_takes_a_thing_out_of_the_rollout(desk):
    for thing in "ab":
        desk.registry.add_thing_to_group(thing, "g", 0.0)
    desk.create("c", "thinggroup/g", target_selection="CONTINUOUS", job_executions_rollout_config=RolloutConfig(1))
    desk.registry.remove_thing_from_group("b", "g", 1.0)
    assert desk.control.deadline() is None
    assert desk.book.waiting == {}


def test_a_snapshot_is_not_touched_by_leaving(desk):
    desk.registry.add_thing_to_group("t", "g", 0.0)
    desk.create("s", "thinggroup/g")
    desk.registry.remove_thing_from_group("t", "g", 5.0)
    assert desk.status("t", "s") is Status.QUEUED


def test_deleting_a_thing_removes_everything_pending(desk):
    """JX-10."""
    desk.create("done")
    desk.report("t", "done", "SUCCEEDED")
    desk.registry.add_thing_to_group("t", "g", 0.0)
    desk.create("j")
    desk.create("w", "thing/other", "thing/t", job_executions_rollout_config=RolloutConfig(1))
    effect = desk.registry.delete_thing("t", 5.0)
    assert names(effect.replies) == ["t/jobs/notify", "t/jobs/notify-next"]
    assert [(record.job_id, record.counts["REMOVED"]) for record in effect.records] == [("j", 1)]
    assert desk.status("t", "done") is Status.SUCCEEDED
    assert "t" not in desk.book.things
    assert list(desk.book.members("g")) == []
    assert desk.report("other", "w", "SUCCEEDED").also[0].counts["SUCCEEDED"] == 1
    assert desk.registry.delete_thing("t", 6.0).replies == ()


def test_a_job_whose_last_waiting_thing_is_deleted_is_complete(desk):
    """JC-14. Found by the state machine."""
    desk.create("j", "thing/a", "thing/b", job_executions_rollout_config=RolloutConfig(1))
    assert desk.registry.delete_thing("a", 1.0).records == ()
    assert [record.job_id for record in desk.registry.delete_thing("b", 2.0).records] == ["j"]


def test_a_group_that_is_deleted_is_left_by_its_things(desk):
    """JC-19, JX-10."""
    desk.registry.add_thing_to_group("t", "child", 0.0)
    continuous(desk)
    with pytest.raises(ControlError, match="delete the groups under it first"):
        desk.registry.delete_thing_group("g", 1.0)
    replies = desk.registry.delete_thing_group("child", 2.0).replies
    assert names(replies) == ["t/jobs/notify", "t/jobs/notify-next"]
    assert desk.status("t", "c") is Status.REMOVED
    desk.registry.create_thing_group("child")  # another one of this name, under none
    desk.registry.add_thing_to_group("t", "child", 3.0)
    assert desk.status("t", "c") is Status.REMOVED
    desk = desk.restarted()
    assert desk.book.groups_over("t") == {"child"}


def test_deleting_a_group_that_is_not_there_is_quiet(desk):
    assert desk.registry.delete_thing_group("none", 1.0).replies == ()


def test_making_the_same_again_is_quiet(desk):
    """JC-15, JC-17."""
    desk.registry.create_thing("t")
    desk.registry.add_thing_to_group("t", "g", 0.0)
    desk.registry.create_thing("t")
    desk.registry.create_thing_group("child", "g")
    assert desk.book.things["t"].groups == ("g",)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda registry: registry.create_thing("a b"), "InvalidRequestException"),
        (lambda registry: registry.create_thing_group("g" * 129), "InvalidRequestException"),
        (lambda registry: registry.create_thing_group("new", "none"), "ResourceNotFoundException"),
        (lambda registry: registry.create_thing_group("g", "child"), "ResourceAlreadyExistsException"),
        (lambda registry: registry.add_thing_to_group("t", "none", 0.0), "ResourceNotFoundException"),
        (lambda registry: registry.add_thing_to_group("", "g", 0.0), "InvalidRequestException"),
        (lambda registry: registry.remove_thing_from_group("t", "none", 0.0), "ResourceNotFoundException"),
        (lambda registry: registry.remove_thing_from_group("none", "g", 0.0), "ResourceNotFoundException"),
    ],
)
def test_what_makes_no_sense_is_refused(desk, call, error):
    with pytest.raises(ControlError) as refused:
        call(desk.registry)
    assert refused.value.name == error
    assert list(desk.book.groups) == ["g", "child"]
    assert desk.book.things == {}
