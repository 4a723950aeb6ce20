"""Which client a record names. Where the broker hides it, it is a rule, or it stays open: never a guess."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from ota_broker.workers.transport import Request
from ota_stream.records import UNKNOWN_CLIENT


class ClientIdFrom(StrEnum):
    """Where the client id of a record comes from (`client_id_from`)."""

    TOPIC = "topic"  # the broker lets a client use its own thing's topics only, so the thing's name is the client's id
    BROKER = "broker"  # the broker tells with each message: the embedded one does
    NONE = "none"  # null, with the thing's name beside it


_THING: Final = 2  # $aws/things/T


def _thing(request: Request) -> str:
    return request.topic.split("/", _THING + 1)[_THING]


def _told(request: Request) -> str:
    return UNKNOWN_CLIENT if request.client_id is None else request.client_id


def _unknown(_: Request) -> str:
    return UNKNOWN_CLIENT


CLIENT_OF: Final[dict[ClientIdFrom, Callable[[Request], str]]] = {
    ClientIdFrom.TOPIC: _thing,
    ClientIdFrom.BROKER: _told,
    ClientIdFrom.NONE: _unknown,
}
"""From a request to the client id of its record."""
