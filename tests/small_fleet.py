"""A few hundred things for tests of workers: raw MQTT 3.1.1 at QoS 0 or 1 over asyncio, each with a real Download."""

import asyncio
import struct
from collections.abc import Sequence

from ota_device.download import Download, DownloadOptions, State
from ota_stream.streams import topics
from ota_stream.streams.topics import Format, Operation

CONNECT, SUBSCRIBE, PUBLISH, PUBACK = 0x10, 0x82, 0x30, 0x40


def text(value: str) -> bytes:
    return struct.pack("!H", len(value.encode())) + value.encode()


def packet(first: int, body: bytes) -> bytes:
    length, size = b"", len(body)
    while True:
        size, digit = divmod(size, 128)
        length += bytes([digit | (0x80 if size else 0)])
        if not size:
            return bytes([first]) + length + body


class Thing(asyncio.Protocol):
    """Connects as a thing, subscribes, and downloads one file; connects again when the connection is lost."""

    def __init__(self, name: str, stream_id: str, size: int, options: DownloadOptions) -> None:
        self.name = name
        self.download = Download(0, size, options)
        self.done = asyncio.Event()
        self.connections = 0
        self._topic = topics.build(name, stream_id, Operation.GET, options.format)
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._buffer.clear()
        self.connections += 1
        transport.write(packet(CONNECT, text("MQTT") + b"\x04\x02\x00\x3c" + text(self.name)))
        wanted = text(self._topic.answer) + b"\0" + text(self._topic.rejected) + b"\0"
        transport.write(packet(SUBSCRIBE, b"\0\1" + wanted))

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None

    @property
    def connected(self) -> bool:
        return self._transport is not None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (found := self._packet()) is not None:
            first, body = found
            if first & 0xF0 == 0x90:  # SUBACK: everything is ready
                now = asyncio.get_running_loop().time()
                self._ask(self.download.resume(now) if self.download.requests else self.download.start(now))
            elif first & 0xF0 == PUBLISH:
                self._message(first, body)

    def _packet(self) -> tuple[int, bytes] | None:
        size = shift = 0
        for place in range(1, 5):
            if len(self._buffer) <= place:
                return None
            size |= (self._buffer[place] & 0x7F) << shift
            shift += 7
            if not self._buffer[place] & 0x80:
                break
        if len(self._buffer) < place + 1 + size:
            return None
        first, body = self._buffer[0], bytes(self._buffer[place + 1 : place + 1 + size])
        del self._buffer[: place + 1 + size]
        return first, body

    def _message(self, first: int, body: bytes) -> None:
        (length,) = struct.unpack_from("!H", body)
        topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
        if first & 0x06:
            rest = rest[2:]
        if topic == self._topic.rejected:
            self.download.on_rejected(rest)
            self._ask(None)
        else:
            self._ask(self.download.on_data(rest, asyncio.get_running_loop().time()))

    def _ask(self, request: bytes | None) -> None:
        if request is not None and self._transport is not None:
            self._transport.write(packet(PUBLISH, text(self._topic.text) + request))
        if self._timer is not None:
            self._timer.cancel()
        if self.download.state is not State.FETCHING:
            self.done.set()
        elif self.download.deadline is not None:
            self._timer = asyncio.get_running_loop().call_at(self.download.deadline, self._on_time)

    def _on_time(self) -> None:
        self._ask(self.download.on_time(asyncio.get_running_loop().time()))

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()


class Fleet:
    """Things `thing-0`, `thing-1`, ... spread over the addresses; a lost connection goes to the next one."""

    def __init__(self, ports: Sequence[int], count: int, stream_id: str, size: int, **options: object) -> None:
        asked = DownloadOptions(**{"format": Format.CBOR, "retry_after": 5.0, "block_count": 4, **options})  # type: ignore[arg-type]
        self.things = [Thing(f"thing-{number}", stream_id, size, asked) for number in range(count)]
        self._ports = ports

    async def run(self, within: float) -> None:
        """Run until every thing is done. Raises TimeoutError."""
        try:
            async with asyncio.timeout(within):
                await asyncio.gather(*(self._live(number, thing) for number, thing in enumerate(self.things)))
        finally:
            for thing in self.things:
                thing.close()

    async def _live(self, number: int, thing: Thing) -> None:
        loop = asyncio.get_running_loop()
        while not thing.done.is_set():
            if not thing.connected:
                port = self._ports[(number + thing.connections) % len(self._ports)]
                try:
                    await loop.create_connection(lambda: thing, "127.0.0.1", port)
                except OSError:
                    thing.connections += 1
            try:
                async with asyncio.timeout(0.2):
                    await thing.done.wait()
            except TimeoutError:
                continue

    @property
    def received(self) -> int:
        """Blocks of all things together."""
        return sum(thing.download.received for thing in self.things)

    @property
    def requests(self) -> int:
        return sum(thing.download.requests for thing in self.things)

    @property
    def wrong(self) -> list[str]:
        return [thing.name for thing in self.things if thing.download.state is not State.DONE]
