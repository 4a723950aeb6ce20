"""MQTT 5 on the wire: strict reading, plain writing. Section numbers are those of the OASIS standard."""

from collections.abc import Mapping
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from ota_broker.front.codec import fields, grants, mqtt311, properties
from ota_broker.front.codec.fields import FLAGS_OF_REQUESTS, Reader, check_count
from ota_broker.front.codec.framing import length_bytes
from ota_broker.front.codec.packets import (
    Malformed,
    Message,
    PacketType,
    Properties,
    Publish,
    Subscribe,
    Unsubscribe,
    Violation,
)
from ota_broker.front.codec.properties import Property
from ota_broker.front.codec.reasons import Reason

LEVEL: Final = 5  # 3.1.2.2

_PUBLISH: Final = PacketType.PUBLISH << 4
_NO_PROPERTIES: Final = b"\0"
_TAKEN: Final = frozenset({0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99})

CLIENT_CODES: Final[Mapping[PacketType, frozenset[int]]] = MappingProxyType(
    {
        PacketType.PUBACK: _TAKEN,
        PacketType.PUBREC: _TAKEN,
        PacketType.PUBREL: frozenset({0x00, 0x92}),
        PacketType.PUBCOMP: frozenset({0x00, 0x92}),
        PacketType.DISCONNECT: frozenset({0x00, 0x04, 0x80, 0x81, 0x82, 0x83, *range(0x90, 0x9A)}) - {0x91, 0x92},
    }
)
"""The reason codes a client may send (3.4.2.1, 3.5.2.1, 3.6.2.1, 3.7.2.1, 3.14.2.1)."""


def message_properties(found: Mapping[Property, Any]) -> Properties | None:
    """Return what is forwarded of the properties of a PUBLISH or a will (3.3.2.3), None if that is nothing."""
    forwarded = Properties(
        found.get(Property.PAYLOAD_FORMAT, 0),
        found.get(Property.CONTENT_TYPE),
        found.get(Property.RESPONSE_TOPIC),
        found.get(Property.CORRELATION_DATA),
        tuple(found.get(Property.USER, ())),
    )
    response_topic = forwarded.response_topic
    if response_topic is not None and (not response_topic or "+" in response_topic or "#" in response_topic):
        raise Violation("a response topic that is empty or has a wildcard")  # 3.3.2.3.5
    return None if forwarded == _NOTHING else forwarded


_NOTHING: Final = Properties()


def decode_publish(flags: int, data: bytes, start: int, end: int) -> Publish:
    """Read a PUBLISH (3.3)."""
    head = mqtt311.decode_publish(flags, data, start, end)  # what follows the packet id is the only difference
    topic, qos, retain, packet_id, rest = head.topic, head.qos, head.retain, head.packet_id, head.payload
    if not rest:
        raise Malformed("a field is longer than its packet")
    if not rest[0]:  # no properties: what most devices send
        return Publish(topic, rest[1:], qos, retain, packet_id)
    reader = Reader(rest, 0, len(rest))
    found = properties.decode(reader, PacketType.PUBLISH)
    if Property.SUBSCRIPTION_ID in found:
        raise Violation("PUBLISH with a subscription identifier")  # 3.3.4
    alias = found.get(Property.TOPIC_ALIAS)
    if alias == 0:
        raise Violation("topic alias 0", code=Reason.TOPIC_ALIAS_INVALID)  # 3.3.2.3.4
    forwarded, lasts = message_properties(found), found.get(Property.MESSAGE_EXPIRY)
    return Publish(topic, reader.rest(), qos, retain, packet_id, forwarded, lasts, alias or 0)


def decode_subscribe(flags: int, data: bytes, start: int, end: int) -> Subscribe:
    """Read a SUBSCRIBE (3.8)."""
    reader, packet_id, found = _request(PacketType.SUBSCRIBE, flags, data, start, end)
    numbers = found.get(Property.SUBSCRIPTION_ID, (0,))
    if len(numbers) > 1:
        raise Violation("SUBSCRIBE with two subscription identifiers")  # 3.8.2.1.2
    filters: list[tuple[str, int]] = []
    while reader.more():
        check_count(filters)
        topic_filter, options = reader.text(), reader.number(1)
        if options & ~grants.OPTIONS:
            raise Malformed(f"SUBSCRIBE with options {options:#x}")  # 3.8.3.1
        if options & grants.QOS > mqtt311.QOS_MAX or options & grants.RETAIN_HANDLING == grants.RETAIN_HANDLING:
            raise Violation(f"SUBSCRIBE with options {options:#x}")  # 3.8.3.1
        filters.append((topic_filter, options))
    if not filters:
        raise Violation("SUBSCRIBE without a filter")  # 3.8.3
    return Subscribe(packet_id, tuple(filters), numbers[0])


def decode_unsubscribe(flags: int, data: bytes, start: int, end: int) -> Unsubscribe:
    """Read an UNSUBSCRIBE (3.10)."""
    reader, packet_id, _ = _request(PacketType.UNSUBSCRIBE, flags, data, start, end)
    filters: list[str] = []
    while reader.more():
        check_count(filters)
        filters.append(reader.text())
    if not filters:
        raise Violation("UNSUBSCRIBE without a filter")  # 3.10.3
    return Unsubscribe(packet_id, tuple(filters))


