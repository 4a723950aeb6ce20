"""What one client used, in words that hold for any client like it: variables for its name, `*` for passing ids."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from ota_stream.policies.defaults import THING_NAME

_OWN: Final = ("$aws", "things", THING_NAME)
_ID: Final = len(_OWN) + 1  # the place of a job's or stream's id: $aws/things/T/jobs/ID/...
_NO_IDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "jobs": frozenset({"get", "start-next", "notify", "notify-next", "$next", "+", "#"}),
        "streams": frozenset({"+", "#"}),
    }
)
"""What may stand in the place of an id in each of a thing's rooms and is none."""


def generalised(name: str, client_id: str) -> str:
    """Return a client id, topic or filter as a policy of every thing would name it."""
    levels = [THING_NAME if level == client_id else escaped(level) for level in name.split("/")]
    if _is_in_a_room(levels) and len(levels) > _ID + 1 and levels[_ID] not in _NO_IDS[levels[_ID - 1]]:
        levels[_ID] = "*"
    return "/".join(levels)


def escaped(text: str) -> str:
    """Return text in which nothing means more than itself to a policy."""
    return "".join(_ESCAPES.get(sign, sign) for sign in text.replace("${", "\0")).replace("\0", "${$}{")


_ESCAPES: Final = {"*": "${*}", "?": "${?}"}


def as_it_is(resource: str) -> str:
    """Return the resource itself."""
    return resource


def whole_rooms(resource: str) -> str:
    """Return all of the thing's jobs or streams for any of them."""
    levels = resource.split("/")
    return "/".join([*levels[: len(_OWN) + 1], "*"]) if _is_in_a_room(levels) else resource


def whole_trees(resource: str) -> str:
    """Return besides, for any other topic of several levels, all that begins with its first level."""
    levels = resource.split("/")
    return whole_rooms(resource) if levels[0] == "$aws" or len(levels) == 1 else f"{levels[0]}/*"


COARSER: Final[tuple[Callable[[str], str], ...]] = (as_it_is, whole_rooms, whole_trees)
"""How much is said with one resource, least first."""


def _is_in_a_room(levels: list[str]) -> bool:
    return tuple(levels[: len(_OWN)]) == _OWN and len(levels) > len(_OWN) and levels[len(_OWN)] in _NO_IDS
