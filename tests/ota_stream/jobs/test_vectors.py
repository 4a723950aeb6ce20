"""The vectors of the jobs service, run against the service and the topics."""

import copy

import pytest

from job_vectors import CLIENT_ID, NOW, STRAYS, VECTORS, book_in, compact
from ota_stream.answers import Answer, Audience, Refusal
from ota_stream.jobs import topics
from ota_stream.jobs.errors import RejectionCode
from ota_stream.jobs.executions import Status
from ota_stream.jobs.options import JobOptions
from ota_stream.jobs.service import JobService
from ota_stream.records import JobCountRecord, JobEvent, JobRequestRecord

EVENTS = {"get": JobEvent.GET_PENDING, "start-next": JobEvent.START_NEXT}


def event_of(vector) -> JobEvent:
    if "/" not in vector.tail:
        return EVENTS[vector.tail]
    return JobEvent.UPDATE if vector.tail.endswith("/update") else JobEvent.DESCRIBE


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_a_request_gets_its_answer_its_notifications_and_its_one_record(vector):
    book = book_in(vector.state)
    before = dict(book.executions)
    topic = topics.parse(vector.topic)
    assert topic is not None
    answer = JobService(book, JobOptions(**vector.options)).answer(topic, vector.payload, CLIENT_ID, NOW)

    assert [(reply.topic, reply.payload) for reply in answer.replies] == vector.replies()
    assert [reply.to for reply in answer.replies] == [  # JT-9, JT-10, JT-12
        Audience.REQUESTER,
        *(Audience.SUBSCRIBERS for _ in vector.told),
    ]
    assert {reply.qos for reply in answer.replies} == {1}  # JT-13, JNF-8
    expected = {"job_id": None, "version_number": None, "destination": None, **vector.record}
    assert answer.record == JobRequestRecord(
        at=NOW,
        event=event_of(vector),
        client_id=CLIENT_ID,
        topic=vector.topic,
        client_token=vector.echo,
        failure=None if vector.rejected is None else vector.rejected[1],
        **expected,
    )
    if vector.rejected is not None:
        assert book.executions == before  # nothing changed
    if vector.completes:
        (count,) = answer.also
        ended = vector.record["destination"]
        assert count == JobCountRecord(
            NOW, vector.record["job_id"], {status.value: int(status.value == ended) for status in Status}
        )
    else:
        assert answer.also == ()


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_a_topic_of_a_vector_is_built_and_parsed_back(vector):
    """JT-1..JT-6, JT-15."""
    topic = topics.parse(vector.topic)
    assert topic is not None
    assert topics.build(topic.thing, topic.operation, topic.job_id) == topic
    assert (topic.accepted, topic.rejected) == (f"{vector.topic}/accepted", f"{vector.topic}/rejected")


@pytest.mark.parametrize("stray", STRAYS, ids=lambda stray: stray.topic[:60])
def test_a_topic_that_is_no_request_is_told_where_it_can_be(stray):
    """JT-14."""
    if not stray.ours:
        assert topics.parse(stray.topic) is None
        return
    with pytest.raises(topics.UnknownTopic) as unknown:
        topics.parse(stray.topic)
    book = book_in("queued")
    before = copy.deepcopy(book.executions)
    answer = JobService(book).refuse(stray.topic, unknown.value, CLIENT_ID, NOW)
    body = compact({"code": "InvalidTopic", "message": "The topic is invalid", "timestamp": 1000})
    expected = [(f"{stray.topic}/rejected", body, Audience.REQUESTER)] if stray.answered else []
    assert [(reply.topic, reply.payload, reply.to) for reply in answer.replies] == expected
    assert book.executions == before
    if stray.event is None:
        assert answer == Refusal(answer.replies, str(unknown.value))
        assert "\n" not in answer.reason
    else:
        record = JobRequestRecord(
            NOW, JobEvent(stray.event), CLIENT_ID, stray.topic, stray.job_id, failure="The topic is invalid"
        )
        assert answer == Answer(answer.replies, record)


def test_names_of_vectors_are_unique():
    names = [str(vector) for vector in VECTORS]
    assert sorted(set(names)) == sorted(names)


def test_every_code_is_in_a_vector():
    """Spec 3.4. InternalError is no answer to a request as such, and nothing throttles."""
    codes = {vector.rejected[0] for vector in VECTORS if vector.rejected is not None} | {"InvalidTopic"}
    assert codes == set(RejectionCode) - {RejectionCode.INTERNAL, RejectionCode.THROTTLED}


@pytest.mark.parametrize(
    "rule",
    [
        *(f"JT-{number}" for number in (1, 2, 3, 4, 5, 15)),
        *(f"JR-{number}" for number in range(1, 14)),
        *(f"JS-{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8)),
        *(f"JX-{number}" for number in (1, 2, 3, 4, 5, "5a", 6, 8, 9)),
        *(f"JNF-{number}" for number in range(1, 8)),
        *(f"LR-{number}" for number in (8, 9, 10, 11, 12, 21)),
        *(f"D-3.{number}" for number in (1, 2, 3, 5)),
        "G-12",
        "G-23",
    ],
)
def test_every_rule_has_a_vector(rule):
    assert any(rule in vector.rules.split() for vector in VECTORS)
