"""A client that speaks raw MQTT 5 with every property, packed and unpacked by paho and not by the broker."""

from typing import Any, NamedTuple

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from live import RawClient, Server, binary, packet, text
from ota_broker.front.codec.packets import PacketType

_OWN = {"packetType", "types", "names", "properties"}


def packed(kind: int, **values: Any) -> bytes:
    """Return properties in paho's names: SessionExpiryInterval=5, UserProperty=[("k", "v")]."""
    properties = Properties(kind)
    for name, value in values.items():
        setattr(properties, name, value)
    return properties.pack()


def unpacked(kind: int, data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the properties at the beginning of some bytes, and the bytes after them."""
    properties, length = Properties(kind).unpack(data)
    found = {name: value for name, value in vars(properties).items() if name not in _OWN}
    return found, data[length:]


class Connack(NamedTuple):
    present: bool
    code: int
    properties: dict[str, Any]


class Ack(NamedTuple):
    packet_id: int
    codes: bytes
    properties: dict[str, Any]


class Received(NamedTuple):
    topic: str
    payload: bytes
    qos: int
    retain: bool
    duplicate: bool
    packet_id: int
    properties: dict[str, Any]


class Goodbye(NamedTuple):
    code: int
    properties: dict[str, Any]


class Will(NamedTuple):
    topic: str
    payload: bytes = b"gone"
    qos: int = 0
    retain: bool = False
    properties: dict[str, Any] = {}  # noqa: RUF012 - never written


class Client5(RawClient):
    """Everything that MQTT 5 adds to the raw client; the methods of the raw client stay for what needs no property."""

    def __init__(self, server: Server) -> None:
        super().__init__(server, 5)

    def hello(
        self, client_id: str = "d", *, clean: bool = True, keep_alive: int = 60, will: Will | None = None, **values: Any
    ) -> Connack:
        """Send a CONNECT and return what comes back."""
        flags, payload = 2 * clean, text(client_id)
        if will:
            flags |= 4 | will.qos << 3 | will.retain << 5
            properties = packed(PacketTypes.WILLMESSAGE, **will.properties)
            payload += properties + text(will.topic) + binary(will.payload)
        head = text("MQTT") + bytes((5, flags)) + keep_alive.to_bytes(2, "big")
        self.send(packet(0x10, head + packed(PacketTypes.CONNECT, **values) + payload))
        return self.connack()

    def connack(self) -> Connack:
        first, body = self.receive()
        assert first == PacketType.CONNACK << 4, (first, body)
        properties, rest = unpacked(PacketTypes.CONNACK, body[2:])
        assert not rest
        return Connack(bool(body[0]), body[1], properties)

    def say(
        self, topic: str, payload: bytes = b"x", *, qos: int = 0, retain: bool = False, **values: Any
    ) -> Ack | None:
        """Publish; return the acknowledgement of a QoS 1 message."""
        self._packet_id += 1
        identity = self._packet_id.to_bytes(2, "big") if qos else b""
        body = text(topic) + identity + packed(PacketTypes.PUBLISH, **values) + payload
        self.send(packet(0x30 | qos << 1 | retain, body))
        return self.ack(PacketType.PUBACK) if qos == 1 else None

    def ask(self, *filters: str, options: int = 0, **values: Any) -> Ack:
        """Subscribe with the options byte of 3.8.3.1 and return the SUBACK."""
        self._packet_id += 1
        body = self._packet_id.to_bytes(2, "big") + packed(PacketTypes.SUBSCRIBE, **values)
        self.send(packet(0x82, body + b"".join(text(each) + bytes((options,)) for each in filters)))
        return self.ack(PacketType.SUBACK)

    def forgo(self, *filters: str) -> Ack:
        """Unsubscribe and return the UNSUBACK."""
        self._packet_id += 1
        body = self._packet_id.to_bytes(2, "big") + packed(PacketTypes.UNSUBSCRIBE)
        self.send(packet(0xA2, body + b"".join(map(text, filters))))
        return self.ack(PacketType.UNSUBACK)

    def ack(self, kind: PacketType) -> Ack:
        """Return the next packet, which is an acknowledgement."""
        first, body = self.receive()
        assert first >> 4 == kind, (first, body)
        packet_id = int.from_bytes(body[:2], "big")
        if kind in {PacketType.SUBACK, PacketType.UNSUBACK}:
            properties, codes = unpacked(int(kind), body[2:])
            return Ack(packet_id, codes, properties)
        properties, rest = unpacked(int(kind), body[3:]) if len(body) > 3 else ({}, b"")
        assert not rest
        return Ack(packet_id, body[2:3] or b"\0", properties)

    def next_message(self) -> Received:
        """Return the next packet, which is a message."""
        return received(*self.receive())

    def heard(self) -> list[Received]:
        """Return every message that came before the answer to a PINGREQ."""
        return [received(*each) for each in self.until_ping() if each[0] >> 4 == PacketType.PUBLISH]

    def goodbye(self) -> Goodbye:
        """Return the DISCONNECT that comes next, after which the connection is closed."""
        first, body = self.receive()
        assert first == PacketType.DISCONNECT << 4, (first, body)
        properties, rest = unpacked(PacketTypes.DISCONNECT, body[1:]) if len(body) > 1 else ({}, b"")
        assert not rest
        assert self.is_closed()
        return Goodbye(body[0], properties)

    def leave(self, code: int = 0, **values: Any) -> None:
        """Send a DISCONNECT and wait for the end."""
        self.send(packet(0xE0, bytes((code,)) + packed(PacketTypes.DISCONNECT, **values)))
        assert self.is_closed()


def received(first: int, body: bytes) -> Received:
    assert first >> 4 == PacketType.PUBLISH, (first, body)
    end, qos = 2 + int.from_bytes(body[:2], "big"), first >> 1 & 3
    after = end + 2 if qos else end
    properties, payload = unpacked(PacketTypes.PUBLISH, body[after:])
    packet_id = int.from_bytes(body[end:after], "big")
    return Received(body[2:end].decode(), payload, qos, bool(first & 1), bool(first & 8), packet_id, properties)
