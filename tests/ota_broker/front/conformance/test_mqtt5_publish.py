"""MQTT 5, sections 3.3, 3.4, 4.3 and 4.9: messages, what travels with them, and how they are acknowledged."""

import pytest

import live
from images import MemoryImage
from live import Server
from live5 import Client5, packed
from ota_broker.front.codec.packets import PacketType

FORWARDED = {
    "PayloadFormatIndicator": 1,
    "ContentType": "application/json",
    "ResponseTopic": "answers/d",
    "CorrelationData": b"\x00\xff",
    "UserProperty": [("b", "1"), ("a", "2"), ("b", "1")],
}


def pair(server: Server) -> tuple[Client5, Client5]:
    """Return a client that listens to `t/#` at QoS 1, and one that talks."""
    listener, talker = Client5(server), Client5(server)
    listener.hello("listener")
    listener.ask("t/#", options=1)
    talker.hello("talker")
    return listener, talker


@pytest.mark.parametrize("qos", [0, 1])
def test_3_3_2_3_properties_are_forwarded_unaltered_and_in_order(server: Server, qos: int):
    listener, talker = pair(server)
    with listener, talker:
        talker.say("t/x", b"{}", qos=qos, **FORWARDED)
        (message,) = listener.heard()
        assert (message.topic, message.payload, message.qos) == ("t/x", b"{}", qos)
        assert message.properties == FORWARDED


def test_3_3_2_3_properties_of_a_retained_message_are_kept(server: Server):
    with Client5(server) as client:
        client.hello()
        client.say("r", retain=True, **FORWARDED)
        client.ask("r")
        (message,) = client.heard()
        assert message.retain
        assert message.properties == FORWARDED


def test_3_3_2_3_a_client_of_3_1_1_gets_the_message_without_them(server: Server):
    with Client5(server) as talker, live.RawClient(server, 4) as old:
        talker.hello("talker")
        old.connect("old")
        old.subscribe("t")
        talker.say("t", b"x", MessageExpiryInterval=60, **FORWARDED)
        talker.until_ping()
        assert old.messages() == [("t", b"x")]


# Messages that expire


@pytest.mark.parametrize(("asked", "told"), [(60, {59, 60}), (0, {1}), (604_801, {604_799, 604_800})])
def test_3_3_2_3_3_what_is_left_of_its_time_travels_with_a_message(server: Server, asked: int, told: set[int]):
    """M5-1: at least one second, at most seven days."""
    listener, talker = pair(server)
    with listener, talker:
        talker.say("t/x", MessageExpiryInterval=asked)
        (message,) = listener.heard()
        assert message.properties["MessageExpiryInterval"] in told


def test_3_3_2_3_3_time_in_the_queue_counts_and_what_expired_is_not_sent(
    server: Server, caplog: pytest.LogCaptureFixture
):
    with Client5(server) as client:
        client.hello(SessionExpiryInterval=1000)
        client.ask("t", options=1)
        client.leave()
    with Client5(server) as talker:
        talker.hello("talker", keep_alive=1200)
        for payload, seconds in ((b"short", 10), (b"long", 500)):
            talker.say("t", payload, qos=1, MessageExpiryInterval=seconds)
        talker.say("t", b"for ever", qos=1)
        server.move_time(100)
    with Client5(server) as client:
        assert client.hello(clean=False).present
        messages = client.heard()
        assert [each.payload for each in messages] == [b"long", b"for ever"]
        assert messages[0].properties["MessageExpiryInterval"] in {399, 400}
        assert messages[1].properties == {}
    assert any("it has expired" in line for line in caplog.messages)


def test_3_3_2_3_3_an_expired_retained_message_is_not_sent(server: Server):
    with Client5(server) as client:
        client.hello(keep_alive=1200)
        client.say("r", retain=True, MessageExpiryInterval=10)
        client.until_ping()
        server.move_time(12)
        client.ask("r")
        assert client.heard() == []


