"""The streams service: a request in, an Answer out. It knows the rules, not where bytes come from or go."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from ota_stream.answers import Answer, Refusal, Reply
from ota_stream.records import Action, RequestRecord
from ota_stream.streams import blocks, quotas
from ota_stream.streams.cache import BoundedCache
from ota_stream.streams.catalog import Catalog, ImageError, ImageForbidden, ImageGone, Stream, StreamFile
from ota_stream.streams.codec import CODECS
from ota_stream.streams.errors import Rejection, Why
from ota_stream.streams.messages import Description, FileSize, GetStream
from ota_stream.streams.options import StreamOptions
from ota_stream.streams.topics import Format, Operation, StreamTopic, UnknownTopic

CACHE_MAX: Final = 128 * 1024 * 1024  # bytes of encoded blocks: a 24 MiB image in both formats, twice
PLANS_MAX: Final = 64 * 1024 * 1024  # bytes of blocks that remembered requests bring; mostly those of the cache
PLAN_BYTES: Final = 1024  # what a remembered request counts beside its blocks
PLANNED_PAYLOAD_MAX: Final = 512  # bytes; a longer request is read each time

_GET: Final = Operation.GET  # in Python 3.11 a member of an enumeration takes longer to look up than a block
ACTIONS: Final = {Operation.GET: Action.GET_STREAM, Operation.DESCRIBE: Action.DESCRIBE_STREAM}


class _Plan(Struct, frozen=True, gc=False):
    """What a GetStream comes to as long as stream and file are what they were: devices ask in the same words.

    A block message is `head` and a body. It names the file and does not hold it: nothing keeps an image that is gone.
    """

    stream_version: int
    file_id: int
    etag: str
    token: str | None
    head: bytes
    bodies: tuple[bytes, ...]


class StreamService:
    """Answers GetStream and DescribeStream for every stream of a catalog."""

    def __init__(
        self,
        catalog: Catalog,
        options: StreamOptions | None = None,
        cache_max: int = CACHE_MAX,
        plans_max: int = PLANS_MAX,
    ) -> None:
        self._catalog = catalog
        self._options = options or StreamOptions()
        self._cache = BoundedCache[tuple[str, int, int, int, Format], bytes](cache_max)
        self._plans = BoundedCache[tuple[str, Format, bytes], _Plan](plans_max)

    def answer(self, topic: StreamTopic, payload: bytes, client_id: str, now: float) -> Answer:
        """Answer one request: its blocks, its description or its rejection, and always its record."""
        token = failure = None
        try:
            if topic.operation is _GET:
                key = (topic.stream_id, topic.format, payload)
                plan = self._plans.find(key)
                if plan is None or not self._holds(plan, topic.stream_id):
                    request = self._get_stream(topic.format, payload)
                    token = _usable(request.client_token)
                    plan = self._plan(topic, request)
                    if len(payload) <= PLANNED_PAYLOAD_MAX:
                        self._plans.put(key, plan, PLAN_BYTES + sum(map(len, plan.bodies)))
                token, head, answer, qos = plan.token, plan.head, topic.answer, self._options.stream_qos
                replies = tuple([Reply(answer, head + body, qos) for body in plan.bodies])  # SB-8
            else:
                token = _usable(self._describe_token(topic.format, payload))
                replies = (self._description(topic, token),)
        except Rejection as rejection:
            failure = rejection.why.message
            rejected = CODECS[topic.format].encode_rejected(rejection.why, token)
            replies = (Reply(topic.rejected, rejected, self._options.stream_qos),)
        record = RequestRecord(now, ACTIONS[topic.operation], client_id, topic.text, topic.stream_id, token, failure)
        return Answer(replies, record)

    def refuse(self, topic: str, unknown: UnknownTopic, client_id: str, now: float) -> Answer | Refusal:
        """Refuse a topic under `/streams/` that is no request (ST-9).

        A known operation in an unknown format has a record; for anything else no action has a name.
        """
        replies: tuple[Reply, ...] = ()
        if unknown.rejected is not None:
            rejected = CODECS[Format.JSON].encode_rejected(Why.TOPIC, None)
            replies = (Reply(unknown.rejected, rejected, self._options.stream_qos),)
        if unknown.operation is None or unknown.stream_id is None:
            return Refusal(replies, str(unknown))
        action = ACTIONS[unknown.operation]
        record = RequestRecord(now, action, client_id, topic, unknown.stream_id, None, Why.TOPIC.message)
        return Answer(replies, record)

    def fault(self, topic: StreamTopic, client_id: str, now: float) -> Answer:
        """Answer a request that met a fault of ours: InternalError, and its record."""
        rejected = CODECS[topic.format].encode_rejected(Why.INTERNAL, None)
        action = ACTIONS[topic.operation]
        record = RequestRecord(now, action, client_id, topic.text, topic.stream_id, None, Why.INTERNAL.message)
        return Answer((Reply(topic.rejected, rejected, self._options.stream_qos),), record)

    # Reading the request

    def _get_stream(self, wire_format: Format, payload: bytes) -> GetStream:
        # EC-9: an empty body is a request with every field missing
        return CODECS[wire_format].decode_get(payload, self._options) if payload else GetStream()

    def _describe_token(self, wire_format: Format, payload: bytes) -> str | None:
        if not payload:  # EC-9
            return None
        return CODECS[wire_format].decode_describe(payload, self._options).client_token

    # Answering it, in the order of EC-6

    def _stream(self, stream_id: str) -> Stream:
        stream = self._catalog.find(stream_id)
        if stream is None:
            raise Rejection(Why.STREAM_NOT_FOUND)
        return stream

    def _description(self, topic: StreamTopic, token: str | None) -> Reply:
        stream = self._stream(topic.stream_id)
        files = tuple(FileSize(file.file_id, file.size) for file in stream.files.values())
        description = Description(stream.version, files, stream.description, token)
        return Reply(topic.answer, CODECS[topic.format].encode_description(description), self._options.stream_qos)

    def _holds(self, plan: _Plan, stream_id: str) -> bool:
        """Tell whether the request would come to the same again: nothing else than this has a part in a plan."""
        stream = self._catalog.find(stream_id)
        if stream is None or stream.version != plan.stream_version:
            return False
        file = stream.files.get(plan.file_id)
        try:
            return file is not None and file.etag == plan.etag == file.image.etag()
        except ImageError:
            return False

    def _plan(self, topic: StreamTopic, request: GetStream) -> _Plan:
        file_id, block_size = request.file_id, request.block_size
        if file_id is None:
            raise Rejection(Why.FILE_ID_MISSING)  # SG-3
        if block_size is None:
            raise Rejection(Why.BLOCK_SIZE_MISSING)  # SG-4
        stream = self._stream(topic.stream_id)
        if request.stream_version is not None and request.stream_version != stream.version:
            raise Rejection(Why.VERSION)  # SG-2
        file = stream.files.get(file_id)
        if file is None:
            raise Rejection(Why.FILE_NOT_FOUND)  # SG-3
        self._check_ranges(request, block_size)
        wanted = self._wanted(request, file, block_size)
        _check_image(file)
        head = CODECS[topic.format].block_head(request.client_token)
        bodies = self._bodies(topic.format, block_size, file, wanted)
        if self._options.oversized_data == "reject" and any(
            len(head) + len(body) > quotas.MQTT_PAYLOAD_MAX for body in bodies
        ):
            raise Rejection(Why.BLOCK_SIZE)  # G-8
        return _Plan(stream.version, file_id, file.etag, request.client_token, head, bodies)

    def _check_ranges(self, request: GetStream, block_size: int) -> None:
        if not quotas.BLOCK_SIZE_MIN <= block_size <= quotas.BLOCK_SIZE_MAX:
            raise Rejection(Why.BLOCK_SIZE)  # SG-4, SB-7
        if not 0 <= request.block_offset <= quotas.BLOCK_OFFSET_MAX:
            raise Rejection(Why.OFFSET)  # SG-5, SB-5
        if request.block_count is not None and not 0 <= request.block_count <= quotas.BLOCK_COUNT_MAX:
            raise Rejection(Why.BLOCK_COUNT)  # SG-6
        if request.bitmap is not None and len(request.bitmap) > self._options.bitmap_max:
            raise Rejection(Why.BITMAP)  # SG-7

    def _wanted(self, request: GetStream, file: StreamFile, block_size: int) -> Sequence[int]:
        wanted = blocks.chosen(request, block_size)
        if not wanted:
            if self._options.empty_request == "reject":
                raise Rejection(Why.NOTHING_REQUESTED)  # G-3
            return wanted  # SB-9
        total = blocks.total(file.size, block_size)
        if wanted[-1] >= total:  # SB-4: ascending, so the last one tells
            kept = [block_id for block_id in wanted if block_id < total]
            if not kept or self._options.out_of_range == "reject":
                raise Rejection(Why.OUT_OF_RANGE)
            return kept  # G-2
        return wanted

    def _bodies(
        self, wire_format: Format, block_size: int, file: StreamFile, wanted: Sequence[int]
    ) -> tuple[bytes, ...]:
        bodies: list[bytes] = []
        for block_id in wanted:  # SB-8: one message a block, ascending
            key = (file.etag, file.file_id, block_size, block_id, wire_format)
            body = self._cache.find(key)
            if body is None:
                payload = file.image.read(*blocks.span(block_id, block_size, file.size))
                body = CODECS[wire_format].block_body(file.file_id, block_id, payload)
                self._cache.put(key, body, len(body))
            bodies.append(body)
        return tuple(bodies)


def _usable(token: str | None) -> str | None:
    """Return the token. Raises Rejection when it is over 64 bytes; it is then not echoed (SG-1, EC-3)."""
    if token is not None and len(token.encode()) > quotas.CLIENT_TOKEN_MAX:
        raise Rejection(Why.TOKEN_TOO_LONG)
    return token


def _check_image(file: StreamFile) -> None:
    try:
        etag = file.image.etag()
    except ImageGone:
        raise Rejection(Why.FILE_NOT_FOUND) from None
    except ImageForbidden:
        raise Rejection(Why.UNAUTHORIZED) from None
    except ImageError:
        raise Rejection(Why.INTERNAL) from None
    if etag != file.etag:
        raise Rejection(Why.ETAG)  # SC-9
