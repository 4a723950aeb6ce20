"""Requests to the cloud through the front door: who gets the answers, and how often."""

import logging
from collections.abc import Iterator

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import live
from images import MemoryImage, image_bytes
from live import RawClient, Server
from ota_stream.records import Action
from ota_stream.streams.options import StreamOptions

IMAGE = MemoryImage(image_bytes(100_000))
GET = "$aws/things/d/streams/fw/get/json"
DATA = "$aws/things/d/streams/fw/data/json"
ONE = b'{"f":0,"l":256,"n":1}'


@pytest.fixture
def server() -> Iterator[Server]:
    with live.serving({"fw": {0: IMAGE}}) as server:
        yield server


def connected(server: Server, client_id: str, *filters: str, qos: int = 0) -> RawClient:
    client = RawClient(server)
    client.connect(client_id)
    if filters:
        client.subscribe(*filters, qos=qos)
    return client


def topics(client: RawClient) -> list[str]:
    return [topic for topic, _ in client.messages()]


@pytest.mark.parametrize("filters", [(), (DATA,), ("$aws/things/+/streams/+/data/+",), (DATA, "$aws/things/d/#")])
def test_the_requester_gets_each_answer_once_subscribed_or_not(server: Server, filters: tuple[str, ...]):
    with connected(server, "d", *filters) as client:
        client.publish(GET, b'{"f":0,"l":256,"n":3}')
        assert topics(client) == [DATA] * 3


def test_everybody_else_who_subscribed_gets_a_copy_and_nobody_more(server: Server):
    with (
        connected(server, "d") as requester,
        connected(server, "exact", DATA) as exact,
        connected(server, "wild", "$aws/things/+/streams/#") as wild,
        connected(server, "all", "#") as everything,
        connected(server, "e", "$aws/things/e/streams/fw/data/json") as other_thing,
    ):
        requester.publish(GET, ONE)
        assert topics(requester) == [DATA]
        assert topics(exact) == [DATA]
        assert topics(wild) == [GET, DATA], "an observer sees the request too"
        assert topics(everything) == [], "a leading wildcard takes no reserved topic (MB-7)"
        assert topics(other_thing) == []


def test_a_request_for_another_thing_is_answered_to_the_requester_and_that_things_subscriber(server: Server):
    with connected(server, "d") as requester, connected(server, "e", "$aws/things/e/streams/fw/data/json") as other:
        requester.publish("$aws/things/e/streams/fw/get/json", ONE)
        assert topics(requester) == topics(other) == ["$aws/things/e/streams/fw/data/json"]


def test_many_things_on_one_stream_do_not_talk_across(server: Server):  # check 9 of spec section 8
    clients = [connected(server, f"t{number}", f"$aws/things/t{number}/streams/fw/data/cbor") for number in range(100)]
    for number, client in enumerate(clients):
        request = cbor2.dumps({"f": 0, "l": 256, "o": number, "n": 1})
        client.publish(f"$aws/things/t{number}/streams/fw/get/cbor", request)
    for number, client in enumerate(clients):
        ((topic, payload),) = client.messages()
        block = cbor2.loads(payload)
        assert topic == f"$aws/things/t{number}/streams/fw/data/cbor"
        assert (block["i"], block["p"]) == (number, IMAGE.read(number * 256, number * 256 + 256))
        client.socket.close()
    assert len(server.records) == 100


def test_qos_1_requests_are_acknowledged_before_they_are_answered(server: Server):
    with connected(server, "d") as client:
        client.publish(GET, ONE, qos=1)
        client.publish(GET, b"not json", qos=1)
        assert [first for first, _ in client.until_ping()] == [0x40, 0x30, 0x40, 0x30]


@pytest.mark.parametrize(("subscribed", "sent"), [(None, 0), (0, 0), (1, 1)])
def test_stream_qos_1_is_delivered_at_the_granted_qos(subscribed: int | None, sent: int):  # SR-9, G-7
    filters = [] if subscribed is None else [DATA]
    with (
        live.serving({"fw": {0: IMAGE}}, options=StreamOptions(stream_qos=1)) as server,
        connected(server, "d", *filters, qos=subscribed or 0) as client,
    ):
        client.publish(GET, ONE)
        assert [first >> 1 & 3 for first, _ in client.until_ping()] == [sent]


