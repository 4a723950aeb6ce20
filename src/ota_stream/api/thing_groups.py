"""The thing groups of the registry, as the levels of verbosity ask for them (LC-7)."""

from collections.abc import Iterable, Mapping

from ota_stream.jobs.jobs import Thing, ThingGroup


class RegisteredGroups:
    """Satisfies `logs.targets.ThingGroups` over the tables of the registry (`JobBook.things` and `.groups`)."""

    def __init__(self, things: Mapping[str, Thing], groups: Mapping[str, ThingGroup]) -> None:
        self._things = things
        self._groups = groups

    def groups_of(self, thing: str) -> Iterable[str]:
        """Return the groups a thing was put in; none for a thing that is not known."""
        known = self._things.get(thing)
        return () if known is None else known.groups

    def parent_of(self, group: str) -> str | None:
        """Return the group above a group, or None."""
        known = self._groups.get(group)
        return None if known is None else known.parent
