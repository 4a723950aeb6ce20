"""Quotas at a real front door: counted and told by default, kept as AWS does when asked. The seconds are the test's."""

import math
from collections.abc import Iterator

import pytest

import live
from images import MemoryImage, image_bytes
from live import RawClient, Server
from ota_broker.front.metering import quotas
from ota_broker.front.metering.quotas import Mode, Setting

GET = "$aws/things/%s/streams/fw/get/json"
IMAGE = MemoryImage(image_bytes(131_072 * 4))


@pytest.fixture
def counting() -> Iterator[Server]:
    with live.serving({"fw": {0: IMAGE}}, quotas=quotas.PRESETS["count"]) as server:
        next_second(server)
        yield server


@pytest.fixture
def aws() -> Iterator[Server]:
    with live.serving({"fw": {0: IMAGE}}, quotas=quotas.PRESETS["aws"]) as server:
        next_second(server)
        yield server


def next_second(server: Server) -> None:
    """Begin another second of the meter, which then waits for this to be called again."""
    meter = server.listener.meter

    def begin() -> None:
        meter._ends = 0.0
        meter.turn(server.clock.monotonic())
        meter._ends = math.inf

    server.run(begin)


def connected(server: Server, client_id: str) -> RawClient:
    client = RawClient(server)
    client.connect(client_id)
    return client


def excess(server: Server) -> dict[str, int]:
    return {each["name"]: each["excess"] for each in server.listener.meter.shown() if each["excess"]}


def test_counting_refuses_nothing_and_tells(counting: Server, caplog: pytest.LogCaptureFixture):
    with connected(counting, "d") as client, connected(counting, "e") as other:
        other.subscribe("t")
        for number in range(150):
            client.publish("t", b"%d" % number)
        client.until_ping()
        assert other.messages() == [("t", b"%d" % number) for number in range(150)]
        client.subscribe(*(f"f/{number}" for number in range(51)))
        next_second(counting)
        assert excess(counting) == {
            "publishes_per_connection": 100,  # 50 of one, in, and 50 of the other, out
            "filters_per_subscribe": 43,
            "subscriptions_per_connection": 1,
        }
    assert any(line.startswith("quota Q-20: d at 127.0.0.1:") for line in caplog.messages)
    assert any("AWS would have disconnected them" in line for line in caplog.messages)


def test_messages_beyond_the_second_are_discarded_in_both_directions(aws: Server):
    with connected(aws, "d") as client, connected(aws, "e") as other, connected(aws, "f") as slow:
        other.subscribe("t")
        slow.subscribe("t", qos=1)
        for number in range(150):
            client.publish("t", b"%d" % number, qos=1)
        assert len(client.until_ping()) == 100, "what is discarded is not acknowledged"
        assert len(other.messages()) == len(slow.messages()) == 100
        next_second(aws)
        client.publish("t", b"x")
        client.until_ping()
        assert other.messages() == [("t", b"x")]
        assert excess(aws) == {"publishes_per_connection": 50}


def test_a_request_counts_with_the_blocks_it_brings(aws: Server):
    with connected(aws, "d") as client:
        for _ in range(4):
            client.publish(GET % "d", b'{"f":0,"l":256,"n":32}')
        assert len(client.messages()) == 96, "three requests with 32 blocks each; the fourth is the last message"
        assert excess(aws) == {"publishes_per_connection": 32}


def over_seconds(server: Server, client: RawClient, count: int) -> list[bytes]:
    """Return payloads as they come, and begin another second whenever nothing does."""
    came: list[bytes] = []
    client.socket.settimeout(0.2)
    while len(came) < count:
        try:
            came.append(live.message(*client.receive())[1])
        except TimeoutError:
            next_second(server)
    return came


def test_bytes_beyond_the_second_wait_for_the_next(aws: Server):
    with connected(aws, "d") as client, connected(aws, "e") as other:
        for number in range(8):
            client.publish(GET % "d", b'{"f":0,"l":131072,"n":1,"o":%d}' % (number % 4))
        live.wait_until(lambda: aws.listener.meter.octets.excess > 0, "too much")
        other.until_ping()
        blocks = [payload[:13] for payload in over_seconds(aws, client, 8)]
        assert blocks == [b'{"f":0,"i":%d,' % (number % 4) for number in range(8)], "in order, nothing lost"


def test_what_comes_in_beyond_the_second_waits_too(aws: Server):
    with connected(aws, "d") as client, connected(aws, "e") as other:
        other.subscribe("t")
        for number in range(8):
            client.publish("t", b"%d" % number * 100_000)
        live.wait_until(lambda: aws.listener.meter.octets.excess > 0, "too much")
        assert [payload[:1] for payload in over_seconds(aws, other, 8)] == [b"%d" % number for number in range(8)]


def test_a_client_that_is_held_can_leave_and_be_taken_over(aws: Server):
    with connected(aws, "d") as client, connected(aws, "e") as other:
        client.send(live.packet(0x30, live.text("t") + bytes(131_072)) * 5)
        live.wait_until(lambda: aws.listener.meter.octets.excess > 0, "too much")
        next_second(aws)
        with connected(aws, "d") as again:
            assert again.until_ping() == []
            assert client.is_closed()
        other.until_ping()


