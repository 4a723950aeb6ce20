"""What holds for every request, not only for those somebody thought of."""

import json
from enum import Enum

import cbor2
from hypothesis import given, settings
from hypothesis import strategies as st

from images import MemoryImage, image_bytes
from ota_stream.answers import Answer, Refusal
from ota_stream.streams import bitmap, blocks, topics
from ota_stream.streams.cache import BoundedCache
from ota_stream.streams.catalog import Catalog, ImageGone
from ota_stream.streams.codec import CODECS
from ota_stream.streams.errors import Rejection, Why
from ota_stream.streams.messages import DataBlock, DescribeStream, Description, FileSize, GetStream, RejectedStream
from ota_stream.streams.options import StreamOptions
from ota_stream.streams.service import StreamService
from ota_stream.streams.topics import Format, Operation

KIB_128 = 131_072  # no deadlines below: a slow machine is no fault of the code
LARGE = image_bytes(1_000_000)

formats = st.sampled_from(Format)
words = st.text(max_size=20)
tokens = st.none() | words
integers = st.integers(-(2**63), 2**64 - 1)  # beyond that CBOR needs a tag
bitmaps = st.binary(max_size=40)
ids = st.integers(0, 2**31)

anything = st.recursive(
    st.none() | st.booleans() | integers | st.floats() | st.text(max_size=70) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)
letters = st.sampled_from("csflonb")
sizes_and_edges = st.sampled_from([0, 1, 255, 256, 4096, 98_304, 98_305, 131_072, 131_073])
almost_requests = st.dictionaries(letters | st.text(max_size=2), sizes_and_edges | anything, max_size=8)
levels = st.sampled_from(
    ["$aws", "things", "t", "streams", "fw", "none", "get", "describe", "data", "json", "cbor", "", "+", "GET"]
)
almost_topics = (
    st.lists(levels | words, max_size=9).map("/".join)
    | st.lists(levels | words, max_size=6).map(lambda tail: "/".join(["$aws/things", *tail]))
    | st.lists(levels | words, max_size=4).map(lambda tail: "/".join(["$aws/things/t/streams", *tail]))
    | words
)
request_topics = st.builds(
    topics.build, st.just("t"), st.sampled_from(["fw", "none"]), st.sampled_from(Operation), formats
)


def as_json(members: object) -> bytes:
    return json.dumps(members, default=bytes.hex).encode()


payloads = st.binary(max_size=200) | almost_requests.map(as_json) | almost_requests.map(cbor2.dumps)

options = st.builds(
    StreamOptions,
    bitmap_json=st.sampled_from(["auto", "base64", "hex"]),
    out_of_range=st.sampled_from(["reject", "truncate"]),
    empty_request=st.sampled_from(["accept", "reject"]),
    stream_qos=st.sampled_from([0, 1]),
    oversized_data=st.sampled_from(["send", "reject"]),
    unknown_keys=st.sampled_from(["ignore", "reject"]),
)


def small_service(chosen: StreamOptions | None = None) -> StreamService:
    catalog = Catalog()
    catalog.put("fw", {0: MemoryImage(LARGE[:60_000]), 1: MemoryImage(LARGE[:1])})
    return StreamService(catalog, chosen)


def check_answer(answer: Answer, topic: topics.StreamTopic) -> None:
    record = answer.record
    assert (record.at, record.client_id, record.topic, record.stream_id) == (5.0, "c", topic.text, topic.stream_id)
    if record.failure is not None:
        assert [reply.topic for reply in answer.replies] == [topic.rejected]  # EC-6: one message
        rejected = CODECS[topic.format].decode_rejected(answer.replies[0].payload)
        assert (rejected.message, rejected.client_token) == (record.failure, record.client_token)
    else:
        assert {reply.topic for reply in answer.replies} <= {topic.answer}


@given(topic=almost_topics, payload=payloads)
@settings(max_examples=400, deadline=None)
def test_any_bytes_on_any_topic_give_an_answer_a_refusal_or_nothing(topic, payload):
    service = small_service()
    try:
        parsed = topics.parse(topic)
    except topics.UnknownTopic as unknown:
        refused = service.refuse(topic, unknown, "c", 5.0)
        assert isinstance(refused, Answer | Refusal)
        assert len(refused.replies) <= 1
        return
    if parsed is not None:
        assert parsed.text == topic
        check_answer(service.answer(parsed, payload, "c", 5.0), parsed)


@given(topic=request_topics, payload=payloads, chosen=options)
@settings(max_examples=600, deadline=None)
def test_any_bytes_to_a_request_topic_give_one_answer_with_one_record(topic, payload, chosen):
    check_answer(small_service(chosen).answer(topic, payload, "c", 5.0), topic)


