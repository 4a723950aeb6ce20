"""Whose records a level is for: one client, principal, address or thing group, and which of several levels counts."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from ota_stream.logs.levels import VERBOSITY, Level


class TargetType(StrEnum):
    """The kinds of targets (LC-5)."""

    DEFAULT = "DEFAULT"
    THING_GROUP = "THING_GROUP"
    CLIENT_ID = "CLIENT_ID"
    SOURCE_IP = "SOURCE_IP"
    PRINCIPAL_ID = "PRINCIPAL_ID"


class LogTarget(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A target; only DEFAULT has no name."""

    target_type: TargetType
    target_name: str | None = None


class TargetLevel(Struct, frozen=True, rename="camel"):
    """The level of one target, in the API's shape."""

    log_target: LogTarget
    log_level: Level


class Client(Struct, frozen=True):
    """Who is connected, as far as levels may ask; None where it is not known."""

    client_id: str
    thing: str | None = None
    principal_id: str | None = None
    source_ip: str | None = None


class ThingGroups(Protocol):
    """Which groups things are in; static groups only."""

    def groups_of(self, thing: str) -> Iterable[str]:
        """Return the groups a thing was put in; none for a thing that is not known."""
        ...

    def parent_of(self, group: str) -> str | None:
        """Return the group above a group, or None."""
        ...


def key(target: LogTarget) -> str:
    """Return the one text a target is kept under."""
    return f"{target.target_type} {target.target_name or ''}"


def level_for(client: Client, levels: Mapping[str, TargetLevel], groups: ThingGroups) -> Level | None:
    """Return the level that was set for a client, or None (LC-8): the narrower target wins."""
    for kind, name in (  # LC-8
        (TargetType.CLIENT_ID, client.client_id),
        (TargetType.PRINCIPAL_ID, client.principal_id),
        (TargetType.SOURCE_IP, client.source_ip),
    ):
        found = None if name is None else levels.get(key(LogTarget(kind, name)))
        if found is not None:
            return found.log_level
    return None if client.thing is None else _level_of_groups(client.thing, levels, groups)


def _level_of_groups(thing: str, levels: Mapping[str, TargetLevel], groups: ThingGroups) -> Level | None:
    """Return the level of the nearest group that has one; of several as near, the one that says most (LC-7)."""
    near, seen = set(groups.groups_of(thing)), set[str]()
    while near:
        found = [level.log_level for group in near if (level := levels.get(_group_key(group))) is not None]
        if found:
            return max(found, key=VERBOSITY.__getitem__)
        seen |= near
        near = {parent for group in near if (parent := groups.parent_of(group)) is not None} - seen
    return None


def _group_key(group: str) -> str:
    return key(LogTarget(TargetType.THING_GROUP, group))