def test_connects_beyond_the_second_are_refused_and_disturb_nobody(aws: Server):
    with connected(aws, "d") as client:
        with RawClient(aws) as again, pytest.raises(ConnectionError):
            again.connect("d")
        client.until_ping()
        assert excess(aws) == {"connects_per_client": 1}


def test_subscriptions_beyond_the_quota_end_the_connection(aws: Server, caplog: pytest.LogCaptureFixture):
    with connected(aws, "d") as client, connected(aws, "e") as other:
        for first in range(0, 48, 8):
            client.subscribe(*(f"t/{number}" for number in range(first, first + 8)))
        client.subscribe("t/0", "t/48", "t/49")
        with pytest.raises(ConnectionError):
            client.subscribe("t/50")
        with pytest.raises(ConnectionError):
            other.subscribe(*"abcdefghi")
    assert any("closed THROTTLED: d at 127.0.0.1:" in line and "(Q-24)" in line for line in caplog.messages)


def test_the_same_holds_in_mqtt_5(aws: Server):
    with RawClient(aws, 5) as client, RawClient(aws, 5) as other:
        client.connect("d")
        other.connect("e")
        other.subscribe("t")
        for _ in range(120):
            client.publish("t", b"x")
        client.until_ping()
        assert len(other.messages()) == 100
        other.subscribe(*"abcdefgh")
        client.send(live.packet(0x82, b"\0\1\0" + b"".join(live.text(name) + b"\0" for name in "abcdefghi")))
        (first, body) = client.receive()
        assert (first, body[0]) == (0xE0, 0x97), "quota exceeded"
        assert client.is_closed()


def test_mqtt_5_is_told_what_was_discarded_and_keeps_its_aliases():  # Q-20, M5-4
    kept = {**quotas.OFF, "publishes_per_connection": Setting(Mode.ENFORCE, 2)}
    with live.serving(quotas=kept) as server, RawClient(server, 5) as client:
        client.connect("d")
        next_second(server)
        client.publish("t", b"1")
        client.publish("t", b"2")
        client.send(live.packet(0x32, live.text("a/b") + b"\0\7" + b"\x03\x23\0\1" + b"too many"))
        (first, body) = client.receive()
        assert (first, body[:3]) == (0x40, b"\0\7\x97"), "not taken: its packet id is free again"
        assert b"more than 2 messages a second" in body
        next_second(server)
        client.send(live.packet(0x32, live.text("") + b"\0\7" + b"\x03\x23\0\1" + b"by its alias"))
        assert client.receive() == (0x40, b"\0\7")


def absent_with(server: Server, messages: int) -> None:
    """Leave a session behind for which messages wait."""
    with RawClient(server) as client:
        client.connect("d", clean=False)
        client.subscribe("t", qos=1)
    live.wait_until(lambda: all(each.link is None for each in server.listener.exchange._sessions), "gone")
    with connected(server, "e") as other:
        for number in range(messages):
            other.publish("t", b"%d" % number, qos=1)
        other.until_ping()


@pytest.mark.parametrize("mode", [Mode.ENFORCE, Mode.COUNT])
def test_what_waited_for_a_client_comes_ten_a_second(mode: Mode, caplog: pytest.LogCaptureFixture):
    kept = {**quotas.OFF, "replays_per_connection": Setting(mode)}
    with live.serving(quotas=kept) as server:
        absent_with(server, 25)
        next_second(server)
        with RawClient(server) as client, connected(server, "e") as other:
            client.connect("d", clean=False)
            came = [payload for _, payload in client.messages()]
            if mode is Mode.COUNT:
                assert len(came) == 25
                assert excess(server) == {"replays_per_connection": 15}
                return
            other.publish("t", b"new")
            other.until_ping()
            assert len(came) == 10
            assert [payload for _, payload in client.messages()] == [b"new"]
            came += over_seconds(server, client, 15)
            assert came == [b"%d" % number for number in range(25)]
            assert excess(server) == {"replays_per_connection": 2}
    assert any(line.startswith("quota Q-31: d at") and line.endswith("delayed") for line in caplog.messages)


def test_an_account_has_its_messages_too():
    kept = {**quotas.OFF, "publishes_in": Setting(Mode.ENFORCE, 3), "publishes_out": Setting(Mode.ENFORCE, 4)}
    with live.serving(quotas=kept) as server, connected(server, "d") as client, connected(server, "e") as other:
        next_second(server)
        client.subscribe("t")
        other.subscribe("t")
        for number in range(5):
            client.publish("t", b"%d" % number)
        assert len(client.messages()) + len(other.messages()) == 4
        assert excess(server) == {"publishes_in": 2, "publishes_out": 2}


def test_without_quotas_a_connection_is_a_plain_one():
    with live.serving() as server, connected(server, "d"):
        (connection,) = server.listener._connections
        assert type(connection).__name__ == "Connection"
