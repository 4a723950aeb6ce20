"""A real front door on a real socket for tests, and a client that speaks raw MQTT 3.1.1 to it."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Self

from ota_broker.cloud import Cloud
from ota_broker.front.listener import Listener
from ota_broker.front.notices import Notices
from ota_broker.front.packets import PacketType
from ota_broker.front.profile import AWS, Profile
from ota_stream.answers import Effect
from ota_stream.jobs.book import JobBook
from ota_stream.jobs.control import JobControl
from ota_stream.jobs.jobs import JobSpec
from ota_stream.jobs.service import JobService
from ota_stream.records import Record
from ota_stream.streams.catalog import Catalog, Image
from ota_stream.streams.options import StreamOptions
from ota_stream.streams.service import StreamService

PATIENCE = 10.0  # seconds before a test that waits gives up


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

    def __init__(self, catalog: Catalog, options: StreamOptions, profile: Profile) -> None:
        self.catalog = catalog
        self.clock = MovableClock()
        self.listener: Listener
        self.host, self.port = "127.0.0.1", 0
        self._records = Records()
        self.records = self._records.made
        book = JobBook()
        self.jobs = JobControl(book)
        self._cloud = Cloud(StreamService(catalog, options), JobService(book), self._records)
        self._profile = profile
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        self.listener = Listener(
            self._cloud,
            self._profile,
            self.clock,
            Notices(self.clock.monotonic),
            keep_records=lambda: None,
            on_tick=lambda: None,
        )
        await self.listener.start(self.host, 0)
        self.port = self.listener.port
        self._ready.set()
        await self._done.wait()
        await self.listener.stop()

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
) -> Iterator[Server]:
    """Serve streams (id -> file id -> image) on a free port of 127.0.0.1."""
    options = options or StreamOptions()
    catalog = Catalog(options)
    for stream_id, images in (streams or {}).items():
        catalog.put(stream_id, images)
    server = Server(catalog, options, profile)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class RawClient:
    """A blocking MQTT 3.1.1 client that hides nothing. Packets come as (first byte, body)."""

    def __init__(self, server: Server | tuple[str, int]) -> None:
        address = server if isinstance(server, tuple) else (server.host, server.port)
        self.socket = socket.create_connection(address, timeout=PATIENCE)
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
            payload += text(topic) + binary(message)
        body = text("MQTT") + bytes((4, flags)) + keep_alive.to_bytes(2, "big") + payload
        self.send(packet(PacketType.CONNECT << 4, body))
        first, body = self.receive()
        assert (first, body[1]) == (PacketType.CONNACK << 4, 0), (first, body)
        return bool(body[0])

    def subscribe(self, *filters: str, qos: int = 0) -> bytes:
        """Subscribe and return the codes of the SUBACK."""
        self._packet_id += 1
        identity = self._packet_id.to_bytes(2, "big")
        self.send(packet(0x82, identity + b"".join(text(each) + bytes((qos,)) for each in filters)))
        first, body = self.receive()
        assert (first, body[:2]) == (PacketType.SUBACK << 4, identity), (first, body)
        return body[2:]

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Publish; with QoS 1 the PUBACK is among the packets received later."""
        identity = b""
        if qos:
            self._packet_id += 1
            identity = self._packet_id.to_bytes(2, "big")
        self.send(packet(0x30 | qos << 1 | retain, text(topic) + identity + payload))

    def until_ping(self) -> list[tuple[int, bytes]]:
        """Return every packet that came before the answer to a PINGREQ: all that was sent because of what we did."""
        self.send(b"\xc0\x00")
        packets = []
        while (received := self.receive()) != (PacketType.PINGRESP << 4, b""):
            packets.append(received)
        return packets

    def messages(self) -> list[tuple[str, bytes]]:
        """Return (topic, payload) of every PUBLISH until a PINGREQ is answered."""
        return [message(*received) for received in self.until_ping() if received[0] >> 4 == PacketType.PUBLISH]

    def is_closed(self) -> bool:
        """Wait for the broker to close the connection; what still comes is thrown away."""
        try:
            while self.socket.recv(1 << 16):
                pass
        except ConnectionResetError:
            return True
        return True


def message(first: int, body: bytes) -> tuple[str, bytes]:
    """Return topic and payload of a received PUBLISH."""
    end = 2 + int.from_bytes(body[:2], "big")
    return body[2:end].decode(), body[end + (2 if first & 6 else 0) :]


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
