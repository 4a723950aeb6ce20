"""Third and fourth runner of the vectors: a real socket, JSON and CBOR, in MQTT 3.1.1 and in MQTT 5."""

from contextlib import ExitStack

import cbor2
import pytest
from msgspec.structs import replace

from images import MemoryImage, stock
from live import RawClient, Server, serving
from ota_stream.records import Action, RequestRecord
from ota_stream.streams.options import StreamOptions
from vectors import CASES, INVALID_TOPIC, STRAYS, Case, written_block, written_rejection

CLIENT_ID = "client-of-another-name"  # never the thing's
ACTIONS = {"get": Action.GET_STREAM, "describe": Action.DESCRIBE_STREAM}
JSON = [case for case in CASES if case.wire == "json"]
CBOR = [case for case in CASES if case.wire == "cbor"]
TOLD = [stray for stray in STRAYS if stray.topic.startswith("$aws/")]
REFUSED_BY_MQTT = [stray for stray in STRAYS if stray.topic in {"", "$AWS/things/lock-0042/streams/firmware/get/json"}]
LEVELS = pytest.mark.parametrize("level", [4, 5], ids=["MQTT 3.1.1", "MQTT 5"])


@pytest.fixture(scope="module")
def servers():
    """A server for every set of options, opened when it is first needed."""
    opened: dict[StreamOptions, Server] = {}
    with ExitStack() as stack:

        def server(options: StreamOptions) -> Server:
            if options not in opened:
                opened[options] = stack.enter_context(serving({}, options=options))
                opened[options].run(lambda: stock(opened[options].catalog))
            return opened[options]

        yield server


def check_answer(case: Case, server: Server, client: RawClient) -> None:
    before = len(server.records)
    client.publish(case.topic, case.request)
    received, expected = client.messages(), case.replies()
    assert [topic for topic, _ in received] == [reply.topic for reply in expected]
    for (_, payload), reply in zip(received, expected, strict=True):
        if reply.exact:
            assert payload == reply.payload
        else:
            assert list(cbor2.loads(payload).items()) == list(cbor2.loads(reply.payload).items())
    (record,) = server.records[before:]
    failure = None if case.refused is None else case.refused[1]
    action, stream_id = ACTIONS[case.vector.operation], case.vector.stream
    assert replace(record, at=0.0) == RequestRecord(
        0.0, action, CLIENT_ID, case.topic, stream_id, case.vector.echo, failure
    )


def check_twice(case: Case, level: int, servers) -> None:
    """Ask unsubscribed and subscribed: the answer comes exactly once, both times in full (SB-10)."""
    server = servers(StreamOptions(**case.vector.options))
    with RawClient(server, level) as client:
        client.connect(CLIENT_ID)
        check_answer(case, server, client)
        client.subscribe(*(f"{case.base}/{answer}/{case.wire}" for answer in ("data", "description", "rejected")))
        check_answer(case, server, client)


@LEVELS
@pytest.mark.parametrize("case", JSON, ids=str)
def test_json_over_a_socket(case, level, servers):
    check_twice(case, level, servers)


@LEVELS
@pytest.mark.parametrize("case", CBOR, ids=str)
def test_cbor_over_a_socket(case, level, servers):
    check_twice(case, level, servers)


@pytest.mark.parametrize("stray", TOLD, ids=lambda stray: stray.name)
def test_a_topic_that_is_no_request_does_not_end_the_connection(stray, servers):
    """ST-9, ST-10."""
    server = servers(StreamOptions())
    with RawClient(server) as client:
        client.connect(CLIENT_ID)
        before = len(server.records)
        client.publish(stray.topic, b'{"f":0,"l":256,"n":1}')
        assert client.messages() == [(reply.topic, reply.payload) for reply in stray.replies()]
        recorded = [] if stray.operation is None else [(ACTIONS[stray.operation], stray.topic, INVALID_TOPIC[1])]
        assert [(record.action, record.topic, record.failure) for record in server.records[before:]] == recorded


@pytest.mark.parametrize("stray", REFUSED_BY_MQTT, ids=lambda stray: stray.name)
def test_a_topic_that_mqtt_refuses_ends_the_connection_and_leaves_no_record(stray, servers):
    server = servers(StreamOptions())
    with RawClient(server) as client:
        client.connect(CLIENT_ID)
        before = len(server.records)
        client.publish(stray.topic, b'{"f":0,"l":256,"n":1}')
        assert client.is_closed()
        assert server.records[before:] == []


@pytest.mark.parametrize(("granted", "first_byte"), [(None, 0x30), (0, 0x30), (1, 0x32)])
def test_data_come_at_the_lower_of_both_qos_never_retained_never_marked_duplicate(granted, first_byte, servers):
    """G-7, SR-9, SR-10."""
    server, base = servers(StreamOptions(stream_qos=1)), "$aws/things/t/streams/firmware"
    with RawClient(server) as client:
        client.connect(CLIENT_ID)
        if granted is not None:
            client.subscribe(f"{base}/data/json", qos=granted)
        client.publish(f"{base}/get/json", b'{"f":0,"l":4096,"n":3}')
        assert [first for first, _ in client.until_ping()] == [first_byte] * 3


def test_a_fault_of_ours_is_an_internal_error_with_a_record_and_the_connection_lives():
    """Section 1.7, InternalError."""
    image = MemoryImage(b"firmware")
    with serving({"fw": {0: image}}) as server, RawClient(server) as client:
        client.connect(CLIENT_ID)
        topic = "$aws/things/t/streams/fw/get/json"
        image.read_fault = RuntimeError("a fault of ours")
        client.publish(topic, b'{"f":0,"l":256,"n":1}')
        expected = written_rejection("json", None, ("InternalError", "Internal error"))
        assert client.messages() == [("$aws/things/t/streams/fw/rejected/json", expected)]
        image.read_fault = None
        client.publish(topic, b'{"f":0,"l":256,"n":1}')
        assert client.messages() == [
            ("$aws/things/t/streams/fw/data/json", written_block("json", None, 0, 0, b"firmware"))
        ]
        assert [record.failure for record in server.records] == ["Internal error", None]


def test_every_format_has_its_runner():
    assert len(JSON) > 300
    assert len(CBOR) > 300
    assert len(JSON) + len(CBOR) == len(CASES)
