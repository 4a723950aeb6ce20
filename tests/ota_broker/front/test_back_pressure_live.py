"""Slow readers and slow writers: memory stays bounded, and the others are served."""

from collections.abc import Iterator

import pytest

import live
from images import MemoryImage, image_bytes
from live import RawClient, Server
from ota_broker.front import limits

BLOCK = b'{"f":0,"l":131072,"o":%d,"n":1}'
GET = "$aws/things/%s/streams/fw/get/json"
IMAGE = MemoryImage(image_bytes(131_072 * 8))
ONE_ANSWER = 180_000  # bytes on the wire: 128 KiB as base64, and its head


@pytest.fixture
def server() -> Iterator[Server]:
    with live.serving({"fw": {0: IMAGE}}) as server:
        yield server


def connected(server: Server, client_id: str) -> RawClient:
    client = RawClient(server)
    client.connect(client_id)
    return client


def buffered(server: Server) -> int:
    """Return the most bytes that wait for one connection."""
    return max(
        (
            c._pending_bytes + c._transport.get_write_buffer_size() + len(c._partial)
            for c in server.listener._connections
        ),
        default=0,
    )


def test_a_device_that_asks_and_does_not_read_is_not_served_further_and_loses_nothing(server: Server):
    count = 200  # 26 MiB of data for 14 KiB of requests
    with connected(server, "slow") as slow, connected(server, "good") as good:
        slow.send(b"".join(live.packet(0x30, live.text(GET % "slow") + BLOCK % (n % 8)) for n in range(count)))
        live.wait_until(lambda: any(connection._choked for connection in server.listener._connections))
        for n in range(8):
            good.publish(GET % "good", BLOCK % n)
            assert len(good.messages()) == 1, "others are served meanwhile"
        assert buffered(server) < limits.WRITE_HIGH + ONE_ANSWER + (1 << 18)
        ids = [live.message(*slow.receive())[1][:13] for _ in range(count)]
        assert ids == [b'{"f":0,"i":%d,' % (n % 8) for n in range(count)], "in order, nothing lost"


def test_a_subscriber_that_does_not_read_loses_qos_0_keeps_a_bounded_queue_and_is_told_of(
    server: Server, caplog: pytest.LogCaptureFixture
):
    with connected(server, "stuck") as stuck, connected(server, "sender") as sender:
        stuck.subscribe("t")
        stuck.subscribe("u", qos=1)
        payload = bytes(100_000)
        for _ in range(300):  # 60 MB
            sender.publish("t", payload)
            sender.publish("u", payload, qos=1)
        sender.until_ping()
        assert buffered(server) < 2 * limits.WRITE_HIGH
        (session,) = [s for s in server.listener.exchange._sessions if s.client_id == "stuck"]
        assert session._outgoing is not None
        assert session._outgoing._bytes <= limits.QUEUE_BYTES_MAX
    assert any(line.startswith("dropped: a message on") and "stuck" in line for line in caplog.messages)


def test_a_reader_that_stays_stuck_is_dropped_when_its_time_is_over(
    server: Server, caplog: pytest.LogCaptureFixture
):  # R22
    with RawClient(server) as stuck, connected(server, "good") as good:
        stuck.connect("stuck", keep_alive=1200)
        stuck.send(b"".join(live.packet(0x30, live.text(GET % "stuck") + BLOCK % (n % 8)) for n in range(200)))
        live.wait_until(lambda: any(connection.congested for connection in server.listener._connections))
        server.move_time(50)
        good.until_ping()
        assert len(server.listener._connections) == 2
        server.move_time(11)
        good.until_ping()
        server.move_time(6)  # the time to read the last bytes is over too: the connection is cut
        live.wait_until(lambda: len(server.listener._connections) == 1)
    assert any(line.startswith("closed THROTTLED: stuck") and "did not read" in line for line in caplog.messages)


def test_a_reader_that_drips_is_dropped_too_and_one_that_catches_up_is_not(server: Server):  # R22
    with connected(server, "drips") as drips, connected(server, "late") as late, connected(server, "good") as good:
        for client, name in ((drips, "drips"), (late, "late")):
            client.send(b"".join(live.packet(0x30, live.text(GET % name) + BLOCK % (n % 8)) for n in range(100)))
        live.wait_until(lambda: sum(connection.congested for connection in server.listener._connections) == 2)
        server.move_time(30)
        assert drips.socket.recv(1000)
        for _ in range(100):
            late.receive()
        server.move_time(32)
        good.until_ping()
        assert late.until_ping() == []
        live.wait_until(lambda: sum(connection._closing for connection in server.listener._connections) == 1)
        server.move_time(6)
        live.wait_until(lambda: len(server.listener._connections) == 2)
    live.wait_until(lambda: not server.listener.wheel._buckets, "no deadline is left behind")


def test_a_slow_writer_holds_one_packet_at_most(server: Server):
    with connected(server, "slow") as slow:
        packet = live.packet(0x30, live.text("t") + bytes(131_072))
        slow.send(packet[:-1])
        live.wait_until(lambda: buffered(server) == len(packet) - 1)
        slow.send(packet[-1:] + packet[:1000])
        slow.send(packet[1000:])
        assert slow.messages() == []
        assert buffered(server) == 0


def test_the_broker_stops_with_a_stuck_reader(server: Server):
    stuck = connected(server, "stuck")
    stuck.send(b"".join(live.packet(0x30, live.text(GET % "stuck") + BLOCK % (n % 8)) for n in range(200)))
    live.wait_until(lambda: any(connection.congested for connection in server.listener._connections))
    server.stop()
    server.start = server.stop = lambda: None  # type: ignore[method-assign] - it has been stopped here
    stuck.socket.close()
