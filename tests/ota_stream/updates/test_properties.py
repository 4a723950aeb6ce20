"""Whatever happens in between, updates end as they would have, and each step has its record."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ota_stream.records import UpdateRecord
from ota_stream.updates import messages as m
from ota_stream.updates.states import NEXT, UpdateStatus

KINDS = ("START_NEW", "CUSTOM", None, "gone")


def request_of(world, number, kind, protocols):
    if kind == "gone":
        location = m.FileLocation(s3_location=m.S3Location("fw", "gone.bin"))
        return world.asked(f"u{number}", world.file(location, world.START_NEW), protocols=protocols)
    signing = None if kind is None else getattr(world, kind)
    return world.asked(f"u{number}", world.file(world.an_object(), signing), protocols=protocols)


def outcome(world):
    return {
        update.ota_update_id: (update.status, update.stream_id is None, update.job_id, update.error is None)
        for update in world.book.updates.values()
    }


@settings(max_examples=40)
@given(
    wanted=st.lists(
        st.tuples(st.sampled_from(KINDS), st.sampled_from([("MQTT",), ("HTTP",), ("HTTP", "MQTT")])),
        min_size=1,
        max_size=4,
    ),
    restarts=st.lists(st.booleans(), max_size=12),
)
def test_restarts_change_nothing(make_world, wanted, restarts):
    """A pending update continues, and no record is written twice or lost."""
    worlds = make_world(), make_world()
    records = [], []
    for world in worlds:
        for number, (kind, protocols) in enumerate(wanted):
            world.service.create(request_of(world, number, kind, protocols), world.NOW + number)
    for at, again in enumerate([*restarts, *[False] * 40]):
        if again:
            assert worlds[1].restart() == (), at
        for world, kept in zip(worlds, records, strict=True):
            if world.service.deadline() is not None:
                kept.extend(world.step()[1].records)
    assert worlds[0].service.deadline() is worlds[1].service.deadline() is None
    assert outcome(worlds[0]) == outcome(worlds[1])
    seen = [[(r.at, r.action, r.ota_update_id) for r in kept if isinstance(r, UpdateRecord)] for kept in records]
    assert seen[0] == seen[1]


@given(kind=st.sampled_from(KINDS), protocols=st.sampled_from([("MQTT",), ("HTTP",)]))
@settings(max_examples=10)
def test_a_status_follows_only_as_the_table_says(make_world, kind, protocols):
    """OL-1."""
    world = make_world()
    update, _ = world.service.create(request_of(world, 0, kind, protocols), world.NOW)
    assert update.status is UpdateStatus.CREATE_PENDING
    while world.service.deadline() is not None:
        before = world.service.get("u0").status
        world.step()
        after = world.service.get("u0").status
        assert after is before or after in NEXT[before]