def test_by_default_data_comes_at_qos_0_whatever_was_granted(server: Server):  # SR-9
    with connected(server, "d", DATA, qos=1) as client:
        client.publish(GET, ONE)
        assert [first for first, _ in client.until_ping()] == [0x30]


def test_two_requests_on_one_connection_and_ordinary_topics_between_them(server: Server):
    """The canary: a client that has published to `$aws` once goes on being heard."""
    with connected(server, "d", "plain/#") as client:
        for _ in range(3):
            client.publish(GET, ONE)
            client.publish("plain/t", b"x")
        assert topics(client) == [DATA, "plain/t"] * 3


def test_a_reserved_topic_without_a_service_is_dropped_with_a_line(server: Server, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING, "ota_broker")
    with connected(server, "d") as client:
        client.publish("$aws/things/d/shadow/update", b"{}", qos=1)
        assert [first for first, _ in client.until_ping()] == [0x40], "acknowledged, and the connection lives"
    assert caplog.messages == ["no service: d published to $aws/things/d/shadow/update, which nothing answers"]
    assert server.records == []


def test_a_stream_topic_that_is_no_request_says_why(server: Server, caplog: pytest.LogCaptureFixture):  # ST-9
    caplog.set_level(logging.WARNING, "ota_broker")
    rejected = "$aws/things/d/streams/fw/rejected/json"
    with connected(server, "d") as client:
        client.publish("$aws/things/d/streams/fw/data/json", b"{}")
        assert topics(client) == [rejected]
        client.publish("$aws/things/d/streams/fw/get/xml", b"{}")
        assert topics(client) == [rejected]
        client.publish("$aws/things/d/streams//get/json", b"{}")
        assert topics(client) == []
    assert [(record.action, record.failure) for record in server.records] == [
        (Action.GET_STREAM, "The topic is invalid")
    ], "a get in an unknown format is a failed GetStream; the others are no action at all"
    assert "streamname" in caplog.messages[-1] or "get|describe" in caplog.messages[0]


def test_an_internal_fault_is_the_devices_internal_error_and_nobody_elses(
    server: Server, caplog: pytest.LogCaptureFixture
):
    broken = MemoryImage(image_bytes(1000))
    broken.read_fault = RuntimeError("disk on fire")
    server.run(lambda: server.catalog.put("broken", {0: broken}))
    with connected(server, "d") as client:
        client.publish("$aws/things/d/streams/broken/get/json", ONE)
        ((topic, payload),) = client.messages()
        assert topic.endswith("/rejected/json")
        assert b'"code":"InternalError"' in payload
        client.publish(GET, ONE)
        assert topics(client) == [DATA]
    assert server.records[0].failure == "Internal error"
    assert "disk on fire" in caplog.text


words = st.sampled_from(
    ["$aws", "things", "streams", "get", "describe", "json", "cbor", "d", "fw", "..", "", "jobs", "é"]
)
reserved = st.lists(words, min_size=1, max_size=7).map(lambda levels: "/".join(["$aws", *levels]))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(reserved | st.just(GET), st.binary(max_size=200), st.integers(0, 1)), max_size=5))
def test_any_bytes_on_any_reserved_topic_leave_everybody_served(
    server: Server, publishes: list[tuple[str, bytes, int]]
):
    with connected(server, "wild") as client, connected(server, "good") as good:
        for topic, payload, qos in publishes:
            client.publish(topic, payload, qos=qos)
        client.until_ping()
        good.publish(GET, ONE)
        assert topics(good) == [DATA]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.booleans(), st.lists(st.binary(max_size=60), max_size=5))
def test_any_bytes_on_a_connection_leave_everybody_else_served(server: Server, connect: bool, writes: list[bytes]):
    with RawClient(server) as wild, connected(server, "good") as good:
        if connect:
            wild.connect("wild")
        for data in writes:
            try:
                wild.send(data)
            except ConnectionError:
                break
        good.publish(GET, ONE)
        assert topics(good) == [DATA]
