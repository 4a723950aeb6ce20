"""One MQTT connection of the fleet: packets in and out of a socket. What they are for is its guest's business."""

import asyncio
from time import monotonic
from typing import Final, Protocol, cast

from ota_device.fleet import mqtt
from ota_device.fleet.mqtt import BadPacket, Kind, Level

_SPACE: Final = 1 << 18  # bytes the loop may read at once
_PACKET_ID_MAX: Final = 0xFFFF
_PUBLISH: Final = int(Kind.PUBLISH)  # what comes most: a member of an enumeration is looked up by a call
_NO_MQTT: Final = "the other side does not speak MQTT"


class Guest(Protocol):
    """Whom a connection is for. Every call but the first comes with the time, in monotonic seconds."""

    @property
    def name(self) -> str:
        """The client id."""
        ...

    def on_open(self, now: float) -> None:
        """The broker has said yes."""
        ...

    def on_message(self, topic: bytes, payload: bytes, now: float) -> None:
        """A message came."""
        ...

    def on_acknowledged(self, packet_id: int, now: float) -> None:
        """A QoS 1 message has arrived at the broker."""
        ...

    def on_pong(self) -> None:
        """The broker answered a ping."""
        ...

    def on_closed(self, why: str, now: float) -> None:
        """The connection is gone, or was never there."""
        ...


class Connection(asyncio.BufferedProtocol):
    """A connection from its CONNECT on. It has slots: ten thousand of them fit into a process."""

    __slots__ = ("_guest", "_keep_alive", "_level", "_packet_id", "_rest", "_transport", "_why", "is_open")
    _space = bytearray(_SPACE)  # shared: the loop lends it to one connection at a time
    _view = memoryview(_space)

    def __init__(self, guest: Guest, level: Level, keep_alive: int) -> None:
        self.is_open = False
        self._guest: Guest | None = guest
        self._keep_alive = keep_alive
        self._level = level
        self._packet_id = 0
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self._why = "the connection was closed"

    # From the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send CONNECT."""
        self._transport = cast("asyncio.Transport", transport)
        if self._guest is None:  # given up meanwhile
            self._transport.abort()
            return
        self._transport.write(mqtt.connect(self._level, self._guest.name, self._keep_alive))

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the shared space."""
        del sizehint
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Take the whole packets of what came."""
        data = bytes(self._view[:nbytes])
        self._read(self._rest + data if self._rest else data, monotonic())

    def _read(self, data: bytes, now: float) -> None:
        position = 0
        if not self.is_open and data[0] >> 4 != Kind.CONNACK:  # it might be a length of anything that is waited for
            self.abort(_NO_MQTT)
            return
        try:
            while position < len(data):
                start, end = mqtt.packet_at(data, position)
                if not start or end > len(data):
                    break
                self._packet(data[position], data, start, end, now)
                position = end
        except (BadPacket, IndexError):
            self.abort(_NO_MQTT)
            return
        self._rest = data[position:] if position < len(data) else b""

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the guest, unless it is the guest who closed."""
        self._transport = None
        if self._rest:  # the last words may say why
            self._read(self._rest, monotonic())
        guest, self._guest = self._guest, None
        self.is_open = False
        self._rest = b""
        if guest is not None:
            why = str(exc) if isinstance(exc, OSError) and exc.strerror is None else getattr(exc, "strerror", None)
            guest.on_closed(why or self._why, monotonic())

    def _packet(self, first: int, data: bytes, start: int, end: int, now: float) -> None:
        guest, kind = self._guest, first >> 4
        if guest is None:
            return
        if kind == _PUBLISH and self.is_open:
            message = mqtt.received(self._level, first, data, start, end)
            if message.packet_id:
                self._write(mqtt.puback(message.packet_id))
            guest.on_message(message.topic, message.payload, now)
        elif kind == Kind.PUBACK:
            guest.on_acknowledged(int.from_bytes(data[start : start + 2], "big"), now)
        elif kind == Kind.PINGRESP:
            guest.on_pong()
        elif kind == Kind.CONNACK and not self.is_open:
            self._answered(guest, data[start + 1], now)
        elif kind == Kind.DISCONNECT:
            self.abort(mqtt.refusal(data[start] if end > start else 0))
        elif kind not in {Kind.SUBACK, Kind.UNSUBACK}:
            raise BadPacket(f"packet type {kind}")

    def _answered(self, guest: Guest, code: int, now: float) -> None:
        if code:
            self.abort(mqtt.refusal(code))
            return
        self.is_open = True
        guest.on_open(now)

    # To the broker

    def publish(self, topic: str, payload: bytes, qos: int) -> int:
        """Send a message; return its packet id, which is 0 for QoS 0."""
        packet_id = self._next_id() if qos else 0
        self._write(mqtt.publish(self._level, topic, payload, packet_id))
        return packet_id

    def subscribe(self, topics: dict[str, int]) -> None:
        """Subscribe to topics, each with its QoS."""
        self._write(mqtt.subscribe(self._level, self._next_id(), topics))

    def unsubscribe(self, topic: str) -> None:
        """End a subscription."""
        self._write(mqtt.unsubscribe(self._level, self._next_id(), topic))

    def ping(self) -> None:
        """Show that the client is alive."""
        self._write(mqtt.PINGREQ)

    def close(self) -> None:
        """Say goodbye; what was sent still arrives."""
        if self.is_open:
            self._write(mqtt.DISCONNECT)
        self.is_open = False
        if self._transport is not None:
            self._transport.close()

    def abort(self, why: str) -> None:
        """Break the connection, as a power cut does. The guest is told by `on_closed`."""
        self._why = why
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def expect_open(self, _: float) -> None:
        """Give up when the broker has not answered CONNECT by now."""
        if not self.is_open and self._guest is not None:
            self.abort("no answer to CONNECT")

    def forget(self) -> None:
        """Let the guest hear no more."""
        self._guest = None

    def fail(self, why: str) -> None:
        """Tell the guest that there will be no connection."""
        guest, self._guest = self._guest, None
        if guest is not None:
            guest.on_closed(why, monotonic())

    def _write(self, packet: bytes) -> None:
        if self._transport is not None:
            self._transport.write(packet)

    def _next_id(self) -> int:
        self._packet_id = self._packet_id % _PACKET_ID_MAX + 1
        return self._packet_id
