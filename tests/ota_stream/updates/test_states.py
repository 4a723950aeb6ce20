"""The tables of an update's life."""

import pytest

from ota_stream.updates.states import ACTIONS, NEXT, Step, UpdateStatus, following, steps


def test_there_are_six_statuses_and_none_for_deleted():
    """OL-1."""
    assert {status.value for status in UpdateStatus} == {
        "CREATE_PENDING",
        "CREATE_IN_PROGRESS",
        "CREATE_COMPLETE",
        "CREATE_FAILED",
        "DELETE_IN_PROGRESS",
        "DELETE_FAILED",
    }
    assert set(NEXT) == set(UpdateStatus)


def test_every_status_can_be_reached():
    reached = {UpdateStatus.CREATE_PENDING}
    for _ in UpdateStatus:
        reached |= {after for status in reached for after in NEXT[status]}
    assert reached == set(UpdateStatus)


def test_every_step_has_its_record():
    """LR-1..LR-4."""
    assert set(ACTIONS) == set(Step)


@pytest.mark.parametrize(
    ("signing", "protocols", "plan"),
    [
        ("START_NEW", ("MQTT",), "START_SIGNING FINISH_SIGNING STREAM JOB COMPLETE"),
        ("CUSTOM", ("MQTT",), "STREAM JOB COMPLETE"),
        ("START_NEW", ("HTTP",), "START_SIGNING FINISH_SIGNING JOB COMPLETE"),
        (None, ("HTTP", "MQTT"), "STREAM JOB COMPLETE"),
    ],
)
def test_the_steps_come_in_the_order_of_creation(world, signing, protocols, plan):
    """OL-3."""
    file = world.file(world.an_object(), signing and getattr(world, signing))
    request = world.asked("u", file, protocols=protocols)
    assert " ".join(steps(request)) == plan


def test_each_file_to_sign_has_its_own_two_steps(world):
    """OL-3, LR-1: one signing job, one record."""
    to_sign = world.file(world.an_object(), world.START_NEW)
    two, none = world.asked("u", to_sign, to_sign), world.asked("u", world.file(world.an_object(), world.CUSTOM))
    assert following(two, Step.START_SIGNING) is Step.FINISH_SIGNING
    assert following(two, Step.FINISH_SIGNING) is Step.START_SIGNING
    assert following(none, Step.STREAM) is Step.JOB
    assert following(none, Step.COMPLETE) is None


def test_a_caller_s_stream_is_used_as_it_is(world):
    """OD-2."""
    assert steps(world.asked("u", world.file(world.a_stream()))) == (Step.JOB, Step.COMPLETE)
