"""Which client a record names. A broker in front hides it, so it is a rule, or it stays open: never a guess."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from ota_stream.records import UNKNOWN_CLIENT


class ClientIdFrom(StrEnum):
    """Where the client id of a record comes from (`client_id_from`)."""

    TOPIC = "topic"  # the broker lets a client use its own thing's topics only, so the thing's name is the client's id
    BROKER = "broker"  # the broker tells with each message; no transport of ours has such a broker
    NONE = "none"  # null, with the thing's name beside it


_THING: Final = 2  # $aws/things/T


def _thing(topic: str) -> str:
    return topic.split("/", _THING + 1)[_THING]


def _unknown(_topic: str) -> str:
    return UNKNOWN_CLIENT


CLIENT_OF: Final[dict[ClientIdFrom, Callable[[str], str]]] = {
    ClientIdFrom.TOPIC: _thing,
    ClientIdFrom.NONE: _unknown,
}
"""From a request's topic to the client id of its record. What is not here no transport can tell."""
