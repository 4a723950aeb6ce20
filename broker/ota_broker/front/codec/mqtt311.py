"""MQTT 3.1.1 on the wire: strict reading, plain writing. Section numbers are those of the OASIS standard."""

from typing import Final

from ota_broker.front.codec import fields
from ota_broker.front.codec.fields import FLAGS_OF_REQUESTS, check_count
from ota_broker.front.codec.framing import length_bytes
from ota_broker.front.codec.packets import Malformed, Message, PacketType, Publish, Subscribe, Unsubscribe
from ota_broker.front.codec.reasons import Reason

LEVEL: Final = 4  # 3.1.2.2
ACCEPTED: Final = 0
BAD_PROTOCOL: Final = 1  # 3.2.2.3
BAD_CLIENT_ID: Final = 2
NOT_AUTHORIZED_ON_AWS: Final = 7  # MU-1: the standard has 5
SUBSCRIBE_FAILED: Final = 0x80  # 3.9.3
QOS_MAX: Final = 2

PINGRESP: Final = bytes((PacketType.PINGRESP << 4, 0))

_PUBLISH: Final = PacketType.PUBLISH << 4


def decode_publish(flags: int, data: bytes, start: int, end: int) -> Publish:
    """Read a PUBLISH (3.3)."""
    qos = flags >> 1 & 3
    if qos > QOS_MAX:
        raise Malformed("PUBLISH with QoS 3")
    if flags & 8 and not qos:
        raise Malformed("PUBLISH with DUP and QoS 0")
    body = start + 2
    topic_end = body + (data[start] << 8 | data[start + 1]) if body <= end else body
    payload_start = topic_end + 2 if qos else topic_end
    if payload_start > end:
        raise Malformed("a field is longer than its packet")
    packet_id = data[topic_end] << 8 | data[topic_end + 1] if qos else 0
    if qos and not packet_id:
        raise Malformed("PUBLISH with packet id 0")
    return Publish(data[body:topic_end], data[payload_start:end], qos, bool(flags & 1), packet_id)


def decode_subscribe(flags: int, data: bytes, start: int, end: int) -> Subscribe:
    """Read a SUBSCRIBE (3.8)."""
    reader, packet_id = fields.request(PacketType.SUBSCRIBE, flags, data, start, end)
    filters: list[tuple[str, int]] = []
    while reader.more():
        check_count(filters)
        topic_filter, qos = reader.text(), reader.number(1)
        if qos > QOS_MAX:
            raise Malformed(f"SUBSCRIBE with QoS byte {qos}")
        filters.append((topic_filter, qos))
    if not filters:
        raise Malformed("SUBSCRIBE without a filter")
    return Subscribe(packet_id, tuple(filters))


def decode_unsubscribe(flags: int, data: bytes, start: int, end: int) -> Unsubscribe:
    """Read an UNSUBSCRIBE (3.10)."""
    reader, packet_id = fields.request(PacketType.UNSUBSCRIBE, flags, data, start, end)
    filters: list[str] = []
    while reader.more():
        check_count(filters)
        filters.append(reader.text())
    if not filters:
        raise Malformed("UNSUBSCRIBE without a filter")
    return Unsubscribe(packet_id, tuple(filters))


def decode_ack(kind: PacketType, flags: int, data: bytes, start: int, end: int) -> int:
    """Read a PUBACK, PUBREC, PUBREL or PUBCOMP (3.4 to 3.7) and return its packet id."""
    if flags != (FLAGS_OF_REQUESTS if kind is PacketType.PUBREL else 0) or end - start != 2:  # noqa: PLR2004 - an id
        raise Malformed(f"malformed {kind.name}")
    return int.from_bytes(data[start:end], "big")


def decode_empty(flags: int, start: int, end: int) -> None:
    """Read a PINGREQ or DISCONNECT: nothing may be in it."""
    if flags or end != start:
        raise Malformed("PINGREQ or DISCONNECT with flags or a body")


def encode_connack(return_code: int, *, session_present: bool = False) -> bytes:
    """Write a CONNACK (3.2)."""
    return bytes((PacketType.CONNACK << 4, 2, session_present, return_code))


def encode_ack(kind: PacketType, packet_id: int, codes: bytes = b"") -> bytes:
    """Write a PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK (with its return codes) or UNSUBACK."""
    first = kind << 4 | (FLAGS_OF_REQUESTS if kind is PacketType.PUBREL else 0)
    return bytes((first,)) + length_bytes(2 + len(codes)) + packet_id.to_bytes(2, "big") + codes


def encode_disconnect(code: Reason, why: str, size_max: int) -> bytes:  # noqa: ARG001 - Wire
    """Write nothing: MQTT 3.1.1 has no words for a broker that hangs up."""
    return b""


def encode_publish(
    message: Message,
    packet_id: int = 0,
    *,
    duplicate: bool = False,
    lasts: int | None = None,  # noqa: ARG001 - Wire
) -> bytes:
    """Write a PUBLISH (3.3). The message's QoS is the one to send with."""
    topic, qos, payload = fields.topic(message.topic), message.qos, message.payload
    head = _PUBLISH | duplicate << 3 | qos << 1 | message.retain
    identity = packet_id.to_bytes(2, "big") if qos else b""
    length = length_bytes(len(topic) + len(identity) + len(payload))
    return b"%c%b%b%b%b" % (head, length, topic, identity, payload)
