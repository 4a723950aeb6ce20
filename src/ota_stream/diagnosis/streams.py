"""What can be wrong with a stream request, in what it says, what it asks for and whether its answer arrives."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from ota_stream.answers import Answer
from ota_stream.diagnosis.conversation import Client, Conversation, Download, Heard, Seen, shown
from ota_stream.records import RequestRecord
from ota_stream.streams import blocks, cbor_codec, quotas
from ota_stream.streams.catalog import Catalog, Stream, StreamFile
from ota_stream.streams.codec import CODECS
from ota_stream.streams.errors import Rejection, Why
from ota_stream.streams.messages import GetStream
from ota_stream.streams.options import StreamOptions
from ota_stream.streams.topics import Format, Operation, StreamTopic

REPEATS_MAX: Final = 3  # of a request that was answered: the devices' own patience is longer than its answer
STORM: Final = 20  # repeats
STORM_TIME: Final = 10.0  # seconds they come within
AGENT_SPARE: Final = 128  # bytes the FreeRTOS agent's buffer has beside a block (device demo of v3)
AGENT_TOKEN: Final = "rdy"  # noqa: S105 - what its requests have for a client token
PUBLISH_HEAD: Final = 5  # bytes of a PUBLISH before its topic
OPTIONS: Final = StreamOptions()

BY_FAILURE: Final = {
    Why.TOKEN_TOO_LONG.message: "stream-token-too-long",
    Why.FILE_ID_MISSING.message: "file-id-missing",
    Why.BLOCK_SIZE_MISSING.message: "block-size-missing",
    Why.STREAM_NOT_FOUND.message: "stream-not-found",
    Why.FILE_NOT_FOUND.message: "file-not-found",
    Why.UNAUTHORIZED.message: "file-forbidden",
    Why.VERSION.message: "stream-version",
    Why.ETAG.message: "file-changed",
    Why.BLOCK_SIZE.message: "block-size",
    Why.OFFSET.message: "offset",
    Why.BLOCK_COUNT.message: "block-count",
    Why.BITMAP.message: "bitmap-too-long",
    Why.NOTHING_REQUESTED.message: "nothing-requested",
    Why.TOPIC.message: "wrong-topic",
}
"""Refusals that say all there is to say."""

_WORDS: Final = frozenset({"fileId", "blockSize", "blockOffset", "blockBitmap", "numBlocks", "streamVersion"})
_CBOR_MAPS: Final = range(0xA0, 0xC0)
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class StreamAsked(Struct, frozen=True):
    """A GetStream as far as it can be understood. `ids` are the blocks it asks for, in the file or not."""

    heard: Heard
    answer: Answer
    topic: StreamTopic
    client: Client
    failure: str | None
    request: GetStream | None
    stream: Stream | None
    file: StreamFile | None
    ids: Sequence[int]

    @property
    def mask(self) -> int:
        """A bit for each block that it asks for and the file has."""
        bits = 0
        for block_id in self.ids:
            bits |= 1 << block_id
        return bits & (1 << self.total) - 1

    @property
    def total(self) -> int:
        """How many blocks the file has, 0 when that cannot be said."""
        size = self.request.block_size if self.request else None
        return blocks.total(self.file.size, size) if self.file and size else 0


def understand(heard: Heard, answer: Answer, topic: StreamTopic, client: Client, catalog: Catalog) -> StreamAsked:
    """Read a request as the cloud has read it."""
    request = _read(topic, heard.payload)
    stream = catalog.find(topic.stream_id)
    file = stream.files.get(request.file_id) if stream and request and request.file_id is not None else None
    ids: Sequence[int] = ()
    if request is not None and request.block_size and request.block_size >= quotas.BLOCK_SIZE_MIN:
        ids = blocks.chosen(request, request.block_size)
    failure = answer.record.failure if isinstance(answer.record, RequestRecord) else None
    return StreamAsked(heard, answer, topic, client, failure, request, stream, file, ids)


def _read(topic: StreamTopic, payload: bytes) -> GetStream | None:
    if topic.operation is not Operation.GET or not payload:
        return None
    try:
        return CODECS[topic.format].decode_get(payload, OPTIONS)
    except Rejection:
        return None


def _unreadable(asked: StreamAsked, _: Conversation) -> Iterator[Seen]:
    first, payload = asked.heard.payload[:1], shown(asked.heard.payload)
    if asked.failure == Why.JSON.message:
        yield Seen("cbor-to-json-topic" if first and first[0] in _CBOR_MAPS else "bad-json", payload)
    elif asked.failure == Why.CBOR.message:
        if first == b"{":
            yield Seen("json-to-cbor-topic", payload)
        elif not cbor_codec.has_text_bitmap(asked.heard.payload):
            yield Seen("bad-cbor", payload)


def _bitmap_kind(asked: StreamAsked, _: Conversation) -> Iterator[Seen]:
    if (
        asked.topic.format is Format.CBOR
        and b"ab" in asked.heard.payload
        and cbor_codec.has_text_bitmap(asked.heard.payload)
    ):
        yield Seen("text-bitmap", shown(asked.heard.payload))


def _refused(asked: StreamAsked, _: Conversation) -> Iterator[Seen]:
    kind = BY_FAILURE.get(asked.failure or "")
    if kind is not None:
        yield Seen(kind, _told(asked))
        if kind in {"file-id-missing", "block-size-missing"} and any(
            word.encode() in asked.heard.payload for word in _WORDS
        ):
            yield Seen("long-field-names", shown(asked.heard.payload))


def _told(asked: StreamAsked) -> str:
    request, stream = asked.request, asked.stream
    said = f"{asked.topic.text}: {asked.failure}"
    if request is None:
        return said
    if asked.failure == Why.VERSION.message and stream is not None:
        return f"s is {request.stream_version}, the stream has version {stream.version}"
    if asked.failure == Why.FILE_NOT_FOUND.message and stream is not None:
        return f"f is {request.file_id}, the stream has {', '.join(map(str, stream.files))}"
    bitmap = "" if request.bitmap is None else f", b of {len(request.bitmap)} bytes"
    return f"{said} (l {request.block_size}, o {request.block_offset}, n {request.block_count}{bitmap})"


def _range(asked: StreamAsked, _: Conversation) -> Iterator[Seen]:
    if asked.request is None or not asked.total:
        return
    if asked.failure == Why.OUT_OF_RANGE.message and asked.ids:
        kind = "block-beyond-file" if asked.ids[0] >= asked.total else "bits-beyond-end"
        asks = f"asks for block {asked.ids[0]} to {asked.ids[-1]}"
        yield Seen(kind, f"{asks}; blocks of {asked.request.block_size} bytes are 0 to {asked.total - 1}")
    elif asked.failure is None and not asked.ids:
        yield Seen("nothing-requested", f"n {asked.request.block_count}, b {shown(asked.request.bitmap)}")


def _too_much(asked: StreamAsked, _: Conversation) -> Iterator[Seen]:
    request = asked.request
    if request is None or not request.block_size or request.block_count is None or asked.failure is not None:
        return
    size, wanted = request.block_size, request.block_count
    left = asked.total - request.block_offset
    if request.bitmap is not None:
        left = int.from_bytes(request.bitmap, "little").bit_count()
    if min(wanted, left) * size > quotas.REQUEST_DATA_MAX:
        yield Seen("more-than-128-kib", f"n {wanted} of {size} bytes; {len(asked.ids)} blocks come")


def _order(asked: StreamAsked, talk: Conversation) -> Iterator[Seen]:
    """Recognise a bitmap that says what is missing only when the bits of each byte are turned round."""
    request = asked.request
    if request is None or request.bitmap is None or not asked.total:
        return
    known = talk.downloads.get(asked.topic.stream_id)
    missing = (1 << asked.total) - 1 & ~(known.sent if known else 0)
    if turned(request) == missing:
        yield Seen("bitmap-order", f"b {request.bitmap[:16].hex()}; turned round it is what is missing")


def turned(request: GetStream) -> int | None:
    """Return a bitmap of the whole file with the bits of each byte turned round; None when it is none, or the same."""
    if request.bitmap is None or request.block_offset:
        return None
    said = int.from_bytes(request.bitmap, "little")
    other = int.from_bytes(request.bitmap.translate(_REVERSED), "little")
    return None if other == said else other


def _size_kept(asked: StreamAsked, talk: Conversation) -> Iterator[Seen]:
    known = talk.downloads.get(asked.topic.stream_id)
    if known is None or asked.request is None or asked.failure is not None or asked.request.file_id != known.file_id:
        return
    if asked.request.block_size != known.block_size and known.missing:
        yield Seen("block-size-changed", f"l was {known.block_size}, is {asked.request.block_size}")


def _repeated(asked: StreamAsked, talk: Conversation) -> Iterator[Seen]:
    if talk.repeats < REPEATS_MAX:
        return
    again = f"{talk.repeats + 1} times in {asked.heard.at - talk.since:.1f} s: {asked.topic.text}"
    if asked.failure is None and asked.answer.replies:
        yield Seen("no-progress", again)
        if not asked.client.listens(asked.topic.answer):
            yield Seen("data-unheard", f"not subscribed to {asked.topic.answer}")
    if talk.repeats >= STORM and asked.heard.at - talk.since <= STORM_TIME:
        yield Seen("request-storm", again)


def _unheard(asked: StreamAsked, _: Conversation) -> Iterator[Seen]:
    if asked.failure is not None and not asked.client.listens(asked.topic.rejected):
        yield Seen("rejected-unheard", f"{asked.topic.rejected} had: {asked.failure}")


def _sizes(asked: StreamAsked, _: Conversation) -> Iterator[Seen]:
    request = asked.request
    if asked.failure is not None or request is None or not request.block_size or not asked.answer.replies:
        return
    largest = max(len(reply.payload) for reply in asked.answer.replies)
    packet = PUBLISH_HEAD + len(asked.topic.answer) + largest
    if packet > asked.client.packet_max:
        yield Seen("block-over-packet", f"{packet} bytes, the client takes {asked.client.packet_max}")
    room = request.block_size + AGENT_SPARE
    if request.client_token == AGENT_TOKEN and asked.topic.format is Format.CBOR and packet > room:
        yield Seen("block-over-buffer", f"{packet} bytes, the agent has {room}")


Check = Callable[[StreamAsked, Conversation], Iterator[Seen]]
CHECKS: Final[tuple[Check, ...]] = (
    _unreadable,
    _bitmap_kind,
    _refused,
    _range,
    _too_much,
    _order,
    _size_kept,
    _repeated,
    _unheard,
    _sizes,
)


def remember(asked: StreamAsked, talk: Conversation) -> None:
    """Note which blocks were sent."""
    request = asked.request
    if asked.failure is not None or request is None or not asked.total or not request.block_size:
        return
    stream_id, file_id = asked.topic.stream_id, request.file_id or 0
    known = talk.downloads.get(stream_id)
    if known is None or (known.file_id, known.block_size) != (file_id, request.block_size):
        known = Download(file_id, request.block_size, asked.total)
        talk.begin(stream_id, known)
    known.sent |= asked.mask
    talk.goes_on()