# Topic aliases


def test_3_3_2_3_4_an_alias_stands_for_its_topic_until_it_is_given_another(server: Server):
    listener, talker = pair(server)
    with listener, talker:
        talker.say("t/a", b"1", TopicAlias=1)
        talker.say("t/b", b"2", TopicAlias=8)
        talker.say("", b"3", TopicAlias=1)
        talker.say("", b"4", qos=1, TopicAlias=8)
        talker.say("t/c", b"5", TopicAlias=1)
        talker.say("", b"6", TopicAlias=1)
        talker.until_ping()
        topics = {each.payload: each.topic for each in listener.heard()}
        assert topics == {b"1": "t/a", b"2": "t/b", b"3": "t/a", b"4": "t/b", b"5": "t/c", b"6": "t/c"}


def test_3_3_2_3_4_a_request_may_come_by_its_alias():
    with live.serving({"fw": {0: MemoryImage(b"firmware")}}) as server, Client5(server) as client:
        client.hello()
        topic = "$aws/things/d/streams/fw/get/json"
        for each in (topic, "", ""):
            client.say(each, b'{"f":0,"l":256,"n":1}', TopicAlias=2)
        assert [each.topic for each in client.heard()] == ["$aws/things/d/streams/fw/data/json"] * 3


def test_3_3_2_3_4_an_alias_takes_little_room(server: Server):
    with Client5(server) as client:
        client.hello()
        for alias in range(1, 9):
            assert client.say("t" * 60_000, qos=1, TopicAlias=alias).codes == b"\x90"
        (connection,) = server.listener._connections
        assert not connection.mqtt5_terms().aliases
        client.say("", qos=0, TopicAlias=8)
        assert client.goodbye().code == 0x82


def test_3_3_2_3_4_aliases_end_with_the_connection(server: Server):
    with Client5(server) as client:
        client.hello(SessionExpiryInterval=100)
        client.say("t", TopicAlias=1)
        client.leave()
    with Client5(server) as client:
        assert client.hello(clean=False).present
        client.say("", TopicAlias=1)
        assert client.goodbye().code == 0x82


@pytest.mark.parametrize(("taken", "used"), [(0, 0), (2, 2), (100, 8)])
def test_3_1_2_11_5_towards_a_client_as_many_topics_get_an_alias_as_it_takes(server: Server, taken: int, used: int):
    """M5-1."""
    with Client5(server) as client:
        client.hello(TopicAliasMaximum=taken)
        client.ask("t/#", options=1)
        topics = [f"t/{number}" for number in range(10)]
        for topic in topics * 2:
            client.say(topic, b"x", MessageExpiryInterval=100)
        heard = client.heard()
        aliases = [each.properties.get("TopicAlias") for each in heard]
        assert aliases == [*range(1, used + 1), *[None] * (10 - used)] * 2
        assert [each.topic for each in heard] == topics + [""] * used + topics[used:]
        assert all("MessageExpiryInterval" in each.properties for each in heard)


def test_3_1_2_11_5_an_alias_is_not_taken_for_told_by_a_message_that_was_too_large(server: Server):
    with Client5(server) as client, Client5(server) as talker:
        client.hello(TopicAliasMaximum=2, MaximumPacketSize=100)
        client.ask("t")
        talker.hello("talker")
        for size in (200, 10, 10):
            talker.say("t", bytes(size))
        talker.until_ping()
        assert [(each.topic, each.properties) for each in client.heard()] == [
            ("t", {"TopicAlias": 1}),
            ("", {"TopicAlias": 1}),
        ]


# Refusals


