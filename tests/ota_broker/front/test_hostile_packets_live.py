"""Packets of every type, cut, bent and flipped: each ends its connection or is taken, and none makes a zombie of it."""

from collections.abc import Iterator

import pytest

import live
from live import RawClient, Server

PINGREQ, PINGRESP = b"\xc0\x00", (0xD0, b"")
HEAD = live.text("MQTT") + b"\x04"
FULL = (
    HEAD + b"\xee\x00\x3c" + live.text("w") + live.text("will") + live.binary(b"x") + live.text("u") + live.binary(b"p")
)

FIRST = {
    "CONNECT": live.packet(0x10, HEAD + b"\x02\x00\x3c" + live.text("d")),
    "CONNECT with all fields": live.packet(0x10, FULL),
}
LATER = {
    "CONNACK": b"\x20\x02\0\0",
    "PUBLISH": live.packet(0x30, live.text("a/b") + b"x"),
    "PUBLISH QoS 1": live.packet(0x32, live.text("a/b") + b"\0\1x"),
    "PUBLISH to a service": live.packet(0x30, live.text("$aws/things/d/streams/fw/get/json") + b'{"f":0,"l":256}'),
    "PUBACK": b"\x40\x02\0\1",
    "PUBREC": b"\x50\x02\0\1",
    "PUBREL": b"\x62\x02\0\1",
    "PUBCOMP": b"\x70\x02\0\1",
    "SUBSCRIBE": live.packet(0x82, b"\0\1" + live.text("a/+") + b"\1" + live.text("b/#") + b"\0"),
    "SUBACK": b"\x90\x03\0\1\0",
    "UNSUBSCRIBE": live.packet(0xA2, b"\0\1" + live.text("a/+")),
    "UNSUBACK": b"\xb0\x02\0\1",
    "PINGREQ": PINGREQ,
    "PINGRESP": b"\xd0\0",
    "DISCONNECT": b"\xe0\0",
    "AUTH": b"\xf0\0",
}


HEAD_5 = live.text("MQTT") + b"\x05"
USER = b"\x26" + live.text("k") + live.text("v")
WILL_5 = b"\x05\x18\0\0\0\1" + live.text("will") + live.binary(b"x")
FIRST_5 = {
    "CONNECT": live.packet(0x10, HEAD_5 + b"\x02\x00\x3c\0" + live.text("d")),
    "CONNECT with properties": live.packet(
        0x10, HEAD_5 + b"\x06\x00\x3c" + b"\x0b\x11\0\0\0\x0a\x21\0\5\x22\0\2" + live.text("w") + WILL_5
    ),
}
LATER_5 = {
    **{name: LATER[name] for name in ("CONNACK", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "PINGREQ", "PINGRESP")},
    "PUBLISH": live.packet(0x30, live.text("a/b") + b"\0x"),
    "PUBLISH with properties": live.packet(
        0x32,
        live.text("a/b") + b"\0\1" + b"\x19\1\1\2\0\0\0\x0a\x23\0\1" + b"\x08\0\1r" + b"\x09\0\1c" + USER + b"x",
    ),
    "PUBACK with a reason": b"\x40\x04\0\1\x10\0",
    "SUBSCRIBE": live.packet(0x82, b"\0\1\x07" + USER + live.text("a/+") + b"\x2d"),
    "shared SUBSCRIBE": live.packet(0x82, b"\0\1\0" + live.text("$share/g/b/#") + b"\1"),
    "UNSUBSCRIBE": live.packet(0xA2, b"\0\1\0" + live.text("a/+")),
    "DISCONNECT": b"\xe0\x07\x04\5\x11\0\0\0\0",
    "AUTH": b"\xf0\x02\x18\0",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with live.serving() as server:
        yield server


def bent(packet: bytes) -> Iterator[bytes]:
    """Yield a packet cut at every byte, with every flag, a byte short and long, and with every byte flipped."""
    first, body = packet[0], packet[2:]
    for end in range(len(body)):
        yield live.packet(first, body[:end])
    for flags in range(16):
        yield bytes((first & 0xF0 | flags,)) + packet[1:]
    for length in {max(0, len(body) - 1), len(body) + 1}:
        yield bytes((first, length)) + body
    yield live.packet(first, body + b"\0")
    for at in range(len(body)):
        for flip in (0x80, 0xFF, 0x01):
            yield packet[: 2 + at] + bytes((body[at] ^ flip,)) + body[at + 1 :]


def ends_or_answers(client: RawClient) -> bool:
    """Tell whether a connection is over or still answers; one that does neither runs into its time-out."""
    try:
        client.send(PINGREQ * 200)  # enough for what a wrong length may swallow
        while client.receive() != PINGRESP:
            pass
    except ConnectionError:
        return True
    return True


@pytest.mark.parametrize(
    ("level", "name"), [*((4, name) for name in FIRST | LATER), *((5, name) for name in FIRST_5 | LATER_5)]
)
def test_a_bent_packet_ends_its_connection_or_is_taken(server: Server, level: int, name: str):  # A7
    first, later = (FIRST, LATER) if level == 4 else (FIRST_5, LATER_5)
    with RawClient(server) as canary:
        canary.connect("canary")
        for data in bent(first.get(name) or later[name]):
            with RawClient(server, level) as client:
                if name in later:
                    client.connect("bent")
                client.send(data)
                assert ends_or_answers(client)
        canary.until_ping()
    live.wait_until(lambda: not server.listener._connections, "nobody is left")


GOOD = ("PUBLISH", "PUBACK", "SUBSCRIBE", "UNSUBSCRIBE", "PINGREQ", "shared")


@pytest.mark.parametrize("level", [4, 5])
def test_the_packets_that_are_bent_are_taken_as_they_are(server: Server, level: int):
    first, later = (FIRST, LATER) if level == 4 else (FIRST_5, LATER_5)
    for data in first.values():
        with RawClient(server, level) as client:
            client.send(data)
            assert client.receive()[1][1] == 0
    for name, data in later.items():
        if name.startswith(GOOD):
            with RawClient(server, level) as client:
                client.connect("straight")
                client.send(data)
                client.until_ping()


BAD_TEXTS = {
    "a byte that begins nothing": b"\xff",
    "half a character": b"a\xc3",
    "a slash in two bytes": b"a\xc0\xafb",
    "NUL in two bytes": b"a\xc0\x80b",
    "half a surrogate pair": b"a\xed\xa0\x80b",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "NUL": b"a\0b",
}
PLACES = {
    "client id": lambda text: live.packet(0x10, HEAD + b"\x02\x00\x3c" + text),
    "will topic": lambda text: live.packet(0x10, HEAD + b"\x06\x00\x3c" + live.text("d") + text + live.binary(b"x")),
    "user name": lambda text: live.packet(0x10, HEAD + b"\x82\x00\x3c" + live.text("d") + text),
    "topic": lambda text: live.packet(0x30, text + b"x"),
    "filter": lambda text: live.packet(0x82, b"\0\1" + text + b"\0"),
    "filter to end": lambda text: live.packet(0xA2, b"\0\1" + text),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_text_that_is_no_utf_8_ends_its_connection_wherever_it_stands(server: Server, place: str, text: bytes):
    data = PLACES[place](live.binary(text))
    with RawClient(server) as client:
        if data[0] >> 4 != 1:
            client.connect("d")
        client.send(data)
        assert client.is_closed()
