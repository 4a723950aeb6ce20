"""A load client: raw MQTT connections, each with one GetStream request in flight; every block's bytes are checked."""

import asyncio
from dataclasses import dataclass

from ota_broker.front.framing import packet_at
from ota_broker.front.mqtt311 import encode_publish
from ota_broker.front.packets import Message
from ota_stream.streams.codec import CODECS
from ota_stream.streams.messages import GetStream
from ota_stream.streams.topics import Format, Operation, build

_CONNACK = b"\x20\x02\x00\x00"
_PACKET_MAX = 1 << 20
_CONNECT_AT_ONCE = 200


@dataclass(frozen=True)
class Work:
    """What every connection does, again and again: ask for `blocks` blocks of `block_size` bytes."""

    port: int
    stream_id: str
    image: bytes
    wire_format: Format
    blocks: int = 1
    block_size: int = 4096

    def requests(self) -> list[bytes]:
        """Return the request payloads, one after the other through the whole image."""
        codec, total = CODECS[self.wire_format], len(self.image) // self.block_size
        return [
            codec.encode_get(
                GetStream(file_id=0, block_size=self.block_size, block_offset=first, block_count=self.blocks)
            )
            for first in range(0, total - self.blocks + 1, self.blocks)
        ]

    def answers(self) -> list[bytes]:
        """Return the block payloads as they must come back, by block id."""
        codec, size = CODECS[self.wire_format], self.block_size
        return [
            codec.block_head(None) + codec.block_body(0, block, self.image[block * size : (block + 1) * size])
            for block in range(len(self.image) // size)
        ]


class Thing(asyncio.BufferedProtocol):
    """One connection. `turns` requests have been answered in full, `wrong` blocks were not the right bytes."""

    space = bytearray(1 << 18)  # shared: the loop lends it to one connection at a time

    def __init__(self, name: str, work: Work, requests: list[bytes], answers: list[bytes]) -> None:
        topic = build(name, work.stream_id, Operation.GET, work.wire_format)
        self._requests = [encode_publish(Message(topic.text, request)) for request in requests]
        self._answers = answers
        self._skip = 2 + len(topic.answer)
        self._blocks = work.blocks
        self._hello = _connect(name)
        self._rest = b""
        self._next = self._expected = 0
        self._left = 0
        self.turns = self.wrong = 0
        self.running = False
        self.connected = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send CONNECT."""
        self.transport = transport
        self.transport.write(self._hello)

    def get_buffer(self, sizehint: int) -> bytearray:
        """Lend the shared space."""
        del sizehint
        return self.space

    def buffer_updated(self, nbytes: int) -> None:
        """Take whole packets."""
        data = bytes(memoryview(self.space)[:nbytes])
        if self._rest:
            data = self._rest + data
        position = 0
        while position < len(data):
            start, end = packet_at(data, position, _PACKET_MAX)
            if not start or end > len(data):
                break
            self._packet(data, start, end)
            position = end
        self._rest = data[position:]

    def _packet(self, data: bytes, start: int, end: int) -> None:
        if not self.connected.done():
            self.connected.set_result(data[start - 2 : end] == _CONNACK)
            return
        if data[start + self._skip : end] != self._answers[self._expected]:
            self.wrong += 1
        self._expected += 1
        self._left -= 1
        if not self._left:
            self.turns += 1
            if self.running:
                self.ask()

    def ask(self) -> None:
        """Send the next request; after the last one, begin again."""
        self._left = self._blocks
        self._expected = self._next * self._blocks
        self.transport.write(self._requests[self._next])
        self._next = (self._next + 1) % len(self._requests)


def _connect(name: str) -> bytes:
    body = b"\x00\x04MQTT\x04\x02\x04\xb0" + len(name).to_bytes(2, "big") + name.encode()
    return bytes((0x10, len(body))) + body


async def connect(count: int, work: Work) -> list[Thing]:
    """Connect `count` things."""
    loop = asyncio.get_running_loop()
    requests, answers = work.requests(), work.answers()
    things = [Thing(f"t{number:05d}", work, requests, answers) for number in range(count)]
    for first in range(0, count, _CONNECT_AT_ONCE):
        some = things[first : first + _CONNECT_AT_ONCE]
        await asyncio.gather(*(loop.create_connection(lambda each=each: each, "127.0.0.1", work.port) for each in some))
        if not all(await asyncio.gather(*(each.connected for each in some))):
            raise ConnectionError("a CONNECT was refused")
    return things


async def stop(things: list[Thing]) -> None:
    """Let the last answers arrive, then close."""
    for thing in things:
        thing.running = False
    while any(thing._left for thing in things):  # noqa: SLF001 - our own class
        await asyncio.sleep(0.01)
    for thing in things:
        thing.transport.close()
