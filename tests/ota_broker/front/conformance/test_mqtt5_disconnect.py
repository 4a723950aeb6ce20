"""MQTT 5, sections 3.14, 4.12 and 4.13: how connections end, and what is said."""

import pytest

import live
from live import Server
from live5 import Client5, Will
from ota_broker.front.codec.packets import REASONS, Cause
from ota_broker.front.codec.reasons import Reason

SAID_BY_AWS = {
    Reason.MALFORMED_PACKET, Reason.PROTOCOL_ERROR, Reason.NOT_AUTHORIZED, Reason.SERVER_SHUTTING_DOWN,
    Reason.KEEP_ALIVE_TIMEOUT, Reason.SESSION_TAKEN_OVER, Reason.TOPIC_FILTER_INVALID, Reason.TOPIC_NAME_INVALID,
    Reason.RECEIVE_MAXIMUM_EXCEEDED, Reason.TOPIC_ALIAS_INVALID, Reason.QUOTA_EXCEEDED, Reason.ADMINISTRATIVE_ACTION,
    Reason.QOS_NOT_SUPPORTED, Reason.SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,
}  # fmt: skip


def test_3_14_2_1_every_cause_has_a_code_that_aws_says():  # M5-4
    assert set(REASONS) == set(Cause)
    unheard = {Cause.CLIENT_INITIATED, Cause.CONNECTION_LOST}  # nobody is there to be told
    assert {REASONS[cause] for cause in set(Cause) - unheard} <= SAID_BY_AWS


def test_3_1_4_the_old_connection_is_told_that_it_was_taken_over(server: Server):  # MB-5
    with Client5(server) as old, Client5(server) as new:
        old.hello()
        assert new.hello().code == 0
        assert old.goodbye().code == 0x8E
        new.until_ping()


def test_3_1_2_10_a_silent_client_is_told_why(server: Server):
    with Client5(server) as client:
        client.hello(keep_alive=60)
        server.move_time(92)
        goodbye = client.goodbye()
        assert goodbye.code == 0x8D
        assert "keep-alive 60 s" in goodbye.properties["ReasonString"]


def test_4_13_2_a_broker_that_stops_says_so():
    with live.serving() as server:
        client = Client5(server)
        client.hello()
        old = live.RawClient(server, 4)
        old.connect("old")
    assert client.goodbye().code == 0x8B
    assert old.is_closed()
    client.socket.close()
    old.socket.close()


@pytest.mark.parametrize(("code", "sent"), [(0x00, False), (0x04, True), (0x80, True), (0x98, True)])
def test_3_14_4_only_a_normal_disconnect_takes_the_will_away(server: Server, code: int, sent: bool):
    with Client5(server) as watch, Client5(server) as client:
        watch.hello("watch")
        watch.ask("w")
        client.hello(will=Will("w"))
        client.leave(code)
        assert [each.payload for each in watch.heard()] == [b"gone"] * sent


@pytest.mark.parametrize("clean_session", [True, False])
@pytest.mark.parametrize("prevent_will", [True, False])
def test_m5_5_an_operator_ends_a_connection(server: Server, clean_session: bool, prevent_will: bool):  # M5-5
    ended: list[bool] = []

    def end() -> None:
        exchange = server.listener.exchange
        ended.append(exchange.connections.end("d", clean_session=clean_session, prevent_will=prevent_will))

    with Client5(server) as watch, Client5(server) as client, Client5(server) as again:
        watch.hello("watch")
        watch.ask("w")
        client.hello(SessionExpiryInterval=100, will=Will("w"))
        server.run(end)
        assert client.goodbye().code == 0x98
        assert len(watch.heard()) == (not prevent_will)
        assert again.hello(clean=False).present is not clean_session
        again.leave()
        server.run(end)
        assert ended == [True, False], "the second time nobody is connected"


def test_3_14_2_2_2_a_disconnect_may_change_how_long_the_session_lasts(server: Server):
    with Client5(server) as client:
        client.hello(SessionExpiryInterval=10)
        client.leave(SessionExpiryInterval=1000)
    server.move_time(500)
    with Client5(server) as client:
        assert client.hello(clean=False, SessionExpiryInterval=10).present
        client.leave(SessionExpiryInterval=0)
    with Client5(server) as client:
        assert not client.hello(clean=False).present


def test_3_14_2_2_2_no_longer_session_after_a_connect_with_none(server: Server):
    with Client5(server) as client:
        client.hello()
        client.send(b"\xe0\x07\x00\x05\x11\0\0\0\x0a")
        assert client.goodbye().code == 0x82


@pytest.mark.parametrize("data", [b"\xe1\x00", b"\xe0\x01\x8d", b"\xe0\x03\x00\x00x"])
def test_3_14_1_a_malformed_disconnect(server: Server, data: bytes):
    with Client5(server) as watch, Client5(server) as client:
        watch.hello("watch")
        watch.ask("w")
        client.hello(will=Will("w"))
        client.send(data)
        assert client.goodbye().code == 0x81
        assert len(watch.heard()) == 1, "a violation is no leave-taking"


def test_4_13_the_log_has_the_reason_that_the_client_was_told(server: Server, caplog: pytest.LogCaptureFixture):
    with Client5(server) as client:
        client.hello()
        client.say("a/+")
        told = client.goodbye().properties["ReasonString"]
    (line,) = [line for line in caplog.messages if line.startswith("closed")]
    assert line.endswith(told)
