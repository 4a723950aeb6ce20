"""A real front door on a real socket for tests, and a client that speaks raw MQTT to it."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from ota_broker.cloud import Cloud
from ota_broker.front.access import Admission, Identity
from ota_broker.front.codec.packets import PacketType
from ota_broker.front.listener import Listener
from ota_broker.front.metering.quotas import OFF, Quotas
from ota_broker.front.notices import Notices
from ota_broker.front.options import MqttOptions
from ota_broker.front.profile import AWS, Profile
from ota_broker.refusals import RecordedRefusals
from ota_stream.answers import Effect
from ota_stream.jobs.book import JobBook
from ota_stream.jobs.control import JobControl
from ota_stream.jobs.jobs import JobSpec
from ota_stream.jobs.service import JobService
from ota_stream.records import Record
from ota_stream.streams.catalog import Catalog, Image
from ota_stream.streams.options import StreamOptions
from ota_stream.streams.service import StreamService

PATIENCE = 30.0  # seconds before a test that waits gives up; two cores under load start a process in five


class MovableClock:
    """The real time plus what a test adds."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def wall(self) -> float:
        return time.time() + self._ahead

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    def move(self, seconds: float) -> None:
        self._ahead += seconds


class Records:
    """Keeps records in a list, in the order they were made."""

    def __init__(self) -> None:
        self.made: list[Record] = []

    def keep(self, record: Record) -> None:
        self.made.append(record)


