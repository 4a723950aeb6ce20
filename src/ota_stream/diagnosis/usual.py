"""Knows at a glance a GetStream that nothing can be wrong with, so that a fleet does not pay for the checks.

What the checks have found nothing wrong with is remembered by its words. Heard again, it needs only what depends on who
says it and when: whether it is new, goes on with a download, was answered, and comes in packets that its client takes.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from ota_stream.answers import Answer, Refusal, Reply
from ota_stream.diagnosis.conversation import Clients, Conversation, Download, bounded
from ota_stream.diagnosis.streams import AGENT_SPARE, AGENT_TOKEN, PUBLISH_HEAD, StreamAsked, turned
from ota_stream.records import RequestRecord
from ota_stream.streams.cache import BoundedCache
from ota_stream.streams.catalog import Catalog, Stream
from ota_stream.streams.topics import Format

WORDS_MAX: Final = 16 * 1024 * 1024  # bytes of requests that are known
TOPICS_MAX: Final = 20_000  # request topics that are known
LOOKS_EVERY: Final = 10.0  # seconds between two looks at what a thing's client takes
_WORDS_BYTES: Final = 300  # what a request counts beside its own bytes and its mask

Outcome = Answer | Refusal | None
Otherwise = Callable[[str, bytes, str, Outcome, float], None]
"""Takes topic, payload, client id, outcome and epoch seconds of what is not usual."""


class _Words(Struct, frozen=True, gc=False):
    """A request: `mask` has a bit for each block, `room` is what its agent's buffer takes, in bytes of a packet.

    `turned` is its bitmap with the bits of each byte turned round, where that could be what is missing.
    """

    file_id: int
    block_size: int
    mask: int
    room: int
    turned: int | None


class _Ear:
    """What is known of a request topic: its thing's conversation and download.

    `head` has the bytes of a block's packet before its payload, `room` those of a packet that the client takes, to be
    asked for again from `looks_at` on.
    """

    __slots__ = ("download", "head", "looks_at", "room", "stream_id", "talk")

    def __init__(self, stream_id: str, talk: Conversation, download: Download, head: int) -> None:
        self.stream_id, self.talk, self.download, self.head = stream_id, talk, download, head
        self.room, self.looks_at = 0, 0.0


class Usual:
    """The requests that nothing was wrong with; whatever is not one goes to `otherwise`."""

    def __init__(self, catalog: Catalog, clients: Clients, otherwise: Otherwise) -> None:
        self._find_stream = catalog.find
        self._clients = clients
        self._otherwise = otherwise
        self._ears: dict[str, _Ear] = {}
        self._ignored: dict[str, float] = {}  # topics, until when
        self.unheard = 0
        self._words = BoundedCache[tuple[str, bytes], _Words](WORDS_MAX)  # by stream id and payload
        self._streams: dict[str, Stream] = {}  # whose words are known: of another version they may mean something else

    def hear(self, topic: str, payload: bytes, client_id: str, outcome: Outcome, now: float) -> None:
        """Take in a publish to a reserved topic, and what it was answered. `now` is epoch seconds."""
        ear = self._ears.get(topic)
        if ear is None:
            if now < self._ignored.get(topic, 0.0):
                self.unheard += 1
                return
            self._otherwise(topic, payload, client_id, outcome, now)
            return
        if now >= ear.looks_at:
            self._look(ear, client_id, now)
        stream_id, talk, download = ear.stream_id, ear.talk, ear.download
        words = self._words.find((stream_id, payload))
        if (
            words is None
            or (talk.last_payload == payload and talk.last_topic == topic)
            or download.file_id != words.file_id
            or download.block_size != words.block_size
            or self._find_stream(stream_id) is not self._streams[stream_id]
            or (words.turned is not None and words.turned == download.missing)
            or not isinstance(outcome, Answer)
            or not isinstance(outcome.record, RequestRecord)
            or outcome.record.failure is not None
            or _largest(outcome.replies) + ear.head > min(ear.room, words.room)
        ):
            self._otherwise(topic, payload, client_id, outcome, now)
            return
        download.sent |= words.mask
        talk.client_id, talk.at, talk.last_topic, talk.last_payload, talk.repeats = client_id, now, topic, payload, 0
        if talk.offers:
            talk.goes_on()

    def ignore(self, topic: str, until: float) -> None:
        """Take nothing in that is published there, but count it. `until` is epoch seconds."""
        bounded(self._ignored, TOPICS_MAX)[topic] = until
        self.unheard += 1

    def _look(self, ear: _Ear, client_id: str, now: float) -> None:
        client = self._clients(client_id)
        ear.room = 0 if client is None else client.packet_max
        ear.looks_at = now + LOOKS_EVERY

    def learn(self, asked: StreamAsked, talk: Conversation) -> None:
        """Remember a request that nothing was wrong with."""
        request, stream = asked.request, asked.stream
        download = talk.downloads.get(asked.topic.stream_id)
        if request is None or stream is None or download is None or asked.failure is not None or not asked.total:
            return
        if self._streams.setdefault(stream.stream_id, stream) is not stream:
            self._forget()
            self._streams[stream.stream_id] = stream
        topic, payload = asked.topic, asked.heard.payload
        ear = self._ears.get(topic.text)
        if ear is None or ear.download is not download:
            bounded(self._ears, TOPICS_MAX)[topic.text] = _Ear(
                stream.stream_id, talk, download, PUBLISH_HEAD + len(topic.answer)
            )
        is_agent = request.client_token == AGENT_TOKEN and topic.format is Format.CBOR
        room = download.block_size + AGENT_SPARE if is_agent else sys.maxsize
        words = _Words(download.file_id, download.block_size, asked.mask, room, turned(request))
        size = _WORDS_BYTES + len(payload) + words.mask.bit_length() // 8
        self._words.put((stream.stream_id, payload), words, size)

    def tick(self) -> None:
        """Let go of streams that are gone: they have images."""
        if any(self._find_stream(stream_id) is not stream for stream_id, stream in self._streams.items()):
            self._forget()

    def _forget(self) -> None:
        self._ears.clear()
        self._words = BoundedCache[tuple[str, bytes], _Words](WORDS_MAX)
        self._streams.clear()


def _largest(replies: Sequence[Reply]) -> int:
    if len(replies) == 1:
        return len(replies[0].payload)
    return max([len(reply.payload) for reply in replies], default=0)
