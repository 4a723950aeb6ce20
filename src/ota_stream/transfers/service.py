"""Hears GetStream and its answers, and keeps a block map of each download: bounded, and under a microsecond or two."""

from collections.abc import Iterator
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
_CBOR_ENDS: Final = "r"  # no other format ends like this
_OPTIONS: Final = StreamOptions()


class _Asked(Struct, frozen=True, gc=False):
    """What a GetStream asks for, whatever the stream: `mask` has a bit for each block."""

    file_id: int
    block_size: int
    mask: int


class Transfers:
    """The downloads of all things since `hear` is called."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._current: dict[str, Transfer] = {}  # by request topic: the one that was asked about last
        self._traffic: dict[str, Traffic] = {}
        self._order: dict[Transfer, None] = {}  # the oldest first
        self._beyond: dict[str, Traffic] = {}  # by request topic: those that found no room
        self._full_until = 0.0  # when there may be some
        self._map_bytes = 0
        self._asked_in_cbor = BoundedCache[bytes, _Asked](_ASKED_MAX)  # two: hashing a format takes as long as all else
        self._asked_in_json = BoundedCache[bytes, _Asked](_ASKED_MAX)

    # What is heard

    def hear(self, topic: str, payload: bytes, answer: Answer, now: float) -> None:
        """Take in what was published to a reserved topic and answered. `now` is epoch seconds."""
        transfer = self._current.get(topic)
        if transfer is None:
            beyond = self._beyond.get(topic)
            if beyond is not None and now < self._full_until:
                beyond.requests += 1
                return
            if not _is_get(topic):
                return
        known = self._asked_in_cbor if topic[-1] == _CBOR_ENDS else self._asked_in_json
        asked = known.find(payload) or self._understand(_format(topic), payload)
        if asked is None:
            return
        if (
            transfer is None
            or transfer.file_id != asked.file_id
            or transfer.block_size != asked.block_size
            or self._catalog.find(transfer.stream.stream_id) is not transfer.stream
        ):
            transfer = self._begin(_parsed(topic), asked, now)
        if transfer is not None:
            self._count(transfer, asked, answer, now)

    def _goes_on(self, transfer: Transfer, asked: _Asked) -> bool:
        """Tell whether this request is of the download that its topic had last."""
        return (
            transfer.file_id == asked.file_id
            and transfer.block_size == asked.block_size
            and self._catalog.find(transfer.stream.stream_id) is transfer.stream
        )

    @staticmethod
    def _count(transfer: Transfer, asked: _Asked, answer: Answer, now: float) -> None:
        transfer.last_at = now
        transfer.requests += 1
        traffic = transfer.traffic
        traffic.requests += 1
        record = answer.record
        failure = transfer.failure = record.failure if isinstance(record, RequestRecord) else None
        if failure is not None:
            return
        mask, replies = asked.mask & transfer.whole, answer.replies
        many = len(replies)
        if many == mask.bit_count():
            again = transfer.sent & mask
            if again:
                transfer.repeated |= again
            transfer.sent |= mask
        else:  # a fault has had a part in it
            sent = list(_sent((*replies, *getattr(answer, "late", ()))))  # those of a LateAnswer will come
            many = len(sent)
            for block_id in sent:
                transfer.send(1 << block_id & transfer.whole)
        transfer.blocks += many
        traffic.blocks += many

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
        asked = _Asked(file_id, size, mask)
        known = self._asked_in_cbor if wire_format is Format.CBOR else self._asked_in_json
        known.put(payload, asked, len(payload) + mask.bit_length() // 8)
        return asked

    def _begin(self, topic: StreamTopic | None, asked: _Asked, now: float) -> Transfer | None:
        stream = None if topic is None else self._catalog.find(topic.stream_id)
        file = None if stream is None else stream.files.get(asked.file_id)
        if topic is None or stream is None or file is None:
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
            self._pass_by(topic.text, traffic, now)
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

    def _pass_by(self, topic: str, traffic: Traffic, now: float) -> None:
        """Count what is not remembered, and do no more about its topic for a while: a large fleet must not pay."""
        if len(self._beyond) >= BEYOND_MAX or now >= self._full_until:
            self._beyond.clear()
            self._full_until = now + IDLE
        self._beyond[topic] = traffic
        traffic.requests += 1

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


def _is_get(topic: str) -> bool:
    return "/streams/" in topic and "/get/" in topic


def _format(topic: str) -> Format:
    return Format.CBOR if topic.endswith(Format.CBOR) else Format.JSON


def _parsed(topic: str) -> StreamTopic | None:
    try:
        parsed = topics.parse(topic)
    except topics.UnknownTopic:
        return None
    return parsed if parsed is not None and parsed.operation is Operation.GET else None


def _sent(replies: tuple[Reply, ...]) -> Iterator[int]:
    """Give the block ids of what really goes out."""
    for reply in replies:
        try:
            yield CODECS[_format(reply.topic)].decode_block(reply.payload).block_id
        except (OtaStreamError, ValueError):  # spoilt on purpose: nobody can tell which it is
            continue
