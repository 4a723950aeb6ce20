"""A load client: raw MQTT connections, each with one GetStream request in flight; every block's bytes are checked."""

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ota_broker.front.codec.framing import length_bytes, packet_at
from ota_broker.front.codec.mqtt311 import encode_ack, encode_publish
from ota_broker.front.codec.packets import Message, PacketType
from ota_stream.streams.codec import CODECS
from ota_stream.streams.messages import GetStream
from ota_stream.streams.topics import Format, Operation, StreamTopic, build
from served import thing_name

_CONNACK: Final = b"\x20\x02\x00\x00"
_PACKET_MAX: Final = 1 << 20
_CONNECT_AT_ONCE: Final = 200
_REQUEST_ID: Final = 1  # one request is in flight at a time
_SILENCE: Final = 10.0  # seconds without an answer after which a load is given up

Qos = tuple[int, int]
"""Of the requests, and of the subscription to their answers."""


@dataclass(frozen=True)
class Work:
    """What every connection does, again and again: ask for `blocks` blocks of `block_size` bytes.

    `tls` gives the context that a thing connects with.
    """

    port: int
    stream_id: str
    image: bytes
    wire_format: Format
    blocks: int = 1
    block_size: int = 4096
    qos: Qos = (0, 0)
    tls: Callable[[str], ssl.SSLContext] | None = None

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
    """One connection, subscribed to all answers.

    `turns` requests have been answered in full, `wrong` blocks were not the right bytes.
    """

    space = bytearray(1 << 18)  # shared: the loop lends it to one connection at a time

    def __init__(self, name: str, work: Work, payloads: list[bytes], answers: list[bytes]) -> None:
        self.topic = topic = build(name, work.stream_id, Operation.GET, work.wire_format)
        asked, answered = work.qos
        self._payloads = payloads
        self._answers = answers
        self._asked = asked
        self._skip = 2 + len(topic.answer)
        self._packets = work.blocks + asked  # of an answer: its blocks, and the PUBACK
        self._blocks = work.blocks
        self._hello = connect_packet(name) + subscribe_packet(topic, answered)
        self._rest = b""
        self._next = self._expected = 0
        self.left = 0  # packets that are still to come
        self.turns = self.wrong = 0
        self.running = False
        self.connected = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send CONNECT and SUBSCRIBE."""
        self.transport = transport
        self.transport.write(self._hello)

    def get_buffer(self, sizehint: int) -> bytearray:
        """Lend the shared space."""
        del sizehint
        return self.space

    def buffer_updated(self, nbytes: int) -> None:
        """Take whole packets."""
        data = self._rest + self.space[:nbytes] if self._rest else bytes(memoryview(self.space)[:nbytes])
        position = 0
        while position < len(data):
            start, end = packet_at(data, position, _PACKET_MAX)
            if not start or end > len(data):
                break
            self._packet(data[position], data, start, end)
            position = end
        self._rest = data[position:]

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits for the connection."""
        if not self.connected.done():
            self.connected.set_exception(exc or ConnectionError("the server closed the connection"))

    def _packet(self, first: int, data: bytes, start: int, end: int) -> None:
        kind = first >> 4
        if kind == PacketType.PUBLISH:
            payload = start + self._skip
            if first & 6:
                self.transport.write(encode_ack(PacketType.PUBACK, int.from_bytes(data[payload : payload + 2], "big")))
                payload += 2
            if data[payload:end] != self._answers[self._expected]:
                self.wrong += 1
            self._expected += 1
        elif kind == PacketType.SUBACK:
            self.connected.set_result(None)
            return
        elif kind != PacketType.PUBACK:
            if data[start - 2 : end] != _CONNACK:
                self.connected.set_exception(ConnectionError("the server refused a CONNECT"))
            return
        self.left -= 1
        if not self.left:
            self.turns += 1
            if self.running:
                self.ask()

    def ask(self) -> None:
        """Send the next request; after the last one, begin again."""
        self.left = self._packets
        self._expected = self._next * self._blocks
        self.transport.write(request_packet(self.topic.text, self._payloads[self._next], self._asked))
        self._next = (self._next + 1) % len(self._payloads)


def connect_packet(name: str) -> bytes:
    """Write the CONNECT of a thing: clean session, keep-alive 1,200 s."""
    body = b"\x00\x04MQTT\x04\x02\x04\xb0" + len(name).to_bytes(2, "big") + name.encode()
    return bytes((PacketType.CONNECT << 4, len(body))) + body


def request_packet(topic: str, payload: bytes, qos: int) -> bytes:
    """Write the PUBLISH of a request."""
    return encode_publish(Message(topic, payload, qos), _REQUEST_ID)


def subscribe_packet(topic: StreamTopic, qos: int) -> bytes:
    """Write the SUBSCRIBE of a thing: to blocks, rejections and descriptions."""
    filters = (topic.answer, topic.rejected, topic.answer.replace("/data/", "/description/"))
    body = b"\x00\x01" + b"".join(len(each).to_bytes(2, "big") + each.encode() + bytes((qos,)) for each in filters)
    return b"\x82" + length_bytes(len(body)) + body


async def connect(count: int, work: Work, first: int = 0) -> list[Thing]:
    """Connect `count` things, named by number from `first` on, and let them subscribe."""
    loop = asyncio.get_running_loop()
    payloads, answers = work.requests(), work.answers()
    things = [Thing(thing_name(number), work, payloads, answers) for number in range(first, first + count)]
    for at in range(0, count, _CONNECT_AT_ONCE):
        some = things[at : at + _CONNECT_AT_ONCE]
        await asyncio.gather(
            *(
                loop.create_connection(
                    lambda each=each: each,
                    "127.0.0.1",
                    work.port,
                    ssl=work.tls(each.topic.thing) if work.tls else None,
                    server_hostname="localhost" if work.tls else None,
                )
                for each in some
            )
        )
        await asyncio.gather(*(each.connected for each in some))
    return things


async def stop(things: list[Thing]) -> None:
    """Let the last answers arrive, then close."""
    for thing in things:
        thing.running = False
    until = time.monotonic() + _SILENCE
    while any(thing.left for thing in things):
        if time.monotonic() > until:
            raise TimeoutError("an answer is missing")
        await asyncio.sleep(0.01)
    for thing in things:
        thing.transport.close()
