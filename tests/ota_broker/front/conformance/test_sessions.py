"""Sessions and delivery by the OASIS standards: MQTT 3.1.1 and MQTT 5 give these sections the same numbers."""

from collections.abc import Iterator
from queue import Queue

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

import live
from live import Server
from ota_broker.front.profile import AWS, STANDARD, Profile
from session_client import PUBACK, PUBCOMP, PUBREC, PUBREL, Heard, SessionClient, connected, send


@pytest.fixture(params=[4, 5], ids=["3.1.1", "5"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """AWS's rules, in both versions."""
    with live.serving() as server:
        server.level = request.param
        yield server


@pytest.fixture(params=[4, 5], ids=["3.1.1", "5"])
def standard(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The standard's, in both versions."""
    with live.serving(profile=STANDARD) as server:
        server.level = request.param
        yield server


# 3.1.2.4 Clean session, clean start; 3.2.2.2 session present


def test_3_2_2_2_session_present_tells_whether_a_session_was_there(server: Server):
    for clean, present in ((False, False), (False, True), (True, False), (False, False), (False, True)):
        with SessionClient(server) as client:
            assert client.connect("d", clean=clean) is present
            client.bye()


def test_3_1_2_4_a_session_keeps_its_subscriptions_and_its_messages(standard: Server):
    with connected(standard, clean=False) as client:
        client.subscribe("0", qos=0)
        client.subscribe("1", "w/#", qos=1)
        client.subscribe("2", qos=2)
        client.bye()
    for topic in ("0", "1", "2", "w/x"):
        send(standard, topic, topic.encode(), qos=2)
    with connected(standard, clean=False) as client:
        taken = [(heard.qos, heard.topic) for heard in client.take_all()]
        assert taken == [(1, "1"), (2, "2"), (1, "w/x")], "QoS 0 does not wait"  # MB-4
        send(standard, "0", b"live", qos=2)
        assert client.take_all() == [Heard(0, "0", b"live")]


def test_3_1_2_4_a_new_session_has_nothing_of_the_old(server: Server):
    with connected(server, clean=False) as client:
        client.subscribe("t", qos=1)
        client.bye()
    send(server, "t", b"waits")
    with connected(server, clean=True) as client:
        send(server, "t", b"live")
        assert client.take_all() == []
        client.bye()
    with connected(server, clean=False) as client:
        assert client.take_all() == []


def test_3_1_3_1_clients_without_an_id_have_a_session_each(server: Server):
    with connected(server, "") as one, connected(server, "") as other:
        one.subscribe("t")
        send(server, "t", b"x")
        assert [len(client.take_all()) for client in (one, other)] == [1, 0]


# 3.1.4 Take-over


def test_3_1_4_the_old_connection_ends_first_and_its_will_reaches_the_new_one(server: Server):  # MB-5
    with connected(server, clean=False, will=("w", b"gone", 1, False)) as old:
        old.subscribe("w", qos=1)
        with SessionClient(server) as new:
            assert new.connect("d", clean=False)
            assert old.is_closed()
            assert new.take_all() == [Heard(1, "w", b"gone", 1)]


def test_3_1_4_a_storm_of_take_overs_leaves_one_session_with_all_its_messages(server: Server):
    with connected(server, clean=False) as client:
        client.subscribe("t", qos=1)
        client.bye()
    send(server, "t", b"kept")
    clients = [SessionClient(server) for _ in range(100)]
    for client in clients:
        client.send(_connect(server.level))
    assert all(client.receive()[0] == 0x20 for client in clients), "each was let in"
    connections = server.listener._connections
    live.wait_until(lambda: len(connections) == 1)
    assert [session.client_id for session in server.listener.exchange._sessions] == ["d"]
    assert sum(map(len, server.listener.wheel._buckets.values())) <= 2, "deadlines of who is here, and of no one else"
    for client in clients:
        client.socket.close()
    live.wait_until(lambda: not connections)
    with connected(server, clean=False) as client:
        assert [heard.payload for heard in client.take_all()] == [b"kept"]


def _connect(level: int) -> bytes:
    lasting = b"\5\x11\xff\xff\xff\xff" if level == 5 else b""
    return live.packet(0x10, live.text("MQTT") + bytes((level, 0, 0, 60)) + lasting + live.text("d"))


# 3.3.1.3 Retained messages


def test_3_3_1_3_a_new_subscription_brings_what_is_retained_at_the_lower_qos(standard: Server):
    for qos, topic in enumerate(("r/0", "r/1", "r/2")):
        send(standard, topic, b"old", b"new", qos=qos, retain=True)
    with connected(standard) as client:
        client.subscribe("r/+", qos=1)
        taken = sorted(client.take_all(), key=lambda heard: heard.topic)
        assert [(heard.qos, heard.topic, heard.payload, heard.retain) for heard in taken] == [
            (0, "r/0", b"new", True), (1, "r/1", b"new", True), (1, "r/2", b"new", True),
        ]  # fmt: skip
        client.subscribe("r/0")
        assert client.take_all() == [Heard(0, "r/0", b"new", retain=True)], "each time one subscribes (3.8.4)"
        send(standard, "r/0", b"live", qos=0, retain=True)
        assert client.take_all() == [Heard(0, "r/0", b"live")], "who is subscribed already gets it as any other"


def test_3_3_1_3_an_empty_message_takes_it_away_and_is_delivered(standard: Server):
    send(standard, "r", b"x", retain=True)
    with connected(standard) as client:
        client.subscribe("r")
        assert len(client.take_all()) == 1
        send(standard, "r", b"", retain=True)
        assert client.take_all() == [Heard(0, "r", b"")]
        client.subscribe("r")
        assert client.take_all() == []


# 3.1.2.5 Wills


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_3_1_2_5_a_will_goes_out_at_its_qos_and_may_be_retained(standard: Server, qos: int):
    with connected(standard, "watch") as watch:
        watch.subscribe("w/+", qos=2)
        with connected(standard, will=("w/t", b"gone", qos, True)):
            pass
        live.wait_until(lambda: len(standard.listener._connections) == 1)
        ((got),) = watch.take_all()
        assert got[:3] == (qos, "w/t", b"gone")
        assert not got.retain
        watch.subscribe("w/t")
        assert [heard.retain for heard in watch.take_all()] == [True]


# 3.3.5, 4.7 Filters


def test_3_3_5_overlapping_filters_bring_one_copy_at_the_highest_qos(standard: Server):
    with connected(standard) as client:
        for qos, topic_filter in enumerate(("a/#", "a/b", "+/b")):
            client.subscribe(topic_filter, qos=qos)
        send(standard, "a/b", b"x", qos=2)
        assert client.take_all() == [Heard(2, "a/b", b"x", 1)]


def test_4_7_1_wildcards(standard: Server):
    taken = {
        "#": {"a", "a/b", "a/b/c", "/", "/a"},
        "a/#": {"a", "a/b", "a/b/c"},
        "+": {"a"},
        "+/+": {"a/b", "/", "/a"},
        "/+": {"/", "/a"},
        "a/+/c": {"a/b/c"},
        "+/": {"/"},
    }
    with connected(standard) as client:
        for topic_filter, topics in taken.items():
            client.subscribe(topic_filter)
            for topic in ("a", "a/b", "a/b/c", "/", "/a"):
                send(standard, topic, b"x", qos=0)
            assert {heard.topic for heard in client.take_all()} == topics
            client.send(live.packet(0xA2, b"\0\1" + client._no_properties + live.text(topic_filter)))
            assert client.receive()[0] == 0xB0


def test_4_7_2_a_filter_that_begins_with_a_wildcard_takes_no_topic_with_a_dollar(server: Server):  # MB-7
    topic = "$aws/things/d/shadow/update"
    with connected(server, "watch") as watch, connected(server) as client:
        watch.subscribe("#", "+/things/d/shadow/update")
        client.publish(topic, b"x")
        client.until_ping()
        assert watch.take_all() == []
        watch.subscribe("$aws/#")
        client.publish(topic, b"x")
        client.until_ping()
        assert watch.take_all() == [Heard(0, topic, b"x")]


def test_3_10_4_what_is_under_way_is_finished_after_unsubscribing(standard: Server):
    with connected(standard) as client:
        client.subscribe("t", qos=2)
        send(standard, "t", b"x", qos=2)
        got = client.hear()
        client.send(live.packet(0xA2, b"\0\x63" + client._no_properties + live.text("t")))
        assert client.receive()[0] == 0xB0
        client.answer(PUBREC, got.packet_id)
        assert client.told(PUBREL, got.packet_id) == 0
        client.answer(PUBCOMP, got.packet_id)
        send(standard, "t", b"y", qos=2)
        assert client.take_all() == []


# 4.3 Quality of service


@pytest.mark.parametrize("published", [0, 1, 2])
@pytest.mark.parametrize("subscribed", [0, 1, 2])
def test_4_3_a_message_comes_at_the_lower_qos(standard: Server, published: int, subscribed: int):
    with connected(standard) as client:
        assert client.subscribe("t", qos=subscribed) == bytes((subscribed,))
        send(standard, "t", b"x", qos=published)
        ((got),) = client.take_all()
        assert got.qos == min(published, subscribed)


def test_4_3_3_a_message_of_qos_2_is_taken_once_until_its_id_is_released(standard: Server):
    with connected(standard, "watch") as watch, connected(standard) as client:
        watch.subscribe("t")
        for duplicate in (False, True, True):
            client.put("t", b"one", packet_id=7, duplicate=duplicate)
            assert client.told(PUBREC, 7) == 0
        client.answer(PUBREL, 7)
        assert client.told(PUBCOMP, 7) == 0
        client.put("t", b"two", packet_id=7)
        assert client.told(PUBREC, 7) == 0
        assert [heard.payload for heard in watch.take_all()] == [b"one", b"two"]


def test_4_3_3_it_is_taken_once_over_a_reconnect_too(standard: Server):
    with connected(standard, "watch") as watch:
        watch.subscribe("t")
        with connected(standard, clean=False) as client:
            client.put("t", b"one", packet_id=7)
            client.told(PUBREC, 7)
        with connected(standard, clean=False) as client:
            client.put("t", b"one", packet_id=7, duplicate=True)
            assert client.told(PUBREC, 7) == 0
            client.answer(PUBREL, 7)
            assert client.told(PUBCOMP, 7) == 0
        assert [heard.payload for heard in watch.take_all()] == [b"one"]


def test_4_3_3_messages_that_are_never_released_are_bounded(standard: Server):
    with connected(standard) as client:
        for packet_id in range(1, 101):
            client.put("t", b"x", packet_id=packet_id)
            client.told(PUBREC, packet_id)
        client.put("t", b"x", packet_id=101)
        if standard.level == 5:
            assert client.receive()[1][:1] == b"\x93"
        assert client.is_closed()


def test_4_3_3_a_request_with_qos_2_is_answered_once(standard: Server):
    request, token = "$aws/things/d/jobs/get", b'{"clientToken":"c"}'
    with connected(standard) as client:
        for duplicate in (False, True):
            client.put(request, token, packet_id=1, duplicate=duplicate)
        assert client.told(PUBREC, 1) == 0
        assert client.hear().topic == f"{request}/accepted"
        assert client.told(PUBREC, 1) == 0
        assert client.until_ping() == []


def test_4_3_3_paho_sends_and_gets_every_message_once_and_in_order(standard: Server):
    protocol = paho.MQTTv5 if standard.level == 5 else paho.MQTTv311
    count, got, ready = 300, Queue[int](), Queue[None]()
    receiver, sender = (paho.Client(CallbackAPIVersion.VERSION2, name, protocol=protocol) for name in ("r", "s"))
    receiver.on_message = lambda _client, _data, m: got.put(int(m.payload))
    receiver.on_subscribe = lambda *_: ready.put(None)
    for client in (receiver, sender):
        client.connect(standard.host, standard.port)
        client.loop_start()
    receiver.subscribe("t", 2)
    ready.get(timeout=live.PATIENCE)
    for number in range(count):
        sender.publish("t", b"%d" % number, qos=2)
    assert [got.get(timeout=live.PATIENCE) for _ in range(count)] == list(range(count))
    for client in (receiver, sender):
        client.disconnect()
        client.loop_stop()
    assert got.empty()


# 4.4 Sending again


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize("profile", [AWS, STANDARD])
def test_4_4_what_was_not_acknowledged_comes_again_with_the_same_id_in_order(level: int, profile: Profile):  # MB-1
    with live.serving(profile=profile) as server:
        server.level = level
        _three_of_which_the_second_is_acknowledged(server, duplicate=profile is STANDARD)


def _three_of_which_the_second_is_acknowledged(server: Server, *, duplicate: bool) -> None:
    with connected(server, clean=False) as client:
        client.subscribe("t", qos=1)
        send(server, "t", b"1", b"2", b"3")
        first = [client.hear() for _ in range(3)]
        client.answer(PUBACK, first[1].packet_id)
        client.until_ping()
    with connected(server, clean=False) as client:
        again = [client.hear() for _ in range(2)]
        assert again == [first[0]._replace(duplicate=duplicate), first[2]._replace(duplicate=duplicate)]
        assert client.take_all() == []


def test_4_4_qos_2_goes_on_where_it_stopped(standard: Server):
    with connected(standard, clean=False) as client:
        client.subscribe("t", qos=2)
        send(standard, "t", b"1", b"2", qos=2)
        one, two = client.hear(), client.hear()
        client.answer(PUBREC, one.packet_id)
        client.told(PUBREL, one.packet_id)
    with connected(standard, clean=False) as client:
        assert client.told(PUBREL, one.packet_id) == 0, "it has arrived: not the message again"
        assert client.hear() == two._replace(duplicate=True)
        client.answer(PUBCOMP, one.packet_id)
        client.answer(PUBREC, two.packet_id)
        client.told(PUBREL, two.packet_id)
        client.answer(PUBCOMP, two.packet_id)
        client.bye()
    with connected(standard, clean=False) as client:
        assert client.until_ping() == []


# 4.6 Order; Q-25 and MQTT 5, 4.9: flow control


def test_4_9_at_most_a_hundred_messages_are_under_way_and_qos_2_counts_to_its_end(standard: Server):
    with connected(standard, clean=False) as client:
        client.subscribe("t", qos=2)
        client.bye()
    send(standard, "t", *(b"%d" % number for number in range(120)), qos=2)
    with connected(standard, clean=False) as client:
        first = [client.heard(*packet) for packet in client.until_ping()]
        assert [int(heard.payload) for heard in first] == list(range(100))
        client.answer(PUBREC, first[0].packet_id)
        assert client.told(PUBREL, first[0].packet_id) == 0
        assert client.until_ping() == [], "its PUBCOMP is still awaited"
        client.answer(PUBCOMP, first[0].packet_id)
        assert int(client.hear().payload) == 100
        for heard in first[1:]:
            client.answer(PUBREC, heard.packet_id)
        rest = client.take_all()
        assert [int(heard.payload) for heard in rest] == list(range(101, 120))
