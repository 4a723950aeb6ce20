"""MQTT 3.1.1 as devices meet it: sessions, QoS, wills, retained messages, limits, on a real socket."""

import pytest

import live
from live import RawClient, Server
from ota_broker.front.codec.packets import PacketType


def connected(server: Server, client_id: str, **how: object) -> RawClient:
    client = RawClient(server)
    client.connect(client_id, **how)
    return client


def send(server: Server, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
    """Publish from another client and wait until the broker has dealt with it."""
    with connected(server, "sender") as sender:
        sender.publish(topic, payload, qos=qos, retain=retain)
        sender.until_ping()


def publishes(client: RawClient) -> list[tuple[int, str, bytes]]:
    """Return (QoS, topic, payload) of what has come."""
    return [
        (first >> 1 & 3, *live.message(first, body))
        for first, body in client.until_ping()
        if first >> 4 == PacketType.PUBLISH
    ]


# Delivery


@pytest.mark.parametrize("published", [0, 1])
@pytest.mark.parametrize("subscribed", [0, 1])
def test_delivery_is_at_the_lower_qos(server: Server, published: int, subscribed: int):
    with connected(server, "d") as client:
        assert client.subscribe("t", qos=subscribed) == bytes((subscribed,))
        send(server, "t", b"x", qos=published)
        assert publishes(client) == [(min(published, subscribed), "t", b"x")]


def test_subscribing_again_changes_the_qos(server: Server):
    with connected(server, "d") as client:
        client.subscribe("t", qos=1)
        client.subscribe("t", qos=0)
        send(server, "t", b"x", qos=1)
        assert publishes(client) == [(0, "t", b"x")]


def test_overlapping_filters_bring_one_copy_at_the_highest_qos(server: Server):
    with connected(server, "d") as client:
        client.subscribe("a/+", "a/#")
        client.subscribe("a/b", qos=1)
        send(server, "a/b", b"x", qos=1)
        assert publishes(client) == [(1, "a/b", b"x")]


def test_after_unsubscribing_nothing_comes(server: Server):
    with connected(server, "d") as client:
        client.subscribe("t", "u/+")
        client.send(live.packet(0xA2, b"\0\x63" + live.text("t") + live.text("u/+") + live.text("never")))
        assert client.receive() == (0xB0, b"\0\x63")
        send(server, "t", b"x")
        send(server, "u/v", b"x")
        assert publishes(client) == []


def test_own_messages_come_back_in_order(server: Server):
    with connected(server, "d") as client:
        client.subscribe("t", qos=1)
        for number in range(300):
            client.publish("t", b"%d" % number, qos=number % 2)
        received = []
        while len(received) < 300:
            for first, body in client.until_ping():
                if first >> 4 == PacketType.PUBLISH:
                    received.append(int(live.message(first, body)[1]))
                    if first & 2:
                        end = 2 + int.from_bytes(body[:2], "big")
                        client.send(live.packet(0x40, body[end : end + 2]))
        # QoS 0 may overtake QoS 1 beyond the window of 100, but each keeps its own order
        assert sorted(received) == list(range(300))
        assert [n for n in received if n % 2] == list(range(1, 300, 2))
        assert [n for n in received if not n % 2] == list(range(0, 300, 2))


def test_packets_in_one_write_and_bytes_one_by_one_are_the_same(server: Server):
    connect = live.packet(0x10, live.text("MQTT") + b"\x04\x02\x00\x3c" + live.text("d"))
    subscribe = live.packet(0x82, b"\0\1" + live.text("t") + b"\0")
    publish = live.packet(0x30, live.text("t") + b"x" * 200)
    whole = connect + subscribe + publish + b"\xc0\x00"
    expected = [(0x20, b"\0\0"), (0x90, b"\0\1\0"), (0x30, live.text("t") + b"x" * 200), (0xD0, b"")]
    with RawClient(server) as client:
        client.send(whole)
        assert [client.receive() for _ in expected] == expected
    with RawClient(server) as client:
        for byte in whole:
            client.send(bytes((byte,)))
        assert [client.receive() for _ in expected] == expected


# Sessions


def test_a_clean_session_is_forgotten(server: Server):
    with connected(server, "d") as client:
        client.subscribe("t", qos=1)
    with RawClient(server) as client:
        assert client.connect("d", clean=False) is False
        send(server, "t", b"x", qos=1)
        assert publishes(client) == []


def test_a_persistent_session_keeps_subscriptions_and_qos_1_messages(server: Server):  # MB-3, MB-4
    with connected(server, "d", clean=False) as client:
        client.subscribe("one", qos=1)
        client.subscribe("zero", qos=0)
        client.send(b"\xe0\x00")
        assert client.is_closed()
    send(server, "one", b"kept", qos=1)
    send(server, "zero", b"not kept", qos=1)
    send(server, "one", b"published at 0", qos=0)
    with RawClient(server) as client:
        assert client.connect("d", clean=False) is True
        assert publishes(client) == [(1, "one", b"kept")]
        send(server, "zero", b"now", qos=0)
        assert publishes(client) == [(0, "zero", b"now")]


@pytest.mark.parametrize(("fixture", "duplicate"), [("server", 0), ("standard", 8)])
def test_what_was_not_acknowledged_comes_again(fixture: str, duplicate: int, request: pytest.FixtureRequest):  # MB-1
    server: Server = request.getfixturevalue(fixture)
    with connected(server, "d", clean=False) as client:
        client.subscribe("t", qos=1)
        send(server, "t", b"1", qos=1)
        send(server, "t", b"2", qos=1)
        (first, one), (_, two) = client.receive(), client.receive()
        assert first == 0x32
        client.send(live.packet(0x40, one[3:5]))
        client.until_ping()
    with RawClient(server) as client:
        assert client.connect("d", clean=False) is True
        assert client.receive() == (0x32 | duplicate, two)


def test_a_clean_connect_ends_the_old_session(server: Server):
    with connected(server, "d", clean=False) as client:
        client.subscribe("t", qos=1)
    with RawClient(server) as client:
        assert client.connect("d", clean=True) is False
    with RawClient(server) as client:
        assert client.connect("d", clean=False) is False


def test_a_session_ends_an_hour_after_its_client_left(server: Server):
    with connected(server, "d", clean=False) as client:
        client.subscribe("t", qos=1)
        client.send(b"\xe0\x00")
        assert client.is_closed()
    server.move_time(3500)
    with RawClient(server) as client:
        assert client.connect("d", clean=False) is True
        client.send(b"\xe0\x00")
        assert client.is_closed()
    server.move_time(3500)  # the first hour is over, the second is not
    with RawClient(server) as client:
        assert client.connect("d", clean=False) is True
        client.send(b"\xe0\x00")
        assert client.is_closed()
    server.move_time(3602)
    with RawClient(server) as client:
        assert client.connect("d", clean=False) is False


@pytest.mark.parametrize("clean", [True, False])
def test_the_same_client_id_takes_over(server: Server, clean: bool):  # MB-5
    with connected(server, "d", clean=clean) as old, RawClient(server) as new:
        old.subscribe("t", qos=1)
        assert new.connect("d", clean=clean) is not clean
        assert old.is_closed()
        new.subscribe("t", qos=1)
        send(server, "t", b"x", qos=1)
        assert publishes(new) == [(1, "t", b"x")]


def test_fifty_take_overs_leave_one_connection(server: Server):
    clients = [connected(server, "d", clean=False) for _ in range(50)]
    assert all(client.is_closed() for client in clients[:-1])
    clients[-1].subscribe("t")
    send(server, "t", b"x")
    assert publishes(clients[-1]) == [(0, "t", b"x")]
    live.wait_until(lambda: len(server.listener._connections) == 1)
    for client in clients:
        client.socket.close()


# Keep-alive and time limits


@pytest.mark.parametrize(("asked", "seconds"), [(60, 60), (1, 30), (0, 1200), (65535, 1200)])
def test_keep_alive_is_clamped_and_enforced_at_one_and_a_half_times(server: Server, asked: int, seconds: int):
    with connected(server, "d", keep_alive=asked) as client:
        server.move_time(1.5 * seconds - 2)
        client.until_ping()
        server.move_time(1.5 * seconds - 2)
        client.until_ping()
        server.move_time(1.5 * seconds + 2)
        assert client.is_closed()


def test_by_the_standard_keep_alive_0_is_none(standard: Server):
    with connected(standard, "d", keep_alive=0) as client:
        standard.move_time(1e6)
        client.until_ping()
    with connected(standard, "d", keep_alive=2) as client:
        standard.move_time(5)
        assert client.is_closed()


def test_half_a_packet_does_not_keep_a_connection_alive(server: Server):
    with connected(server, "d", keep_alive=30) as client:
        server.move_time(40)
        client.send(b"\x30\x7f")
        live.wait_until(lambda: next(iter(server.listener._connections))._partial)
        server.move_time(10)
        assert client.is_closed()


def test_a_peer_that_never_connects_is_closed(server: Server, caplog: pytest.LogCaptureFixture):
    with RawClient(server) as silent, RawClient(server) as half:
        half.send(b"\x10\x20\x00")
        live.wait_until(lambda: len(server.listener._connections) == 2)
        server.move_time(21.5)
        assert silent.is_closed()
        assert half.is_closed()
    assert any("no CONNECT within 20 s" in line for line in caplog.messages)


# Wills


@pytest.mark.parametrize("how", ["vanishes", "is malformed", "is silent", "is taken over"])
def test_a_will_goes_out_when_the_client(server: Server, how: str):
    with connected(server, "watch", keep_alive=1200) as watch:
        watch.subscribe("w/#", qos=1)
        client = connected(server, "d", will=("w/t", b"gone", 1, False))
        if how == "vanishes":
            client.socket.close()
        elif how == "is malformed":
            client.send(b"\xf0\x00")
        elif how == "is silent":
            server.move_time(100)
        else:
            with connected(server, "d"):
                assert client.is_closed()
        assert watch.receive() == (0x32, live.text("w/t") + b"\0\1gone")
        client.socket.close()


def test_a_will_stays_when_the_client_takes_leave(server: Server):
    with connected(server, "watch") as watch:
        watch.subscribe("w/t")
        with connected(server, "d", will=("w/t", b"gone", 0, False)) as client:
            client.send(b"\xe0\x00")
            assert client.is_closed()
        assert publishes(watch) == []


@pytest.mark.parametrize("topic", ["$aws/things/b/jobs/notify", "a/+", ""])
def test_a_will_that_may_not_be_published_is_refused_at_connect(server: Server, topic: str):
    with RawClient(server) as client, pytest.raises(ConnectionError):
        client.connect("d", will=(topic, b"x", 0, False))


# Retained messages


def test_a_retained_message_meets_a_new_subscriber(server: Server):  # MB-6
    send(server, "r/t", b"old", retain=True)
    send(server, "r/t", b"kept", qos=1, retain=True)
    with connected(server, "d") as client:
        client.subscribe("r/t", qos=1)
        assert client.until_ping() == [(0x33, live.text("r/t") + b"\0\1kept")]
        send(server, "r/t", b"live", retain=True)
        assert client.until_ping() == [(0x30, live.text("r/t") + b"live")], "a live copy has RETAIN 0"
        client.subscribe("r/+")
        assert publishes(client) == [], "a wildcard gets nothing on AWS"
    with connected(server, "e") as client:
        assert publishes(client) == [], "a newcomer gets nothing it did not ask for"
    send(server, "r/t", b"", retain=True)
    with connected(server, "d") as client:
        client.subscribe("r/t")
        assert publishes(client) == []


def test_by_the_standard_wildcards_get_retained_messages_and_hash_takes_its_parent(standard: Server):
    for topic in ("r", "r/a", "r/b/c"):
        send(standard, topic, b"x", retain=True)
    with connected(standard, "d") as client:
        assert client.subscribe("r/#", qos=2) == b"\2"
        assert sorted(publishes(client)) == [(0, topic, b"x") for topic in ("r", "r/a", "r/b/c")]