def _request(
    kind: PacketType, flags: int, data: bytes, start: int, end: int
) -> tuple[Reader, int, dict[Property, Any]]:
    reader, packet_id = fields.request(kind, flags, data, start, end)
    return reader, packet_id, properties.decode(reader, kind)


def decode_ack(kind: PacketType, flags: int, data: bytes, start: int, end: int) -> tuple[int, int]:
    """Read a PUBACK, PUBREC, PUBREL or PUBCOMP (3.4 to 3.7) and return its packet id and reason code."""
    if flags != (FLAGS_OF_REQUESTS if kind is PacketType.PUBREL else 0):
        raise Malformed(f"{kind.name} with flags {flags} in its first byte")
    reader = Reader(data, start, end)
    packet_id = reader.number(2)
    return packet_id, _outcome(kind, reader)[0]


def decode_disconnect(flags: int, data: bytes, start: int, end: int) -> tuple[int, int | None]:
    """Read a DISCONNECT (3.14) and return its reason code, and the session expiry it asks for in seconds."""
    if flags:
        raise Malformed("DISCONNECT with flags in its first byte")
    code, found = _outcome(PacketType.DISCONNECT, Reader(data, start, end))
    if Property.SERVER_REFERENCE in found:
        raise Violation("DISCONNECT with a server reference")  # 3.14.2.2.5
    return code, found.get(Property.SESSION_EXPIRY)


def _outcome(kind: PacketType, reader: Reader) -> tuple[int, dict[Property, Any]]:
    """Read a reason code and properties; both may be left out (3.4.2.1)."""
    if not reader.more():
        return Reason.SUCCESS, {}
    code = reader.number(1)
    if code not in CLIENT_CODES[kind]:
        raise Malformed(f"{kind.name} with reason code {code:#x}")
    found = properties.decode(reader, kind) if reader.more() else {}
    reader.end()
    return code, found


def encode_connack(code: Reason, found: Mapping[Property, Any], *, session_present: bool = False) -> bytes:
    """Write a CONNACK (3.2)."""
    return _packet(PacketType.CONNACK << 4, bytes((session_present, code)) + properties.encode(found))


def encode_ack(kind: PacketType, packet_id: int, code: Reason = Reason.SUCCESS, why: str = "") -> bytes:
    """Write a PUBACK, PUBREC, PUBREL or PUBCOMP (3.4 to 3.7); a reason string only if there is one."""
    first = kind << 4 | (FLAGS_OF_REQUESTS if kind is PacketType.PUBREL else 0)
    identity = packet_id.to_bytes(2, "big")
    if not code and not why:
        return bytes((first, 2)) + identity
    return _packet(first, identity + bytes((code,)) + _reason(why))


def encode_codes(kind: PacketType, packet_id: int, codes: bytes, why: str = "") -> bytes:
    """Write a SUBACK (3.9) or UNSUBACK (3.11)."""
    return _packet(kind << 4, packet_id.to_bytes(2, "big") + _reason(why) + codes)


def encode_disconnect(code: Reason, why: str, size_max: int) -> bytes:
    """Write a DISCONNECT (3.14), without its reason string when the client would find it too large (3.14.2.2.3)."""
    data = _packet(PacketType.DISCONNECT << 4, bytes((code,)) + _reason(why))
    if len(data) <= size_max:
        return data
    data = bytes((PacketType.DISCONNECT << 4, 1, code))
    return data if len(data) <= size_max else b""


def encode_publish(
    message: Message, packet_id: int = 0, *, duplicate: bool = False, lasts: int | None = None, alias: int = 0
) -> bytes:
    """Write a PUBLISH (3.3). The message's QoS is the one to send with; `alias` is one for its topic."""
    topic, qos, payload = fields.topic(message.topic), message.qos, message.payload
    head = _PUBLISH | duplicate << 3 | qos << 1 | message.retain
    identity = packet_id.to_bytes(2, "big") if qos else b""
    extra = _NO_PROPERTIES
    if message.properties is not None or lasts is not None or alias:
        extra = _forwarded(message.properties or _NOTHING, lasts, alias)
    length = length_bytes(len(topic) + len(identity) + len(extra) + len(payload))
    return b"%c%b%b%b%b%b" % (head, length, topic, identity, extra, payload)


_OF_MESSAGES: Final = (
    (Property.PAYLOAD_FORMAT, attrgetter("payload_format")),
    (Property.CONTENT_TYPE, attrgetter("content_type")),
    (Property.RESPONSE_TOPIC, attrgetter("response_topic")),
    (Property.CORRELATION_DATA, attrgetter("correlation_data")),
    (Property.USER, attrgetter("user")),
    (Property.SUBSCRIPTION_ID, attrgetter("subscription_ids")),
)


def _forwarded(given: Properties, lasts: int | None, alias: int) -> bytes:
    values: dict[Property, Any] = {Property.TOPIC_ALIAS: alias} if alias else {}
    if lasts is not None:
        values[Property.MESSAGE_EXPIRY] = lasts
    for known, get in _OF_MESSAGES:
        value = get(given)
        if value is not None and value != 0:  # an empty text is one that was given
            values[known] = value
    return properties.encode(values)


def _reason(why: str) -> bytes:
    return properties.encode({Property.REASON_STRING: why}) if why else _NO_PROPERTIES


def _packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + length_bytes(len(body)) + body
