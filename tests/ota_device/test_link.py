"""The link against the real front door, and against a peer that does what no good broker does."""

import gc
from contextlib import ExitStack
from pathlib import Path

import pytest

from images import MemoryImage, image_bytes
from live import PATIENCE, RawClient, packet, serving, text, wait_until
from ota_broker.front.codec.packets import PacketType
from ota_device.errors import DeviceError, LinkError
from ota_device.link import Event, Link, LinkOptions, Message
from shared_world import deaf_port

QUICK = LinkOptions(patience=5.0, attempts=3, pause=0.01)
BRIEF = LinkOptions(patience=0.05)
ACCEPTED = b"\x20\x02\x00\x00"
DESCRIBE = "$aws/things/d1/streams/fw/describe/json"
DESCRIPTION = Message("$aws/things/d1/streams/fw/description/json", b'{"s":1,"r":[{"f":0,"z":5000}]}')


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@pytest.fixture
def server():
    with serving({"fw": {0: MemoryImage(image_bytes(5000))}}) as server:
        yield server


def test_a_request_gets_its_answer(server):
    with Link(server.host, server.port, "d1", QUICK) as link:
        link.subscribe(DESCRIPTION.topic)
        link.publish(DESCRIBE, b"")
        assert link.receive(PATIENCE) == DESCRIPTION


def test_a_link_that_was_left_keeps_nothing_open(server):
    gc.collect()  # what earlier tests left would go in the middle of this one
    before = descriptors()
    with Link(server.host, server.port, "d1", QUICK) as link:
        link.publish(DESCRIBE, b"")
        link.receive(PATIENCE)
    wait_until(lambda: descriptors() <= before, "client and server have closed all")
    assert link  # not by being collected


def test_messages_come_in_the_order_they_were_sent(server):
    with Link(server.host, server.port, "d1", QUICK) as link:
        link.publish(DESCRIBE, b"")
        link.publish("$aws/things/d1/streams/none/describe/json", b"")
        topics = [link.receive(PATIENCE).topic for _ in range(2)]
    assert topics == [DESCRIPTION.topic, "$aws/things/d1/streams/none/rejected/json"]


def test_silence_is_quiet(server):
    with Link(server.host, server.port, "d1", QUICK) as link:
        assert link.receive(0.01) is Event.QUIET
        assert link.receive(-1.0) is Event.QUIET


def test_a_packet_that_is_no_message_does_not_end_the_wait(scripted):
    ping_answer, message = b"\xd0\x00", packet(0x30, text("t") + b"payload")
    peer = scripted({PacketType.CONNECT: ACCEPTED, PacketType.PUBLISH: ping_answer * 3 + message})
    with Link(peer.host, peer.port, "d1", QUICK) as link:
        link.publish("t", b"")
        assert link.receive(PATIENCE) == Message("t", b"payload")


def test_a_lost_connection_comes_back_with_its_subscriptions(server):
    with Link(server.host, server.port, "watcher", QUICK) as link, RawClient(server) as other:
        link.subscribe(DESCRIPTION.topic)
        link.subscribe(DESCRIPTION.topic)
        other.connect("watcher")  # the broker lets the newcomer take over
        assert link.receive(PATIENCE) is Event.RECONNECTED
        with RawClient(server) as device:
            device.connect("d1")
            device.publish(DESCRIBE, b"")
            assert link.receive(PATIENCE) == DESCRIPTION  # it asked for nothing: this came by subscription


def test_what_is_published_on_a_lost_connection_is_lost_and_no_error(server):
    with Link(server.host, server.port, "d1", QUICK) as link, RawClient(server) as other:
        other.connect("d1")
        assert other.messages() == []
        link.publish(DESCRIBE, b"")
        link.publish(DESCRIBE, b"")
        assert link.receive(PATIENCE) is Event.RECONNECTED
        assert link.receive(0.01) is Event.QUIET


def test_a_connection_that_does_not_come_back_is_given_up():
    with ExitStack() as stack:
        with serving() as server:
            link = stack.enter_context(Link(server.host, server.port, "d1", QUICK))
        with pytest.raises(LinkError, match=r"not back after 3 attempts: nobody listens on 127\.0\.0\.1:\d+"):
            link.receive(PATIENCE)


def test_leaving_says_goodbye(scripted):
    peer = scripted({PacketType.CONNECT: ACCEPTED})
    with Link(peer.host, peer.port, "d1", QUICK):
        pass
    wait_until(lambda: peer.seen == [PacketType.CONNECT, PacketType.DISCONNECT])


# Errors: one line each


def test_nobody_listening_says_how_to_start_the_simulator():
    said = r"^nobody listens on 127\.0\.0\.1:\d+: start .* `ota-stream serve FIRMWARE`$"
    with deaf_port() as port, pytest.raises(LinkError, match=said):
        Link("127.0.0.1", port, "d1").__enter__()


@pytest.mark.parametrize("host", ["", "a" * 70])
def test_a_host_that_cannot_be_one_is_told(host):
    with pytest.raises(LinkError, match=f"cannot reach {host}:1883: "):
        Link(host, 1883, "d1").__enter__()


def test_a_listener_that_never_answers_is_given_up(scripted):
    peer = scripted({})
    with pytest.raises(LinkError, match=r"did not answer CONNECT within 0\.05 s"):
        Link(peer.host, peer.port, "d1", BRIEF).__enter__()


def test_a_listener_that_hangs_up_is_told(scripted):
    peer = scripted({PacketType.CONNECT: None})
    with pytest.raises(LinkError, match="closed the connection"):
        Link(peer.host, peer.port, "d1", QUICK).__enter__()


@pytest.mark.parametrize("code", [2, 3, 4, 5])
def test_a_refused_connection_says_why(scripted, code):
    peer = scripted({PacketType.CONNECT: bytes((0x20, 2, 0, code))})
    with pytest.raises(LinkError, match="refused the connection: "):
        Link(peer.host, peer.port, "d1", QUICK).__enter__()


def test_a_refused_subscription_names_the_topic(scripted):
    peer = scripted({PacketType.CONNECT: ACCEPTED, PacketType.SUBSCRIBE: b"\x90\x04\x00\x01\x00\x80"})
    with Link(peer.host, peer.port, "d1", QUICK) as link, pytest.raises(LinkError, match=r"refused .* to b/c$"):
        link.subscribe("a", "b/c")


def test_a_subscription_without_an_answer_is_given_up(scripted):
    peer = scripted({PacketType.CONNECT: ACCEPTED})
    patient = LinkOptions(patience=0.5)  # enough for the CONNACK on a busy machine
    with Link(peer.host, peer.port, "d1", patient) as link, pytest.raises(LinkError, match="did not answer SUBSCRIBE"):
        link.subscribe("a")


def test_a_subscription_that_ends_the_connection_is_told(scripted):
    peer = scripted({PacketType.CONNECT: ACCEPTED, PacketType.SUBSCRIBE: None})
    with Link(peer.host, peer.port, "d1", QUICK) as link:
        with pytest.raises(LinkError, match="closed the connection"):
            link.subscribe("a")
        with pytest.raises(LinkError, match="closed the connection"):
            link.subscribe("b")


def test_link_errors_are_device_errors():
    assert issubclass(LinkError, DeviceError)
