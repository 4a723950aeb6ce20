"""Second runner of the vectors: the service, from topic and payload to replies and record."""

import cbor2
import pytest

from images import stock
from ota_stream.answers import Answer, Refusal
from ota_stream.records import Action, RequestRecord
from ota_stream.streams import topics
from ota_stream.streams.catalog import Catalog
from ota_stream.streams.errors import RejectionCode
from ota_stream.streams.options import StreamOptions
from ota_stream.streams.service import StreamService
from vectors import CASES, INVALID_TOPIC, STRAYS, VECTORS, Case

NOW = 1_532_386_784.955
CLIENT_ID = "client-of-another-name"  # never the thing's


@pytest.fixture(scope="module")
def services():
    """One shelf for all; a service for every set of options."""
    catalog, made = stock(Catalog()), {}

    def service(options: StreamOptions) -> StreamService:
        return made.setdefault(options, StreamService(catalog, options))

    return service


def record_of(case: Case) -> RequestRecord:
    return RequestRecord(
        at=NOW,
        action={"get": Action.GET_STREAM, "describe": Action.DESCRIBE_STREAM}[case.vector.operation],
        client_id=CLIENT_ID,
        topic=case.topic,
        stream_id=case.vector.stream,
        client_token=case.vector.echo,
        failure=None if case.refused is None else case.refused[1],
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_request_gets_its_replies_and_its_one_record(case, services):
    topic = topics.parse(case.topic)
    assert topic is not None
    answer = services(StreamOptions(**case.vector.options)).answer(topic, case.request, CLIENT_ID, NOW)

    expected = case.replies()
    assert [reply.topic for reply in answer.replies] == [reply.topic for reply in expected]
    assert [reply.qos for reply in answer.replies] == [reply.qos for reply in expected]
    for reply, wanted in zip(answer.replies, expected, strict=True):
        if wanted.exact:
            assert reply.payload == wanted.payload
        else:
            assert list(cbor2.loads(reply.payload).items()) == list(cbor2.loads(wanted.payload).items())
    if case.wire in case.vector.heads:
        assert answer.replies[0].payload.startswith(case.vector.heads[case.wire])
    if case.wire in case.vector.sizes:
        assert tuple(len(reply.payload) for reply in answer.replies) == case.vector.sizes[case.wire]
    assert answer.record == record_of(case)


@pytest.mark.parametrize("stray", STRAYS, ids=lambda stray: stray.name)
def test_a_topic_that_is_no_request_is_told_where_it_can_be(stray, services):
    """ST-9, ST-10."""
    if not stray.ours:
        assert topics.parse(stray.topic) is None
        return
    with pytest.raises(topics.UnknownTopic) as unknown:
        topics.parse(stray.topic)
    answer = services(StreamOptions()).refuse(stray.topic, unknown.value, CLIENT_ID, NOW)
    assert [(reply.topic, reply.payload) for reply in answer.replies] == [
        (reply.topic, reply.payload) for reply in stray.replies()
    ]
    if stray.operation is None:
        assert isinstance(answer, Refusal)
        assert answer.reason == str(unknown.value)
        assert "\n" not in answer.reason
        return
    action = {"get": Action.GET_STREAM, "describe": Action.DESCRIBE_STREAM}[stray.operation]
    assert answer == Answer(
        answer.replies,
        RequestRecord(NOW, action, CLIENT_ID, stray.topic, stray.topic.split("/")[4], None, INVALID_TOPIC[1]),
    )


def test_names_of_vectors_are_unique():
    names = [(vector.operation, vector.name) for vector in VECTORS]
    assert sorted(set(names)) == sorted(names)


def test_every_code_is_in_a_vector():
    """EC-5. InternalError is no answer to any request; test_service.py brings it about."""
    codes = {case.refused[0] for case in CASES if case.refused is not None} | {INVALID_TOPIC[0]}
    assert codes == set(RejectionCode) - {RejectionCode.INTERNAL}


@pytest.mark.parametrize(
    "rule",
    [
        *(f"ST-{number}" for number in (2, 4, 5, 6, 10, 11)),
        *(f"SD-{number}" for number in range(1, 10)),
        *(f"SG-{number}" for number in range(1, 13)),
        *(f"SBM-{number}" for number in range(1, 10)),
        *(f"SB-{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12)),  # SB-10: test_service.py
        *(f"SR-{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11)),
        *(f"EC-{number}" for number in (1, 2, 3, 4, 6, 7, 8, 9, 10)),
        *(f"CL-{number}" for number in range(1, 6)),
        *(f"G-{number}" for number in (1, 2, 3, 4, 7, 8, 20)),  # G-15: test_catalog.py
    ],
)
def test_every_rule_has_a_vector(rule):
    assert any(rule in vector.rules.split() for vector in VECTORS)