@pytest.mark.parametrize(
    ("topic", "values", "code"),
    [
        ("", {}, 0x90),
        ("", {"TopicAlias": 3}, 0x82),
        ("t", {"TopicAlias": 9}, 0x94),
        ("a/+", {}, 0x90),
        ("$SYS/x", {}, 0x90),  # MB-8
        ("t" * 257, {}, 0x90),
        ("a/b/c/d/e/f/g/h/i", {}, 0x90),
    ],
)
def test_4_13_a_message_at_qos_0_that_cannot_be_taken_ends_the_connection(
    server: Server, topic: str, values: dict[str, int], code: int
):
    with Client5(server) as client:
        client.hello()
        client.say(topic, **values)
        goodbye = client.goodbye()
        assert goodbye.code == code
        assert goodbye.properties["ReasonString"]


@pytest.mark.parametrize(
    ("topic", "retain", "code"),
    [
        ("$SYS/x", False, 0x90),  # MB-8
        ("t" * 257, False, 0x90),
        ("a/b/c/d/e/f/g/h/i", False, 0x90),
        ("$aws/things/d/streams/fw/get/json", True, 0x87),  # MU-6
    ],
)
def test_3_4_2_1_at_qos_1_its_acknowledgement_says_so_and_the_connection_lives(
    server: Server, topic: str, retain: bool, code: int, caplog: pytest.LogCaptureFixture
):
    with Client5(server) as client:
        client.hello()
        ack = client.say(topic, qos=1, retain=retain)
        assert ack is not None
        assert ack.codes == bytes((code,))
        assert ack.properties["ReasonString"]
        assert client.say("t", qos=1).codes == b"\0"
    assert any(line.startswith("refused") for line in caplog.messages)


def test_3_1_2_11_7_no_reason_string_for_a_client_that_wants_none(server: Server):
    with Client5(server) as client:
        client.hello(RequestProblemInformation=0)
        assert client.say("$SYS/x", qos=1).properties == {}
        assert client.ask("a" * 257).properties == {}


def test_3_1_2_11_4_no_reason_string_that_the_client_could_not_take(server: Server):
    with Client5(server) as client:
        client.hello(MaximumPacketSize=40)
        assert client.say("$SYS/x", qos=1) == (1, b"\x90", {})


def test_3_3_4_qos_2_is_not_supported_on_aws(server: Server):  # MU-5, M5-3
    with Client5(server) as client:
        client.hello()
        client.say("t", qos=2)
        assert client.goodbye().code == 0x9B


@pytest.mark.parametrize("first", [0x50, 0x62, 0x70])
def test_3_5_acknowledgements_of_qos_2_are_a_protocol_error_on_aws(server: Server, first: int):  # M5-3
    with Client5(server) as client:
        client.hello()
        client.send(live.packet(first, b"\0\1"))
        assert client.goodbye().code == 0x82


