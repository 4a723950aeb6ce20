"""What MQTT 5 adds to sessions: the reasons of QoS 2, shared subscriptions (which AWS has in MQTT 3.1.1 too)."""

from collections import Counter
from collections.abc import Iterator
from itertools import chain

import pytest

import live
from live import Server
from live5 import Client5
from ota_broker.front.codec import grants
from ota_broker.front.codec.packets import PacketType
from ota_broker.front.profile import STANDARD
from session_client import PUBACK, PUBCOMP, PUBREC, PUBREL, SessionClient, connected, send


@pytest.fixture(params=[4, 5], ids=["3.1.1", "5"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """AWS's rules, in both versions."""
    with live.serving() as server:
        server.level = request.param
        yield server


@pytest.fixture
def standard() -> Iterator[Server]:
    """The standard's, in MQTT 5."""
    with live.serving(profile=STANDARD) as server:
        server.level = 5
        yield server


NOT_FOUND, INVALID_FILTER, INVALID_TOPIC = 0x92, 0x8F, 0x90


# 3.5 to 3.7 QoS 2 with reasons


def test_3_6_2_1_an_id_that_nobody_knows_is_told(standard: Server):
    with connected(standard) as client:
        client.answer(PUBREL, 9)
        assert client.told(PUBCOMP, 9) == NOT_FOUND
        client.answer(PUBREC, 9)
        assert client.told(PUBREL, 9) == NOT_FOUND
        client.answer(PUBCOMP, 9)
        client.answer(PUBACK, 9)
        assert client.until_ping() == []


def test_4_3_3_a_client_that_refuses_a_message_does_not_get_it_again(standard: Server):
    with connected(standard, clean=False) as client:
        client.subscribe("t", qos=2)
        send(standard, "t", b"1", b"2", qos=2)
        one, two = client.hear(), client.hear()
        client.send(live.packet(PUBREC, one.packet_id.to_bytes(2, "big") + b"\x97"))
        client.until_ping()
    with connected(standard, clean=False) as client:
        assert client.hear() == two._replace(duplicate=True)
        client.answer(PUBREC, two.packet_id)
        assert client.told(PUBREL, two.packet_id) == 0


def test_3_5_2_1_a_message_that_cannot_be_taken_is_refused_and_its_id_is_free(standard: Server):
    with connected(standard, "watch") as watch, connected(standard) as client:
        watch.subscribe("t")
        client.put("$no/such", b"x", packet_id=7)
        assert client.told(PUBREC, 7) == INVALID_TOPIC
        client.put("t", b"x", packet_id=7)
        assert client.told(PUBREC, 7) == 0
        assert len(watch.take_all()) == 1


def test_3_2_2_3_4_a_broker_with_qos_2_announces_no_maximum(standard: Server):
    with Client5(standard) as client:
        assert "MaximumQoS" not in client.hello().properties


def test_3_1_2_11_3_qos_2_counts_towards_what_the_client_takes_until_it_is_complete(standard: Server):
    with Client5(standard) as client:
        client.hello(ReceiveMaximum=1)
        client.ask("t", options=2)
        send(standard, "t", b"1", b"2", qos=2)
        one = client.next_message()
        client.send(live.packet(PUBREC, one.packet_id.to_bytes(2, "big")))
        assert client.ack(PacketType.PUBREL).packet_id == one.packet_id
        assert client.until_ping() == []
        client.send(live.packet(PUBCOMP, one.packet_id.to_bytes(2, "big")))
        assert client.next_message().payload == b"2"


# 4.8.2 Shared subscriptions


def members(server: Server, count: int, topic_filter: str = "$share/g/t/+", qos: int = 1) -> list[SessionClient]:
    made = [connected(server, f"m{number}", clean=False) for number in range(count)]
    for client in made:
        assert client.subscribe(topic_filter, qos=qos) == bytes((qos,))
    return made


@pytest.mark.parametrize("topic_filter", ["$share/g/t/x", "$share/g/t/+", "$share/g/#"])
def test_4_8_2_every_message_goes_to_one_member(server: Server, topic_filter: str):  # M5-1
    group = members(server, 3, topic_filter)
    send(server, "t/x", *(b"%d" % number for number in range(90)))
    taken = [[int(heard.payload) for heard in client.take_all()] for client in group]
    assert sorted(chain(*taken)) == list(range(90))
    assert all(taken), "each gets some of so many"
    assert all(each == sorted(each) for each in taken)
    for client in group:
        client.socket.close()


def test_4_8_2_groups_and_subscriptions_of_ones_own_are_beside_each_other(server: Server):
    with connected(server, "a") as one, connected(server, "b") as other:
        one.subscribe("$share/g/t", "$share/h/#", "t")
        other.subscribe("$share/g/t")
        send(server, "t", *(b"x" for _ in range(20)), qos=0)
        counts = [len(one.take_all()), len(other.take_all())]
        assert sum(counts) == 60, "one of g, the one of h, and the plain subscription"
        assert counts[0] >= 40


def test_4_8_2_a_member_that_is_away_is_passed_over(server: Server):
    away, here = members(server, 2)
    away.bye()
    send(server, "t/x", *(b"%d" % number for number in range(20)))
    assert len(here.take_all()) == 20
    here.bye()
    send(server, "t/x", b"kept by one")
    taken = Counter[str]()
    for name in ("m0", "m1"):
        with connected(server, name, clean=False) as client:
            taken.update(heard.payload.decode() for heard in client.take_all())
            client.bye()
    assert taken == {"kept by one": 1}


def test_4_8_2_a_member_gets_it_at_its_own_qos_and_leaves_as_it_came(server: Server):
    with connected(server, "a") as client:
        client.subscribe("$share/g/t", qos=0)
        send(server, "t", b"x", qos=1)
        assert [heard.qos for heard in client.take_all()] == [0]
        client.subscribe("$share/g/t", qos=1)
        send(server, "t", b"x", qos=1)
        assert [heard.qos for heard in client.take_all()] == [1]
        client.send(live.packet(0xA2, b"\0\1" + client._no_properties + live.text("$share/g/t")))
        assert client.receive()[0] == 0xB0
        send(server, "t", b"x", qos=1)
        assert client.take_all() == []


def test_4_8_2_members_are_known_again_after_they_were_away(server: Server):
    for client in members(server, 2):
        client.bye()
    with connected(server, "m0", clean=False) as client:
        send(server, "t/x", b"x")
        assert len(client.take_all()) == 1
    with connected(server, "m0", clean=True) as client, connected(server, "m1", clean=False) as other:
        send(server, "t/x", b"x")
        assert [client.take_all(), len(other.take_all())] == [[], 1]


def test_4_8_2_nothing_retained_comes_by_a_shared_subscription(standard: Server):
    send(standard, "t", b"old", retain=True)
    with connected(standard, "a") as client:
        client.subscribe("$share/g/t", "$share/g/#")
        assert client.take_all() == []


@pytest.mark.parametrize("topic", ["$aws/things/d/jobs/notify", "$aws/#"])
def test_4_8_2_reserved_topics_are_not_shared(server: Server, topic: str, caplog: pytest.LogCaptureFixture):
    with connected(server) as client:
        assert client.subscribe(f"$share/g/{topic}", "t") == bytes((INVALID_FILTER if server.level == 5 else 0x80, 0))
    assert any("not for any member of a group" in line for line in caplog.messages)


@pytest.mark.parametrize("topic_filter", ["$share//t", "$share/g", "$share/g/", "$share/+/t", "$share/g/a#"])
def test_4_8_2_a_shared_filter_that_is_none_ends_the_connection(server: Server, topic_filter: str):
    with Client5(server) as client:
        client.hello()
        client.send(live.packet(0x82, b"\0\1\0" + live.text(topic_filter) + b"\0"))
        assert client.goodbye().code == INVALID_FILTER


def test_4_8_2_names_and_filters_over_the_limits_are_refused(server: Server):  # M5-1, Q-30
    with Client5(server) as client:
        client.hello()
        long = [f"$share/{'n' * 128}/{'t' * 256}", f"$share/{'n' * 129}/t", f"$share/g/{'t' * 257}"]
        assert client.ask(*long).codes == bytes((0, INVALID_FILTER, INVALID_FILTER))


def test_3_3_4_a_shared_subscription_has_its_own_identifier(standard: Server):
    with Client5(standard) as client:
        client.hello()
        client.ask("$share/g/t", SubscriptionIdentifier=7)
        client.ask("t", SubscriptionIdentifier=8)
        send(standard, "t", b"x", qos=0)
        ids = sorted(heard.properties["SubscriptionIdentifier"] for heard in client.heard())
        assert ids == [[7], [8]]


def test_3_8_3_1_a_shared_subscription_may_keep_the_retain_flag(standard: Server):
    with Client5(standard) as client:
        client.hello()
        client.ask("$share/g/t", options=grants.RETAIN_AS_PUBLISHED)
        send(standard, "t", b"x", qos=0, retain=True)
        assert [heard.retain for heard in client.heard()] == [True]