class Server:
    """A front door that runs in a thread of its own until the `with` block of `serving` ends."""

    def __init__(
        self, catalog: Catalog, streams: StreamOptions, profile: Profile, *, recorded: bool = False, **door: Any
    ) -> None:
        self.catalog = catalog
        self.certificates: dict[str, str] = {}  # by the address of who holds one
        self._recorded = recorded
        self.clock = MovableClock()
        self.listener: Listener
        self.host, self.port = "127.0.0.1", 0
        self.level = 4  # of MQTT, in which raw clients speak to it unless told otherwise
        self._records = Records()
        self.records = self._records.made
        book = JobBook()
        self.jobs = JobControl(book)
        self._cloud = Cloud(StreamService(catalog, streams), JobService(book), self._records)
        self._profile = profile
        self._settings = door
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        notices = Notices(self.clock.monotonic)
        self.listener = Listener(
            self._cloud,
            self._profile,
            self.clock,
            notices,
            keep_records=lambda: None,
            on_tick=lambda: None,
            refusals=RecordedRefusals(self._records.keep, self.clock, notices) if self._recorded else None,
            **self._settings,
        )
        self.listener.identify = self._identify  # type: ignore[method-assign] - TLS would tell
        await self.listener.start(self.host, 0)
        self.port = self.listener.port
        self._ready.set()
        await self._done.wait()
        await self.listener.stop()

    def _identify(self, transport: asyncio.BaseTransport) -> Identity:
        return Identity(self.certificates.get(transport.get_extra_info("peername")[0]))

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(PATIENCE), "the front door did not open"

    def stop(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the front door did not close"

    def run(self, function: Callable[[], object]) -> None:
        """Run a function on the server's loop and wait for it."""
        ran = threading.Event()

        def call() -> None:
            function()
            ran.set()

        assert self._loop is not None
        self._loop.call_soon_threadsafe(call)
        assert ran.wait(PATIENCE)

    def operate(self, call: Callable[[JobControl, float], Effect]) -> None:
        """Make an operator's call on the server's loop, then all that time brings, and send what follows."""

        def work() -> None:
            now = self.clock.wall()
            for effect in (call(self.jobs, now), self.jobs.on_time(now)):
                self.listener.exchange.send(effect.replies)

        self.run(work)

    def create_job(self, job_id: str, *things: str, document: str = '{"operation":"x"}') -> None:
        """Queue a job for things."""
        spec = JobSpec(job_id, tuple(f"thing/{thing}" for thing in things), document)
        self.operate(lambda jobs, now: jobs.create_job(spec, now))

    def move_time(self, seconds: float) -> None:
        """Move the clock and let every deadline that is due act."""
        self.clock.move(seconds)
        self.run(lambda: self.listener.wheel.turn(self.clock.monotonic()))


@contextmanager
def serving(
    streams: Mapping[str, Mapping[int, Image]] | None = None,
    *,
    options: StreamOptions | None = None,
    profile: Profile = AWS,
    mqtt: MqttOptions | None = None,
    quotas: Quotas = OFF,
    admission: Admission | None = None,
    recorded: bool = False,
) -> Iterator[Server]:
    """Serve streams (id -> file id -> image) on a free port. `recorded`: refusals are among the records."""
    options = options or StreamOptions()
    catalog = Catalog(options)
    for stream_id, images in (streams or {}).items():
        catalog.put(stream_id, images)
    server = Server(catalog, options, profile, recorded=recorded, options=mqtt, quotas=quotas, admission=admission)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class RawClient:
    """A blocking MQTT client that hides nothing. Packets come as (first byte, body). `level` 5 has no properties."""

    def __init__(self, server: Server | tuple[str, int], level: int | None = None, *, source: str = "") -> None:
        self.level = level or (server.level if isinstance(server, Server) else 4)
        self._no_properties = b"\0" if self.level == 5 else b""
        address = server if isinstance(server, tuple) else (server.host, server.port)
        self.socket = socket.create_connection(
            address, timeout=PATIENCE, source_address=(source, 0) if source else None
        )
        self._buffer = b""
        self._packet_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self) -> tuple[int, bytes]:
        """Return the next packet. Raises ConnectionError at the end of the connection."""
        while True:
            if packet := self._whole_packet():
                return packet
            data = self.socket.recv(1 << 16)
            if not data:
                raise ConnectionError("closed by the broker")
            self._buffer += data

    def _whole_packet(self) -> tuple[int, bytes] | None:
        length = shift = 0
        for position, byte in enumerate(self._buffer[1:5], start=2):
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                if len(self._buffer) < position + length:
                    return None
                packet = self._buffer[0], self._buffer[position : position + length]
                self._buffer = self._buffer[position + length :]
                return packet
        return None

    def connect(
        self,
        client_id: str,
        *,
        clean: bool = True,
        keep_alive: int = 60,
        will: tuple[str, bytes, int, bool] | None = None,
    ) -> bool:
        """Connect and return whether the session was present."""
        flags, payload = 2 * clean, text(client_id)
        if will:
            topic, message, qos, retain = will
            flags |= 4 | qos << 3 | retain << 5
            payload += self._no_properties + text(topic) + binary(message)
        head = text("MQTT") + bytes((self.level, flags)) + keep_alive.to_bytes(2, "big")
        lasting = b"\5\x11\xff\xff\xff\xff"  # MQTT 5 asks for what MQTT 3.1.1 has without clean session
        body = head + (lasting if self.level == 5 and not clean else self._no_properties) + payload
        self.send(packet(PacketType.CONNECT << 4, body))
        first, body = self.receive()
        assert (first, body[1]) == (PacketType.CONNACK << 4, 0), (first, body)
        return bool(body[0])

    def subscribe(self, *filters: str, qos: int = 0) -> bytes:
        """Subscribe and return the codes of the SUBACK."""
        self._packet_id += 1
        identity = self._packet_id.to_bytes(2, "big")
        asked = b"".join(text(each) + bytes((qos,)) for each in filters)
        self.send(packet(0x82, identity + self._no_properties + asked))
        first, body = self.receive()
        assert (first, body[:2]) == (PacketType.SUBACK << 4, identity), (first, body)
        return body[2 + (1 + body[2] if self.level == 5 else 0) :]

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Publish; with QoS 1 the PUBACK is among the packets received later."""
        identity = b""
        if qos:
            self._packet_id += 1
            identity = self._packet_id.to_bytes(2, "big")
        self.send(packet(0x30 | qos << 1 | retain, text(topic) + identity + self._no_properties + payload))

    def until_ping(self) -> list[tuple[int, bytes]]:
        """Return every packet that came before the answer to a PINGREQ: all that was sent because of what we did."""
        self.send(b"\xc0\x00")
        packets = []
        while (received := self.receive()) != (PacketType.PINGRESP << 4, b""):
            packets.append(received)
        return packets

    def until_end(self) -> list[tuple[int, bytes]]:
        """Return every packet that came before the broker closed the connection."""
        packets = []
        try:
            while True:
                packets.append(self.receive())
        except ConnectionError:
            return packets

    def messages(self) -> list[tuple[str, bytes]]:
        """Return (topic, payload) of every PUBLISH until a PINGREQ is answered."""
        received = [each for each in self.until_ping() if each[0] >> 4 == PacketType.PUBLISH]
        return [message(first, body, self.level) for first, body in received]

    def is_closed(self) -> bool:
        """Wait for the broker to close the connection; what still comes is thrown away."""
        try:
            while self.socket.recv(1 << 16):
                pass
        except ConnectionResetError:
            return True
        return True


def message(first: int, body: bytes, level: int = 4) -> tuple[str, bytes]:
    """Return topic and payload of a received PUBLISH; in MQTT 5 of one with less than 128 bytes of properties."""
    end = 2 + int.from_bytes(body[:2], "big")
    start = end + (2 if first & 6 else 0)
    return body[2:end].decode(), body[start + (1 + body[start] if level == 5 else 0) :]


def packet(first: int, body: bytes) -> bytes:
    length, written = len(body), bytearray((first,))
    while True:
        length, low = length >> 7, length & 0x7F
        written.append(low | 0x80 if length else low)
        if not length:
            return bytes(written) + body


def binary(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def text(string: str) -> bytes:
    return binary(string.encode())


def wait_until(condition: Callable[[], object], what: str = "condition") -> None:
    """Poll until something is true, with a deadline and no more than that."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE:g} s"
        time.sleep(0.005)
