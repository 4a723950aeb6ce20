"""The MQTT 5 codec: every packet as bytes and as a value, what it refuses, and that nothing else can happen."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import live
from ota_broker.front.codec import connecting, mqtt5
from ota_broker.front.codec.framing import packet_at
from ota_broker.front.codec.packets import (
    Connect,
    Malformed,
    Message,
    PacketType,
    Properties,
    Publish,
    Subscribe,
    Unsubscribe,
    Violation,
    Will,
)
from ota_broker.front.codec.properties import Property
from ota_broker.front.codec.reasons import Reason

Decode = Callable[[int, bytes, int, int], Any]
decode_puback = partial(mqtt5.decode_ack, PacketType.PUBACK)
decode_pubrel = partial(mqtt5.decode_ack, PacketType.PUBREL)
topics = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0+#"), min_size=1, max_size=40)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
ALL = {
    "CONNECT": connecting.decode_connect,
    "PUBLISH": mqtt5.decode_publish,
    "SUBSCRIBE": mqtt5.decode_subscribe,
    "UNSUBSCRIBE": mqtt5.decode_unsubscribe,
    "PUBACK": decode_puback,
    "PUBREL": decode_pubrel,
    "DISCONNECT": mqtt5.decode_disconnect,
}


def decode(function: Decode, body: bytes, flags: int = 0) -> Any:
    return function(flags, body, 0, len(body))


def decode_packet(function: Decode, packet: bytes) -> Any:
    start, end = packet_at(packet, 0, 1 << 20)
    assert end == len(packet)
    return function(packet[0] & 15, packet, start, end)


# What a client may send first

CONNECTS: dict[str, tuple[str, Connect]] = {
    "coreMQTT 5's": (
        "101600044d5154540502003c052700061a80000464657631",
        Connect("dev1", True, 60, level=5, packet_max=400_000),
    ),
    "the shortest": ("100d00044d51545405000000000000", Connect("", False, 0, level=5)),
    "with everything": (
        (
            "105700044d51545405ee003c1b110000000a21000527000010002200081901170026000161000162000164"
            "151800000005010102000000090300026a73090001ff0003772f740004676f6e65000175000170"
        ),
        Connect(
            "d", True, 60, Will(Message("w/t", b"gone", 1, True, Properties(1, "js", None, b"\xff")), 5, 9), "u", b"p",
            5, session_expiry=10, receive_max=5, packet_max=4096, alias_max=8, wants_reasons=False,
            wants_response_information=True,
        ),
    ),
    "a password and no user name (3.1.2.9)": (
        "101100044d5154540540000000000164000170", Connect("d", False, 0, password=b"p", level=5),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("packet", "connect"), CONNECTS.values(), ids=CONNECTS)
def test_a_connect_is_read(packet: str, connect: Connect):
    raw = bytearray.fromhex(packet)
    raw[1] = len(raw) - 2
    assert decode_packet(connecting.decode_connect, bytes(raw)) == connect


HEAD = live.text("MQTT") + b"\x05"
REFUSED_CONNECTS: dict[str, tuple[bytes, int]] = {
    "reserved flag": (HEAD + b"\x03\x00\x3c\0" + live.text("d"), 0x81),
    "no property length": (HEAD + b"\x02\x00\x3c", 0x81),
    "will QoS 3": (HEAD + b"\x1e\x00\x3c\0" + live.text("d") + b"\0" + live.text("w") + live.binary(b""), 0x81),
    "will flags and no will": (HEAD + b"\x22\x00\x3c\0" + live.text("d"), 0x81),
    "a will without properties": (HEAD + b"\x06\x00\x3c\0" + live.text("d"), 0x81),
    "a topic alias in a will": (HEAD + b"\x06\x00\x3c\0" + live.text("d") + b"\3\x23\0\1" + live.text("w"), 0x81),
    "bytes after the last field": (HEAD + b"\x02\x00\x3c\0" + live.text("d") + b"x", 0x81),
    "authentication data alone": (HEAD + b"\x02\x00\x3c\x04\x16\0\1x" + live.text("d"), 0x82),
    "an authentication method (M5-3)": (HEAD + b"\x02\x00\x3c\x04\x15\0\1x" + live.text("d"), 0x8C),
    "a will with a response topic of +": (
        HEAD + b"\x06\x00\x3c\0" + live.text("d") + b"\4\x08\0\1+" + live.text("w") + live.binary(b""), 0x82,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "code"), REFUSED_CONNECTS.values(), ids=REFUSED_CONNECTS)
def test_a_connect_that_cannot_be_is_refused_with_its_reason(body: bytes, code: int):
    with pytest.raises(Violation) as raised:
        decode(connecting.decode_connect, body)
    assert raised.value.code == code


# What else a client sends

READ: dict[str, tuple[Decode, str, Any]] = {
    "PUBLISH QoS 0": (mqtt5.decode_publish, "30050001740078", Publish(b"t", b"x", 0, False, 0)),
    "PUBLISH QoS 1, retained": (mqtt5.decode_publish, "3307000174000a0078", Publish(b"t", b"x", 1, True, 10)),
    "PUBLISH QoS 2, again": (mqtt5.decode_publish, "3c07000174000a0078", Publish(b"t", b"x", 2, False, 10)),
    "PUBLISH by alias": (mqtt5.decode_publish, "3006000003230003", Publish(b"", b"", 0, False, 0, alias=3)),
    "PUBLISH with an expiry": (
        mqtt5.decode_publish, "300900017405020000003c", Publish(b"t", b"", 0, False, 0, None, 60),
    ),
    "PUBLISH of a request": (
        mqtt5.decode_publish,
        "30120001740e080001720900020102010103000078",
        Publish(b"t", b"x", 0, False, 0, Properties(1, "", "r", b"\1\2")),
    ),
    "SUBSCRIBE": (mqtt5.decode_subscribe, "8207000a0000017401", Subscribe(10, (("t", 1),))),
    "SUBSCRIBE with options and an identifier": (
        mqtt5.decode_subscribe, "820a000a020b050001741400017528", Subscribe(10, (("t", 0x14), ("u", 0x28)), 5),
    ),
    "UNSUBSCRIBE": (mqtt5.decode_unsubscribe, "a209000a00000174000175", Unsubscribe(10, ("t", "u"))),
    "PUBACK": (decode_puback, "4002000a", (10, 0)),
    "PUBACK with a code": (decode_puback, "4003000a87", (10, 0x87)),
    "PUBACK with a code and a reason": (decode_puback, "4008000a10041f000178", (10, 0x10)),
    "PUBREL": (decode_pubrel, "6202000a", (10, 0)),
    "PUBREL not found": (decode_pubrel, "6204000a9200", (10, 0x92)),
    "DISCONNECT": (mqtt5.decode_disconnect, "e000", (0, None)),
    "DISCONNECT with will": (mqtt5.decode_disconnect, "e00104", (4, None)),
    "DISCONNECT with an expiry": (mqtt5.decode_disconnect, "e0070005110000000a", (0, 10)),
}  # fmt: skip


@pytest.mark.parametrize(("function", "packet", "value"), READ.values(), ids=READ)
def test_a_packet_is_read(function: Decode, packet: str, value: Any):
    raw = bytearray.fromhex(packet)
    raw[1] = len(raw) - 2
    assert decode_packet(function, bytes(raw)) == value


REFUSED: dict[str, tuple[Decode, int, bytes, int]] = {
    "PUBLISH QoS 3": (mqtt5.decode_publish, 6, live.text("t") + b"\0\1\0", 0x81),
    "PUBLISH DUP at QoS 0": (mqtt5.decode_publish, 8, live.text("t") + b"\0", 0x81),
    "PUBLISH packet id 0": (mqtt5.decode_publish, 2, live.text("t") + b"\0\0\0", 0x81),
    "PUBLISH without property length": (mqtt5.decode_publish, 0, live.text("t"), 0x81),
    "PUBLISH topic longer than the packet": (mqtt5.decode_publish, 0, b"\x00\x05abc", 0x81),
    "PUBLISH empty": (mqtt5.decode_publish, 0, b"", 0x81),
    "PUBLISH with a subscription identifier": (mqtt5.decode_publish, 0, live.text("t") + b"\2\x0b\1", 0x82),
    "PUBLISH with alias 0": (mqtt5.decode_publish, 0, live.text("t") + b"\3\x23\0\0", 0x94),
    "PUBLISH with response topic #": (mqtt5.decode_publish, 0, live.text("t") + b"\4\x08\0\1#", 0x82),
    "PUBLISH with an empty response topic": (mqtt5.decode_publish, 0, live.text("t") + b"\3\x08\0\0", 0x82),
    "SUBSCRIBE flags 0": (mqtt5.decode_subscribe, 0, b"\0\1\0" + live.text("t") + b"\0", 0x81),
    "SUBSCRIBE packet id 0": (mqtt5.decode_subscribe, 2, b"\0\0\0" + live.text("t") + b"\0", 0x81),
    "SUBSCRIBE without filter": (mqtt5.decode_subscribe, 2, b"\0\1\0", 0x82),
    "SUBSCRIBE QoS 3": (mqtt5.decode_subscribe, 2, b"\0\1\0" + live.text("t") + b"\3", 0x82),
    "SUBSCRIBE retain handling 3": (mqtt5.decode_subscribe, 2, b"\0\1\0" + live.text("t") + b"\x30", 0x82),
    "SUBSCRIBE reserved options": (mqtt5.decode_subscribe, 2, b"\0\1\0" + live.text("t") + b"\x40", 0x81),
    "SUBSCRIBE two identifiers": (mqtt5.decode_subscribe, 2, b"\0\1\4\x0b\1\x0b\2" + live.text("t") + b"\0", 0x82),
    "SUBSCRIBE 1,001 filters": (mqtt5.decode_subscribe, 2, b"\0\1\0" + (live.text("t") + b"\0") * 1001, 0x97),
    "UNSUBSCRIBE 1,001 filters": (mqtt5.decode_unsubscribe, 2, b"\0\1\0" + live.text("t") * 1001, 0x97),
    "UNSUBSCRIBE empty": (mqtt5.decode_unsubscribe, 2, b"\0\1\0", 0x82),
    "UNSUBSCRIBE with an identifier": (mqtt5.decode_unsubscribe, 2, b"\0\1\2\x0b\1" + live.text("t"), 0x81),
    "PUBACK of one byte": (decode_puback, 0, b"\1", 0x81),
    "PUBACK with flags": (decode_puback, 2, b"\0\1", 0x81),
    "PUBACK with an unknown code": (decode_puback, 0, b"\0\1\x55", 0x81),
    "PUBACK with bytes after it": (decode_puback, 0, b"\0\1\0\0x", 0x81),
    "PUBREL without flags": (decode_pubrel, 0, b"\0\1", 0x81),
    "DISCONNECT with flags": (mqtt5.decode_disconnect, 1, b"", 0x81),
    "DISCONNECT with a server's code": (mqtt5.decode_disconnect, 0, b"\x8d", 0x81),
    "DISCONNECT with a server reference": (mqtt5.decode_disconnect, 0, b"\0\4\x1c\0\1x", 0x82),
}


@pytest.mark.parametrize(("function", "flags", "body", "code"), REFUSED.values(), ids=REFUSED)
def test_a_packet_that_cannot_be_is_refused_with_its_reason(function: Decode, flags: int, body: bytes, code: int):
    with pytest.raises(Violation) as raised:
        decode(function, body, flags)
    assert raised.value.code == code
    assert isinstance(raised.value, Malformed) == (code == 0x81)


@given(st.sampled_from(list(ALL.values())), st.binary(max_size=80), st.integers(0, 15))
def test_any_bytes_are_a_packet_or_a_violation(function: Decode, body: bytes, flags: int):
    with suppress(Violation):  # and nothing else
        decode(function, body, flags)


@given(st.binary(max_size=80))
def test_any_bytes_after_the_head_of_a_connect_are_a_connect_or_a_violation(body: bytes):
    with suppress(Violation):
        decode(connecting.decode_connect, HEAD + body)


# What the broker writes

forwarded = st.builds(
    Properties,
    st.integers(0, 1),
    st.none() | texts,
    st.none() | topics,
    st.none() | st.binary(max_size=20),
    st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
)


@given(
    topics, st.binary(max_size=300), st.integers(0, 2), st.booleans(), forwarded, st.none() | st.integers(0, 604_800)
)
def test_a_publish_is_read_as_it_was_written(
    topic: str, payload: bytes, qos: int, retain: bool, given_: Properties, lasts: int | None
):
    kept = None if given_ == Properties() else given_
    packet = mqtt5.encode_publish(Message(topic, payload, qos, retain, kept), 7, lasts=lasts)
    read = decode_packet(mqtt5.decode_publish, packet)
    assert read == Publish(topic.encode(), payload, qos, retain, 7 if qos else 0, kept, lasts)


WRITTEN: dict[str, tuple[bytes, str]] = {
    "CONNACK": (mqtt5.encode_connack(Reason.SUCCESS, {Property.RECEIVE_MAXIMUM: 100}), "2006000003210064"),
    "CONNACK, session present": (mqtt5.encode_connack(Reason.SUCCESS, {}, session_present=True), "2003010000"),
    "PUBLISH": (mqtt5.encode_publish(Message("t", b"x")), "30050001740078"),
    "PUBLISH with subscription identifiers": (
        mqtt5.encode_publish(Message("t", b"", properties=Properties(subscription_ids=(1, 200)))),
        "3009000174050b010bc801",
    ),
    "PUBACK": (mqtt5.encode_ack(PacketType.PUBACK, 0x1234), "40021234"),
    "PUBACK refused": (mqtt5.encode_ack(PacketType.PUBACK, 1, Reason.NOT_AUTHORIZED), "400400018700"),
    "PUBACK refused, with why": (
        mqtt5.encode_ack(PacketType.PUBACK, 1, Reason.NOT_AUTHORIZED, "no"), "4009000187051f00026e6f",
    ),
    "PUBREL": (mqtt5.encode_ack(PacketType.PUBREL, 1), "62020001"),
    "SUBACK": (mqtt5.encode_codes(PacketType.SUBACK, 1, b"\0\1\x87"), "9006000100000187"),
    "UNSUBACK": (mqtt5.encode_codes(PacketType.UNSUBACK, 1, b"\x11"), "b00400010011"),
    "DISCONNECT": (mqtt5.encode_disconnect(Reason.SESSION_TAKEN_OVER, "no", 100), "e0078e051f00026e6f"),
    "DISCONNECT, little room": (mqtt5.encode_disconnect(Reason.SESSION_TAKEN_OVER, "no", 8), "e0018e"),
    "DISCONNECT, no room": (mqtt5.encode_disconnect(Reason.SESSION_TAKEN_OVER, "no", 2), ""),
}  # fmt: skip


@pytest.mark.parametrize(("packet", "expected"), WRITTEN.values(), ids=WRITTEN)
def test_a_packet_is_written_as_the_standard_has_it(packet: bytes, expected: str):
    assert packet.hex() == expected
