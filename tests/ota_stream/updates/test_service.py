"""OTA updates looked at, followed, and over restarts."""

import pytest

from ota_stream.errors import ControlError
from ota_stream.records import Action, JobCountRecord, UpdateRecord
from ota_stream.streams.catalog import CatalogError
from ota_stream.updates.states import UpdateStatus

SIGN = Action.START_CODE_SIGNING
STREAM = Action.CREATE_STREAM
JOB = Action.CREATE_AWS_JOB
DONE = Action.CREATE_OTA_UPDATE


# Looking


def test_what_is_not_there_is_not_found(world):
    """OL-1: a deleted update gives 404."""
    for call in (
        lambda: world.service.get("ghost"),
        lambda: world.service.delete("ghost", delete_stream=False, force_delete_job=False, now=world.NOW),
    ):
        with pytest.raises(ControlError, match="no OTA update 'ghost'") as refused:
            call()
        assert (refused.value.name, refused.value.status) == ("ResourceNotFoundException", 404)


def test_updates_are_listed_newest_first_a_page_at_a_time(world):
    """OU-3."""
    for number in range(7):
        world.service.create(world.asked(f"u{number}", world.file(world.an_object())), world.NOW + number // 2)
    names, token, pages = [], None, 0
    while True:
        page = world.service.list(max_results=3, next_token=token)
        names += [update.ota_update_id for update in page.updates]
        token, pages = page.next_token, pages + 1
        if pages == 1:  # what the token names may be gone by the next page
            del world.book.updates["u4"]
        if token is None:
            break
    assert (names, pages) == (["u6", "u5", "u4", "u3", "u2", "u1", "u0"], 3)


def test_updates_are_listed_by_status(world):
    """OU-3."""
    world.create(world.asked("done", world.file(world.an_object())))
    world.service.create(world.asked("new", world.file(world.an_object())), world.NOW)
    assert [each.ota_update_id for each in world.service.list(UpdateStatus.CREATE_COMPLETE).updates] == ["done"]
    assert [each.ota_update_id for each in world.service.list(UpdateStatus.CREATE_PENDING).updates] == ["new"]
    assert world.service.list(UpdateStatus.DELETE_FAILED).updates == ()


@pytest.mark.parametrize("page", [{"max_results": 0}, {"max_results": 251}, {"next_token": "x"}, {"next_token": ""}])
def test_a_bad_page_is_refused(world, page):
    with pytest.raises(ControlError, match=r"maxResults|nextToken"):
        world.service.list(**page)


def test_arns_are_those_of_the_account(make_world):
    """OL-5."""
    world = make_world(region="eu-west-1", account_id="875157236366")
    assert world.options.arn("otaupdate/u") == "arn:aws:iot:eu-west-1:875157236366:otaupdate/u"


# Extra records


def test_the_end_of_a_signing_job_is_recorded_where_that_is_asked_for(make_world):
    """Spec 5.4."""
    world = make_world(record_signing_end=True)
    _, records = world.create(world.asked("u", world.file(world.an_object(), world.START_NEW)))
    assert world.actions(records) == [SIGN, SIGN, STREAM, JOB, DONE]


def test_the_end_of_all_executions_is_recorded_where_that_is_asked_for(make_world):
    """Spec 5.4."""
    counts = [JobCountRecord(5.0, name, {"SUCCEEDED": 1}) for name in ("AFR_OTA-u", "AFR_OTA-other", "u")]
    for asked_for, expected in ((True, (UpdateRecord(5.0, DONE, "u"),)), (False, ())):
        world = make_world(record_update_end=asked_for)
        world.create(world.asked("u", world.file(world.an_object())))
        assert world.service.follow([*counts, UpdateRecord(5.0, JOB, "u")]) == expected


# Restarts


@pytest.mark.parametrize("steps_before", range(6))
def test_an_update_goes_on_after_a_restart_at_any_step(world, steps_before):
    request = world.asked("u", world.file(world.an_object(), world.START_NEW))
    world.service.create(request, world.NOW)
    records = []
    for _ in range(min(steps_before, 5)):
        records += world.step()[1].records
    due = world.service.deadline()
    assert world.restart() == ()
    assert world.service.deadline() == due
    records += world.run()
    update = world.service.get("u")
    assert (update.status, world.actions(records)) == (UpdateStatus.CREATE_COMPLETE, [SIGN, STREAM, JOB, DONE])
    stream = world.catalog.find(update.stream_id)
    assert stream.files[0].image.read(0, 99_999) == world.FIRMWARE


def test_streams_come_back_once_and_a_lost_one_is_told(world):
    first, _ = world.create(world.asked("first", world.file(world.an_object("first.bin"))))
    second, _ = world.create(world.asked("second", world.file(world.an_object("second.bin"))))
    world.service.delete("first", delete_stream=False, force_delete_job=True, now=world.NOW)
    assert world.service.restore() == ()
    world.objects.forbidden.add("second.bin")
    lost = world.restart()
    assert lost == (f"stream {second.stream_id} of OTA update second is lost: second.bin may not be read",)
    assert world.catalog.find(first.stream_id) is not None  # its update is deleted, it is not (OL-11)
    with pytest.raises(CatalogError):
        world.catalog.delete(second.stream_id)
