"""What the registry of the jobs service does after things and thing groups were changed elsewhere (JC-15..JC-19)."""

from collections.abc import Callable
from typing import Final

from ota_stream.answers import Effect
from ota_stream.api.aws.given import Given, invalid
from ota_stream.api.operated import Operated

Follow = Callable[[Operated, Given], Effect]
"""From a request that has been answered with success, what comes of it for jobs. May raise ControlError."""


def thing_made(cloud: Operated, given: Given) -> Effect:
    """CreateThing."""
    cloud.registry.create_thing(given["thingName"])
    return Effect()


def thing_deleted(cloud: Operated, given: Given) -> Effect:
    """DeleteThing: what is pending on it is REMOVED."""
    return cloud.registry.delete_thing(given["thingName"], cloud.clock.wall())


def group_made(cloud: Operated, given: Given) -> Effect:
    """CreateThingGroup."""
    parent = given.get("parentGroupName")
    if parent is not None:
        _know(cloud, parent)
    cloud.registry.create_thing_group(given["thingGroupName"], parent)
    return Effect()


def group_deleted(cloud: Operated, given: Given) -> Effect:
    """DeleteThingGroup: its things leave it."""
    return cloud.registry.delete_thing_group(given["thingGroupName"], cloud.clock.wall())


def thing_joined(cloud: Operated, given: Given) -> Effect:
    """AddThingToThingGroup: the running continuous jobs of the group are the thing's too."""
    return _join(cloud, _name(given, "thing"), _name(given, "thingGroup"))


def thing_left(cloud: Operated, given: Given) -> Effect:
    """RemoveThingFromThingGroup."""
    return _leave(cloud, _name(given, "thing"), _name(given, "thingGroup"))


def thing_moved(cloud: Operated, given: Given) -> Effect:
    """UpdateThingGroupsForThing."""
    thing = _name(given, "thing")
    effects = [_join(cloud, thing, group) for group in given.get("thingGroupsToAdd", ())]
    effects += [_leave(cloud, thing, group) for group in given.get("thingGroupsToRemove", ())]
    return Effect.of(effects)


def _join(cloud: Operated, thing: str, group: str) -> Effect:
    _know(cloud, group)
    return cloud.registry.add_thing_to_group(thing, group, cloud.clock.wall())


def _leave(cloud: Operated, thing: str, group: str) -> Effect:
    _know(cloud, group)
    cloud.registry.create_thing(thing)
    return cloud.registry.remove_thing_from_group(thing, group, cloud.clock.wall())


def _know(cloud: Operated, group: str) -> None:
    """Take a group over that was made before this registry looked."""
    if group not in cloud.groups:
        cloud.registry.create_thing_group(group)


def _name(given: Given, what: str) -> str:
    """Return the name of a thing or group that is given by its name or its ARN. Raises ControlError."""
    name: str | None = given.get(f"{what}Name") or given.get(f"{what}Arn")
    if not name:
        raise invalid(f"Give {what}Name or {what}Arn")
    return name.rpartition("/")[2]


AFTER: Final[dict[str, Follow]] = {
    "CreateThing": thing_made,
    "DeleteThing": thing_deleted,
    "CreateThingGroup": group_made,
    "DeleteThingGroup": group_deleted,
    "AddThingToThingGroup": thing_joined,
    "RemoveThingFromThingGroup": thing_left,
    "UpdateThingGroupsForThing": thing_moved,
}
