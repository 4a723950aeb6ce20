"""Topics: what is built is what is parsed, and whose topic it is."""

import pytest

from ota_stream.streams import topics
from ota_stream.streams.topics import Format, Operation


@pytest.mark.parametrize(
    ("operation", "wire", "request_tail", "answer_tail"),
    [
        (Operation.GET, Format.JSON, "get/json", "data/json"),  # ST-1, ST-2
        (Operation.GET, Format.CBOR, "get/cbor", "data/cbor"),
        (Operation.DESCRIBE, Format.JSON, "describe/json", "description/json"),  # ST-3, ST-4
        (Operation.DESCRIBE, Format.CBOR, "describe/cbor", "description/cbor"),
    ],
)
def test_a_request_topic_knows_where_its_answers_go(operation, wire, request_tail, answer_tail):
    """ST-1 to ST-6."""
    base = "$aws/things/a:b/streams/fw"
    topic = topics.parse(f"{base}/{request_tail}")
    assert topic == topics.build("a:b", "fw", operation, wire)
    assert (topic.thing, topic.stream_id, topic.operation, topic.format) == ("a:b", "fw", operation, wire)
    assert topic.text == f"{base}/{request_tail}"
    assert topic.answer == f"{base}/{answer_tail}"
    assert topic.rejected == f"{base}/rejected/{wire.value}"
