"""What is fuzzed: each target takes any bytes and fails an assert, or raises, when something does not hold.

`scripts/fuzz` feeds them from a fuzzer that looks at coverage; `test_targets.py` feeds them a few seeds.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final

from fuzz import mqtt_targets
from images import MemoryImage, image_bytes
from job_vectors import STATES, book_in
from ota_broker.front.notices import escaped
from ota_stream.answers import Answer, Refusal, Reply
from ota_stream.api import ranges
from ota_stream.api.aws import scope
from ota_stream.api.presign import Forbidden, Presigner
from ota_stream.errors import ControlError
from ota_stream.jobs import topics as job_topics
from ota_stream.jobs.service import JobService
from ota_stream.logs import insights, patterns
from ota_stream.logs.events import LogEvent
from ota_stream.policies import documents
from ota_stream.policies.actions import Action
from ota_stream.policies.documents import MalformedPolicy
from ota_stream.policies.judgement import Asker, judge
from ota_stream.policies.principals import Policy, ThingView
from ota_stream.streams import bitmap, quotas
from ota_stream.streams import topics as stream_topics
from ota_stream.streams.catalog import Catalog
from ota_stream.streams.codec import CODECS
from ota_stream.streams.errors import Rejection
from ota_stream.streams.json_codec import bitmap_of_text
from ota_stream.streams.options import StreamOptions
from ota_stream.streams.service import StreamService
from ota_stream.streams.topics import Format, Operation

Target = Callable[[bytes], None]

OPTIONS: Final = StreamOptions()
IMAGE: Final = image_bytes(300_000)
MESSAGE: Final = '{"eventType":"GetStream","status":"Failure","n":[1,2.5,{"a":null}],"t":"b c"}'
ENTRY: Final = {"eventType": "GetStream", "status": "Failure", "n": [1, 2.5, {"a": None}], "t": "b c"}


def streams_json(data: bytes) -> None:
    """A stream request in JSON, and what a device reads."""
    _stream_request(Format.JSON, data)


def streams_cbor(data: bytes) -> None:
    """A stream request in CBOR, and what a device reads."""
    _stream_request(Format.CBOR, data)


def _stream_request(wire_format: Format, data: bytes) -> None:
    codec = CODECS[wire_format]
    with suppress(Rejection):
        request = codec.decode_get(data, OPTIONS)
        assert codec.decode_get(codec.encode_get(request), OPTIONS) == request
    with suppress(Rejection):
        described = codec.decode_describe(data, OPTIONS)
        assert codec.decode_describe(codec.encode_describe(described), OPTIONS) == described
    for read in (codec.decode_block, codec.decode_description, codec.decode_rejected):
        with suppress(ValueError):
            read(data)
    catalog = Catalog()
    catalog.put("fw", {0: MemoryImage(IMAGE)})
    service = StreamService(catalog)
    for operation in Operation:
        answer = service.answer(stream_topics.build("t", "fw", operation, wire_format), data, "c", 5.0)
        if operation is Operation.GET and answer.record.failure is None:
            assert _data_of(answer.replies, wire_format) <= quotas.REQUEST_DATA_MAX  # Q-2, A9
        else:
            assert len(answer.replies) == 1


def _data_of(replies: tuple[Reply, ...], wire_format: Format) -> int:
    return sum(len(CODECS[wire_format].decode_block(reply.payload).payload) for reply in replies)


def jobs_json(data: bytes) -> None:
    """A job request, on every topic there is: the first byte picks one."""
    tails = ("get", "start-next", "$next/get", "j1/get", "j1/update", "j2/update", "none/get")
    states = sorted(STATES)
    pick, payload = (data[0] if data else 0), data[1:]
    topic = job_topics.parse(f"$aws/things/lock-0042/jobs/{tails[pick % len(tails)]}")
    assert topic is not None
    service = JobService(book_in(states[pick // len(tails) % len(states)]))
    answer = service.answer(topic, payload, "c", 1000.5)
    ended = "accepted" if answer.record.failure is None else "rejected"
    assert answer.replies[0].topic == f"{topic.text}/{ended}"


def topics(data: bytes) -> None:
    """A topic of a reserved kind, as text: known, refused, or nobody's."""
    text = data.decode(errors="replace")
    for topic in (text, f"$aws/things/{text}", f"$aws/things/t/streams/{text}", f"$aws/things/t/jobs/{text}"):
        with suppress(stream_topics.UnknownTopic):
            known = stream_topics.parse(topic)
            assert known is None or known.text == topic
        with suppress(job_topics.UnknownTopic):
            job = job_topics.parse(topic)
            assert job is None or job.text == topic
    assert escaped(text).isprintable()  # A14


