"""MQTT 5, sections 3.1, 3.2 and 4.12: who comes in, on which terms, and what the others are told."""

import pytest

import live
from live import Server
from live5 import Client5, Will, packed
from ota_broker.front.options import MqttOptions

ANNOUNCED = {
    "ReceiveMaximum": 100,
    "RetainAvailable": 1,
    "MaximumPacketSize": 139_520,
    "TopicAliasMaximum": 8,
    "WildcardSubscriptionAvailable": 1,
    "SubscriptionIdentifierAvailable": 0,
    "SharedSubscriptionAvailable": 1,
    "MaximumQoS": 1,
}


def test_3_2_2_3_what_aws_announces(server: Server):  # M5-1, M5-2
    with Client5(server) as client:
        assert client.hello() == (False, 0, ANNOUNCED)


def test_3_2_2_3_what_the_standard_profile_announces(standard: Server):
    with Client5(standard) as client:
        assert client.hello().properties["SubscriptionIdentifierAvailable"] == 1


def test_3_1_2_both_versions_come_in_by_one_port(server: Server):
    with live.RawClient(server, 4) as old, Client5(server) as new:
        old.connect("old")
        new.hello("new")
        old.subscribe("t")
        new.ask("t")
        new.say("t", b"from 5", ContentType="text/plain", UserProperty=[("k", "v")])
        old.publish("t", b"from 3.1.1")
        live.wait_until(lambda: len(server.listener.exchange._sessions) == 2)
        new.until_ping()
        assert ("t", b"from 5") in old.messages()


def test_3_1_3_1_an_empty_client_id_is_assigned_whatever_clean_start_says(server: Server):
    for clean in (True, False):
        with Client5(server) as client:
            connack = client.hello("", clean=clean)
            assert connack.code == 0
            assert connack.properties["AssignedClientIdentifier"].startswith("auto-")


@pytest.mark.parametrize("client_id", ["$aws", "x" * 129])
def test_3_1_3_1_a_client_id_that_cannot_be_taken(server: Server, client_id: str):
    with Client5(server) as client:
        connack = client.hello(client_id)
        assert connack.code == 0x85
        assert "client id" in connack.properties["ReasonString"]
        assert client.is_closed()


@pytest.mark.parametrize(("asked", "told"), [(60, None), (0, 1200), (5, 30), (65_535, 1200)])
def test_3_2_2_3_14_a_keep_alive_that_was_changed_is_told(server: Server, asked: int, told: int | None):
    with Client5(server) as client:
        assert client.hello(keep_alive=asked).properties.get("ServerKeepAlive") == told


def test_3_2_2_3_14_by_the_standard_the_keep_alive_is_the_clients(standard: Server):
    with Client5(standard) as client:
        assert "ServerKeepAlive" not in client.hello(keep_alive=5).properties


@pytest.mark.parametrize(("asked", "told"), [(None, None), (0, None), (60, None), (3600, None), (3601, 3600)])
def test_3_2_2_3_2_a_session_expiry_that_was_changed_is_told(server: Server, asked: int | None, told: int | None):
    """M5-1: an hour, unless an option says otherwise."""
    values = {} if asked is None else {"SessionExpiryInterval": asked}
    with Client5(server) as client:
        assert client.hello(**values).properties.get("SessionExpiryInterval") == told


def test_3_2_2_3_2_a_session_may_last_seven_days():  # M5-1
    with live.serving(mqtt=MqttOptions(session_expiry=604_800)) as server, Client5(server) as client:
        assert client.hello(SessionExpiryInterval=0xFFFF_FFFF).properties["SessionExpiryInterval"] == 604_800


def test_3_1_2_11_6_response_information_comes_on_request(server: Server):
    with Client5(server) as client:
        assert client.hello(RequestResponseInformation=1).properties["ResponseInformation"] == "responses/d"
    with Client5(server) as client:
        assert "ResponseInformation" not in client.hello(RequestResponseInformation=0).properties
    with Client5(server) as client:
        connack = client.hello("d/#", RequestResponseInformation=1)
        assert "ResponseInformation" not in connack.properties, "no topic can begin so"


def test_3_1_2_11_2_a_session_lasts_as_long_as_was_asked(server: Server):
    with Client5(server) as client:
        client.hello(clean=False, SessionExpiryInterval=100)
        client.leave()
    server.move_time(98)
    with Client5(server) as client:
        assert client.hello(clean=False, SessionExpiryInterval=0).present
        client.leave()
    with Client5(server) as client:
        assert not client.hello(clean=False).present, "expiry 0 ends with the connection"


def test_3_1_2_4_clean_start_forgets_and_the_new_session_is_kept(server: Server):
    with Client5(server) as client:
        client.hello(clean=False, SessionExpiryInterval=100)
        client.ask("t")
        client.leave()
    with Client5(server) as client:
        assert not client.hello(clean=True, SessionExpiryInterval=100).present
        client.leave()
    with Client5(server) as client:
        assert client.hello(clean=False).present
        client.say("t")
        assert client.heard() == []


def test_3_1_2_11_4_a_packet_larger_than_the_client_takes_is_not_sent(server: Server, caplog: pytest.LogCaptureFixture):
    with Client5(server) as client, Client5(server) as sender:
        client.hello(MaximumPacketSize=200)
        client.ask("t", options=1)
        sender.hello("sender")
        for size in (300, 20, 400, 30):
            sender.say("t", bytes(size), qos=1)
        assert [len(each.payload) for each in client.heard()] == [20, 30]
    assert any("the client takes 200" in line for line in caplog.messages)


