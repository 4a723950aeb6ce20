"""MQTT 3.1.1 on the wire: strict reading, plain writing. Section numbers are those of the OASIS standard."""

from typing import Final

from ota_broker.front.framing import length_bytes
from ota_broker.front.packets import Connect, Message, PacketType, Publish, Subscribe, Unsubscribe, Violation

PROTOCOL_LEVEL: Final = 4
ACCEPTED: Final = 0
BAD_PROTOCOL: Final = 1  # 3.2.2.3
BAD_CLIENT_ID: Final = 2
SUBSCRIBE_FAILED: Final = 0x80  # 3.9.3
QOS_MAX: Final = 1  # MU-5: there is no QoS 2

PINGRESP: Final = bytes((PacketType.PINGRESP << 4, 0))

_CLEAN_SESSION: Final = 0x02
_WILL: Final = 0x04
_WILL_RETAIN: Final = 0x20
_PASSWORD: Final = 0x40
_USER_NAME: Final = 0x80
_PUBLISH: Final = PacketType.PUBLISH << 4
_FLAGS_OF_REQUESTS: Final = 0x02  # SUBSCRIBE, UNSUBSCRIBE, PUBREL: 2.2.2


class BadProtocol(Violation):
    """A CONNECT of another protocol or level; the peer is told with return code 1."""


class BadClientId(Violation):
    """A CONNECT whose client id cannot be taken; the peer is told with return code 2."""


class _Reader:
    """Reads fields of one body; never past its end."""

    __slots__ = ("_data", "_end", "position")

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self._data = data
        self._end = end
        self.position = start

    def take(self, count: int) -> bytes:
        start, self.position = self.position, self.position + count
        if self.position > self._end:
            raise Violation("a field is longer than its packet")
        return self._data[start : self.position]

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def binary(self) -> bytes:
        return self.take(self.number(2))

    def text(self) -> str:
        return text_of(self.binary())

    def more(self) -> bool:
        return self.position < self._end

    def end(self) -> None:
        if self.more():
            raise Violation("bytes after the last field")


