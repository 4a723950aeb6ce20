"""MQTT as a device speaks it, 3.1.1 and 5: requests to bytes, bytes to packets. It knows no socket and no state.

Section numbers are those of the OASIS standards, 3.1.1 first.
"""

from enum import IntEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct

PACKET_MAX: Final = 1 << 20  # bytes; a block of 128 KiB in base64 fits
PUBACK_QOS: Final = 1
_MORE: Final = 0x80
_LENGTH_BYTES: Final = 4  # 2.2.3, 1.5.5: the longest remaining length


class Level(IntEnum):
    """The protocol level of CONNECT."""

    V311 = 4
    V5 = 5


class Kind(IntEnum):
    """The packets a client gets."""

    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBACK = 9
    UNSUBACK = 11
    PINGRESP = 13
    DISCONNECT = 14


class BadPacket(ValueError):
    """The other side does not speak MQTT."""


class Received(Struct, frozen=True, gc=False):
    """A PUBLISH that came. `packet_id` is 0 for QoS 0."""

    topic: bytes
    payload: bytes
    packet_id: int


PINGREQ: Final = b"\xc0\x00"
DISCONNECT: Final = b"\xe0\x00"  # 3.14; in MQTT 5 a length of 0 means normal disconnection
REFUSALS: Final = MappingProxyType(
    {
        1: "the broker does not speak this version of MQTT",  # 3.2.2.3
        2: "the client id is refused",
        3: "the broker is not available",
        4: "bad user name or password",
        5: "not authorized",
        0x84: "the broker does not speak this version of MQTT",  # 3.2.2.2 of MQTT 5
        0x85: "the client id is refused",
        0x87: "not authorized",
        0x88: "the broker is not available",
        0x89: "the broker is busy",
        0x97: "a quota is exceeded",
        0x9F: "too many connections a second",
    }
)
"""What a CONNACK may say instead of yes."""


def connect(level: Level, client_id: str, keep_alive: int) -> bytes:
    """Write CONNECT of a clean session (3.1). `keep_alive` seconds."""
    head = b"\x00\x04MQTT" + bytes((level, 0x02)) + keep_alive.to_bytes(2, "big")
    return _packet(0x10, head + _properties(level) + _text(client_id.encode()))


def subscribe(level: Level, packet_id: int, topics: dict[str, int]) -> bytes:
    """Write SUBSCRIBE (3.8); `topics` with the QoS of each."""
    filters = b"".join(_text(topic.encode()) + bytes((qos,)) for topic, qos in topics.items())
    return _packet(0x82, packet_id.to_bytes(2, "big") + _properties(level) + filters)


def unsubscribe(level: Level, packet_id: int, topic: str) -> bytes:
    """Write UNSUBSCRIBE (3.10)."""
    return _packet(0xA2, packet_id.to_bytes(2, "big") + _properties(level) + _text(topic.encode()))


def publish(level: Level, topic: str, payload: bytes, packet_id: int = 0) -> bytes:
    """Write PUBLISH (3.3): QoS 1 when there is a packet id."""
    head = _text(topic.encode())
    if packet_id:
        head += packet_id.to_bytes(2, "big")
    if level is Level.V5:
        head += b"\x00"
    return _packet(0x32 if packet_id else 0x30, head + payload)


def puback(packet_id: int) -> bytes:
    """Write PUBACK (3.4); in MQTT 5 without a reason, which is success."""
    return b"\x40\x02" + packet_id.to_bytes(2, "big")


def packet_at(data: bytes, position: int) -> tuple[int, int]:
    """Return where the body of the packet at `position` begins and ends; (0, 0) while its length is not there yet.

    The end may lie beyond the data. Raises BadPacket when the length is none, or too much (2.2.3).
    """
    start = position + 1
    length = shift = 0
    for byte in data[start : start + _LENGTH_BYTES]:
        start += 1
        length |= (byte & 0x7F) << shift
        if byte < _MORE:
            if length > PACKET_MAX:
                raise BadPacket(f"a packet of {length} bytes")
            return start, start + length
        shift += 7
    if len(data) - position > _LENGTH_BYTES:
        raise BadPacket("a packet without a length")
    return 0, 0


def received(level: Level, flags: int, data: bytes, start: int, end: int) -> Received:
    """Read the body of a PUBLISH (3.3). Raises BadPacket."""
    topic_end = start + 2 + int.from_bytes(data[start : start + 2], "big")
    at = topic_end
    packet_id = 0
    if flags & 0x06:
        at += 2
        packet_id = int.from_bytes(data[topic_end:at], "big")
    if level is Level.V5:
        _, at = packet_at(data, at - 1)  # properties have a length like a packet's, and none of them matters here
    if not topic_end <= at <= end:
        raise BadPacket("a field longer than its packet")
    return Received(data[start + 2 : topic_end], data[at:end], packet_id)


def refusal(code: int) -> str:
    """Return what the code of a CONNACK or a DISCONNECT means."""
    return REFUSALS.get(code, f"code 0x{code:02x}")


def _properties(level: Level) -> bytes:
    return b"\x00" if level is Level.V5 else b""  # 2.2.2 of MQTT 5: none


def _text(raw: bytes) -> bytes:
    return len(raw).to_bytes(2, "big") + raw


def _packet(first: int, body: bytes) -> bytes:
    left = len(body)
    if left < _MORE:
        return bytes((first, left)) + body
    head = [first]
    while left >= _MORE:
        head.append(left & 0x7F | _MORE)
        left >>= 7
    return bytes((*head, left)) + body