@given(thing=words, stream_id=words, operation=st.sampled_from(Operation), wire=formats)
@settings(deadline=None)
def test_a_built_topic_is_parsed_back(thing, stream_id, operation, wire):
    built = topics.build(thing, stream_id, operation, wire)
    try:
        assert topics.parse(built.text) in (built, None)
    except topics.UnknownTopic as unknown:
        assert "\n" not in str(unknown)  # noqa: PT017 - either way is right


# Decode after encode is identity


@given(
    wire=formats,
    message=st.builds(
        GetStream,
        client_token=tokens,
        stream_version=st.none() | integers,
        file_id=st.none() | integers,
        block_size=st.none() | integers,
        block_offset=integers,
        block_count=st.none() | integers,
        bitmap=st.none() | bitmaps,
    ),
    bitmap_json=st.sampled_from(["auto", "hex"]),
)
@settings(deadline=None)
def test_a_get_request_comes_back_as_it_went(wire, message, bitmap_json):
    codec = CODECS[wire]
    assert codec.decode_get(codec.encode_get(message), StreamOptions(bitmap_json=bitmap_json)) == message


@given(wire=formats, token=tokens)
@settings(deadline=None)
def test_a_describe_request_comes_back_as_it_went(wire, token):
    codec = CODECS[wire]
    assert codec.decode_describe(codec.encode_describe(DescribeStream(token)), StreamOptions()) == DescribeStream(token)


@given(wire=formats, file_id=ids, block_id=ids, payload=st.binary(max_size=600), token=tokens)
@settings(deadline=None)
def test_a_block_comes_back_as_it_went(wire, file_id, block_id, payload, token):
    codec = CODECS[wire]
    written = codec.block_head(token) + codec.block_body(file_id, block_id, payload)
    assert codec.decode_block(written) == DataBlock(file_id, block_id, payload, token)


@given(
    wire=formats,
    message=st.builds(
        Description,
        stream_version=st.integers(0, 65_535),
        files=st.lists(st.builds(FileSize, ids, ids), max_size=10).map(tuple),
        description=tokens,
        client_token=tokens,
    ),
)
@settings(deadline=None)
def test_a_description_comes_back_as_it_went(wire, message):
    codec = CODECS[wire]
    assert codec.decode_description(codec.encode_description(message)) == message


@given(wire=formats, why=st.sampled_from(Why), token=tokens)
@settings(deadline=None)
def test_a_rejection_comes_back_as_it_went(wire, why, token):
    codec = CODECS[wire]
    assert codec.decode_rejected(codec.encode_rejected(why, token)) == RejectedStream(why.code, why.message, token)


@given(wire=formats, payload=payloads)
@settings(max_examples=400, deadline=None)
def test_a_device_reads_anything_or_raises_value_error(wire, payload):
    codec = CODECS[wire]
    for decode in (codec.decode_block, codec.decode_description, codec.decode_rejected):
        try:
            decode(payload)
        except ValueError as error:
            assert "\n" not in str(error)  # noqa: PT017 - either way is right


# Blocks


@given(
    wire=formats,
    size=st.integers(1, len(LARGE)),
    request=st.builds(
        GetStream,
        file_id=st.just(3),
        block_size=st.integers(256, KIB_128) | st.sampled_from([256, 1024, 4096, 32_768, KIB_128]),
        block_offset=st.integers(0, 300),
        block_count=st.none() | st.integers(0, 600),
        bitmap=st.none() | bitmaps,
    ),
    out_of_range=st.sampled_from(["reject", "truncate"]),
)
@settings(max_examples=300, deadline=None)
def test_what_a_request_brings_is_bounded_ascending_and_true(wire, size, request, out_of_range):
    """Q-2, SB-1 to SB-8."""
    content, block_size, count = LARGE[:size], request.block_size, request.block_count
    catalog = Catalog()
    catalog.put("fw", {3: MemoryImage(content)})
    codec, topic = CODECS[wire], topics.build("t", "fw", Operation.GET, wire)
    service = StreamService(catalog, StreamOptions(out_of_range=out_of_range))
    answer = service.answer(topic, codec.encode_get(request), "c", 5.0)
    if answer.record.failure is not None:
        assert answer.record.failure == Why.OUT_OF_RANGE.message
        return
    got = [codec.decode_block(reply.payload) for reply in answer.replies]
    block_ids = [block.block_id for block in got]
    assert block_ids == sorted(set(block_ids))  # SB-8
    assert all(0 <= block_id * block_size < size for block_id in block_ids)
    assert len(got) <= KIB_128 // block_size  # SB-3
    assert count is None or len(got) <= count
    assert sum(len(block.payload) for block in got) <= KIB_128  # Q-2, SB-6
    for block in got:
        assert block.file_id == 3
        assert block.payload == content[block.block_id * block_size : (block.block_id + 1) * block_size]  # SB-1


