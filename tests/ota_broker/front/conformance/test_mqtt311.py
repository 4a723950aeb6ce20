"""MQTT 3.1.1, packet by packet: the normative statements of the OASIS standard that bytes on a wire can show.

A name begins with the number of its statement (`2.3.1-1`: MQTT-2.3.1-1). Each runs in both profiles unless they differ.
"""

from typing import NamedTuple

import pytest

import live
from live import RawClient, Server
from ota_broker.front.profile import AWS, STANDARD

CONNACK, PUBACK, SUBACK, UNSUBACK, PINGRESP = 0x20, 0x40, 0x90, 0xB0, 0xD0
PINGREQ = b"\xc0\x00"
BOTH = ("aws", "standard")


def connect(flags: int = 2, rest: bytes = live.text("d"), *, head: bytes = live.text("MQTT") + b"\4") -> bytes:
    return live.packet(0x10, head + bytes((flags,)) + b"\0\x3c" + rest)


def publish(topic: bytes, rest: bytes = b"", first: int = 0x30) -> bytes:
    return live.packet(first, live.binary(topic) + rest)


def subscribe(*filters: tuple[bytes, int], first: int = 0x82, packet_id: bytes = b"\0\1") -> bytes:
    return live.packet(first, packet_id + b"".join(live.binary(each) + bytes((qos,)) for each, qos in filters))


def unsubscribe(*filters: bytes, first: int = 0xA2, packet_id: bytes = b"\0\1") -> bytes:
    return live.packet(first, packet_id + b"".join(map(live.binary, filters)))


@pytest.fixture(scope="module")
def servers():
    with live.serving(profile=AWS) as aws, live.serving(profile=STANDARD) as standard:
        yield {"aws": aws, "standard": standard}


@pytest.fixture(params=BOTH)
def server(request: pytest.FixtureRequest, servers: dict[str, Server]) -> Server:
    return servers[request.param]


# Before a client is let in


class Opening(NamedTuple):
    """What is sent first, and the CONNACK that comes back; without one the connection is closed without a word."""

    sent: bytes
    connack: bytes | None = None


OPENINGS: dict[str, Opening] = {
    "1.5.3-1 a client id that is not UTF-8": Opening(connect(rest=live.binary(b"\xff"))),
    "1.5.3-1 a client id with a surrogate": Opening(connect(rest=live.binary(b"\xed\xa0\x80"))),
    "1.5.3-2 a client id with U+0000": Opening(connect(rest=live.binary(b"a\0b"))),
    "1.5.3-3 U+FEFF in a client id is a character": Opening(connect(rest=live.binary(b"\xef\xbb\xbfd")), b"\0\0"),
    "2.2.2-2 flags in the first byte": Opening(b"\x11" + connect()[1:]),
    "3.1.0-1 PINGREQ comes first": Opening(PINGREQ),
    "3.1.0-1 PUBLISH comes first": Opening(publish(b"t")),
    "3.1.0-1 DISCONNECT comes first": Opening(b"\xe0\x00"),
    "3.1.2-1 another protocol": Opening(connect(head=live.text("mqtt") + b"\4"), b"\0\1"),
    "3.1.2-2 level 3": Opening(connect(head=live.text("MQIsdp") + b"\3"), b"\0\1"),
    "3.1.2-2 level 6": Opening(connect(head=live.text("MQTT") + b"\6"), b"\0\1"),
    "3.1.2-2 level 132, a bridge": Opening(connect(head=live.text("MQTT") + b"\x84"), b"\0\1"),
    "3.1.2-3 the reserved flag": Opening(connect(3)),
    "3.1.2-13 will QoS without a will": Opening(connect(2 | 0x08)),
    "3.1.2-14 will QoS 3": Opening(connect(2 | 4 | 0x18, live.text("d") + live.text("w") + live.binary(b""))),
    "3.1.2-15 will retain without a will": Opening(connect(2 | 0x20)),
    "3.1.2-11 a will without its topic": Opening(connect(2 | 4)),
    "3.1.2-19 a user name that is not there": Opening(connect(2 | 0x80)),
    "3.1.2-18 a user name that was not announced": Opening(connect(2, live.text("d") + live.text("u"))),
    "3.1.2-21 a password that is not there": Opening(connect(2 | 0xC0, live.text("d") + live.text("u"))),
    "3.1.2-22 a password without a user name": Opening(connect(2 | 0x40, live.text("d") + live.binary(b"p"))),
    "3.1.3-5 letters and digits, 23 bytes": Opening(connect(rest=live.text("0123456789abcdefABCDEFx")), b"\0\0"),
    "3.1.3-6 no client id, clean session": Opening(connect(2, live.text("")), b"\0\0"),
    "3.1.3-8 no client id and no clean session": Opening(connect(0, live.text("")), b"\0\2"),
    "3.1.3-10 a will topic that is not UTF-8": Opening(
        connect(6, live.text("d") + live.binary(b"\xff") + live.binary(b""))
    ),
    "3.1.3-11 a user name that is not UTF-8": Opening(connect(2 | 0x80, live.text("d") + live.binary(b"\xff"))),
    "3.1.4-1 bytes after the last field": Opening(connect(2, live.text("d") + b"x")),
    "3.1.4-1 no flags": Opening(live.packet(0x10, live.text("MQTT") + b"\4")),
    "3.1 user name and password": Opening(
        connect(2 | 0xC0, live.text("d") + live.text("u") + live.binary(b"\xff\0")), b"\0\0"
    ),
    "3.1 an empty user name and password": Opening(
        connect(2 | 0xC0, live.text("d") + live.text("") + live.binary(b"")), b"\0\0"
    ),
}


