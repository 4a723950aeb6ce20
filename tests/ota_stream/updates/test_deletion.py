"""What goes when an OTA update is deleted, and what stands in the way."""

import pytest

from ota_stream.answers import Effect
from ota_stream.errors import ControlError
from ota_stream.records import Action, UpdateRecord
from ota_stream.updates import messages as m
from ota_stream.updates.states import UpdateStatus

DELETE = Action.DELETE_OTA_UPDATE


def gone(w):
    return w.file(m.FileLocation(s3_location=m.S3Location("fw", "demo.bin")), w.START_NEW)


def test_without_flags_only_the_update_goes(world):
    """OL-11, LR-5."""
    update, _ = world.create(world.asked("u", world.file(world.an_object())))
    world.jobs.cancel_job("AFR_OTA-u", world.NOW)
    effect = world.service.delete("u", delete_stream=False, force_delete_job=False, now=world.NOW + 9)
    assert effect == Effect(records=(UpdateRecord(world.NOW + 9, DELETE, "u"),))
    assert world.catalog.find(update.stream_id) is not None
    assert world.jobs.job("AFR_OTA-u").job_id == "AFR_OTA-u"
    with pytest.raises(ControlError):
        world.service.get("u")


def test_with_both_flags_stream_and_job_go_too(world):
    """OL-11."""
    update, _ = world.create(world.asked("u", world.file(world.an_object())))
    effect = world.service.delete("u", delete_stream=True, force_delete_job=True, now=world.NOW + 9)
    assert effect.records[-1] == UpdateRecord(world.NOW + 9, DELETE, "u")
    assert [reply.topic for reply in effect.replies] == [
        "$aws/things/lock-1/jobs/notify",
        "$aws/things/lock-1/jobs/notify-next",
    ]
    assert world.catalog.find(update.stream_id) is None
    assert len(world.book.streams) == 0
    world.jobs.on_time(world.NOW + 99)
    with pytest.raises(ControlError):
        world.jobs.job("AFR_OTA-u")


def test_a_caller_s_stream_is_never_deleted(world):
    """OL-11."""
    world.create(world.asked("u", world.file(world.a_stream())))
    world.service.delete("u", delete_stream=True, force_delete_job=True, now=world.NOW)
    assert world.catalog.find("callers") is not None


def test_a_stream_that_is_gone_already_is_no_obstacle(world):
    update, _ = world.create(world.asked("u", world.file(world.an_object())))
    world.catalog.delete(update.stream_id)
    world.service.delete("u", delete_stream=True, force_delete_job=True, now=world.NOW)
    assert len(world.book.updates) == 0


def test_a_running_job_is_not_deleted_without_force(world):
    """OL-11, G-19."""
    world.create(world.asked("u", world.file(world.an_object())))
    with pytest.raises(ControlError, match="use forceDeleteAWSJob") as refused:
        world.service.delete("u", delete_stream=True, force_delete_job=False, now=world.NOW)
    assert (refused.value.name, refused.value.status) == ("InvalidRequestException", 400)
    assert world.service.get("u").status is UpdateStatus.CREATE_COMPLETE


def test_a_running_job_is_kept_where_that_is_asked_for(make_world):
    """G-19, the CLI page."""
    world = make_world(running_job="keep")
    world.create(world.asked("u", world.file(world.an_object())))
    world.service.delete("u", delete_stream=False, force_delete_job=False, now=world.NOW)
    assert world.jobs.job("AFR_OTA-u").running


def test_an_update_is_not_deleted_while_it_is_made(world):
    """OU-4."""
    world.service.create(world.asked("u", world.file(world.an_object())), world.NOW)
    with pytest.raises(ControlError, match="is CREATE_PENDING: wait") as refused:
        world.service.delete("u", delete_stream=False, force_delete_job=True, now=world.NOW)
    assert (refused.value.name, refused.value.status) == ("VersionConflictException", 409)


def test_a_failed_creation_can_be_deleted(world):
    world.create(world.asked("u", gone(world)))
    world.service.delete("u", delete_stream=True, force_delete_job=True, now=world.NOW)
    assert len(world.book.updates) == 0


def test_a_job_that_is_gone_or_going_is_no_obstacle(world):
    for name, later in (("gone", 99), ("going", 0)):
        world.create(world.asked(name, world.file(world.an_object())))
        world.jobs.delete_job(f"AFR_OTA-{name}", world.NOW, force=True)
        world.jobs.on_time(world.NOW + later)
        world.service.delete(name, delete_stream=False, force_delete_job=False, now=world.NOW)
    assert len(world.book.updates) == 0


def test_what_cannot_be_deleted_is_in_delete_failed_until_it_can(world):
    """OL-1, JC-9: ten jobs at most are being deleted."""
    world.create(world.asked("u", world.file(world.an_object())))
    for number in range(10):
        world.create(world.asked(f"other-{number}", world.file(world.an_object())))
        world.service.delete(f"other-{number}", delete_stream=True, force_delete_job=True, now=world.NOW)
    effect = world.service.delete("u", delete_stream=True, force_delete_job=True, now=world.NOW)
    update = world.service.get("u")
    assert (update.status, update.error.code) == (UpdateStatus.DELETE_FAILED, "LimitExceededException")
    assert effect.records == (UpdateRecord(world.NOW, DELETE, "u", failure=update.error.message),)
    assert world.catalog.find(update.stream_id) is not None
    world.jobs.on_time(world.NOW + 99)
    world.service.delete("u", delete_stream=True, force_delete_job=True, now=world.NOW + 99)
    assert len(world.book.updates) == 0


def test_a_stream_is_needed_while_its_update_is_made_and_its_job_runs(world):
    """SC-11."""
    assert world.service.user_of("callers") is None
    world.service.create(world.asked("u", world.file(world.a_stream())), world.NOW)
    assert world.service.user_of("callers") == "u"
    world.run()
    assert world.service.user_of("callers") == "u"
    world.jobs.cancel_job("AFR_OTA-u", world.NOW)
    assert world.service.user_of("callers") is None
    update, _ = world.create(world.asked("v", world.file(world.an_object())))
    assert world.service.user_of(update.stream_id) == "v"
