"""The properties of MQTT 5 packets (OASIS standard 2.2.2) as one table: number, type, where allowed, which values."""

from collections.abc import Callable, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ota_broker.front import limits
from ota_broker.front.codec.fields import Reader, binary, text
from ota_broker.front.codec.framing import length_bytes
from ota_broker.front.codec.packets import Malformed, PacketType, TooMany, Violation

WILL: Final = 0
"""The place of will properties: inside CONNECT, and no packet of their own."""


class Property(IntEnum):
    """A property by its number."""

    PAYLOAD_FORMAT = 0x01
    MESSAGE_EXPIRY = 0x02
    CONTENT_TYPE = 0x03
    RESPONSE_TOPIC = 0x08
    CORRELATION_DATA = 0x09
    SUBSCRIPTION_ID = 0x0B
    SESSION_EXPIRY = 0x11
    ASSIGNED_CLIENT_ID = 0x12
    SERVER_KEEP_ALIVE = 0x13
    AUTHENTICATION_METHOD = 0x15
    AUTHENTICATION_DATA = 0x16
    REQUEST_PROBLEM_INFORMATION = 0x17
    WILL_DELAY = 0x18
    REQUEST_RESPONSE_INFORMATION = 0x19
    RESPONSE_INFORMATION = 0x1A
    SERVER_REFERENCE = 0x1C
    REASON_STRING = 0x1F
    RECEIVE_MAXIMUM = 0x21
    TOPIC_ALIAS_MAXIMUM = 0x22
    TOPIC_ALIAS = 0x23
    MAXIMUM_QOS = 0x24
    RETAIN_AVAILABLE = 0x25
    USER = 0x26
    MAXIMUM_PACKET_SIZE = 0x27
    WILDCARDS_AVAILABLE = 0x28
    SUBSCRIPTION_IDS_AVAILABLE = 0x29
    SHARED_AVAILABLE = 0x2A


class _Type(NamedTuple):
    """How a value is read and written."""

    read: Callable[[Reader], Any]
    write: Callable[[Any], bytes]


def _number(size: int) -> _Type:
    def read(reader: Reader) -> int:
        return reader.number(size)

    def write(value: int) -> bytes:
        return value.to_bytes(size, "big")

    return _Type(read, write)


def _read_pair(reader: Reader) -> tuple[str, str]:
    return reader.text(), reader.text()


def _write_pair(pair: tuple[str, str]) -> bytes:
    return text(pair[0]) + text(pair[1])


_BYTE, _TWO, _FOUR = _number(1), _number(2), _number(4)
_VARIABLE: Final = _Type(Reader.variable, length_bytes)
_TEXT: Final = _Type(Reader.text, text)
_BINARY: Final = _Type(Reader.binary, binary)
_PAIR: Final = _Type(_read_pair, _write_pair)


class Row(NamedTuple):
    """One property. `least` and `most` bound numbers; one that is `many` may come several times."""

    type: _Type
    places: frozenset[int]
    least: int = 0
    most: int | None = None
    many: bool = False


_CONNECT: Final = frozenset({PacketType.CONNECT})
_CONNACK: Final = frozenset({PacketType.CONNACK})
_PUBLISH: Final = frozenset({PacketType.PUBLISH})
_MESSAGE: Final = _PUBLISH | {WILL}
_AGREED: Final = _CONNECT | _CONNACK
_ENDING: Final = frozenset({PacketType.DISCONNECT})
_AUTHENTICATION: Final = _AGREED | {PacketType.AUTH}
_ANSWERS: Final = frozenset(
    {
        PacketType.CONNACK, PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP,
        PacketType.SUBACK, PacketType.UNSUBACK, PacketType.DISCONNECT, PacketType.AUTH,
    }
)  # fmt: skip
_REQUESTS: Final = frozenset({PacketType.SUBSCRIBE, PacketType.UNSUBSCRIBE})