def test_3_3_4_more_messages_in_flight_than_announced(server: Server):
    burst = b"".join(live.packet(0x32, live.text("t") + number.to_bytes(2, "big") + b"\0") for number in range(1, 102))
    with Client5(server) as client:
        client.hello()
        client.send(burst[: len(burst) // 101 * 100])
        assert {client.ack(PacketType.PUBACK).codes for _ in range(100)} == {b"\0"}, "a hundred are allowed (M5-1)"
        client.send(burst)
        packets = client.until_end()
        assert packets[-1][0] == 0xE0
        assert packets[-1][1][0] == 0x93


def test_3_2_2_3_6_a_packet_larger_than_announced(server: Server):  # MU-7
    with Client5(server) as client:
        client.hello()
        client.send(b"\x30\xff\xff\xff\x07")
        assert client.goodbye().code == 0x95


def test_ours_more_properties_than_anybody_needs(server: Server):
    with Client5(server) as client:
        client.hello()
        client.say("t", b"x", qos=1, CorrelationData=bytes(8_000))
        client.say("t", b"x", UserProperty=[("", "")] * 1_700)
        assert client.goodbye().code == 0x97


def test_q_28_a_payload_of_128_kib_and_one_byte(server: Server):  # MU-7
    with Client5(server) as client:
        client.hello()
        client.say("t", bytes(131_073))
        assert client.goodbye().code == 0x95


@pytest.mark.parametrize(
    "data",
    [
        live.packet(0x36, live.text("t") + b"\0\1\0"),
        live.packet(0x30, live.text("t")),
        live.packet(0x30, live.text("t") + b"\x05\x01"),
        live.packet(0x30, live.text("a\0b") + b"\0"),
        live.packet(0x30, live.binary(b"\xff") + b"\0"),
        b"\x30\xff\xff\xff\xff\x01",
        b"\xc0\x01x",
        live.packet(0x82, b"\0\1\0" + live.text("t") + b"\xc0"),
    ],
)
def test_4_13_malformed_packets(server: Server, data: bytes):  # MU-7
    with Client5(server) as client:
        client.hello()
        client.send(data)
        assert client.goodbye().code == 0x81


@pytest.mark.parametrize("first", [0x20, 0x90, 0xB0, 0xD0, 0xF0])
def test_4_13_packets_that_only_a_server_sends(server: Server, first: int):
    with Client5(server) as client:
        client.hello()
        client.send(bytes((first, 0)))
        assert client.goodbye().code == 0x82


# Request and response: section 4.10


@pytest.mark.parametrize("subscribed", [None, 0, 1])
def test_4_10_an_answer_of_the_cloud_carries_the_correlation_data_of_its_request(subscribed: int | None):
    with live.serving({"fw": {0: MemoryImage(bytes(600))}}) as server:
        base = "$aws/things/d/streams/fw"
        with Client5(server) as client, Client5(server) as watch:
            client.hello()
            watch.hello("watch")
            watch.ask(f"{base}/+/json", options=1)
            if subscribed is not None:
                client.ask(f"{base}/data/json", f"{base}/rejected/json", options=subscribed)
            properties = {
                "CorrelationData": b"\x00request 7",
                "ResponseTopic": "answers/d",
                "UserProperty": [("k", "v")],
            }
            client.say(f"{base}/get/json", b'{"f":0,"l":256,"n":3}', **properties)
            client.say(f"{base}/get/json", b'{"f":9,"l":256,"n":1}', **properties)
            client.say(f"{base}/get/json", b'{"f":0,"l":256,"n":1}')
            answers = client.heard()
            assert [each.topic.split("/")[-2] for each in answers] == ["data"] * 3 + ["rejected", "data"]
            assert [each.properties for each in answers] == [{"CorrelationData": b"\x00request 7"}] * 4 + [{}]
            for each in watch.heard():
                assert each.properties == (properties if each.topic.endswith("get/json") and each.properties else {})


def test_4_10_an_answer_of_the_jobs_service_does_too(server: Server):
    with Client5(server) as client:
        client.hello()
        server.create_job("j", "d")
        client.say("$aws/things/d/jobs/$next/get", b"{}", qos=1, CorrelationData=b"7")
        (answer,) = client.heard()
        assert answer.topic == "$aws/things/d/jobs/$next/get/accepted"
        assert answer.properties == {"CorrelationData": b"7"}


def test_4_10_between_clients_request_and_response_are_theirs(server: Server):
    with Client5(server) as requester, Client5(server) as responder:
        topic = requester.hello("requester", RequestResponseInformation=1).properties["ResponseInformation"]
        requester.ask(topic)
        responder.hello("responder")
        responder.ask("ask")
        requester.say("ask", b"?", ResponseTopic=topic, CorrelationData=b"1")
        requester.until_ping()
        (question,) = responder.heard()
        asked = question.properties
        responder.say(asked["ResponseTopic"], b"!", CorrelationData=asked["CorrelationData"])
        responder.until_ping()
        (answer,) = requester.heard()
        assert (answer.payload, answer.properties) == (b"!", {"CorrelationData": b"1"})


def test_2_2_2_2_a_property_of_another_packet_is_malformed(server: Server):
    with Client5(server) as client:
        client.hello()
        client.send(live.packet(0x30, live.text("t") + packed(1, ReceiveMaximum=1)))
        assert client.goodbye().code == 0x81
