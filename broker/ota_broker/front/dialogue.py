"""What a client may say and what it is told: one function a packet, one table a state."""

import secrets
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ota_broker.front import limits, mqtt311
from ota_broker.front.mqtt311 import BadClientId, BadProtocol
from ota_broker.front.packets import Connect, Message, PacketType

if TYPE_CHECKING:
    from ota_broker.front.connection import Connection

Handle = Callable[["Connection", int, bytes, int, int], None]
"""Takes the connection, the flags of the first byte, and where in the bytes the body begins and ends."""


def on_connect(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Let a client in (3.1)."""
    try:
        connect = _acceptable(mqtt311.decode_connect(flags, data, start, end))
    except (BadProtocol, BadClientId) as refusal:
        code = mqtt311.BAD_PROTOCOL if isinstance(refusal, BadProtocol) else mqtt311.BAD_CLIENT_ID
        peer.send(mqtt311.encode_connack(code))
        raise
    profile = peer.exchange.profile
    session, present = peer.exchange.open(connect, peer)
    peer.enter(session, connect.will, profile.keep_alive(connect.keep_alive), CONNECTED)
    peer.send(mqtt311.encode_connack(mqtt311.ACCEPTED, session_present=present))
    session.resume(mark_duplicates=profile.mark_duplicates)


def _acceptable(connect: Connect) -> Connect:
    """Return a CONNECT with a client id; an empty one is chosen for a clean session (3.1.3.1). Raises BadClientId."""
    client_id = connect.client_id
    if not client_id:
        if not connect.clean_session:
            raise BadClientId("an empty client id without clean session")
        return Connect(f"auto-{secrets.token_hex(8)}", connect.clean_session, connect.keep_alive, connect.will)
    if len(client_id.encode()) > limits.CLIENT_ID_MAX or client_id.startswith("$"):
        raise BadClientId(f"client id {client_id[:32]!r}: at most {limits.CLIENT_ID_MAX} bytes, not beginning with $")
    return connect


def on_publish(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Take a message (3.3). It is acknowledged at once: agents block on the PUBACK."""
    publish = mqtt311.decode_publish(flags, data, start, end)
    topic = peer.exchange.topic_name(publish.topic)
    peer.exchange.check_publish(topic, len(publish.payload), retain=publish.retain)
    if publish.qos:
        peer.send(mqtt311.encode_ack(PacketType.PUBACK, publish.packet_id))
    peer.exchange.publish(peer.session, Message(topic, publish.payload, publish.qos, publish.retain))


def on_puback(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Take an acknowledgement (3.4); one that nothing waits for is a late one, and harmless."""
    peer.session.acknowledge(mqtt311.decode_puback(flags, data, start, end))


def on_subscribe(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Subscribe (3.8), then send what is retained."""
    subscribe = mqtt311.decode_subscribe(flags, data, start, end)
    exchange, session = peer.exchange, peer.session
    codes = bytes(exchange.subscribe(session, topic_filter, qos) for topic_filter, qos in subscribe.filters)
    peer.send(mqtt311.encode_ack(PacketType.SUBACK, subscribe.packet_id, codes))
    for (topic_filter, _), code in zip(subscribe.filters, codes, strict=True):
        if code != mqtt311.SUBSCRIBE_FAILED:
            exchange.send_retained(session, topic_filter)


def on_unsubscribe(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Unsubscribe (3.10)."""
    unsubscribe = mqtt311.decode_unsubscribe(flags, data, start, end)
    for topic_filter in unsubscribe.filters:
        peer.exchange.unsubscribe(peer.session, topic_filter)
    peer.send(mqtt311.encode_ack(PacketType.UNSUBACK, unsubscribe.packet_id))


def on_pingreq(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:  # noqa: ARG001 - a Handle
    """Answer a ping (3.12)."""
    mqtt311.decode_empty(flags, start, end)
    peer.send(mqtt311.PINGRESP)


def on_disconnect(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:  # noqa: ARG001 - a Handle
    """Let a client go; its will is not sent (3.14.4)."""
    mqtt311.decode_empty(flags, start, end)
    peer.will = None
    peer.finish()


# What a connection accepts, by its state. All else is a violation (MU-7).
BEFORE_CONNECT: Final[Mapping[int, Handle]] = MappingProxyType({PacketType.CONNECT: on_connect})
CONNECTED: Final[Mapping[int, Handle]] = MappingProxyType(
    {
        PacketType.PUBLISH: on_publish,
        PacketType.PUBACK: on_puback,
        PacketType.SUBSCRIBE: on_subscribe,
        PacketType.UNSUBSCRIBE: on_unsubscribe,
        PacketType.PINGREQ: on_pingreq,
        PacketType.DISCONNECT: on_disconnect,
    }
)
