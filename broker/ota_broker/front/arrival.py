"""CONNECT: which version of MQTT a client speaks, whether it comes in, and on which terms."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ota_broker.front import dialogue, dialogue5, limits
from ota_broker.front.codec import mqtt5, mqtt311
from ota_broker.front.codec.connecting import BadClientId, decode_connect, level_of
from ota_broker.front.codec.packets import Connect, PacketType, Violation
from ota_broker.front.codec.reasons import Reason
from ota_broker.front.version import Arrival, Handle, Version

if TYPE_CHECKING:
    from ota_broker.front.connection import Connection
    from ota_broker.front.exchange import Exchange

VERSIONS: Final[Mapping[int, Version]] = MappingProxyType(
    {mqtt311.LEVEL: dialogue.VERSION, mqtt5.LEVEL: dialogue5.VERSION}
)


def on_connect(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Let a client in, or tell it why not (3.1, 3.2)."""
    exchange, version = peer.exchange, dialogue.VERSION
    try:
        version = VERSIONS[level_of(data, start, end)]
        asked = decode_connect(flags, data, start, end)
        peer.packet_max = asked.packet_max
        given = _acceptable(asked, exchange)
        session, present = exchange.open(given, peer, peer.admit(given.client_id))
    except Violation as refusal:
        peer.send(version.refuse(peer, refusal))
        raise
    keep_alive = exchange.profile.keep_alive(given.keep_alive)
    peer.enter(session, given, keep_alive, version)
    peer.be_disturbed()
    peer.send(version.welcome(peer, Arrival(asked, given, keep_alive, present)))
    session.resume(mark_duplicates=exchange.profile.mark_duplicates)


def _acceptable(connect: Connect, exchange: "Exchange") -> Connect:
    """Return a CONNECT as it is taken: with a client id (3.1.3.1) and a session that ends. Raises Violation."""
    client_id = connect.client_id
    if not client_id:
        if connect.level == mqtt311.LEVEL and not connect.clean_start:
            raise BadClientId("an empty client id without clean session")
        client_id = f"auto-{exchange.chance(1 << 64):016x}"
    elif len(client_id.encode()) > limits.CLIENT_ID_MAX or client_id.startswith("$"):
        raise BadClientId(f"client id {client_id[:32]!r}: at most {limits.CLIENT_ID_MAX} bytes, not beginning with $")
    if connect.will is not None and connect.will.message.qos > exchange.profile.qos_max:
        raise Violation("a will with QoS 2; QoS 0 and 1 exist here", code=Reason.QOS_NOT_SUPPORTED)  # MU-5
    expiry = min(connect.session_expiry, exchange.options.session_expiry)  # M5-1
    return replace(connect, client_id=client_id, session_expiry=expiry)


BEFORE_CONNECT: Final[Mapping[int, Handle]] = MappingProxyType({PacketType.CONNECT: on_connect})
"""What a connection accepts until it is let in. All else is a violation (MU-7)."""