def test_3_1_2_11_4_a_client_that_takes_too_little_for_a_connack_is_closed(server: Server):
    with Client5(server) as client, pytest.raises(ConnectionError):
        client.hello(MaximumPacketSize=2)
    with Client5(server) as client:
        client.send(
            live.packet(0x10, live.text("MQTT") + b"\x05\x02\0\x3c" + packed(1, MaximumPacketSize=20) + b"\0\1d")
        )
        assert client.receive() == (0xE0, b"\x95")


def test_3_1_2_11_3_no_more_messages_are_in_flight_than_the_client_takes(server: Server):
    with Client5(server) as client, Client5(server) as sender:
        client.hello(ReceiveMaximum=2)
        client.ask("t", options=1)
        sender.hello("sender")
        for number in range(5):
            sender.say("t", b"%d" % number, qos=1)
        first = client.heard()
        assert [each.payload for each in first] == [b"0", b"1"]
        client.send(live.packet(0x40, first[0].packet_id.to_bytes(2, "big")))
        client.send(live.packet(0x40, first[1].packet_id.to_bytes(2, "big") + b"\x80\x00"))
        assert [each.payload for each in client.heard()] == [b"2", b"3"], "a failure frees its place too (4.9)"


def test_4_12_enhanced_authentication_is_refused(server: Server):  # M5-3
    with Client5(server) as client:
        assert client.hello(AuthenticationMethod="SCRAM-SHA-256").code == 0x8C
        assert client.is_closed()
    with Client5(server) as client:
        client.hello()
        client.send(b"\xf0\x02\x18\x00")
        assert client.goodbye().code == 0x82


@pytest.mark.parametrize("values", [{"SessionExpiryInterval": 1}, {"RequestProblemInformation": 0}])
def test_3_1_a_second_connect_is_a_protocol_error(server: Server, values: dict[str, int]):  # MU-7
    with Client5(server) as client:
        client.hello(**values)
        client.send(live.packet(0x10, live.text("MQTT") + b"\x05\x02\0\x3c\0\0\1d"))
        assert client.goodbye().code == 0x82


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\x05\x03\0\x3c\0\0\1d", 0x81),
        (b"\x05\x02\0\x3c\x03\x21\0\0\0\1d", 0x82),
        (b"\x05\x02\0\x3c\x06\x21\0\1\x21\0\1\0\1d", 0x82),
        (b"\x05\x02\0\x3c\x02\x01\0\0\1d", 0x81),
        (b"\x05\x06\0\x3c\0\0\1d\0\0\3a/+\0\0", 0x90),
        (b"\x05\x06\0\x3c\0\0\1d\0\0\4$aws\0\0", 0x87),
        (b"\x05\x16\0\x3c\0\0\1d\0\0\1w\0\0", 0x9B),
    ],
)
def test_4_13_a_connect_that_cannot_be_is_answered_and_closed(server: Server, body: bytes, code: int):  # MU-1, MU-5
    with Client5(server) as client:
        client.send(live.packet(0x10, live.text("MQTT") + body))
        assert client.connack().code == code
        assert client.is_closed()


def test_3_1_0_anything_before_connect_closes_without_a_word(server: Server):
    with Client5(server) as client:
        client.send(b"\xe0\x00")
        assert client.is_closed()


def test_3_1_3_2_2_a_will_waits_for_its_delay(server: Server):
    with Client5(server) as watch, Client5(server) as client:
        watch.hello("watch", keep_alive=1200)
        watch.ask("w")
        client.hello(SessionExpiryInterval=300, will=Will("w", properties={"WillDelayInterval": 100}))
        client.socket.close()
        live.wait_until(lambda: server.listener.exchange.connections.peer_of("d") is None)
        server.move_time(95)
        assert watch.heard() == []
        server.move_time(10)
        assert [each.payload for each in watch.heard()] == [b"gone"]


def test_3_1_3_2_2_a_client_that_comes_back_in_time_has_no_will(server: Server):
    with Client5(server) as watch, Client5(server) as client, Client5(server) as again:
        watch.hello("watch", keep_alive=1200)
        watch.ask("w")
        client.hello(SessionExpiryInterval=300, will=Will("w", properties={"WillDelayInterval": 100}))
        client.socket.close()
        live.wait_until(lambda: server.listener.exchange.connections.peer_of("d") is None)
        assert again.hello(clean=False, SessionExpiryInterval=300, keep_alive=1200).present
        server.move_time(200)
        assert watch.heard() == []


@pytest.mark.parametrize("how", ["the session expires", "clean start"])
def test_3_1_3_2_2_a_will_comes_with_the_end_of_its_session(server: Server, how: str):
    with Client5(server) as watch, Client5(server) as client, Client5(server) as again:
        watch.hello("watch", keep_alive=1200)
        watch.ask("w")
        client.hello(SessionExpiryInterval=50, will=Will("w", properties={"WillDelayInterval": 1000}))
        client.socket.close()
        live.wait_until(lambda: server.listener.exchange.connections.peer_of("d") is None)
        if how == "clean start":
            again.hello()
        else:
            server.move_time(55)
        assert [each.payload for each in watch.heard()] == [b"gone"]


def test_3_1_3_2_a_will_carries_its_properties_and_lasts_from_when_it_is_sent(server: Server):
    properties = {"ContentType": "text/plain", "MessageExpiryInterval": 60, "UserProperty": [("k", "v")]}
    with Client5(server) as watch:
        watch.hello("watch")
        watch.ask("w")
        with Client5(server) as client:
            client.hello(will=Will("w", properties=properties))
        message = watch.next_message()
        assert message.properties.pop("MessageExpiryInterval") in {59, 60}
        assert message.properties == {"ContentType": "text/plain", "UserProperty": [("k", "v")]}
