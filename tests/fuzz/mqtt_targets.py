"""The front door under fuzzing: packets to the codec, and whole conversations to a connection beside a canary."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from msgspec.structs import replace

import live
from images import MemoryImage, image_bytes
from ota_broker.cloud import Cloud
from ota_broker.front import limits
from ota_broker.front.codec import mqtt5, mqtt311
from ota_broker.front.codec.connecting import decode_connect
from ota_broker.front.codec.fields import text_of
from ota_broker.front.codec.framing import length_bytes, packet_at
from ota_broker.front.codec.packets import Message, PacketType, Violation
from ota_broker.front.connection import Connection
from ota_broker.front.delivery import topics
from ota_broker.front.listener import Listener
from ota_broker.front.notices import Notices
from ota_broker.front.profile import AWS, STANDARD, Profile
from ota_stream.jobs.book import JobBook
from ota_stream.jobs.service import JobService
from ota_stream.streams.catalog import Catalog
from ota_stream.streams.service import StreamService

PINGREQ: Final = b"\xc0\x00"
IMAGE: Final = MemoryImage(image_bytes(300_000))
BUFFERED_MAX: Final = limits.WRITE_HIGH + 4 * limits.PACKET_MAX


def packets_311(data: bytes) -> None:
    """One packet of MQTT 3.1.1: its first byte, and its body."""
    first, body = (data[0] if data else 0), data[1:]
    packet = bytes((first,)) + length_bytes(len(body)) + body
    start, end = packet_at(packet, 0, limits.PACKET_MAX)
    assert (start, end) == (len(packet) - len(body), len(packet))
    flags = first & 0x0F
    with suppress(Violation):
        publish = mqtt311.decode_publish(flags, packet, start, end)
        message = Message(text_of(publish.topic), publish.payload, publish.qos, publish.retain)
        assert mqtt311.encode_publish(message, publish.packet_id) == bytes((0x30 | flags & 7,)) + packet[1:]
    for decode in (decode_connect, mqtt311.decode_subscribe, mqtt311.decode_unsubscribe):
        with suppress(Violation):
            decode(flags, packet, start, end)
    with suppress(Violation):
        mqtt311.decode_ack(PacketType.PUBACK, flags, packet, start, end)


def packets_5(data: bytes) -> None:
    """One packet of MQTT 5: its first byte, and its body. What was read is written back the same, read again."""
    first, body = (data[0] if data else 0), data[1:]
    packet = bytes((first,)) + length_bytes(len(body)) + body
    start, end, flags = len(packet) - len(body), len(packet), first & 0x0F
    with suppress(Violation):
        publish = mqtt5.decode_publish(flags, packet, start, end)
        message = Message(
            text_of(publish.topic), publish.payload, publish.qos, publish.retain, properties=publish.properties
        )
        again = mqtt5.encode_publish(message, publish.packet_id, lasts=publish.lasts)
        assert mqtt5.decode_publish(again[0] & 0x0F, again, *packet_at(again, 0, len(again))) == replace(
            publish, alias=0
        )
    for decode in (decode_connect, mqtt5.decode_subscribe, mqtt5.decode_unsubscribe, mqtt5.decode_disconnect):
        with suppress(Violation):
            decode(flags, packet, start, end)
    for kind in (PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP):
        with suppress(Violation):
            mqtt5.decode_ack(kind, flags, packet, start, end)


def framing(data: bytes) -> None:
    """Where a packet ends is told within its first five bytes, and never lies before its beginning."""
    with suppress(Violation):
        start, end = packet_at(data, 0, limits.PACKET_MAX)
        assert (start, end) == (0, 0) or (2 <= start <= 5 and start <= end <= start + limits.PACKET_MAX)


def filters(data: bytes) -> None:
    """A filter and a topic: whether one takes the other is told without an exception."""
    text, _, topic = data.decode(errors="replace").partition("\n")
    with suppress(Violation):
        topics.check_filter(text)
        topics.check_name(topic)
        parents = topics.matches(text, topic, hash_takes_parent=True)
        assert parents or not topics.matches(text, topic, hash_takes_parent=False)
        assert topics.matches(text, text, hash_takes_parent=True) or text.startswith("$") or topics.has_wildcard(text)


class Wire(asyncio.Transport):
    """A transport that keeps what is written, and says so when told to be slow."""

    def __init__(self, *, slow: bool = False) -> None:
        super().__init__()
        self.written = bytearray()
        self.waiting = 0
        self.over = False
        self._slow = slow

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def write(self, data: Any) -> None:
        self.written += data
        self.waiting += len(data) if self._slow else 0

    def is_closing(self) -> bool:
        return self.over

    def close(self) -> None:
        self.over = True

    abort = close

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


def conversations_311(data: bytes) -> None:
    """Any bytes after a CONNECT or instead of one, in pieces: the connection ends or goes on, and others are served.

    The first byte: below 128 a CONNECT comes first; six of its bits say how many bytes come at once.
    """
    _loop().run_until_complete(_talk(data, 4, AWS))


def conversations_5(data: bytes) -> None:
    """The same in MQTT 5."""
    _loop().run_until_complete(_talk(data, 5, AWS))


def conversations_by_the_standard(data: bytes) -> None:
    """The same in MQTT 5 with what AWS does not have: QoS 2, subscription identifiers."""
    _loop().run_until_complete(_talk(data, 5, STANDARD))


async def _talk(data: bytes, level: int, profile: Profile) -> None:
    door = _door(profile)
    good, bad = (_connected(door, "good", 4), _connected(door, "bad" if data[:1] < b"\x80" else None, level))
    first, rest = (data[0] if data else 0), data[1:]
    step = first >> 1 & 0x3F or len(rest) or 1
    for at in range(0, len(rest), step):
        if bad[1].over:
            break
        bad[0].data_received(rest[at : at + step])
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert bad[0]._pending_bytes + len(bad[0]._partial) <= BUFFERED_MAX
    connection, wire = good
    wire.written.clear()
    connection.data_received(live.packet(0x30, live.text("$aws/things/good/streams/fw/get/json") + b"{}") + PINGREQ)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert wire.over or wire.written.endswith(b"\xd0\x00"), "the canary is served, or was taken over"
    for each, _ in (good, bad):
        each.connection_lost(None)
    assert not door._connections


def _connected(door: Listener, client_id: str | None, level: int) -> tuple[Connection, Wire]:
    connection, wire = Connection(door), Wire()
    connection.connection_made(wire)
    if client_id is not None:
        properties = b"\0" if level > 4 else b""
        body = live.text("MQTT") + bytes((level, 2, 0, 60)) + properties + live.text(client_id)
        connection.data_received(live.packet(0x10, body))
    return connection, wire


def _door(profile: Profile) -> Listener:
    catalog = Catalog()
    catalog.put("fw", {0: IMAGE})
    cloud = Cloud(StreamService(catalog), JobService(JobBook()), live.Records())
    clock = live.MovableClock()
    notices = Notices(clock.monotonic)
    return Listener(cloud, profile, clock, notices, keep_records=lambda: None, on_tick=lambda: None)


_LOOPS: Final[list[asyncio.AbstractEventLoop]] = []


def _loop() -> asyncio.AbstractEventLoop:
    if not _LOOPS:
        _LOOPS.append(asyncio.new_event_loop())
    return _LOOPS[0]


def close() -> None:
    """Close the loop that conversations ran on."""
    while _LOOPS:
        _LOOPS.pop().close()


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "packets_311": packets_311,
    "packets_5": packets_5,
    "framing": framing,
    "filters": filters,
    "conversations_311": conversations_311,
    "conversations_5": conversations_5,
    "conversations_by_the_standard": conversations_by_the_standard,
}
