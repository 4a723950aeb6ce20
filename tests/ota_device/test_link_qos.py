"""QoS 1 on a link: what is published has arrived when `publish` returns, or the caller is told."""

import pytest

from live import RawClient, serving
from ota_broker.front.codec.packets import PacketType
from ota_device.errors import LinkError
from ota_device.link import Event, Link, LinkOptions, Message

GREETED = {
    PacketType.CONNECT: b"\x20\x02\x00\x00",
    PacketType.SUBSCRIBE: lambda body: b"\x90\x03" + body[:2] + b"\x01",
}
TOPIC = "a/b"
GET = "$aws/things/dev1/jobs/$next/get"


def quick(patience: float = 5.0) -> LinkOptions:
    return LinkOptions(patience=patience, attempts=3, pause=0.01)


def test_a_message_that_is_not_acknowledged_is_said(scripted):
    peer = scripted({**GREETED, PacketType.PUBLISH: b""})
    with (
        Link(peer.host, peer.port, "dev1", quick(0.1)) as link,
        pytest.raises(LinkError, match=r"^127\.0\.0\.1:\d+ did not answer PUBLISH within 0\.1 s$"),
    ):
        link.publish(TOPIC, b"", qos=1)


def test_over_a_lost_connection_it_is_published_again_and_then_told(scripted):
    answers = [None, b"\x40\x02\x00\x01"]
    peer = scripted({**GREETED, PacketType.PUBLISH: lambda _: answers.pop(0)})
    with Link(peer.host, peer.port, "dev1", quick()) as link:
        link.publish(TOPIC, b"", qos=1)
        assert link.receive(0.0) is Event.RECONNECTED
        assert link.receive(0.0) is Event.QUIET
    assert peer.seen.count(PacketType.PUBLISH) == 2


def test_what_arrives_while_a_publish_waits_is_kept():
    with serving() as server, Link(server.host, server.port, "dev1", quick()) as link:
        link.publish(GET, b"{}", qos=1)
        message = link.receive(5.0)
        assert isinstance(message, Message)
        assert message.topic == f"{GET}/accepted"


def test_a_subscription_ends_and_does_not_come_back():
    with serving() as server, Link(server.host, server.port, "dev1", quick()) as link:
        link.subscribe("$aws/things/dev1/jobs/notify-next", qos=1)
        link.unsubscribe("$aws/things/dev1/jobs/notify-next")
        with RawClient(server) as other:
            other.connect("dev1")  # takes over
        assert link.receive(5.0) is Event.RECONNECTED
        server.create_job("job-1", "dev1")
        link.publish(GET, b"{}", qos=1)
        message = link.receive(5.0)
        assert isinstance(message, Message)
        assert message.topic == f"{GET}/accepted"