TABLE: Final[Mapping[int, Row]] = MappingProxyType(
    {
        Property.PAYLOAD_FORMAT: Row(_BYTE, _MESSAGE, most=1),
        Property.MESSAGE_EXPIRY: Row(_FOUR, _MESSAGE),
        Property.CONTENT_TYPE: Row(_TEXT, _MESSAGE),
        Property.RESPONSE_TOPIC: Row(_TEXT, _MESSAGE),
        Property.CORRELATION_DATA: Row(_BINARY, _MESSAGE),
        Property.SUBSCRIPTION_ID: Row(_VARIABLE, _PUBLISH | {PacketType.SUBSCRIBE}, least=1, many=True),
        Property.SESSION_EXPIRY: Row(_FOUR, _AGREED | _ENDING),
        Property.ASSIGNED_CLIENT_ID: Row(_TEXT, _CONNACK),
        Property.SERVER_KEEP_ALIVE: Row(_TWO, _CONNACK),
        Property.AUTHENTICATION_METHOD: Row(_TEXT, _AUTHENTICATION),
        Property.AUTHENTICATION_DATA: Row(_BINARY, _AUTHENTICATION),
        Property.REQUEST_PROBLEM_INFORMATION: Row(_BYTE, _CONNECT, most=1),
        Property.WILL_DELAY: Row(_FOUR, frozenset({WILL})),
        Property.REQUEST_RESPONSE_INFORMATION: Row(_BYTE, _CONNECT, most=1),
        Property.RESPONSE_INFORMATION: Row(_TEXT, _CONNACK),
        Property.SERVER_REFERENCE: Row(_TEXT, _CONNACK | _ENDING),
        Property.REASON_STRING: Row(_TEXT, _ANSWERS),
        Property.RECEIVE_MAXIMUM: Row(_TWO, _AGREED, least=1),
        Property.TOPIC_ALIAS_MAXIMUM: Row(_TWO, _AGREED),
        Property.TOPIC_ALIAS: Row(_TWO, _PUBLISH),
        Property.MAXIMUM_QOS: Row(_BYTE, _CONNACK, most=1),
        Property.RETAIN_AVAILABLE: Row(_BYTE, _CONNACK, most=1),
        Property.USER: Row(_PAIR, _CONNECT | _MESSAGE | _ANSWERS | _REQUESTS, many=True),
        Property.MAXIMUM_PACKET_SIZE: Row(_FOUR, _AGREED, least=1),
        Property.WILDCARDS_AVAILABLE: Row(_BYTE, _CONNACK, most=1),
        Property.SUBSCRIPTION_IDS_AVAILABLE: Row(_BYTE, _CONNACK, most=1),
        Property.SHARED_AVAILABLE: Row(_BYTE, _CONNACK, most=1),
    }
)
_KNOWN: Final[Mapping[int, Property]] = {known.value: known for known in Property}


def decode(reader: Reader, place: int) -> dict[Property, Any]:
    """Read the properties of a packet of type `place`, or of a WILL; what may come several times is a list.

    Raises:
        Malformed: they are no properties, or not of this packet.
        Violation: a property comes twice, has a value it cannot have, or they are more than anybody needs.
    """
    found: dict[Property, Any] = {}
    size = reader.variable()
    if size > limits.PROPERTIES_MAX:
        raise TooMany(f"properties of {size} bytes, more than {limits.PROPERTIES_MAX}")
    reader = reader.part(size)
    while reader.more():
        number = reader.variable()
        row = TABLE.get(number)
        if row is None or place not in row.places:
            raise Malformed(f"property {number:#x} in a place where it cannot be")
        known, value = _KNOWN[number], row.type.read(reader)
        if isinstance(value, int) and (value < row.least or (row.most is not None and value > row.most)):
            raise Violation(f"property {known.name} with value {value}")
        if row.many:
            found.setdefault(known, []).append(value)
        elif known in found:
            raise Violation(f"property {known.name} twice")
        else:
            found[known] = value
    return found


def encode(values: Mapping[Property, Any]) -> bytes:
    """Write properties after their length; of what may come several times, each value of a sequence."""
    written = bytearray()
    for known, value in values.items():
        row = TABLE[known]
        for each in value if row.many else (value,):
            written += length_bytes(known) + row.type.write(each)
    return length_bytes(len(written)) + bytes(written)
