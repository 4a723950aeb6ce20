from ota_stream.api.thing_groups import RegisteredGroups
from ota_stream.jobs.jobs import Thing, ThingGroup
from ota_stream.logs.levels import Level
from ota_stream.logs.targets import Client, LogTarget, TargetLevel, TargetType, key, level_for

GROUPS = RegisteredGroups(
    {"t": Thing("t", ("child",)), "free": Thing("free")},
    {"parent": ThingGroup("parent"), "child": ThingGroup("child", "parent")},
)


def test_things_and_groups_are_those_of_the_registry():
    assert list(GROUPS.groups_of("t")) == ["child"]
    assert list(GROUPS.groups_of("free")) == []
    assert list(GROUPS.groups_of("nobody")) == []
    assert (GROUPS.parent_of("child"), GROUPS.parent_of("parent"), GROUPS.parent_of("none")) == ("parent", None, None)


def test_the_nearest_group_decides():  # LC-7
    def levels(**names: Level):
        targets = {name: LogTarget(TargetType.THING_GROUP, name) for name in names}
        return {key(target): TargetLevel(target, names[name]) for name, target in targets.items()}

    client = Client("c", thing="t")
    assert level_for(client, levels(parent=Level.DEBUG), GROUPS) is Level.DEBUG
    assert level_for(client, levels(parent=Level.DEBUG, child=Level.ERROR), GROUPS) is Level.ERROR
    assert level_for(Client("c", thing="free"), levels(parent=Level.DEBUG), GROUPS) is None