@given(block_ids=st.sets(st.integers(0, 2000)), offset=st.integers(0, 98_304))
@settings(deadline=None)
def test_a_bitmap_of_blocks_asks_for_exactly_these(block_ids, offset):
    written = bitmap.of_blocks((offset + block_id for block_id in block_ids), offset)
    assert bitmap.wanted(written, offset, 98_304) == sorted(offset + block_id for block_id in block_ids)
    assert len(written) == max(block_ids, default=0) // 8 + 1  # the shortest


@given(written=bitmaps, offset=st.integers(0, 98_304), limit=st.integers(0, 400))
@settings(deadline=None)
def test_wanted_blocks_make_the_bitmap_again(written, offset, limit):
    every = bitmap.wanted(written, offset, 98_304)
    assert bitmap.wanted(written, offset, limit) == every[:limit]
    assert bitmap.of_blocks(every, offset).rstrip(b"\x00") == written.rstrip(b"\x00")


@given(size=st.integers(0, 100_000_000), block_size=st.integers(256, KIB_128))
@settings(deadline=None)
def test_blocks_cover_a_file_without_gap_or_overlap(size, block_size):
    """SB-1, at the first and the last blocks."""
    total = blocks.total(size, block_size)
    assert (total == 0) == (size == 0)
    if total:
        assert blocks.span(0, block_size, size)[0] == 0
        assert blocks.span(total - 1, block_size, size)[1] == size
        assert blocks.span(total - 1, block_size, size)[0] < size
    if total > 1:
        assert blocks.span(0, block_size, size)[1] == blocks.span(1, block_size, size)[0] == block_size


@given(
    bound=st.integers(0, 100),
    lengths=st.lists(st.integers(0, 120), min_size=8, max_size=8),
    keys=st.lists(st.integers(0, 7)),
)
@settings(deadline=None)
def test_a_cache_keeps_its_bound_and_never_lies(bound, lengths, keys):
    content = {key: bytes([key]) * length for key, length in enumerate(lengths)}
    cache = BoundedCache[int, bytes](bound)
    for key in keys:
        cache.put(key, content[key], len(content[key]))
        kept = {each: found for each in content if (found := cache.find(each)) is not None}
        assert sum(len(block) for block in kept.values()) <= bound
        assert all(block == content[each] for each, block in kept.items())
        assert (key in kept) == (len(content[key]) <= bound)  # the newest stays if it fits at all


@given(wire=formats, payload=payloads, chosen=options)
@settings(max_examples=400, deadline=None)
def test_a_request_is_read_the_same_way_every_time_or_refused(wire, payload, chosen):
    codec = CODECS[wire]
    try:
        first = codec.decode_get(payload, chosen)
    except Rejection as rejection:
        assert rejection.why in (Why.JSON, Why.CBOR)  # noqa: PT017 - either way is right
        assert (rejection.why is Why.CBOR) == (wire is Format.CBOR)  # noqa: PT017 - ST-6
    else:
        assert codec.decode_get(payload, chosen) == first


class Change(Enum):
    """What may happen to a stream between two requests."""

    NOTHING = "nothing"
    UPDATED = "it gets a new version"
    REPLACED = "it is deleted and made again with other files"
    GONE = "its image cannot be read"
    BACK = "its image can be read again"


def happen(change: Change, catalog: Catalog) -> None:
    image = next(iter(catalog.find("fw").files.values())).image
    if change is Change.UPDATED:
        catalog.update("fw", {0: MemoryImage(LARGE[:5000]), 1: MemoryImage(LARGE[:1])})
    elif change is Change.REPLACED:
        catalog.delete("fw")
        catalog.put("fw", {0: MemoryImage(LARGE[7:9000])})
    elif change is Change.GONE:
        image.etag_fault = ImageGone("gone")
    elif change is Change.BACK:
        image.etag_fault = None


plain_requests = st.builds(
    GetStream,
    client_token=st.sampled_from([None, "rdy"]),
    stream_version=st.sampled_from([None, 1, 2]),
    file_id=st.sampled_from([0, 1]),
    block_size=st.sampled_from([256, 4096]),
    block_offset=st.integers(0, 2),
    block_count=st.sampled_from([None, 1, 3]),
)


@given(
    chosen=options,
    asked=st.lists(
        st.tuples(
            st.sampled_from(Change),
            request_topics,
            st.builds(lambda wire, request: CODECS[wire].encode_get(request), formats, plain_requests) | payloads,
        ),
        min_size=1,
        max_size=12,
    ),
)
@settings(max_examples=300, deadline=None)
def test_a_service_that_remembers_answers_as_one_that_has_seen_nothing(chosen, asked):
    catalog = Catalog()
    catalog.put("fw", {0: MemoryImage(LARGE[:60_000]), 1: MemoryImage(LARGE[:1])})
    remembering = StreamService(catalog, chosen)
    for change, topic, payload in asked:
        happen(change, catalog)
        for _ in range(2):
            answer = remembering.answer(topic, payload, "c", 5.0)
            assert answer == StreamService(catalog, chosen).answer(topic, payload, "c", 5.0)