def unknown_topics(data: bytes) -> None:
    """A request on a topic that is nearly right: one rejection at most, and a line without line breaks."""
    text = f"$aws/things/t/streams/{data.decode(errors='replace')}"
    try:
        stream_topics.parse(text)
    except stream_topics.UnknownTopic as unknown:
        refused = StreamService(Catalog()).refuse(text, unknown, "c", 5.0)
        assert isinstance(refused, Answer | Refusal)
        assert len(refused.replies) <= 1


def bitmaps(data: bytes) -> None:
    """A bitmap: the same blocks by counting bits one by one, and back."""
    offset, limit, bits = (data[0] if data else 0), (data[1] if len(data) > 1 else 8), data[2:]
    ids = [offset + number for number in range(8 * len(bits)) if bits[number // 8] >> number % 8 & 1]
    assert bitmap.wanted(bits, offset, limit) == ids[:limit]
    if ids:
        assert bitmap.wanted(bitmap.of_blocks(ids, offset), offset, len(ids)) == ids
    with suppress(Rejection):
        bitmap_of_text(data.decode(errors="replace"), OPTIONS)


def filter_patterns(data: bytes) -> None:
    """A filter pattern of CloudWatch Logs."""
    with suppress(ControlError):
        pattern = patterns.compile(data.decode(errors="replace"))
        wanted = pattern(MESSAGE, ENTRY)
        assert not wanted or all(ENTRY.get(name) == value for name, value in patterns.equalities(pattern).items())


def insights_queries(data: bytes) -> None:
    """A query of Logs Insights."""
    with suppress(ControlError):
        insights.run(insights.compile(data.decode(errors="replace")), [LogEvent(1000, "s", 0, MESSAGE, 1000)])


def policy_documents(data: bytes) -> None:
    """A topic and a policy document: yes or no to every action, or a document that says why it is none."""
    topic, _, document = data.decode(errors="replace").partition("\n")
    asker = Asker("arn:aws:iot:us-east-1:123456789012", "c", "127.0.0.1", ThingView("c", "t", {"a": "1"}))
    with suppress(MalformedPolicy):
        documents.check(document)
    for action in Action:
        rule = judge([Policy("p", document)], action, topic, asker)
        assert rule is None or rule


def http_requests(data: bytes) -> None:
    """What an HTTP request says about itself: its signature, a presigned URL, a range."""
    head, _, query = data.decode(errors="replace").partition("\n")
    with suppress(ControlError):
        scope.read(head, query)
    with suppress(Forbidden):
        Presigner("http://h", b"secret").check(head, query, 5.0)
        raise AssertionError("a URL nobody signed was let in")
    with suppress(ValueError):
        found = ranges.span(head, 1000)
        assert found is None or 0 <= found[0] < found[1] <= 1000


TARGETS: Final[Mapping[str, Target]] = MappingProxyType(
    {
        **mqtt_targets.TARGETS,
        "streams_json": streams_json,
        "streams_cbor": streams_cbor,
        "jobs_json": jobs_json,
        "topics": topics,
        "unknown_topics": unknown_topics,
        "bitmaps": bitmaps,
        "filter_patterns": filter_patterns,
        "insights_queries": insights_queries,
        "policy_documents": policy_documents,
        "http_requests": http_requests,
    }
)
