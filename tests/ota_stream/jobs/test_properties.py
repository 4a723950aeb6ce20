"""What holds for every payload and every topic, and that no request reads everything there is."""

import json
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from job_desk import Desk
from job_vectors import STATES, book_in
from ota_stream.answers import Answer, Audience, Refusal
from ota_stream.jobs import topics
from ota_stream.jobs.book import JobBook, JobTables
from ota_stream.jobs.documents import compact
from ota_stream.jobs.errors import RejectionCode
from ota_stream.jobs.executions import Status
from ota_stream.jobs.service import JobService
from ota_stream.records import JobEvent, JobRequestRecord

words = st.text(max_size=20)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
members = st.fixed_dictionaries(
    {},
    optional={
        "clientToken": words | anything,
        "status": st.sampled_from(Status) | anything,
        "statusDetails": st.dictionaries(words, words, max_size=12) | anything,
        "expectedVersion": st.integers(0, 4) | st.integers(0, 4).map(str) | anything,
        "executionNumber": st.integers(0, 2) | anything,
        "includeJobExecutionState": st.booleans() | anything,
        "includeJobDocument": st.booleans() | anything,
        "stepTimeoutInMinutes": st.sampled_from([-2, -1, 0, 1, 10_080, 10_081]) | anything,
        "more": anything,
    },
)
payloads = st.binary(max_size=200) | members.map(json.dumps).map(str.encode) | anything.map(json.dumps).map(str.encode)
levels = st.sampled_from(
    ["jobs", "get", "start-next", "update", "notify", "$next", "j1", "j2", "accepted", "rejected", "", "+", "a b"]
)
tails = st.lists(levels | words, max_size=5).map("/".join)
almost_topics = (
    tails.map("$aws/things/lock-0042/jobs/{}".format)
    | tails.map("$aws/things/{}".format)
    | st.lists(levels | words, max_size=8).map("/".join)
)
request_tails = st.sampled_from(["get", "start-next", "$next/get", "j1/get", "j1/update", "j2/update", "none/get"])
states = st.sampled_from(sorted(STATES))


def check(answer: Answer, topic: str) -> None:
    record = answer.record
    assert isinstance(record, JobRequestRecord)
    assert (record.at, record.client_id, record.topic) == (1000.5, "c", topic)
    first = answer.replies[0]
    end = "accepted" if record.failure is None else "rejected"
    assert (first.topic, first.to, first.qos) == (f"{topic}/{end}", Audience.REQUESTER, 1)
    body = json.loads(first.payload)
    assert body["timestamp"] == 1000
    assert body.get("clientToken") == record.client_token
    if record.failure is not None:
        assert len(answer.replies) == 1
        assert answer.also == ()
        assert body["message"] == record.failure
        assert "\n" not in record.failure
        assert body["code"] in set(RejectionCode)


@given(state=states, topic=almost_topics, payload=payloads)
@settings(max_examples=300, deadline=None)
def test_any_bytes_on_any_topic_give_an_answer_a_refusal_or_nothing(state, topic, payload):
    service = JobService(book_in(state))
    try:
        parsed = topics.parse(topic)
    except topics.UnknownTopic as unknown:
        refused = service.refuse(topic, unknown, "c", 1000.5)
        assert isinstance(refused, Answer | Refusal)
        if isinstance(refused, Answer):
            check(refused, topic)
        assert len(refused.replies) <= 1
        return
    if parsed is not None:
        assert parsed.text == topic
        check(service.answer(parsed, payload, "c", 1000.5), topic)


@given(state=states, tail=request_tails, payload=payloads)
@settings(max_examples=600, deadline=None)
def test_any_bytes_to_a_request_topic_give_one_answer_with_one_record(state, tail, payload):
    book = book_in(state)
    before = dict(book.executions)
    topic = topics.parse(f"$aws/things/lock-0042/jobs/{tail}")
    assert topic is not None
    answer = JobService(book).answer(topic, payload, "c", 1000.5)
    check(answer, topic.text)
    if answer.record.failure is not None:
        assert book.executions == before


@given(document=st.dictionaries(words, anything, max_size=4))
@settings(deadline=None)
def test_a_compact_document_is_the_document(document):
    text = json.dumps(document, indent=1)
    try:
        assert json.loads(compact(text)) == json.loads(text)
    except ValueError:
        assert any(word in text for word in ("NaN", "Infinity", "\\ud"))  # what JSON is not


def test_a_fault_of_ours_is_an_internal_error():
    topic = topics.build("t", topics.Operation.DESCRIBE, "$next")
    answer = JobService(JobBook()).fault(topic, "c", 1000.5)
    check(answer, topic.text)
    assert json.loads(answer.replies[0].payload)["code"] == "InternalError"
    assert answer.record == JobRequestRecord(1000.5, JobEvent.DESCRIBE, "c", topic.text, failure="Internal error")


class Shut(dict):
    """A table that cannot be read from end to end once it is shut."""

    shut = False

    def __iter__(self) -> Iterator:
        assert not self.shut, "a request reads the whole table"
        return super().__iter__()

    def values(self):
        assert not self.shut, "a request reads the whole table"
        return super().values()

    def items(self):
        assert not self.shut, "a request reads the whole table"
        return super().items()


def test_no_request_and_no_passing_of_time_reads_a_whole_table():
    tables = JobTables(jobs=Shut(), executions=Shut(), waiting=Shut(), things=Shut(), groups=Shut())
    desk = Desk(JobBook(tables))
    desk.registry.create_thing_group("g")
    desk.create("j1", *(f"thing/t{number}" for number in range(1100)))
    desk.create("c1", "thinggroup/g", target_selection="CONTINUOUS")
    for name in ("jobs", "executions", "waiting", "things", "groups"):
        getattr(tables, name).shut = True
    desk.start("t1", stepTimeoutInMinutes=1)
    desk.report("t1", "j1", "SUCCEEDED")
    desk.start("t2", stepTimeoutInMinutes=1)
    desk.ask("t2", "get")
    assert desk.at(60.0).replies
    desk.registry.add_thing_to_group("t5", "g", 60.0)
    desk.registry.remove_thing_from_group("t5", "g", 60.0)
    desk.registry.delete_thing("t6", 60.0)
    desk.control.cancel_job("j1", 61.0, force=True)
