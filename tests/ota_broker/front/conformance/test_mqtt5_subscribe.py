"""MQTT 5, sections 3.8 to 3.11 and 4.7: subscriptions, their options and what they are granted."""

import pytest

import live
from live import Server
from live5 import Client5

NO_LOCAL, AS_PUBLISHED, IF_NEW, NEVER = 0x04, 0x08, 0x10, 0x20


def codes(client: Client5, *filters: str, options: int = 0) -> bytes:
    return client.ask(*filters, options=options).codes


def test_3_9_3_the_granted_qos_is_told_for_every_filter(server: Server):
    with Client5(server) as client:
        client.hello()
        client.send(live.packet(0x82, b"\0\1\0" + live.text("a") + b"\0" + live.text("b/#") + b"\1"))
        assert client.receive() == (0x90, b"\0\1\0\0\1")


@pytest.mark.parametrize("topic_filter", ["a#", "a/#/b", "+a", "a/b+", ""])
def test_4_7_1_a_filter_that_is_none_ends_the_connection(server: Server, topic_filter: str):
    with Client5(server) as client:
        client.hello()
        client.send(live.packet(0x82, b"\0\1\0" + live.text(topic_filter) + b"\0"))
        assert client.goodbye().code == 0x8F


def test_3_9_3_a_filter_over_the_limits_is_refused_and_the_others_are_granted(server: Server):  # Q-30, M5-4
    with Client5(server) as client:
        client.hello()
        ack = client.ask("a", "x" * 257, "a/b/c/d/e/f/g/h/i", "b", options=1)
        assert ack.codes == b"\1\x8f\x8f\1"
        assert "257 bytes" in ack.properties["ReasonString"]


def test_3_9_3_too_many_subscriptions(server: Server, monkeypatch: pytest.MonkeyPatch):  # M5-4
    monkeypatch.setattr("ota_broker.front.limits.FILTERS_MAX", 2)
    with Client5(server) as client:
        client.hello()
        assert codes(client, "a", "b", "c", "a") == b"\0\0\x97\0"


def test_3_8_4_qos_2_is_not_supported_on_aws(server: Server):  # MU-5
    with Client5(server) as client:
        client.hello()
        client.send(live.packet(0x82, b"\0\1\0" + live.text("t") + b"\2"))
        assert client.goodbye().code == 0x9B


def test_3_8_2_1_2_subscription_identifiers_are_not_supported_on_aws(server: Server):  # M5-2
    with Client5(server) as client:
        client.hello()
        client.send(live.packet(0x82, b"\0\1\2\x0b\1" + live.text("t") + b"\0"))
        assert client.goodbye().code == 0xA1


def test_3_3_4_a_message_carries_the_identifiers_of_all_its_subscriptions(standard: Server):
    with Client5(standard) as client:
        client.hello()
        client.ask("a/b", SubscriptionIdentifier=1)
        client.ask("a/#", SubscriptionIdentifier=268_435_455)
        client.ask("a/+")
        client.ask("c", SubscriptionIdentifier=3)
        client.say("a/b")
        client.say("c")
        both, one = client.heard()
        assert sorted(both.properties["SubscriptionIdentifier"]) == [1, 268_435_455]
        assert one.properties == {"SubscriptionIdentifier": [3]}
        client.ask("c")
        client.forgo("a/b")
        client.say("a/b")
        client.say("c")
        assert [each.properties for each in client.heard()] == [{"SubscriptionIdentifier": [268_435_455]}, {}]


def test_3_8_3_1_no_local(server: Server):
    with Client5(server) as client, Client5(server) as other:
        client.hello()
        other.hello("other")
        client.ask("t", options=NO_LOCAL)
        client.say("t", b"own")
        client.until_ping()
        other.say("t", b"another's")
        other.until_ping()
        assert [each.payload for each in client.heard()] == [b"another's"]


def test_3_8_3_1_no_local_yields_to_an_overlapping_subscription_without_it(server: Server):
    with Client5(server) as client:
        client.hello()
        client.ask("t", options=NO_LOCAL)
        client.ask("+")
        client.say("t")
        assert len(client.heard()) == 1


def test_3_8_3_1_no_local_on_a_shared_subscription_is_a_protocol_error(server: Server):
    with Client5(server) as client:
        client.hello()
        client.send(live.packet(0x82, b"\0\1\0" + live.text("$share/g/t") + b"\4"))
        assert client.goodbye().code == 0x82


@pytest.mark.parametrize(("options", "retain"), [(0, False), (AS_PUBLISHED, True)])
def test_3_8_3_1_retain_as_published(server: Server, options: int, retain: bool):
    with Client5(server) as client:
        client.hello()
        client.ask("t", options=options)
        client.say("t", b"1", retain=True)
        client.say("t", b"2", retain=False)
        assert [each.retain for each in client.heard()] == [retain, False]


@pytest.mark.parametrize(("options", "first", "again"), [(0, True, True), (IF_NEW, True, False), (NEVER, False, False)])
def test_3_8_3_1_retain_handling(server: Server, options: int, first: bool, again: bool):  # MB-6
    with Client5(server) as client:
        client.hello()
        client.say("t", retain=True)
        for expected in (first, again):
            client.ask("t", options=options)
            assert [each.retain for each in client.heard()] == [True] * expected


def test_3_8_4_subscribing_again_replaces_the_options(server: Server):
    with Client5(server) as client:
        client.hello()
        client.ask("t", options=NO_LOCAL | 1)
        client.ask("t", options=0)
        client.say("t", qos=1)
        assert [each.qos for each in client.heard()] == [0]


@pytest.mark.parametrize(("fixture", "missing"), [("server", 0x00), ("standard", 0x11)])
def test_3_11_3_unsuback_says_what_was_there(fixture: str, missing: int, request: pytest.FixtureRequest):
    """M5-4: AWS's list of UNSUBACK codes has no 0x11."""
    with Client5(request.getfixturevalue(fixture)) as client:
        client.hello()
        client.ask("a", "b/+")
        assert client.forgo("a", "never", "b/+").codes == bytes((0, missing, 0))
        client.say("a")
        client.say("b/c")
        assert client.heard() == []


def test_3_8_4_options_survive_with_the_session(server: Server):
    with Client5(server) as client:
        client.hello(SessionExpiryInterval=100)
        client.ask("t", options=NO_LOCAL | AS_PUBLISHED | 1)
        client.leave()
    with Client5(server) as client, Client5(server) as other:
        assert client.hello(clean=False).present
        other.hello("other")
        client.say("t", b"own")
        client.until_ping()
        other.say("t", b"another's", qos=1, retain=True)
        assert [(each.payload, each.retain) for each in client.heard()] == [(b"another's", True)]
