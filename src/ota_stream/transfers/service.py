"""Hears GetStream and its answers, and keeps a block map of each download: bounded, and under a microsecond or two."""

from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Final

from msgspec import Struct

from ota_stream.answers import Answer, Reply
from ota_stream.errors import OtaStreamError
from ota_stream.records import RequestRecord
from ota_stream.streams import blocks, quotas, topics
from ota_stream.streams.cache import BoundedCache
from ota_stream.streams.catalog import Catalog
from ota_stream.streams.codec import CODECS
from ota_stream.streams.options import StreamOptions
from ota_stream.streams.topics import Format, Operation, StreamTopic
from ota_stream.transfers.transfer import Traffic, Transfer

TRANSFERS_MAX: Final = 1_000  # downloads remembered; of others the requests are only counted
IDLE: Final = 10.0  # seconds without a request after which the oldest gives way
BEYOND_MAX: Final = 100_000  # topics of others
MAPS_MAX: Final = 64 * 1024 * 1024  # bytes of their bits
STREAMS_MAX: Final = 2_000  # streams whose requests are counted
_ASKED_MAX: Final = 4 * 1024 * 1024  # bytes of requests whose meaning is remembered
_OPTIONS: Final = StreamOptions()


class _Asked(Struct, frozen=True, gc=False):
    """What a GetStream asks for, whatever the stream: `mask` has a bit for each block, `many` of them before `end`."""

    file_id: int
    block_size: int
    mask: int
    many: int
    end: int