@pytest.mark.parametrize("opening", OPENINGS.values(), ids=OPENINGS)
def test_who_comes_in(server: Server, opening: Opening):
    with RawClient(server) as client:
        client.send(opening.sent)
        if opening.connack == b"\0\0":
            assert client.receive() == (CONNACK, b"\0\0")
            assert client.until_ping() == []
        else:
            assert client.until_end() == ([(CONNACK, opening.connack)] if opening.connack else [])


def test_3_1_2_4_and_3_2_2_whether_a_session_was_there_is_told(server: Server):
    for flags, present in ((2, 0), (0, 0), (0, 1), (2, 0), (0, 0)):
        with RawClient(server) as client:
            client.send(connect(flags, live.text("s")))
            assert client.receive() == (CONNACK, bytes((present, 0)))
            client.send(b"\xe0\x00")
            assert client.is_closed()


def test_3_2_2_5_after_a_connack_that_refuses_nothing_is_read(server: Server):
    with RawClient(server) as watch, RawClient(server) as client:
        watch.connect("watch")
        watch.subscribe("x")
        client.send(connect(0, live.text("")) + publish(b"x", b"!") + PINGREQ)
        assert client.until_end() == [(CONNACK, b"\0\2")]
        assert watch.messages() == []


# Once it is in: what is sent, and all that comes back until a PINGREQ is answered


class Exchanged(NamedTuple):
    """Bytes, and the packets they bring; None: the connection is closed and nothing was executed."""

    sent: bytes
    packets: list[tuple[int, bytes]] | None
    profiles: tuple[str, ...] = BOTH


