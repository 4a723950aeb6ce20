"""One version of MQTT: how it is written, what a client may say in it, and how one is let in or turned away."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from ota_broker.front.codec.packets import Connect, Violation
from ota_broker.front.codec.wire import Wire

if TYPE_CHECKING:
    from ota_broker.front.connection import Connection

Handle = Callable[["Connection", int, bytes, int, int], None]
"""Takes the connection, the flags of the first byte, and where in the bytes the body begins and ends."""


class Arrival(Struct, frozen=True):
    """A client that comes in: what it asked for, what it is given, and whether its session was still there."""

    asked: Connect
    given: Connect
    keep_alive: float  # seconds, 0 for none
    present: bool


class Version(NamedTuple):
    """`welcome` and `refuse` write the CONNACK; after `refuse` the connection is closed.

    What a client may say depends on the highest QoS of the profile: `accepts[qos_max]`.
    """

    wire: Wire
    accepts: tuple[Mapping[int, Handle], ...]
    welcome: Callable[["Connection", Arrival], bytes]
    refuse: Callable[["Connection", Violation], bytes]