class Transfers:
    """The downloads of all things since `hear` is called.

    `beyond` finds the traffic of a request topic that is only counted: whoever hears one adds to its requests, no more.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._current: dict[str, Transfer] = {}  # by request topic: the one that was asked about last
        self._traffic: dict[str, Traffic] = {}
        self._order: dict[Transfer, None] = {}  # the oldest first
        self._beyond: dict[str, Traffic] = {}  # by request topic: those that found no room
        self.beyond = self._beyond.get
        self._map_bytes = 0
        self._asked = BoundedCache[bytes, _Asked](_ASKED_MAX)  # of both formats: no text is right in both

    # What is heard

    def hear(self, topic: str, payload: bytes, answer: Answer, now: float) -> None:
        """Take in what was published to a reserved topic and answered. `now` is epoch seconds."""
        transfer, asked = self._current.get(topic), self._asked.find(payload)
        if (
            transfer is None
            or asked is None
            or transfer.file_id != asked.file_id
            or transfer.block_size != asked.block_size
            or self._catalog.find(transfer.stream.stream_id) is not transfer.stream
        ):
            transfer, asked = self._other(topic, payload, now)
            if transfer is None or asked is None:
                return
        transfer.last_at = now
        transfer.requests += 1
        transfer.traffic.requests += 1
        record, sent = answer.record, transfer.sent
        failure = transfer.failure = record.failure if isinstance(record, RequestRecord) else None
        if failure is not None:
            return
        if asked.end > transfer.total or len(answer.replies) != asked.many:
            _send(transfer, asked, answer)
            return
        transfer.blocks += asked.many
        again = sent & asked.mask
        if again:
            transfer.repeated |= again
        transfer.sent = sent | asked.mask

    def tick(self, now: float) -> None:
        """Let as many as there is room for begin a map, those first that have waited longest."""
        room = TRANSFERS_MAX - len(self._order)
        room += sum(1 for _ in takewhile(lambda oldest: now - oldest.last_at >= IDLE, self._order))
        for topic in list(islice(self._beyond, room)):
            del self._beyond[topic]

    def _goes_on(self, transfer: Transfer, asked: _Asked) -> bool:
        """Tell whether this request is of the download that its topic had last."""
        return (
            transfer.file_id == asked.file_id
            and transfer.block_size == asked.block_size
            and self._catalog.find(transfer.stream.stream_id) is transfer.stream
        )

    def _other(self, topic: str, payload: bytes, now: float) -> tuple[Transfer | None, _Asked | None]:
        """Return the download that a request is of when it is not its topic's last, or when its words are new."""
        parsed = _parsed(topic) if "/streams/" in topic else None
        if parsed is None:
            return None, None
        asked = self._understand(parsed.format, payload)
        return (None if asked is None else self._begin(parsed, asked, now)), asked

    def _understand(self, wire_format: Format, payload: bytes) -> _Asked | None:
        try:
            request = CODECS[wire_format].decode_get(payload, _OPTIONS)
        except OtaStreamError:  # it was rejected too
            return None
        size, file_id = request.block_size, request.file_id
        if size is None or file_id is None or not quotas.BLOCK_SIZE_MIN <= size <= quotas.BLOCK_SIZE_MAX:
            return None
        if not 0 <= request.block_offset <= quotas.BLOCK_OFFSET_MAX or (request.block_count or 0) < 0:
            return None
        mask = 0
        for block_id in blocks.chosen(request, size):
            mask |= 1 << block_id
        asked = _Asked(file_id, size, mask, mask.bit_count(), mask.bit_length())
        self._asked.put(payload, asked, len(payload) + mask.bit_length() // 8)
        return asked

    def _begin(self, topic: StreamTopic, asked: _Asked, now: float) -> Transfer | None:
        stream = self._catalog.find(topic.stream_id)
        file = None if stream is None else stream.files.get(asked.file_id)
        if stream is None or file is None:
            return None
        traffic = self._traffic.get(topic.stream_id)
        if traffic is None:
            while len(self._traffic) >= STREAMS_MAX:
                self._forget_stream(next(iter(self._traffic)))
            traffic = self._traffic[topic.stream_id] = Traffic()
        known = traffic.transfers.get((topic.thing, asked.file_id))
        if known is not None and self._goes_on(known, asked):  # two files by turns, or another format
            self._current[topic.text] = known
            return known
        if known is not None:
            self._forget(known)
        if not self._has_room(now):
            self._pass_by(topic.text, traffic)
            return None
        total = blocks.total(file.size, asked.block_size)
        transfer = Transfer(topic.thing, topic.text, stream, asked.file_id, asked.block_size, total, traffic)
        transfer.begun_at = now
        self._remember(transfer)
        return transfer

    # How much is remembered

    def _has_room(self, now: float) -> bool:
        """Tell whether one more is remembered; an idle one gives way."""
        if len(self._order) < TRANSFERS_MAX:
            return True
        oldest = next(iter(self._order))
        if now - oldest.last_at < IDLE:
            return False
        self._forget(oldest)
        return True

    def _pass_by(self, topic: str, traffic: Traffic) -> None:
        """Count what is not remembered, and do no more about its topic: a large fleet must not pay."""
        traffic.requests += 1
        if topic not in self._current:  # another file of the same topic has a map, which goes on
            if len(self._beyond) >= BEYOND_MAX:
                self._beyond.clear()
            self._beyond[topic] = traffic

    def _remember(self, transfer: Transfer) -> None:
        self._map_bytes += transfer.map_bytes
        self._order[transfer] = None
        self._current[transfer.topic] = transfer
        transfer.traffic.transfers[transfer.thing, transfer.file_id] = transfer
        while self._map_bytes > MAPS_MAX and len(self._order) > 1:
            self._forget(next(iter(self._order)))

    def _forget(self, transfer: Transfer) -> None:
        self._map_bytes -= transfer.map_bytes
        del self._order[transfer]
        if self._current.get(transfer.topic) is transfer:
            del self._current[transfer.topic]
        del transfer.traffic.transfers[transfer.thing, transfer.file_id]

    def _forget_stream(self, stream_id: str) -> None:
        for transfer in list(self._traffic[stream_id].transfers.values()):
            self._forget(transfer)
        self._beyond.clear()  # some of it may be this stream's
        del self._traffic[stream_id]

    # What is told

    def traffic(self, stream_id: str) -> Traffic | None:
        """Return what is asked about a stream; None when nobody has asked."""
        return self._traffic.get(stream_id)

    def find(self, stream_id: str, thing: str, file_id: int = 0) -> Transfer | None:
        """Return a thing's download, None when none was seen."""
        traffic = self._traffic.get(stream_id)
        return None if traffic is None else traffic.transfers.get((thing, file_id))

    def newest(self, stream_id: str) -> Iterator[Transfer]:
        """Give the downloads of a stream, those that began last first."""
        traffic = self._traffic.get(stream_id)
        return iter(()) if traffic is None else reversed(traffic.transfers.values())


def _send(transfer: Transfer, asked: _Asked, answer: Answer) -> None:
    mask, many, sent = asked.mask, asked.many, transfer.sent
    if asked.end > transfer.total:
        mask &= transfer.whole
        many = mask.bit_count()
    if len(answer.replies) == many:
        again = sent & mask
        if again:
            transfer.repeated |= again
        transfer.sent = sent | mask
        transfer.blocks += many
        return  # otherwise a fault has had a part in it
    for block_id in _went_out((*answer.replies, *getattr(answer, "late", ()))):  # those of a LateAnswer will come
        transfer.blocks += 1
        transfer.send(1 << block_id & transfer.whole)


def _parsed(topic: str) -> StreamTopic | None:
    try:
        parsed = topics.parse(topic)
    except topics.UnknownTopic:
        return None
    return parsed if parsed is not None and parsed.operation is Operation.GET else None


def _went_out(replies: tuple[Reply, ...]) -> Iterator[int]:
    for reply in replies:
        wire_format = Format.CBOR if reply.topic.endswith(Format.CBOR) else Format.JSON
        try:
            yield CODECS[wire_format].decode_block(reply.payload).block_id
        except (OtaStreamError, ValueError):  # spoilt on purpose: nobody can tell which it is
            continue
