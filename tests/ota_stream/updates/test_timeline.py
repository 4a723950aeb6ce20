"""The seven moments of an update: each when its record was made, and still known after a restart."""

from msgspec.structs import replace

from ota_stream.records import UpdateRecord
from ota_stream.updates import timeline

NAMES = [
    timeline.SIGNING_CREATED,
    timeline.SIGNING_COMPLETED,
    timeline.STREAM_CREATED,
    timeline.JOB_CREATED,
    timeline.UPDATE_CREATED,
    timeline.JOB_COMPLETED,
    timeline.UPDATE_COMPLETED,
]


def test_each_moment_is_that_of_its_record(world):
    """LR-1, LR-2, LR-3, LR-4."""
    _, records = world.create(world.asked("u", world.file(world.an_object(), world.START_NEW)))
    told = {each.action: each.at for each in records if isinstance(each, UpdateRecord)}
    moments = world.service.moments("u")
    assert [each.what for each in moments] == NAMES
    assert {each.action: each.at for each in moments if each.action is not None} == told
    assert moments[1].at is not None
    assert [each.at for each in moments[5:]] == [None, None]


def test_an_update_is_completed_when_its_job_is(world):
    update, _ = world.create(world.asked("u", world.file(world.an_object())))
    job = replace(world.jobs.job(update.job_id), completed_at=world.NOW + 99)
    assert [each.at for each in timeline.moments(update, None, None, job)[5:]] == [world.NOW + 99] * 2


def test_what_is_not_to_come_is_not_needed(world):
    world.create(world.asked("u", world.file(world.an_object()), protocols=("HTTP",)))
    assert [each.needed for each in world.service.moments("u")] == [False, False, False, True, True, True, True]


def test_moments_outlive_a_restart(world):
    world.create(world.asked("u", world.file(world.an_object(), world.START_NEW)))
    before = world.service.moments("u")
    world.restart()
    assert world.service.moments("u") == before