SUBSCRIBED = subscribe((b"a/b", 0))
GRANTED = (SUBACK, b"\0\1\0")
EXCHANGES: dict[str, Exchanged] = {
    "2.2.3 a length of five bytes": Exchanged(b"\x30\x80\x80\x80\x80\x01", None),
    "2.3.1-1 SUBSCRIBE with packet id 0": Exchanged(subscribe((b"t", 0), packet_id=b"\0\0"), None),
    "2.3.1-1 UNSUBSCRIBE with packet id 0": Exchanged(unsubscribe(b"t", packet_id=b"\0\0"), None),
    "2.3.1-1 PUBLISH with packet id 0": Exchanged(publish(b"t", b"\0\0", 0x32), None),
    "2.3.1-6 PUBACK has the id of its PUBLISH": Exchanged(publish(b"t", b"\xab\xcdx", 0x32), [(PUBACK, b"\xab\xcd")]),
    "2.3.1-7 SUBACK has the id of its SUBSCRIBE": Exchanged(
        subscribe((b"t", 0), packet_id=b"\xff\xff"), [(SUBACK, b"\xff\xff\0")]
    ),
    "3.1.0-2 a second CONNECT": Exchanged(connect(), None),
    "3.3.1-2 DUP at QoS 0": Exchanged(publish(b"t", b"x", 0x38), None),
    "3.3.1-3 DUP is not passed on": Exchanged(
        SUBSCRIBED + publish(b"a/b", b"\0\7x", 0x3A), [GRANTED, (PUBACK, b"\0\7"), (0x30, live.text("a/b") + b"x")]
    ),
    "3.3.1-4 QoS 3": Exchanged(publish(b"t", b"\0\1", 0x36), None),
    "3.3.1-9 live copies have RETAIN 0": Exchanged(
        SUBSCRIBED + publish(b"a/b", b"x", 0x31) + publish(b"a/b", b"", 0x31),
        [GRANTED, (0x30, live.text("a/b") + b"x"), (0x30, live.text("a/b"))],
    ),
    "3.3.1-8 a retained message has RETAIN 1 for a new subscription": Exchanged(
        publish(b"a/b", b"x", 0x31) + SUBSCRIBED + publish(b"a/b", b"", 0x31),
        [GRANTED, (0x31, live.text("a/b") + b"x"), (0x30, live.text("a/b"))],
    ),
    "3.8.4-3 ... and for a subscription that is made again": Exchanged(
        publish(b"a/b", b"x", 0x31) + SUBSCRIBED * 2 + publish(b"a/b", b"", 0x31),
        [GRANTED, (0x31, live.text("a/b") + b"x")] * 2 + [(0x30, live.text("a/b"))],
    ),
    "3.3.2-1 a topic that is not UTF-8": Exchanged(publish(b"\xff"), None),
    "3.3.2-2 a topic with +": Exchanged(publish(b"a/+"), None),
    "3.3.2-2 a topic with #": Exchanged(publish(b"#"), None),
    "3.3.3 an empty payload": Exchanged(SUBSCRIBED + publish(b"a/b"), [GRANTED, (0x30, live.text("a/b"))]),
    "3.3.4 QoS 1 is acknowledged once": Exchanged(
        publish(b"t", b"\0\1x", 0x32) * 2, [(PUBACK, b"\0\1"), (PUBACK, b"\0\1")]
    ),
    "4.3.3 QoS 2 is received once": Exchanged(
        SUBSCRIBED + publish(b"a/b", b"\0\1x", 0x34) + publish(b"a/b", b"\0\1x", 0x3C) + b"\x62\2\0\1",
        [GRANTED, (0x50, b"\0\1"), (0x30, live.text("a/b") + b"x"), (0x50, b"\0\1"), (0x70, b"\0\1")],
        ("standard",),
    ),
    "4.3.3 QoS 2 on AWS (MU-5)": Exchanged(publish(b"t", b"\0\1x", 0x34), None, ("aws",)),
    "3.6.1-1 PUBREL with flags 0": Exchanged(b"\x60\2\0\1", None),
    "3.8.1-1 SUBSCRIBE with flags 0": Exchanged(subscribe((b"t", 0), first=0x80), None),
    "3.8.3-1 a filter that is not UTF-8": Exchanged(subscribe((b"\xff", 0)), None),
    "3.8.3-3 no filter": Exchanged(subscribe(), None),
    "3.8.3-4 QoS 3": Exchanged(subscribe((b"t", 3)), None),
    "3-8.3-4 reserved bits of the QoS byte": Exchanged(subscribe((b"t", 4)), None),
    "3.8.4-5 a code for every filter, in order": Exchanged(
        subscribe((b"a", 1), (b"b", 0), (b"c/#", 1)), [(SUBACK, b"\0\1\1\0\1")]
    ),
    "3.8.4-6 the highest QoS that is granted": Exchanged(subscribe((b"a", 2)), [(SUBACK, b"\0\1\2")], ("standard",)),
    "3.10.1-1 UNSUBSCRIBE with flags 0": Exchanged(unsubscribe(b"t", first=0xA0), None),
    "3.10.3-2 nothing to unsubscribe": Exchanged(unsubscribe(), None),
    "3.10.4-5 UNSUBACK also for what was not subscribed": Exchanged(unsubscribe(b"never"), [(UNSUBACK, b"\0\1")]),
    "3.10.4-1 filters are compared character by character": Exchanged(
        SUBSCRIBED + unsubscribe(b"a/+") + unsubscribe(b"A/b") + publish(b"a/b", b"x"),
        [GRANTED, (UNSUBACK, b"\0\1"), (UNSUBACK, b"\0\1"), (0x30, live.text("a/b") + b"x")],
    ),
    "3.10.4-2 nothing comes after UNSUBACK": Exchanged(
        SUBSCRIBED + unsubscribe(b"a/b") + publish(b"a/b"), [GRANTED, (UNSUBACK, b"\0\1")]
    ),
    "3.12 PINGREQ with a body": Exchanged(b"\xc0\1x", None),
    "3.14.1-1 DISCONNECT with flags": Exchanged(b"\xe1\x00", None),
    "4.7.1-2 # not at the end": Exchanged(subscribe((b"a/#/b", 0)), None),
    "4.7.1-2 # not a whole level": Exchanged(subscribe((b"a#", 0)), None),
    "4.7.1-3 + not a whole level": Exchanged(subscribe((b"a+/b", 0)), None),
    "4.7.1-3 + at any level": Exchanged(
        subscribe((b"+/b/+", 0)) + publish(b"a/b/c", b"x"), [GRANTED, (0x30, live.text("a/b/c") + b"x")]
    ),
    "4.7.1 # takes the parent, by the standard": Exchanged(
        subscribe((b"a/#", 0)) + publish(b"a", b"x"), [GRANTED, (0x30, live.text("a") + b"x")], ("standard",)
    ),
    "4.7.1 # does not take the parent on AWS (MB-2)": Exchanged(
        subscribe((b"a/#", 0)) + publish(b"a", b"x"), [GRANTED], ("aws",)
    ),
    "4.7.3-1 an empty topic": Exchanged(publish(b""), None),
    "4.7.3-1 an empty filter": Exchanged(subscribe((b"", 0)), None),
    "4.7.3-2 a topic with U+0000": Exchanged(publish(b"a\0"), None),
    "4.7.3 a leading slash and case differ": Exchanged(
        SUBSCRIBED + publish(b"/a/b") + publish(b"A/b") + publish(b"a/b/"), [GRANTED]
    ),
    "4.7.3 a blank and a slash alone are topics": Exchanged(
        subscribe((b" ", 0), (b"/", 0)) + publish(b" ", b"x") + publish(b"/", b"y"),
        [(SUBACK, b"\0\1\0\0"), (0x30, live.text(" ") + b"x"), (0x30, live.text("/") + b"y")],
    ),
    "4.6 order": Exchanged(
        SUBSCRIBED + b"".join(publish(b"a/b", b"%d" % number) for number in range(20)),
        [GRANTED, *((0x30, live.text("a/b") + b"%d" % number) for number in range(20))],
    ),
}


@pytest.mark.parametrize(
    ("profile", "row"),
    [
        pytest.param(profile, row, id=f"{name} ({profile})")
        for name, row in EXCHANGES.items()
        for profile in row.profiles
    ],
)
def test_what_is_answered(servers: dict[str, Server], profile: str, row: Exchanged):
    with RawClient(servers[profile]) as watch, RawClient(servers[profile]) as client:
        watch.connect("watch")
        watch.subscribe("#")
        client.connect("d")
        client.send(row.sent)
        if row.packets is None:
            assert client.until_end() == []
            assert watch.until_ping() == [], "nothing of it was executed"
        else:
            assert client.until_ping() == row.packets


@pytest.mark.parametrize("ping", [PINGREQ, b"\xc0\x80\x00"], ids=["plain", "2.2.3 a length longer than it needs"])
def test_3_12_4_1_a_ping_is_answered(server: Server, ping: bytes):
    with RawClient(server) as client:
        client.connect("d")
        client.send(ping)
        assert client.receive() == (PINGRESP, b"")
