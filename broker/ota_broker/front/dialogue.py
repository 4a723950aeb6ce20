"""What a client may say in MQTT 3.1.1 and what it is told: one function a packet."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ota_broker.front.codec import mqtt311
from ota_broker.front.codec.connecting import BadClientId, BadProtocol
from ota_broker.front.codec.packets import Declined, Denied, Message, PacketType, Refused, Violation
from ota_broker.front.codec.reasons import Reason
from ota_broker.front.version import Arrival, Handle, Version

if TYPE_CHECKING:
    from ota_broker.front.connection import Connection


def welcome(peer: "Connection", arrival: Arrival) -> bytes:  # noqa: ARG001 - Version
    """Write the CONNACK that lets a client in (3.2)."""
    return mqtt311.encode_connack(mqtt311.ACCEPTED, session_present=arrival.present)


def refuse(peer: "Connection", refusal: Violation) -> bytes:
    """Write the CONNACK that turns a client away; what the standard has no code for is told by closing (MU-1, G-24)."""
    if isinstance(refusal, BadProtocol):
        return mqtt311.encode_connack(mqtt311.BAD_PROTOCOL)
    if isinstance(refusal, BadClientId):
        return mqtt311.encode_connack(mqtt311.BAD_CLIENT_ID)
    if isinstance(refusal, Denied) and peer.exchange.options.connect_deny == "connack7":
        return mqtt311.encode_connack(mqtt311.NOT_AUTHORIZED_ON_AWS)
    return b""


def on_publish(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Take a message (3.3). It is acknowledged at once: agents block on the PUBACK."""
    publish = mqtt311.decode_publish(flags, data, start, end)
    exchange, session, qos = peer.exchange, peer.session, publish.qos
    if qos > exchange.profile.qos_max:
        raise Violation("PUBLISH with QoS 2; QoS 0 and 1 exist here", code=Reason.QOS_NOT_SUPPORTED)  # MU-5
    topic = exchange.topic_name(publish.topic)
    exchange.check_publish(session, topic, len(publish.payload), retain=publish.retain)
    if qos == 1:
        peer.send(mqtt311.encode_ack(PacketType.PUBACK, publish.packet_id))
    elif qos:
        is_new = session.receive(publish.packet_id)
        peer.send(mqtt311.encode_ack(PacketType.PUBREC, publish.packet_id))
        if not is_new:
            return
    exchange.publish(session, Message(topic, publish.payload, qos, publish.retain))


def on_puback(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Take an acknowledgement (3.4); one that nothing waits for is a late one, and harmless."""
    peer.session.acknowledge(PacketType.PUBACK, mqtt311.decode_ack(PacketType.PUBACK, flags, data, start, end))


def on_pubrec(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Take word that a message of QoS 2 has arrived (3.5). Whatever we know of it, its id may go (4.3.3)."""
    packet_id = mqtt311.decode_ack(PacketType.PUBREC, flags, data, start, end)
    peer.session.acknowledge(PacketType.PUBREC, packet_id)
    peer.send_release(packet_id)


def on_pubrel(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Let the client use a packet id again (3.6)."""
    packet_id = mqtt311.decode_ack(PacketType.PUBREL, flags, data, start, end)
    peer.session.release(packet_id)
    peer.send(mqtt311.encode_ack(PacketType.PUBCOMP, packet_id))


def on_pubcomp(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Take the last word about a message of QoS 2 (3.7)."""
    peer.session.acknowledge(PacketType.PUBCOMP, mqtt311.decode_ack(PacketType.PUBCOMP, flags, data, start, end))


def on_subscribe(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
    """Subscribe (3.8), then send what is retained."""
    subscribe = mqtt311.decode_subscribe(flags, data, start, end)
    peer.subscribing([topic_filter for topic_filter, _ in subscribe.filters])
    codes = bytes(_granted(peer, topic_filter, qos) for topic_filter, qos in subscribe.filters)
    peer.send(mqtt311.encode_ack(PacketType.SUBACK, subscribe.packet_id, codes))
    for (topic_filter, _), code in zip(subscribe.filters, codes, strict=True):
        if code != mqtt311.SUBSCRIBE_FAILED:
            peer.exchange.send_retained(peer.session, topic_filter)


def _granted(peer: "Connection", topic_filter: str, qos: int) -> int:
    try:
        return peer.exchange.subscribe(peer.session, topic_filter, qos)
    except Refused as refusal:
        goes_on = isinstance(refusal, Denied) and peer.exchange.options.deny == "suback"  # MU-2, G-14
        if not (goes_on or isinstance(refusal, Declined)):
            raise
        peer.note(refusal)
        return mqtt311.SUBSCRIBE_FAILED


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
"""What a connection accepts once it is let in. All else is a violation (MU-7)."""

CONNECTED_QOS_2: Final[Mapping[int, Handle]] = MappingProxyType(
    {**CONNECTED, PacketType.PUBREC: on_pubrec, PacketType.PUBREL: on_pubrel, PacketType.PUBCOMP: on_pubcomp}
)
"""... and what it accepts in a profile that has QoS 2."""

VERSION: Final = Version(mqtt311, (CONNECTED, CONNECTED, CONNECTED_QOS_2), welcome, refuse)
