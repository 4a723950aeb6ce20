"""What ends a connection, and that it ends no other: violations of MQTT 3.1.1 on a real socket."""

import logging

import pytest

import live
from live import RawClient, Server


def connected(server: Server, client_id: str) -> RawClient:
    client = RawClient(server)
    client.connect(client_id)
    return client


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (live.text("MQTT") + b"\x06\x02\x00\x3c\x00" + live.text("d"), 1),
        (live.text("MQIsdp") + b"\x03\x02\x00\x3c" + live.text("d"), 1),
        (live.text("MQTT") + b"\x04\x00\x00\x3c" + live.text(""), 2),
        (live.text("MQTT") + b"\x04\x02\x00\x3c" + live.text("$aws"), 2),
        (live.text("MQTT") + b"\x04\x02\x00\x3c" + live.text("x" * 129), 2),
    ],
)
def test_a_refused_connect_is_told_why(server: Server, body: bytes, code: int):
    with RawClient(server) as client:
        client.send(live.packet(0x10, body))
        assert client.receive() == (0x20, bytes((0, code)))
        assert client.is_closed()


def test_an_empty_client_id_is_chosen_for_a_clean_session(server: Server):
    with connected(server, "") as one, connected(server, "") as two:
        one.until_ping()
        two.until_ping()


VIOLATIONS = {
    "second CONNECT": live.packet(0x10, live.text("MQTT") + b"\x04\x02\x00\x3c" + live.text("d")),
    "CONNACK": b"\x20\x02\0\0",
    "SUBACK": b"\x90\x03\0\1\0",
    "type 0": b"\x00\x00",
    "type 15": b"\xf0\x00",
    "PUBREL (no QoS 2, MU-5)": b"\x62\x02\0\1",
    "PUBLISH QoS 2 (MU-5)": live.packet(0x34, live.text("t") + b"\0\1x"),
    "PUBLISH QoS 3": live.packet(0x36, live.text("t") + b"\0\1x"),
    "PUBLISH to a wildcard": live.packet(0x30, live.text("a/+") + b"x"),
    "PUBLISH to an empty topic": live.packet(0x30, live.text("") + b"x"),
    "PUBLISH to a topic with NUL": live.packet(0x30, live.text("a\0b") + b"x"),
    "PUBLISH to a topic that is not UTF-8": live.packet(0x30, live.binary(b"\xff") + b"x"),
    "PUBLISH to 257 bytes (Q-30)": live.packet(0x30, live.text("a" * 257) + b"x"),
    "PUBLISH with 8 slashes (Q-30)": live.packet(0x30, live.text("a/b/c/d/e/f/g/h/i") + b"x"),
    "PUBLISH to $SYS (MB-8)": live.packet(0x30, live.text("$SYS/x") + b"x"),
    "PUBLISH retained to $aws (MU-6)": live.packet(0x31, live.text("$aws/things/d/streams/s/get/json") + b"{}"),
    "payload of 128 KiB + 1 (Q-28)": live.packet(0x30, live.text("t") + bytes(131_073)),
    "packet of 16 MiB": b"\x30\xff\xff\xff\x07",
    "remaining length of 5 bytes": b"\x30\xff\xff\xff\xff\x01",
    "packet hidden behind a short length": b"\x30\x05\x00\x20" + live.packet(0x30, live.text("t") + b"x"),
    "SUBSCRIBE QoS 2 (MU-5)": live.packet(0x82, b"\0\1" + live.text("t") + b"\2"),
    "SUBSCRIBE QoS 3": live.packet(0x82, b"\0\1" + live.text("t") + b"\3"),
    "SUBSCRIBE to a#": live.packet(0x82, b"\0\1" + live.text("a#") + b"\0"),
    "SUBSCRIBE flags 0": live.packet(0x80, b"\0\1" + live.text("t") + b"\0"),
    "UNSUBSCRIBE empty": live.packet(0xA2, b"\0\1"),
    "PINGREQ with a body": b"\xc0\x01x",
    "PUBACK of one byte": b"\x40\x01\1",
}


@pytest.mark.parametrize("data", VIOLATIONS.values(), ids=VIOLATIONS)
def test_a_violation_closes_that_connection_with_one_line_and_no_other(
    server: Server, data: bytes, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING, "ota_broker")
    with connected(server, "good") as good, connected(server, "bad") as bad:
        good.subscribe("#")
        bad.send(data)
        assert bad.is_closed()
        assert good.messages() == [], "nothing of it was executed"
    (line,) = [line for line in caplog.messages if line.startswith("closed")]
    assert "bad at 127.0.0.1:" in line


BEFORE_CONNECT = {
    "PUBLISH": live.packet(0x30, live.text("t") + b"x"),
    "SUBSCRIBE": live.packet(0x82, b"\0\1" + live.text("t") + b"\0"),
    "PINGREQ": b"\xc0\x00",
    "DISCONNECT": b"\xe0\x00",
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303"),
    "zeros": bytes(64),
    "CONNECT with a will of QoS 2 (MU-5)": live.packet(
        0x10, live.text("MQTT") + b"\x04\x16\x00\x3c" + live.text("d") + live.text("w") + live.binary(b"")
    ),
    "CONNECT with a field past its end": live.packet(0x10, live.text("MQTT") + b"\x04\x02\x00\x3c\x00\x09d"),
}


@pytest.mark.parametrize("data", BEFORE_CONNECT.values(), ids=BEFORE_CONNECT)
def test_anything_but_connect_first_is_closed(server: Server, data: bytes):
    with RawClient(server) as client:
        client.send(data)
        assert client.is_closed()


def test_a_shared_subscription_to_reserved_topics_is_refused_and_said(server: Server, caplog: pytest.LogCaptureFixture):
    with connected(server, "d") as client:
        assert client.subscribe("$share/g/$aws/things/d/jobs/notify", "t") == b"\x80\x00"
    assert any("for one thing, not for any member" in line for line in caplog.messages)


def test_subscriptions_of_a_session_are_bounded(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ota_broker.front.limits.FILTERS_MAX", 3)
    with connected(server, "d") as client:
        assert client.subscribe("a", "b", "c", "d", "a") == b"\0\0\0\x80\0"


def test_sessions_and_connections_are_bounded(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ota_broker.front.limits.SESSIONS_MAX", 1)
    with connected(server, "d"), RawClient(server) as one_more:
        with pytest.raises(ConnectionError):
            one_more.connect("e")
        live.wait_until(lambda: len(server.listener._connections) == 1)
        monkeypatch.setattr("ota_broker.front.limits.CONNECTIONS_MAX", 1)
        with RawClient(server) as another:
            assert another.is_closed()