def text_of(raw: bytes) -> str:
    """Read UTF-8 as 1.5.3 allows it. Raises Violation."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Violation("text that is not UTF-8") from None
    if "\0" in text:
        raise Violation("text with a NUL character")
    return text


def decode_connect(flags: int, data: bytes, start: int, end: int) -> Connect:
    """Read a CONNECT (3.1)."""
    if flags:
        raise Violation("CONNECT with flags in its first byte")
    reader = _Reader(data, start, end)
    name, level = reader.binary(), reader.number(1)
    if name != b"MQTT" or level != PROTOCOL_LEVEL:
        raise BadProtocol(
            f"protocol {name[:16]!r} level {level}; this broker speaks MQTT 3.1.1 (level {PROTOCOL_LEVEL})"
        )
    connect_flags, keep_alive = reader.number(1), reader.number(2)
    if connect_flags & 1:
        raise Violation("CONNECT with its reserved flag set")
    client_id = reader.text()
    will = _will(connect_flags, reader)
    if connect_flags & _PASSWORD and not connect_flags & _USER_NAME:
        raise Violation("CONNECT with a password and no user name")
    if connect_flags & _USER_NAME:
        reader.text()
    if connect_flags & _PASSWORD:
        reader.binary()
    reader.end()
    return Connect(client_id, bool(connect_flags & _CLEAN_SESSION), keep_alive, will)


def _will(connect_flags: int, reader: _Reader) -> Message | None:
    qos, retain = connect_flags >> 3 & 3, bool(connect_flags & _WILL_RETAIN)
    if not connect_flags & _WILL:
        if qos or retain:
            raise Violation("CONNECT with will flags and no will")
        return None
    if qos > QOS_MAX:
        raise Violation(f"a will with QoS {qos}; QoS 0 and 1 exist here")  # MU-5
    return Message(reader.text(), reader.binary(), qos, retain)


def decode_publish(flags: int, data: bytes, start: int, end: int) -> Publish:
    """Read a PUBLISH (3.3)."""
    qos = flags >> 1 & 3
    if qos > QOS_MAX:
        raise Violation(f"PUBLISH with QoS {qos}; QoS 0 and 1 exist here")  # MU-5
    if flags & 8 and not qos:
        raise Violation("PUBLISH with DUP and QoS 0")
    body = start + 2
    topic_end = body + int.from_bytes(data[start:body], "big")
    payload_start = topic_end + 2 if qos else topic_end
    if payload_start > end or body > end:
        raise Violation("a field is longer than its packet")
    packet_id = int.from_bytes(data[topic_end:payload_start], "big")
    if qos and not packet_id:
        raise Violation("PUBLISH with packet id 0")
    return Publish(data[body:topic_end], data[payload_start:end], qos, bool(flags & 1), packet_id)


def decode_subscribe(flags: int, data: bytes, start: int, end: int) -> Subscribe:
    """Read a SUBSCRIBE (3.8)."""
    reader, packet_id = _request("SUBSCRIBE", flags, data, start, end)
    filters: list[tuple[str, int]] = []
    while reader.more():
        topic_filter, qos = reader.text(), reader.number(1)
        if qos > 2:  # noqa: PLR2004 - the two low bits; 2 is legal to ask for
            raise Violation(f"SUBSCRIBE with QoS byte {qos}")
        filters.append((topic_filter, qos))
    if not filters:
        raise Violation("SUBSCRIBE without a filter")
    return Subscribe(packet_id, tuple(filters))


def decode_unsubscribe(flags: int, data: bytes, start: int, end: int) -> Unsubscribe:
    """Read an UNSUBSCRIBE (3.10)."""
    reader, packet_id = _request("UNSUBSCRIBE", flags, data, start, end)
    filters: list[str] = []
    while reader.more():
        filters.append(reader.text())
    if not filters:
        raise Violation("UNSUBSCRIBE without a filter")
    return Unsubscribe(packet_id, tuple(filters))


def _request(name: str, flags: int, data: bytes, start: int, end: int) -> tuple[_Reader, int]:
    if flags != _FLAGS_OF_REQUESTS:
        raise Violation(f"{name} with flags {flags} in its first byte")
    reader = _Reader(data, start, end)
    packet_id = reader.number(2)
    if not packet_id:
        raise Violation(f"{name} with packet id 0")
    return reader, packet_id


def decode_puback(flags: int, data: bytes, start: int, end: int) -> int:
    """Read a PUBACK (3.4) and return its packet id."""
    if flags or end - start != 2:  # noqa: PLR2004 - a packet id, no more
        raise Violation("malformed PUBACK")
    return int.from_bytes(data[start:end], "big")


def decode_empty(flags: int, start: int, end: int) -> None:
    """Read a PINGREQ or DISCONNECT: nothing may be in it."""
    if flags or end != start:
        raise Violation("PINGREQ or DISCONNECT with flags or a body")


def encode_connack(return_code: int, *, session_present: bool = False) -> bytes:
    """Write a CONNACK (3.2)."""
    return bytes((PacketType.CONNACK << 4, 2, session_present, return_code))


def encode_ack(kind: PacketType, packet_id: int, codes: bytes = b"") -> bytes:
    """Write a PUBACK, SUBACK (with its return codes) or UNSUBACK."""
    return bytes((kind << 4,)) + length_bytes(2 + len(codes)) + packet_id.to_bytes(2, "big") + codes


def encode_publish(message: Message, packet_id: int = 0, *, duplicate: bool = False) -> bytes:
    """Write a PUBLISH (3.3). The message's QoS is the one to send with."""
    topic = message.topic.encode()
    qos = message.qos
    head = _PUBLISH | duplicate << 3 | qos << 1 | message.retain
    identity = packet_id.to_bytes(2, "big") if qos else b""
    length = 2 + len(topic) + len(identity) + len(message.payload)
    return b"%c%b%b%b%b%b" % (
        head,
        length_bytes(length),
        len(topic).to_bytes(2, "big"),
        topic,
        identity,
        message.payload,
    )
